//! Model validation (`STD-00000`): missing and too long texts, and values of the wrong form. Altinn reports all of them at once.

use std::fmt::{Arguments, Display};

use super::super::identifier::{self, InvalidRecipient, Recipient};
use super::super::text::{excerpt, is_blank, is_longer_than, utf16_len};
use super::finding::Findings;
use super::notification::{NotificationText, notification_texts};
use super::{attachments, references};
use crate::correspondence::{Attachment, Content, Correspondence, Request, bare_resource_id};

const RECIPIENTS: usize = 500;

pub(super) fn check(request: &Request, list: &mut Findings) {
    recipients(&request.recipients, list);
    if request.idempotent_key.is_some_and(|key| key.is_nil()) {
        list.model("idempotentKey", "the idempotency key is all zero")
            .hint("use a UUID of your own, or leave it out");
    }
    correspondence(&request.correspondence, list);
}

/// Checks a resource's id: 1 to 255 characters, no `:` except in the prefix `urn:altinn:resource:`.
pub(super) fn resource_id(id: &str, member: &str, list: &mut Findings) {
    let fits = list.require(id, 255, member, "the resource id");
    // Altinn's pattern allows a colon only in the prefix, so that no other URN passes for an id.
    let bare = bare_resource_id(id);
    if fits && (bare.is_empty() || bare.contains(':')) {
        list.model(member, "the resource id is malformed")
            .value(id)
            .hint("write the id as in the resource registry, with or without `urn:altinn:resource:` in front");
    }
}

/// Checks an attachment; `at` is its path, with a dot behind it. A missing file name is left to code 2010.
pub(super) fn attachment(attachment: &Attachment, at: Arguments<'_>, list: &mut Findings) {
    let member = format_args!("{at}fileName");
    list.limit(&attachment.file_name, 255, member, "the file name");
    let member = format_args!("{at}displayName");
    let name = attachment.display_name.as_deref().unwrap_or_default();
    list.limit(name, 255, member, "the file's display name");
    let member = format_args!("{at}sendersReference");
    let reference = &attachment.senders_reference;
    list.require(reference, 4096, member, "the file's reference");
    let sum = attachment.checksum.as_deref().unwrap_or_default();
    checksum(sum, format_args!("{at}checksum"), list);
}

fn recipients(recipients: &[String], list: &mut Findings) {
    if recipients.is_empty() {
        list.model("recipients", "the letter has no recipient");
    }
    let count = recipients.len();
    if count > RECIPIENTS {
        list.model("recipients", "the letter has too many recipients")
            .cause(format!("{count} recipients, at most {RECIPIENTS}"));
    }
    for (index, text) in recipients.iter().enumerate() {
        // Without a copy of the text of every valid recipient.
        if let Err(refused) = Recipient::borrowed(text) {
            let finding = list.model(format_args!("recipients[{index}]"), refused.to_string());
            finding.hint(refused.hint());
            if refused != InvalidRecipient::Empty {
                // `masked` and not only `redact`: a damaged identity number is no longer recognised as one.
                finding.value(&identifier::masked(text));
            }
        }
    }
}

fn correspondence(letter: &Correspondence, list: &mut Findings) {
    const REFERENCE: &str = "correspondence.sendersReference";
    const SENDER: &str = "correspondence.messageSender";
    resource_id(&letter.resource_id, "correspondence.resourceId", list);
    let reference = &letter.senders_reference;
    list.require(reference, 4096, REFERENCE, "the sender's reference");
    let sender = letter.message_sender.as_deref().unwrap_or_default();
    list.limit(sender, 255, SENDER, "the sender's name");
    content(&letter.content, list);
    references::model(&letter.external_references, list);
    properties(letter, list);
    for text in letter.notification.iter().flat_map(notification_texts) {
        let NotificationText { name, what, .. } = text;
        let member = format_args!("correspondence.notification.{name}");
        list.limit(text.text, text.limit, member, what);
    }
}

