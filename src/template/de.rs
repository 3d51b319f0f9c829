//! The deserializer that reads a rendered tree into a typed value, without a JSON value in between.
//!
//! A `serde_json::Value` with `serde_path_to_error` would be less code, but would cost some twenty allocations for every row, and as many again for every further
//! mistake that is searched for. This deserializer borrows the keys from the tree and the texts from the rendered output.

use std::cell::Cell;
use std::ptr;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use serde_json::Number;

use super::condition::{parse_bool, parse_condition};
use super::de_error::Mismatch;
use super::error::TemplateError;
use super::tree::{Node, Tree};

/// The largest number of mistakes that are reported for a row.
const MISTAKES: usize = 50;

/// Reads a tree whose leaves have been rendered into `text`: leaf `n` ends at `ends[n]`, where the next one begins. The `Err` holds all mistakes, not only the first.
pub(super) fn read<T: DeserializeOwned>(
    tree: &Tree,
    text: &str,
    ends: &[usize],
) -> Result<T, Vec<TemplateError>> {
    let mut errors = Vec::new();
    let mut skipped = Vec::new();
    // Deserializing stops at the first mistake. That part is then treated as absent, and the tree is read again to find further ones.
    while errors.len() < MISTAKES {
        let failed = Cell::new(ptr::null());
        let part = Part {
            node: &tree.root,
            reading: Reading {
                text,
                ends,
                skipped: &skipped,
                failed: &failed,
            },
        };
        match T::deserialize(part) {
            Ok(value) if errors.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(mismatch) => errors.push(mismatch.in_tree(&tree.pointer)),
        }
        if failed.get().is_null() {
            break;
        }
        skipped.push(failed.get());
    }
    Err(errors)
}

/// Finds the pointer in the manifest for a pointer `rendered` into the value, whose lists do not count items that are left out.
pub(super) fn pointer_in_manifest(
    tree: &Tree,
    text: &str,
    ends: &[usize],
    rendered: &str,
) -> String {
    let mut part = Some(Part {
        node: &tree.root,
        reading: Reading {
            text,
            ends,
            skipped: &[],
            failed: &Cell::new(ptr::null()),
        },
    });
    let mut pointer = tree.pointer.clone();
    let tokens = rendered.strip_prefix(&tree.pointer).unwrap_or_default();
    for token in tokens.split('/').skip(1) {
        let found = part.and_then(|part| part.without_condition().find(token));
        pointer.push('/');
        match &found {
            Some((Some(number), _)) => pointer.push_str(&number.to_string()),
            _ => pointer.push_str(token),
        }
        part = found.map(|(_, part)| part);
    }
    pointer
}

/// The rendered leaves, and the parts that are known not to fit.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    text: &'a str,
    ends: &'a [usize],
    /// The parts that are treated as absent, because earlier readings found that they do not fit. They are compared by address.
    skipped: &'a [*const Node],
    /// The innermost part that did not fit in this reading.
    failed: &'a Cell<*const Node>,
}

impl<'a> Reading<'a> {
    fn leaf(self, leaf: usize) -> &'a str {
        let end = |leaf: usize| self.ends.get(leaf).copied().unwrap_or(0);
        let start = leaf.checked_sub(1).map_or(0, end);
        self.text.get(start..end(leaf)).unwrap_or_default()
    }
}

/// A node of the tree, with the rendered leaves.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    node: &'a Node,
    reading: Reading<'a>,
}

