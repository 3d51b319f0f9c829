//! Rendering a tree to a type.
//!
//! Where a type does not fit, the rendered parts become a JSON value first, and `serde_path_to_error` finds the place. Rows without errors are read from the parts themselves:
//! a value in between copies and hashes every member's name, which took 8 % of a row's time.

use std::{mem, ptr};

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Error, Value};
use serde_path_to_error::Segment;

use super::error::{MOST_ERRORS, TemplateError, TemplateResult};
use super::scope::Scope;
use super::templates::Templates;
use super::tree::{Node, Tree};
use super::type_error;
use crate::text::{key_of_token, pointer_token};

impl Templates {
    /// Renders a tree for a row to a typed value. Members and items that render to nothing are left out, and texts are kept byte for byte.
    pub(crate) fn render<T: DeserializeOwned>(
        &self,
        tree: &Tree,
        scope: &Scope,
    ) -> TemplateResult<T> {
        let mut rendering = Rendering::new(self, scope);
        let read = T::deserialize(rendering.whole(tree));
        let mut errors = mem::take(&mut rendering.errors);
        match read {
            Ok(value) if errors.is_empty() => return Ok(value),
            Ok(_) => {}
            // Both kinds of errors are reported, so that one run shows everything that is wrong with a row.
            Err(error) => {
                errors.extend(rendering.mistakes::<T>(tree));
                // The value in between must never make a row valid that is not.
                if errors.is_empty() {
                    errors.push(type_error::explain(&error, tree.pointer.clone(), None));
                }
            }
        }
        Err(errors)
    }

    /// Finds the pointer in the manifest for a pointer into the result of a tree, whose lists do not count items that the row leaves out.
    pub(crate) fn pointer_in_manifest(&self, tree: &Tree, scope: &Scope, pointer: &str) -> String {
        let path = pointer.strip_prefix(&tree.pointer).unwrap_or_default();
        Rendering::new(self, scope).follow(tree, path).0
    }
}

/// The rendering of trees for one row.
struct Rendering<'a> {
    templates: &'a Templates,
    scope: &'a Scope,
    /// The parts that are treated as absent, because they do not fit their types. They are compared by address.
    skipped: Vec<*const Node>,
    errors: Vec<TemplateError>,
}

impl<'a> Rendering<'a> {
    fn new(templates: &'a Templates, scope: &'a Scope) -> Self {
        Self {
            templates,
            scope,
            skipped: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Renders a tree. One whose parts are all left out is still an object or a list.
    fn whole<'t>(&mut self, tree: &'t Tree) -> Rendered<'t> {
        self.part(&tree.root).unwrap_or_else(|| match tree.root {
            Node::List(_) => Rendered::List(Vec::new()),
            _ => Rendered::Map(Vec::new()),
        })
    }