fn content(content: &Content, list: &mut Findings) {
    const TITLE: &str = "correspondence.content.messageTitle";
    const SUMMARY: &str = "correspondence.content.messageSummary";
    const BODY: &str = "correspondence.content.messageBody";
    // The limits count UTF-16 units, as C# does.
    list.require(&content.message_title, 255, TITLE, "the title");
    let summary = content.message_summary.as_deref().unwrap_or_default();
    list.limit(summary, 255, SUMMARY, "the summary");
    list.require(&content.message_body, 30_000, BODY, "the body");
    language(content.language.as_deref().unwrap_or_default(), list);
    for (index, metadata) in content.attachments.iter().enumerate() {
        let at = format_args!("{}[{index}].", attachments::LIST);
        attachment(metadata, at, list);
    }
}

/// Checks for two characters. The language itself is checked later (code 1023), except `iv`, .NET's invariant culture, which fails here.
fn language(language: &str, list: &mut Findings) {
    let fits = is_blank(language) || utf16_len(language) == 2 && language != "iv";
    if !fits {
        let member = "correspondence.content.language";
        list.model(member, "the language is not a two-letter code")
            .value(language)
            .hint("use `nb`, `nn` or `en`");
    }
}

/// Checks the form of a checksum: 32 characters without capitals. That they are hexadecimal is not checked by Altinn, so it is only a warning.
fn checksum(checksum: &str, member: impl Display, list: &mut Findings) {
    let fits = utf16_len(checksum) == 32 && !checksum.chars().any(char::is_uppercase);
    // A blank checksum counts as none to Altinn.
    let finding = if is_blank(checksum) {
        return;
    } else if !fits {
        list.model(member, "the checksum is not an MD5 sum")
    } else if !checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // Altinn accepts it now and compares it after the upload, where it can never be equal.
        list.warning(2008, member, "the checksum is not hexadecimal")
    } else {
        return;
    };
    finding
        .value(checksum)
        .hint("write 32 lower-case hexadecimal digits, or leave it out");
}

/// Checks the properties: at most 10, keys of at most 50 and values of at most 300 characters.
fn properties(letter: &Correspondence, list: &mut Findings) {
    const MEMBER: &str = "correspondence.propertyList";
    let properties = &letter.property_list;
    if properties.len() > 10 {
        list.model(MEMBER, "there are too many properties")
            .cause(format!("{} properties, at most 10", properties.len()));
    }
    for (key, value) in properties {
        // The key is a part of the member's path, so that a problem is placed at the property and not at the whole list.
        let member = format_args!("{MEMBER}.{key}");
        if key.contains("{{") || key.contains("{%") {
            let message = "the key of a property is no template: it is sent as it stands";
            list.advice(member, message);
        }
        let before = list.0.len();
        list.limit(key, 50, member, "the key of a property");
        list.limit(value, 300, member, "the value of a property");
        for finding in &mut list.0[before..] {
            let length = finding.cause.take().unwrap_or_default();
            finding.cause(format!("{}: {length}", excerpt(key)));
        }
    }
}

impl Findings {
    /// Checks a text that must be present, not blank and not too long; returns true when it is.
    fn require(&mut self, text: &str, limit: usize, member: impl Display, what: &str) -> bool {
        if is_blank(text) {
            self.model(member, format!("{what} is missing"))
                .hint("write at least one character that is not a blank");
            return false;
        }
        self.limit(text, limit, member, what)
    }