impl<'a> Part<'a> {
    fn at_node(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    /// True when the part is left out: an empty text, a condition that is false, or an object or list with absent parts only.
    fn is_absent(self) -> bool {
        let skipped = self.reading.skipped;
        // Nearly always empty, and this is called for every part of every row.
        if !skipped.is_empty() && skipped.contains(&ptr::from_ref(self.node)) {
            return true;
        }
        match self.node {
            Node::Absent => true,
            Node::Leaf(leaf) => self.reading.leaf(*leaf).is_empty(),
            // A list or object that is empty in the manifest is sent; one that rendered to nothing is left out.
            Node::List(nodes) => {
                !nodes.is_empty() && nodes.iter().all(|node| self.at_node(node).is_absent())
            }
            Node::Map(nodes) => {
                !nodes.is_empty() && nodes.iter().all(|(_, node)| self.at_node(node).is_absent())
            }
            Node::When(leaf, node) => {
                let condition = self.reading.leaf(*leaf);
                parse_condition(condition) != Some(true) || self.at_node(node).is_absent()
            }
            Node::Bool(_) | Node::Number(_) | Node::Text(_) => false,
        }
    }

    /// The part inside a condition.
    fn without_condition(self) -> Self {
        match self.node {
            Node::When(_, node) => self.at_node(node),
            _ => self,
        }
    }

    /// Finds a member by its name, or an item by its number among the present ones. Returns it with the number that an item has in the manifest, where absent items count too.
    fn find(self, token: &str) -> Option<(Option<usize>, Self)> {
        match self.node {
            Node::Map(members) => {
                let (_, node) = members.iter().find(|(name, _)| name == token)?;
                Some((None, self.at_node(node)))
            }
            Node::List(nodes) => {
                let nodes = nodes.iter().map(|node| self.at_node(node)).enumerate();
                let mut there = nodes.filter(|(_, part)| !part.is_absent());
                let (number, part) = there.nth(token.parse().ok()?)?;
                Some((Some(number), part))
            }
            _ => None,
        }
    }

    /// Records that the part does not fit, unless a part inside it is recorded already.
    fn record_failure(self, mismatch: Mismatch) -> Mismatch {
        if self.reading.failed.get().is_null() {
            self.reading.failed.set(self.node);
        }
        self.with_rendered_text(mismatch)
    }

    /// Adds the rendered text to a mistake that lacks it: some types accept a text first and refuse it later.
    fn with_rendered_text(self, mismatch: Mismatch) -> Mismatch {
        match self.text() {
            Some(text) if mismatch.lacks_cause() => mismatch.with_found(text),
            _ => mismatch,
        }
    }

    fn text(self) -> Option<&'a str> {
        match self.node {
            Node::Text(text) => Some(text),
            Node::Leaf(leaf) => Some(self.reading.leaf(*leaf)),
            _ => None,
        }
    }

    /// Parses the text and passes the value to the visitor; `None` when the part is no text.
    fn parsed<T, V>(
        self,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
        visit: impl FnOnce(T) -> Result<V, Mismatch>,
    ) -> Option<Result<V, Mismatch>> {
        let text = self.text()?;
        Some(match parse(text.trim()) {
            Some(value) => visit(value).map_err(|mismatch: Mismatch| mismatch.with_found(text)),
            None => Err(Mismatch::new(format!("expected {expected}")).with_found(text)),
        })
    }
}

/// Defines the methods for numbers: a number is passed on, a text is parsed.
macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            if self.text().is_none() {
                return self.deserialize_any(visitor);
            }
            let parsed = self.parsed(|text| text.parse::<$type>().ok(), $expected, |value| visitor.$visit(value));
            parsed.unwrap_or_else(|| Err(Mismatch::new(concat!("expected ", $expected))))
        }
    )*};
}

impl<'de> Deserializer<'de> for Part<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Absent => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Number(number) => visit_number(number, visitor),
            Node::Text(_) | Node::Leaf(_) => self.deserialize_string(visitor),
            Node::List(nodes) => visitor.visit_seq(Items {
                part: self,
                nodes: nodes.iter(),
                at: 0,
            }),
            Node::Map(nodes) => visitor.visit_map(Members {
                part: self,
                nodes: nodes.iter(),
                next: None,
            }),
            Node::When(..) => self.without_condition().deserialize_any(visitor),
        }
    }

    /// Passes a text on byte for byte.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.text() {
            Some(text) => visitor
                .visit_str(text)
                .map_err(|mismatch: Mismatch| mismatch.with_found(text)),
            None => self.deserialize_any(visitor),
        }
    }

    /// Passes a text on without surrounding blanks. serde calls this for types that are parsed from text, such as ids.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.text() {
            Some(text) => visitor
                .visit_str(text.trim())
                .map_err(|mismatch: Mismatch| mismatch.with_found(text)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.text().is_none() {
            return self.deserialize_any(visitor);
        }
        let parsed = self.parsed(parse_bool, "`true` or `false`", |value| {
            visitor.visit_bool(value)
        });
        parsed.unwrap_or_else(|| Err(Mismatch::new("expected `true` or `false`")))
    }

    numbers! {
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number, not below 0";
        deserialize_u16 visit_u16 u16, "a whole number, not below 0";
        deserialize_u32 visit_u32 u32, "a whole number, not below 0";
        deserialize_u64 visit_u64 u64, "a whole number, not below 0";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.is_absent() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let Some(text) = self.text() else {
            return Err(Mismatch::new("expected a text"));
        };
        let name: StrDeserializer<'_, Mismatch> = text.trim().into_deserializer();
        visitor
            .visit_enum(name)
            .map_err(|mismatch: Mismatch| mismatch.with_found(text))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let nodes: &[_] = match self.node {
            // A tree whose parts are all left out is still an object.
            Node::Absent => &[],
            Node::Map(nodes) => nodes,
            _ => return self.deserialize_any(visitor),
        };
        visitor.visit_map(Members {
            part: self,
            nodes: nodes.iter(),
            next: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple tuple_struct identifier
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Mismatch> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or_default())
    }
}