    /// Renders a part; `None` when it is left out: an empty text, a condition that is false, or an object or list with absent parts only.
    fn part<'t>(&mut self, node: &'t Node) -> Option<Rendered<'t>> {
        // Nearly always empty, and this is called for every part of every row.
        if !self.skipped.is_empty() && self.skipped.contains(&ptr::from_ref(node)) {
            return None;
        }
        match node {
            Node::Value(value) => (!value.is_null()).then_some(Rendered::Value(value)),
            Node::Text(text) => {
                let text = self.templates.render_text(text, self.scope);
                let text = text.map_err(|errors| self.errors.extend(errors)).ok()?;
                (!text.is_empty()).then_some(Rendered::Text(text))
            }
            // A list or object that is empty in the manifest is sent; one that rendered to nothing is left out.
            Node::List(nodes) => {
                let items: Vec<_> = nodes.iter().filter_map(|node| self.part(node)).collect();
                (!items.is_empty() || nodes.is_empty()).then_some(Rendered::List(items))
            }
            Node::Map(nodes) => {
                let members = nodes.iter();
                let members = members.filter_map(|(key, node)| Some((&**key, self.part(node)?)));
                let members: Vec<_> = members.collect();
                (!members.is_empty() || nodes.is_empty()).then_some(Rendered::Map(members))
            }
            Node::When(condition, node) => {
                let holds = self.templates.holds(condition, self.scope);
                let holds = holds.map_err(|errors| self.errors.extend(errors));
                holds.ok()?.then(|| self.part(node))?
            }
        }
    }

    /// Finds the mistakes of a tree whose value does not fit its type.
    fn mistakes<T: DeserializeOwned>(&mut self, tree: &Tree) -> Vec<TemplateError> {
        let mut mistakes = Vec::new();
        // Reading stops at the first mistake. That part is then treated as absent, and the tree is read again to find further ones.
        while mistakes.len() < MOST_ERRORS {
            let value = Value::deserialize(self.whole(tree)).unwrap_or_default();
            let Err(error) = serde_path_to_error::deserialize::<_, T>(&value) else {
                break;
            };
            let path: String = error.path().iter().map(token).collect();
            let wrong = value.pointer(&path);
            let (pointer, part) = self.follow(tree, &path);
            let mut error = type_error::explain(error.inner(), pointer, wrong);
            error.place.is_in_every_row =
                matches!(part, Some(Node::Text(text)) if text.leaf().is_none());
            mistakes.push(error);
            let part = part.unwrap_or(&tree.root);
            if ptr::eq(part, &raw const tree.root) {
                break;
            }
            self.skipped.push(part);
        }
        mistakes
    }

    /// Follows a JSON pointer into the value of a tree. Returns the pointer in the manifest, in whose lists absent items count too, and the part as far as there is one.
    fn follow<'t>(&mut self, tree: &'t Tree, path: &str) -> (String, Option<&'t Node>) {
        let mut pointer = tree.pointer.clone();
        let mut part = Some(&tree.root);
        for token in path.split('/').skip(1) {
            let (written, next) = part.and_then(|part| self.find(part, token)).unzip();
            pointer.extend(["/", written.as_deref().unwrap_or(token)]);
            part = next;
        }
        (pointer, part)
    }

    /// Finds a member by its name, or an item by its number among the present ones. Returns it with its token in the manifest.
    fn find<'t>(&mut self, part: &'t Node, token: &str) -> Option<(String, &'t Node)> {
        match part {
            Node::When(_, part) => self.find(part, token),
            Node::Map(members) => {
                let key = key_of_token(token);
                let (_, part) = members.iter().find(|(name, _)| *name == key)?;
                Some((token.to_owned(), part))
            }
            Node::List(items) => {
                let items = items.iter().enumerate();
                let mut present = items.filter(|(_, item)| self.part(item).is_some());
                let (number, part) = present.nth(token.parse().ok()?)?;
                Some((number.to_string(), part))
            }
            Node::Value(_) | Node::Text(_) => None,
        }
    }
}

/// A rendered part of a tree, whose member names are the tree's.
enum Rendered<'t> {
    Value(&'t Value),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(&'t str, Self)>),
}

