//! Model validation (`STD-00000`): missing and too long texts, and values of the wrong form. Altinn reports all of them at once.

use std::fmt::{Arguments, Display};

use super::super::identifier::{self, InvalidRecipient, Recipient};
use super::super::text::{excerpt, is_blank, is_longer_than, utf16_len};
use super::finding::Finding;
use super::notification::{NotificationText, notification_texts};
use super::{attachments, references};
use crate::correspondence::{Attachment, Content, Correspondence, Request, bare_resource_id};
use crate::diagnostic::Severity;

/// The most recipients of a request.
const RECIPIENTS: usize = 500;

/// Applies model validation to a request.
pub(super) fn check(request: &Request, found: &mut Vec<Finding>) {
    recipients(&request.recipients, found);
    if request.idempotent_key.is_some_and(|key| key.is_nil()) {
        found.push(
            Finding::model("idempotentKey", "the idempotency key is all zero")
                .with_hint("use a UUID of your own, or leave it out"),
        );
    }
    correspondence(&request.correspondence, found);
}

/// Checks a resource's id: 1 to 255 characters, no `:` except in the prefix `urn:altinn:resource:`.
pub(super) fn resource_id(id: &str, member: &str) -> Option<Finding> {
    if let Some(finding) = required(id, 255, member, "the resource id") {
        return Some(finding);
    }
    // Altinn's pattern allows a colon only in the prefix, so that no other URN passes for an id.
    let bare = bare_resource_id(id);
    (bare.is_empty() || bare.contains(':')).then(|| {
        Finding::model(member, "the resource id is malformed")
            .with_value(id)
            .with_hint("write the id as in the resource registry, with or without `urn:altinn:resource:` in front")
    })
}

/// Checks an attachment; `at` is its path, with a dot behind it. A missing file name is left to code 2010.
pub(super) fn attachment(attachment: &Attachment, at: Arguments<'_>, found: &mut Vec<Finding>) {
    let member = format_args!("{at}fileName");
    found.extend(limited(&attachment.file_name, 255, member, "the file name"));
    let member = format_args!("{at}displayName");
    let name = attachment.display_name.as_deref().unwrap_or_default();
    found.extend(limited(name, 255, member, "the file's display name"));
    let member = format_args!("{at}sendersReference");
    let reference = &attachment.senders_reference;
    found.extend(required(reference, 4096, member, "the file's reference"));
    if let Some(checksum) = &attachment.checksum {
        found.extend(self::checksum(checksum, format_args!("{at}checksum")));
    }
}

fn recipients(recipients: &[String], found: &mut Vec<Finding>) {
    if recipients.is_empty() {
        found.push(Finding::model("recipients", "the letter has no recipient"));
    }
    if recipients.len() > RECIPIENTS {
        found.push(
            Finding::model("recipients", "the letter has too many recipients").with_cause(format!(
                "{} recipients, at most {RECIPIENTS}",
                recipients.len()
            )),
        );
    }
    for (index, text) in recipients.iter().enumerate() {
        // Without a copy of the text of every valid recipient.
        if let Err(refused) = Recipient::borrowed(text) {
            found.push(not_a_recipient(refused, text, index));
        }
    }
}

fn not_a_recipient(refused: InvalidRecipient, text: &str, index: usize) -> Finding {
    let member = format_args!("recipients[{index}]");
    let finding = Finding::model(member, refused.to_string()).with_hint(refused.hint());
    match refused {
        InvalidRecipient::Empty => finding,
        // `masked` and not only `redact`: a damaged identity number is no longer recognised as one.
        _ => finding.with_value(&identifier::masked(text)),
    }
}

fn correspondence(letter: &Correspondence, found: &mut Vec<Finding>) {
    const RESOURCE: &str = "correspondence.resourceId";
    const REFERENCE: &str = "correspondence.sendersReference";
    const SENDER: &str = "correspondence.messageSender";
    found.extend(resource_id(&letter.resource_id, RESOURCE));
    let reference = &letter.senders_reference;
    found.extend(required(
        reference,
        4096,
        REFERENCE,
        "the sender's reference",
    ));
    let sender = letter.message_sender.as_deref().unwrap_or_default();
    found.extend(limited(sender, 255, SENDER, "the sender's name"));
    content(&letter.content, found);
    references::model(&letter.external_references, found);
    properties(letter, found);
    for text in letter.notification.iter().flat_map(notification_texts) {
        let NotificationText { name, what, .. } = text;
        let member = format_args!("correspondence.notification.{name}");
        found.extend(limited(text.text, text.limit, member, what));
    }
}