    /// Checks a text that must not be too long; returns true when it is not.
    fn limit(&mut self, text: &str, limit: usize, member: impl Display, what: &str) -> bool {
        let fits = !is_longer_than(text, limit);
        if !fits {
            self.model(member, format!("{what} is too long"))
                .length(text, limit);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::found;

    fn long(length: usize) -> String {
        "å".repeat(length)
    }

    fn emoji(count: usize) -> String {
        "\u{1F600}".repeat(count)
    }

    /// The changes that give `path` (with dots) the value.
    fn at(path: &str, value: Value) -> Value {
        path.rsplit('.')
            .fold(value, |value, name| json!({ name: value }))
    }

    #[test]
    fn texts_have_a_least_and_a_greatest_length() {
        for (path, limit, is_required) in [
            ("correspondence.resourceId", 255, true),
            ("correspondence.sendersReference", 4096, true),
            ("correspondence.messageSender", 255, false),
            ("correspondence.content.messageTitle", 255, true),
            ("correspondence.content.messageSummary", 255, false),
            ("correspondence.content.messageBody", 30_000, true),
        ] {
            let refused = [format!("error STD-00000 {path}")];
            let odd = "a".repeat(limit % 2);
            for accepted in [long(1), long(limit), emoji(limit / 2) + &odd] {
                assert_eq!(found(at(path, json!(accepted))), [""; 0], "{path}");
            }
            for value in [
                long(limit + 1),
                emoji(limit / 2) + &odd + "a",
                emoji(limit / 2 + 1),
            ] {
                assert_eq!(found(at(path, json!(value))), refused, "{path}");
            }
            for blank in [json!(""), json!(" \n"), Value::Null] {
                let expected = if is_required { &refused[..] } else { &[] };
                assert_eq!(found(at(path, blank)), expected, "{path}");
            }
        }
    }

    #[test]
    fn a_resource_id_has_no_colon_but_in_its_prefix() {
        for (id, accepted) in [
            ("skd-brev", true),
            ("urn:altinn:resource:skd-brev", true),
            ("urn:altinn:resource:", false),
            ("urn:altinn:resource:a:b", false),
            ("skd:brev", false),
            ("urn:altinn:app:skd", false),
        ] {
            let expected = if accepted {
                &[][..]
            } else {
                &["error STD-00000 correspondence.resourceId"]
            };
            assert_eq!(
                found(at("correspondence.resourceId", json!(id))),
                expected,
                "{id}"
            );
        }
    }

    #[test]
    fn properties_are_few_and_short() {
        let many = |count: usize| -> Value {
            (1..count)
                .map(|number| (number.to_string(), json!("x")))
                .collect()
        };
        let refused = "error STD-00000 correspondence.propertyList";
        // The sample has one already.
        for (properties, accepted) in [
            (many(10), true),
            (many(11), false),
            (json!({ long(50): "" }), true),
            (json!({ long(51): "" }), false),
            (json!({ emoji(25): "" }), true),
            (json!({ emoji(26): "" }), false),
            (json!({ "": long(300) }), true),
            (json!({ "": long(301) }), false),
            (json!({ "": emoji(150) }), true),
            (json!({ "": emoji(151) }), false),
        ] {
            let found = found(at("correspondence.propertyList", properties.clone()));
            assert_eq!(found.is_empty(), accepted, "{properties}");
            assert!(
                found.iter().all(|found| found.starts_with(refused)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_key_is_not_all_zero() {
        let key = |key: Value| found(json!({ "idempotentKey": key }));
        assert_eq!(key(Value::Null), [""; 0]);
        assert_eq!(key(json!("00000000-0000-0000-0000-000000000001")), [""; 0]);
        let zero = json!("00000000-0000-0000-0000-000000000000");
        assert_eq!(key(zero), ["error STD-00000 idempotentKey"]);
    }

    #[test]
    fn a_length_that_is_too_great_is_told() {
        let path = "correspondence.content.messageTitle";
        let request = super::super::sample::letter(at(path, json!(long(301))));
        let mut found = super::Findings::default();
        super::check(&request, &mut found);
        let found = found.0;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "the title is too long");
        assert_eq!(
            found[0].cause.as_deref(),
            Some("301 characters, at most 255")
        );
    }

    #[test]
    fn the_key_of_a_property_is_no_template() {
        assert_eq!(
            found(at(
                "correspondence.propertyList",
                json!({ "{{ case }}": "1" })
            )),
            ["warning - correspondence.propertyList.{{ case }}"]
        );
    }

    #[test]
    fn a_property_that_is_too_long_is_named() {
        let changes = at("correspondence.propertyList", json!({ "note": long(301) }));
        let mut found = super::Findings::default();
        super::check(&super::super::sample::letter(changes), &mut found);
        let found = found.0;
        let cause = found[0].cause.as_deref();
        assert_eq!(cause, Some("`note`: 301 characters, at most 300"));
    }
}