/// The items of a list that are not left out.
struct Items<'a> {
    part: Part<'a>,
    nodes: std::slice::Iter<'a, Node>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        for node in self.nodes.by_ref() {
            // Absent items count, so that the index is the one in the manifest.
            self.at += 1;
            let part = self.part.at_node(node);
            if !part.is_absent() {
                let part = part.without_condition();
                let item = seed.deserialize(part);
                return item
                    .map(Some)
                    .map_err(|mismatch| part.record_failure(mismatch).inside(self.at - 1));
            }
        }
        Ok(None)
    }
}

/// The members of an object that are not left out.
struct Members<'a> {
    part: Part<'a>,
    nodes: std::slice::Iter<'a, (String, Node)>,
    next: Option<(&'a str, Part<'a>)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        for (key, node) in self.nodes.by_ref() {
            let part = self.part.at_node(node);
            if !part.is_absent() {
                self.next = Some((key, part.without_condition()));
                let key: StrDeserializer<'_, Mismatch> = key.as_str().into_deserializer();
                return seed.deserialize(key).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        match self.next.take() {
            Some((key, part)) => seed
                .deserialize(part)
                .map_err(|mismatch| part.record_failure(mismatch).inside(key)),
            None => Err(Mismatch::new("a member has no value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::super::error::TemplateError;
    use super::super::templates::tests::Bench;
    use crate::correspondence::{NotificationChannel, Request};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Typed {
        text: String,
        maybe: Option<String>,
        flag: Option<bool>,
        days: Option<i32>,
        size: u8,
        share: f64,
        id: Option<Uuid>,
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
                json!({"size": "{{ a }}", "share": "{{ a }}"}),
                "14",
                Typed {
                    size: 14,
                    share: 14.0,
                    ..Typed::default()
                },
            ),
            (
                json!({"id": "{{ a }}"}),
                " 0190b6f5-1f43-7c6e-8d2a-9b1c2d3e4f50",
                Typed {
                    id: Some(id.parse().unwrap()),
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
                json!({"flag": true, "days": 3, "share": 0.5, "channel": 0}),
                "",
                Typed {
                    flag: Some(true),
                    days: Some(3),
                    share: 0.5,
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
            "text": "{{ a }}", "maybe": "{{ a }}", "flag": "{{ a }}", "days": "{{ a }}", "size": "{{ a }}",
            "list": ["{{ a }}"], "inner": {"text": "{{ a }}"}
        });
        assert_eq!(read(&value, "").unwrap(), Typed::default());
        assert_eq!(read(&json!({"text": null}), "").unwrap(), Typed::default());
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
                json!({"size": "{{ a }}"}),
                "-1",
                "/root/size",
                "expected a whole number, not below 0",
                "rendered `-1`",
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
                "`integer 7`",
            ),
            (
                json!({"text": 7}),
                "x",
                "/root/text",
                "expected a string",
                "`integer 7`",
            ),
        ] {
            let error = read(&value, cell).unwrap_err();
            let found = (
                error.pointer.as_str(),
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
        let errors = bench
            .render::<Request>(&tree, &["", "15.12.2026", "", ""])
            .unwrap_err();
        assert_eq!(errors[0].pointer, "/root/correspondence/dueDateTime");
        assert_eq!(
            errors[0].message,
            "the text is not a date and time such as 2026-12-15T12:00:00+01:00 or 2026-12-15"
        );
        assert_eq!(errors[0].cause.as_deref(), Some("rendered `15.12.2026`"));
    }
}