fn content(content: &Content, found: &mut Vec<Finding>) {
    const TITLE: &str = "correspondence.content.messageTitle";
    const SUMMARY: &str = "correspondence.content.messageSummary";
    const BODY: &str = "correspondence.content.messageBody";
    // The limits count UTF-16 units, as C# does.
    found.extend(required(&content.message_title, 255, TITLE, "the title"));
    let summary = content.message_summary.as_deref().unwrap_or_default();
    found.extend(limited(summary, 255, SUMMARY, "the summary"));
    found.extend(required(&content.message_body, 30_000, BODY, "the body"));
    found.extend(content.language.as_deref().and_then(language));
    for (index, metadata) in content.attachments.iter().enumerate() {
        let at = format_args!("{}[{index}].", attachments::LIST);
        attachment(metadata, at, found);
    }
}

/// Checks for two characters. The language itself is checked later (code 1023), except `iv`, .NET's invariant culture, which fails here.
fn language(language: &str) -> Option<Finding> {
    let fits = is_blank(language) || utf16_len(language) == 2 && language != "iv";
    (!fits).then(|| {
        Finding::model(
            "correspondence.content.language",
            "the language is not a two-letter code",
        )
        .with_value(language)
        .with_hint("use `nb`, `nn` or `en`")
    })
}

/// Checks the form of a checksum: 32 characters without capitals. That they are hexadecimal is not checked by Altinn, so it is only a warning.
fn checksum(checksum: &str, member: impl Display) -> Option<Finding> {
    // A blank checksum counts as none to Altinn.
    if is_blank(checksum) {
        return None;
    }
    let fits = utf16_len(checksum) == 32 && !checksum.chars().any(char::is_uppercase);
    let finding = if fits {
        // Altinn accepts it now and compares it after the upload, where it can never be equal.
        let hexadecimal = checksum.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!hexadecimal).then(|| Finding::warning(2008, member, "the checksum is not hexadecimal"))
    } else {
        Some(Finding::model(member, "the checksum is not an MD5 sum"))
    };
    finding.map(|finding| {
        finding
            .with_value(checksum)
            .with_hint("write 32 lower-case hexadecimal digits, or leave it out")
    })
}

/// Checks the properties: at most 10, keys of at most 50 and values of at most 300 characters.
fn properties(letter: &Correspondence, found: &mut Vec<Finding>) {
    const MEMBER: &str = "correspondence.propertyList";
    let properties = &letter.property_list;
    if properties.len() > 10 {
        found.push(
            Finding::model(MEMBER, "there are too many properties")
                .with_cause(format!("{} properties, at most 10", properties.len())),
        );
    }
    for (key, value) in properties {
        if key.contains("{{") || key.contains("{%") {
            let message = "the key of a property is no template: it is sent as it stands";
            let member = format!("{MEMBER}.{key}");
            found.push(Finding::new(Severity::Warning, None, member, message));
        }
        // The key is a part of the member's path, so that a problem is placed at the property and not at the whole list.
        let too_long = limited(key, 50, MEMBER, "the key of a property")
            .into_iter()
            .chain(limited(value, 300, MEMBER, "the value of a property"));
        for mut finding in too_long {
            finding.member = format!("{MEMBER}.{key}");
            finding.cause = finding
                .cause
                .map(|cause| format!("{}: {cause}", excerpt(key)));
            found.push(finding);
        }
    }
}

/// Checks a text that must be present, not blank and not too long.
fn required(text: &str, limit: usize, member: impl Display, what: &str) -> Option<Finding> {
    if is_blank(text) {
        return Some(
            Finding::model(member, format!("{what} is missing"))
                .with_hint("write at least one character that is not a blank"),
        );
    }
    limited(text, limit, member, what)
}

fn limited(text: &str, limit: usize, member: impl Display, what: &str) -> Option<Finding> {
    is_longer_than(text, limit)
        .then(|| Finding::model(member, format!("{what} is too long")).with_length(text, limit))
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
        let mut found = Vec::new();
        super::check(&request, &mut found);
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
        let mut found = Vec::new();
        super::check(&super::super::sample::letter(changes), &mut found);
        let cause = found[0].cause.as_deref();
        assert_eq!(cause, Some("`note`: 301 characters, at most 300"));
    }
}