impl<'de> Deserializer<'de> for Rendered<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Value(value) => value.deserialize_any(visitor),
            Self::Text(text) => visitor.visit_string(text),
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Map(members) => visitor.visit_map(MapDeserializer::new(members.into_iter())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        Value::deserialize(self)?.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'t> IntoDeserializer<'t, Error> for Rendered<'t> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The token of a JSON pointer for a step on the way to a value.
fn token(step: &Segment) -> String {
    match step {
        Segment::Map { key } => format!("/{}", pointer_token(key)),
        Segment::Seq { index } => format!("/{index}"),
        // Enums of the API are texts or numbers, and have nothing inside.
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::super::error::TemplateError;
    use super::super::templates::tests::Bench;
    use crate::correspondence::written::{self, WrittenId};
    use crate::correspondence::{NotificationChannel, Request};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Typed {
        text: String,
        maybe: Option<String>,
        #[serde(deserialize_with = "written::flag")]
        flag: Option<bool>,
        #[serde(deserialize_with = "written::number")]
        days: Option<i32>,
        id: Option<WrittenId>,
        channel: Option<NotificationChannel>,
        list: Vec<String>,
        inner: Option<Box<Self>>,
    }

    fn read(value: &Value, cell: &str) -> Result<Typed, Box<TemplateError>> {
        let mut bench = Bench::new(&["a"], &json!({}), &[]);
        let tree = bench.tree(value);
        bench.render(&tree, &[cell]).map_err(|mut errors| {
            assert_eq!(errors.len(), 1);
            Box::new(errors.remove(0))
        })
    }

    #[test]
    fn typed_members_are_read_from_what_is_rendered() {
        let id = "0190b6f5-1f43-7c6e-8d2a-9b1c2d3e4f50";
        let cases = [
            (
                json!({"flag": "{{ a }}"}),
                " TRUE\n",
                Typed {
                    flag: Some(true),
                    ..Typed::default()
                },
            ),
            (
                json!({"flag": "{{ a == 'x' }}"}),
                "y",
                Typed {
                    flag: Some(false),
                    ..Typed::default()
                },
            ),
            (
                json!({"days": "{{ a }}"}),
                " -14 ",
                Typed {
                    days: Some(-14),
                    ..Typed::default()
                },
            ),
            (
                json!({"id": "{{ a }}"}),
                " 0190b6f5-1f43-7c6e-8d2a-9b1c2d3e4f50",
                Typed {
                    id: Some(WrittenId(id.parse().unwrap())),
                    ..Typed::default()
                },
            ),
            (
                json!({"channel": "{{ a }}"}),
                "SMS\n",
                Typed {
                    channel: Some(NotificationChannel::Sms),
                    ..Typed::default()
                },
            ),
            (
                json!({"flag": true, "days": 3, "channel": 0}),
                "",
                Typed {
                    flag: Some(true),
                    days: Some(3),
                    channel: Some(NotificationChannel::Email),
                    ..Typed::default()
                },
            ),
        ];
        for (value, cell, typed) in cases {
            assert_eq!(read(&value, cell).unwrap(), typed, "{value}");
        }
    }

    #[test]
    fn texts_are_kept_byte_for_byte() {
        let typed = read(
            &json!({"text": "{{ a }}\n", "maybe": "{{ a }}", "list": ["{{ a }}"]}),
            " x\r\n ",
        )
        .unwrap();
        assert_eq!(typed.text, " x\r\n \n");
        assert_eq!(typed.maybe.as_deref(), Some(" x\r\n "));
        assert_eq!(typed.list, [" x\r\n "]);
    }

    #[test]
    fn what_is_left_out_gets_its_default() {
        let value = json!({
            "text": "{{ a }}", "maybe": "{{ a }}", "flag": "{{ a }}", "days": "{{ a }}",
            "list": ["{{ a }}"], "inner": {"text": "{{ a }}"}
        });
        assert_eq!(read(&value, "").unwrap(), Typed::default());
        assert_eq!(read(&json!({"text": null}), "").unwrap(), Typed::default());
        let mut bench = Bench::new(&["a"], &json!({}), &[]);
        let tree = bench.tree(&json!(["{{ a }}"]));
        assert_eq!(bench.render::<Vec<String>>(&tree, &[""]), Ok(Vec::new()));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_pointer_and_masked() {
        for (value, cell, pointer, message, cause) in [
            (
                json!({"flag": "{{ a }}"}),
                "ja",
                "/root/flag",
                "expected `true` or `false`",
                "rendered `ja`",
            ),
            (
                json!({"days": "{{ a }}"}),
                "14,5",
                "/root/days",
                "expected a whole number",
                "rendered `14,5`",
            ),
            (
                json!({"id": "{{ a }}"}),
                "07827199405",
                "/root/id",
                "the text is not a UUID",
                "rendered `078271*****`",
            ),
            (
                json!({"inner": {"text": {"b": "{{ a }}"}}}),
                "x",
                "/root/inner/text",
                "expected a string",
                "an object",
            ),
            (
                json!({"list": ["{{ a }}", 7]}),
                "x",
                "/root/list/1",
                "expected a string",
                "`7`",
            ),
            (
                json!({"text": 7}),
                "x",
                "/root/text",
                "expected a string",
                "`7`",
            ),
        ] {
            let error = read(&value, cell).unwrap_err();
            let found = (
                error.place.pointer.as_str(),
                error.message.as_str(),
                error.cause.as_deref(),
            );
            assert_eq!(found, (pointer, message, Some(cause)), "{value}");
        }
        let error = read(&json!({"channel": "{{ a }}"}), "Emial").unwrap_err();
        assert_eq!(
            error.message,
            "expected `Email`, `Sms`, `EmailPreferred`, `SmsPreferred` or `EmailAndSms`"
        );
        assert_eq!(error.cause.as_deref(), Some("rendered `Emial`"));
        assert_eq!(error.hint.as_deref(), Some("did you mean `Email`?"));
    }

    #[test]
    fn a_whole_request_is_rendered() {
        let mut bench = Bench::new(
            &["Saksnummer", "Navn", "Språk", "Mobil"],
            &json!({"frist": "2026-12-15"}),
            &[("letter.md", "Kjære {{ Navn }}, frist {{ frist }}.\n")],
        );
        let tree = bench.tree(&json!({
            "recipients": ["urn:altinn:organization:identifier-no:991825827"],
            "correspondence": {
                "resourceId": "skd-mva-varsel",
                "sendersReference": "{{ Saksnummer }}",
                "content": {
                    "language": "{{ Språk }}",
                    "messageTitle": "Varsel til {{ Navn }}",
                    "messageSummary": "{{ Mobil }}",
                    "messageBody": {"file": "letter.md"}
                },
                "dueDateTime": "{{ now() | plus(days=14) }}",
                "propertyList": {"sak": "{{ Saksnummer }}", "mobil": "{{ Mobil }}"},
                "isConfirmationNeeded": "{{ Språk == 'nb' }}",
                "notification": {"smsBody": "{{ Mobil }}"}
            }
        }));
        let request: Request = bench.render(&tree, &["2026/1", "Kåre", "nb", ""]).unwrap();
        let letter = request.correspondence;
        assert_eq!(letter.senders_reference, "2026/1");
        assert_eq!(letter.content.message_title, "Varsel til Kåre");
        assert_eq!(
            letter.content.message_body,
            "Kjære Kåre, frist 2026-12-15.\n"
        );
        assert_eq!(letter.content.message_summary, None);
        assert_eq!(
            letter.due_date_time.unwrap().to_string(),
            "2026-12-04T10:00:00+01:00"
        );
        assert_eq!(letter.property_list.len(), 1);
        assert_eq!(letter.is_confirmation_needed, Some(true));
        assert_eq!(letter.notification, None);
        assert_eq!(request.recipients.len(), 1);

        let tree = bench.tree(&json!({"correspondence": {"dueDateTime": "{{ Navn }}"}}));
        for (cell, cause) in [
            ("15.12.2026", "rendered `15.12.2026`"),
            (
                "x, expected `07827199405`",
                "rendered `x, expected `078271*****``",
            ),
        ] {
            let errors = bench
                .render::<Request>(&tree, &["", cell, "", ""])
                .unwrap_err();
            assert_eq!(errors[0].place.pointer, "/root/correspondence/dueDateTime");
            assert_eq!(
                errors[0].message,
                "the text is not a date and time such as 2026-12-15T12:00:00+01:00 or 2026-12-15"
            );
            assert_eq!(errors[0].cause.as_deref(), Some(cause));
        }
    }
}
