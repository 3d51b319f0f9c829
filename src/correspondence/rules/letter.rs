//! Rules about the letter itself: dates (1008, 1009, 1016), title (1002), summary (1004), language (1023), sender's name (1039).

use std::fmt::Arguments;

use jiff::{SignedDuration, Timestamp};

use super::super::text::{Markup, excerpt, find_markup, is_blank, utf16_len, without_markup};
use super::finding::Findings;
use super::notification::notification_texts;
use crate::correspondence::{Correspondence, local_time};
use crate::diagnostic::{Code, Severity};

const DUE: &str = "correspondence.dueDateTime";
/// The most UTF-16 units of a title.
const TITLE_LIMIT: usize = 255;
/// The most characters of a name in the register of legal entities.
const LONGEST_NAME: usize = 175;

/// The text in place of which Altinn puts the recipient's name, in title, summary and body.
pub(super) const PLACEHOLDER: &str = "{{recipientName}}";

/// U+0000: refused in a resource id (1036) and a body (1003). On other texts the server fails (500) at every attempt, because its database cannot store it. Title
/// and sender's name have a rule of their own.
pub(super) fn null_characters(letter: &Correspondence, list: &mut Findings) {
    let mut check = |member: Arguments<'_>, text: &str, code: Option<Code>| {
        if text.as_bytes().contains(&0) {
            let member = format_args!("correspondence.{member}");
            let message = "the text has the character U+0000";
            list.push(Severity::Error, code, member, message)
                .hint("remove it: Altinn does not store it");
        }
    };
    let content = &letter.content;
    let summary = content.message_summary.as_deref();
    for (member, text, code) in [
        ("resourceId", &*letter.resource_id, Some(1036)),
        ("content.messageBody", &content.message_body, Some(1003)),
        // On this and the texts below the server fails with 500, which is tried again like any other failure: it must be found here.
        ("content.messageSummary", summary.unwrap_or_default(), None),
    ] {
        check(format_args!("{member}"), text, code.map(Code::Altinn));
    }
    other_texts(letter, |member, text| check(member, text, None));
    for text in letter.notification.iter().flat_map(notification_texts) {
        check(format_args!("notification.{}", text.name), text.text, None);
    }
}

/// Calls `visit` with the texts beside content and notification, in which Altinn replaces nothing, and with their members.
fn other_texts(letter: &Correspondence, mut visit: impl FnMut(Arguments<'_>, &str)) {
    visit(format_args!("sendersReference"), &letter.senders_reference);
    for text in letter.property_list.iter().flat_map(<[&String; 2]>::from) {
        visit(format_args!("propertyList"), text);
    }
    for (index, reference) in letter.external_references.iter().enumerate() {
        let member = format_args!("externalReferences[{index}].referenceValue");
        visit(member, &reference.reference_value);
    }
    for (index, option) in letter.reply_options.iter().enumerate() {
        let text = option.link_text.as_deref().unwrap_or_default();
        visit(format_args!("replyOptions[{index}].linkText"), text);
    }
    for (index, file) in letter.content.attachments.iter().enumerate() {
        let member = format_args!("content.attachments[{index}].sendersReference");
        visit(member, &file.senders_reference);
        let name = file.display_name.as_deref().unwrap_or_default();
        visit(
            format_args!("content.attachments[{index}].displayName"),
            name,
        );
    }
}

/// The recipient's name as it is written in the letter and in notifications.
const NAMES: [&str; 3] = [
    PLACEHOLDER,
    "$recipientName$",
    "$correspondenceRecipientName$",
];

/// Warns of the recipient's name, as it is written in the letter or in notifications, where Altinn puts none in.
pub(super) fn names(letter: &Correspondence, list: &mut Findings) {
    let mut check = |member: Arguments<'_>, text: &str| {
        // Most texts have neither sign, and looking for one is quick.
        if text.contains(['{', '$']) && NAMES.iter().any(|name| text.contains(name)) {
            let member = format_args!("correspondence.{member}");
            let message = "Altinn puts no name in here: the placeholder is sent as it stands";
            list.advice(member, message)
                .value(text)
                .hint("write a column here; `{{ recipientName }}` is for title, summary and body, `$recipientName$` for notifications");
        }
    };
    other_texts(letter, &mut check);
    let sender = letter.message_sender.as_deref().unwrap_or_default();
    check(format_args!("messageSender"), sender);
}

/// 1016: a letter that must be confirmed needs a due date.
pub(super) fn confirmation(letter: &Correspondence, list: &mut Findings) {
    if letter.is_confirmation_needed == Some(true) && letter.due_date_time.is_none() {
        list.error(1016, DUE)
            .related(&["correspondence.isConfirmationNeeded"])
            .hint("set `dueDateTime`, or leave out `isConfirmationNeeded`");
    }
}

/// 1008: the due date must not be past, with a warning in the last hour, because a large mailing takes time to send; 1009: nor before publishing.
pub(super) fn due_date(letter: &Correspondence, now: Timestamp, list: &mut Findings) {
    let Some(due) = letter.due_date_time else {
        return;
    };
    let remaining = due.timestamp().duration_since(now);
    if remaining.is_negative() {
        list.error(1008, DUE)
            .cause(due.to_string())
            .hint("Altinn compares the time as well as the date: choose a later one");
    } else if remaining < SignedDuration::from_hours(1) {
        list.warning(1008, DUE, "the due date is less than an hour ahead")
            .cause(due.to_string())
            .hint("letters that are sent after it are refused: choose a later one");
    }
    // `2026-12-15T23:59:59Z` is already the 16th in Norway, and the letter would name another day than its deadline.
    if let Some(day) = due.other_day_in_norway() {
        let local = local_time(due.timestamp());
        list.advice(DUE, "the due date is another day in Norway than it is written")
            .cause(format!("`{due}` is {local} in Norway"))
            .hint(format!(
                "write `{day}` for the end of that day in Norway, or a time without `Z` and offset for Norwegian time"
            ));
    }
    if let Some(published) = letter.requested_publish_time
        && due.timestamp() < published.timestamp()
    {
        list.error(1009, DUE)
            .related(&["correspondence.requestedPublishTime"])
            .cause(format!("due {due}, published {published}"))
            .hint("choose a later `dueDateTime` or an earlier `requestedPublishTime`");
    }
}

/// 1002: the title must be plain text. A long name makes it too long: Altinn checks the length before it inserts the recipient's name.
pub(super) fn title(letter: &Correspondence, list: &mut Findings) {
    let member = "correspondence.content.messageTitle";
    let title = &letter.content.message_title;
    check_plain(1002, member, title, list);
    let names = title.matches(PLACEHOLDER).count();
    if names == 0 {
        return;
    }
    // The placeholder is ASCII: its bytes are its UTF-16 units.
    let rest = utf16_len(title) - names * PLACEHOLDER.len();
    let most = TITLE_LIMIT.saturating_sub(names * LONGEST_NAME);
    if rest > most {
        list.advice(member, "a long name of a recipient makes the title longer than 255 characters")
            .cause(format!("{rest} characters without the name"))
            .hint(format!(
                "Altinn puts the name in after it has measured the title, and names have up to {LONGEST_NAME} characters: write at most {most} beside it"
            ));
    }
}

/// 1004, as a warning: Altinn checks that the summary is plain text, but only logs the result.
pub(super) fn summary(letter: &Correspondence, list: &mut Findings) {
    let summary = letter
        .content
        .message_summary
        .as_deref()
        .unwrap_or_default();
    if let Some(markup) = find_markup(summary) {
        let member = "correspondence.content.messageSummary";
        list.warning(1004, member, "the summary is not plain text")
            .cause(markup_in(&markup, summary))
            .hint("Altinn accepts it for now, but does not format it: write plain text");
    }
}

/// 1023: the language must be Bokmål, Nynorsk or English, in any case; blank means Bokmål.
pub(super) fn language(letter: &Correspondence, list: &mut Findings) {
    let Some(language) = &letter.content.language else {
        return;
    };
    let known = ["nb", "nn", "en"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(language));
    // Model validation refuses any other length, and `iv`.
    let is_checked_here =
        language.encode_utf16().count() == 2 && language != "iv" && !is_blank(language);
    if is_checked_here && !known {
        list.error(1023, "correspondence.content.language")
            .message("Altinn does not have this language")
            .value(language)
            .hint("use `nb`, `nn` or `en`");
    }
}

/// 1039: the sender's name must be plain text.
pub(super) fn message_sender(letter: &Correspondence, list: &mut Findings) {
    let sender = letter.message_sender.as_deref().unwrap_or_default();
    check_plain(1039, "correspondence.messageSender", sender, list);
}

fn check_plain(code: u16, member: &str, text: &str, list: &mut Findings) {
    if let Some(markup) = find_markup(text) {
        list.error(code, member)
            .cause(markup_in(&markup, text))
            .hint(plain_hint(text));
    }
}

/// The characters to change and the plain text to write. It is the cause of a problem, which differs between rows; rows with the same hint are reported
/// together.
fn markup_in(markup: &Markup, text: &str) -> String {
    let found = &text[markup.range.clone()];
    let reason = markup.kind.reason();
    // When the markup is the whole text, quoting it twice says nothing more.
    let place = if found.trim() == text.trim() {
        String::new()
    } else {
        format!(", {}, in", excerpt(found))
    };
    let plain = without_markup(text);
    format!(
        "it has {reason}{place} {}; plain would be {}",
        excerpt(text),
        excerpt(plain.trim())
    )
}

/// The hint. It is the same for all rows of a title with a name in single braces, whatever else some rows have: that is what the author has to mend first.
fn plain_hint(text: &str) -> String {
    match braced_name(text) {
        Some(name) => format!(
            "write two braces for the value of a column, `{{{{ {name} }}}}`, and parentheses for a word in braces"
        ),
        None => "write it without HTML and Markdown; the filter `plain_title` makes a value plain"
            .to_owned(),
    }
}

/// The first text in single braces that could be a column's name and that Markdown reads as attributes.
fn braced_name(text: &str) -> Option<&str> {
    let mut openings = text.match_indices('{');
    openings.find_map(|(at, _)| {
        let (inside, _) = text[at + 1..].split_once('}')?;
        let name = inside.trim();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
        // The second of two braces is Tera's or Altinn's own.
        (is_name && !text[..at].ends_with('{')).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::found;

    #[test]
    fn no_text_has_a_null_character() {
        for (changes, member) in [
            (json!({ "sendersReference": "a\u{0}" }), "sendersReference"),
            (
                json!({ "content": { "attachments": [{ "fileName": "a.pdf", "sendersReference": "a\u{0}" }] } }),
                "content.attachments[0].sendersReference",
            ),
            (
                json!({ "content": { "attachments": [{ "fileName": "a.pdf", "sendersReference": "a", "displayName": "\u{0}" }] } }),
                "content.attachments[0].displayName",
            ),
        ] {
            let expected = format!("error - correspondence.{member}");
            let found = found(json!({ "correspondence": changes }));
            assert!(found.contains(&expected), "{found:?}");
        }
    }

    #[test]
    fn dates_are_compared_with_now_and_with_each_other() {
        let none: &[&str] = &[];
        for (due, published, expected) in [
            (json!("2026-11-23T13:00:00Z"), Value::Null, none),
            (
                json!("2026-11-23T12:59:59Z"),
                Value::Null,
                &["warning 1008 correspondence.dueDateTime"],
            ),
            (
                json!("2026-11-23T13:00:00+01:00"),
                Value::Null,
                &["warning 1008 correspondence.dueDateTime"],
            ),
            (
                json!("2026-11-23T12:59:59+01:00"),
                Value::Null,
                &["error 1008 correspondence.dueDateTime"],
            ),
            // The end of the day in Norway.
            (json!("2026-11-23"), Value::Null, none),
            (
                json!("2026-11-22"),
                Value::Null,
                &["error 1008 correspondence.dueDateTime"],
            ),
            (
                json!("2026-12-15T23:59:59Z"),
                Value::Null,
                &["warning - correspondence.dueDateTime"],
            ),
            (
                json!("2026-12-15T12:00:00Z"),
                json!("2026-12-15T12:00:00Z"),
                none,
            ),
            (
                json!("2026-12-15T12:00:00Z"),
                json!("2026-12-15T12:00:01Z"),
                &["error 1009 correspondence.dueDateTime"],
            ),
            (
                json!("2026-12-15T12:00:00Z"),
                json!("2020-01-01T12:00:00Z"),
                none,
            ),
            (
                Value::Null,
                Value::Null,
                &["error 1016 correspondence.dueDateTime"],
            ),
        ] {
            let changes = json!({ "correspondence":
                { "dueDateTime": due, "requestedPublishTime": published } });
            assert_eq!(found(changes.clone()), expected, "{changes}");
        }
    }

    #[test]
    fn a_due_date_is_needed_only_for_confirmation() {
        for confirmation in [Value::Null, json!(false)] {
            let changes = json!({ "correspondence":
                { "dueDateTime": null, "isConfirmationNeeded": confirmation } });
            assert_eq!(found(changes), [""; 0]);
        }
    }

    #[test]
    fn title_and_sender_are_plain_and_the_summary_should_be() {
        let content = "correspondence.content";
        for (title, sender, summary, expected) in [
            ("Vedtak", "Etaten", "Kort", None),
            (
                "# Vedtak",
                "Etaten",
                "Kort",
                Some(format!("error 1002 {content}.messageTitle")),
            ),
            (
                "x^2^",
                "Etaten",
                "Kort",
                Some(format!("error 1002 {content}.messageTitle")),
            ),
            (
                "Vedtak",
                "<h1>test</h1>",
                "Kort",
                Some("error 1039 correspondence.messageSender".to_owned()),
            ),
            (
                "Vedtak",
                "x^2^",
                "Kort",
                Some("error 1039 correspondence.messageSender".to_owned()),
            ),
            (
                "Vedtak",
                "",
                "<b>Kort</b>",
                Some(format!("warning 1004 {content}.messageSummary")),
            ),
            (
                "Vedtak",
                "",
                "x^2^",
                Some(format!("warning 1004 {content}.messageSummary")),
            ),
        ] {
            let changes = json!({ "correspondence": { "messageSender": sender,
                "content": { "messageTitle": title, "messageSummary": summary } } });
            assert_eq!(
                found(changes.clone()),
                Vec::from_iter(expected),
                "{changes}"
            );
        }
    }

    #[test]
    fn a_title_that_is_not_plain_says_which_letters_to_change() {
        for (title, cause, hint) in [
            (
                "LØNN&REGNSKAP AS",
                "it has an HTML entity, `&REG`, in `LØNN&REGNSKAP AS`; plain would be `LØNN & REGNSKAP AS`",
                "`plain_title`",
            ),
            (
                "Vedtak for {Navn}",
                "it has braces that Markdown reads as attributes, `{Navn}`, in `Vedtak for {Navn}`; plain would be `Vedtak for (Navn)`",
                "two braces for the value of a column, `{{ Navn }}`",
            ),
            (
                "---",
                "it has a Markdown rule `---`; plain would be `–`",
                "`plain_title`",
            ),
        ] {
            let changes = json!({ "correspondence": { "content": { "messageTitle": title } } });
            let request = super::super::sample::letter(changes);
            let mut found = super::Findings::default();
            super::title(&request.correspondence, &mut found);
            let found = found.0;
            assert_eq!(found[0].cause.as_deref(), Some(cause));
            assert!(found[0].hint.as_ref().unwrap().contains(hint), "{found:?}");
        }
    }

    #[test]
    fn there_are_three_languages() {
        let language = |language: &str| {
            found(json!({ "correspondence": { "content": { "language": language } } }))
        };
        for accepted in ["nb", "nn", "en", "NB", "En", "", "  "] {
            assert_eq!(language(accepted), [""; 0], "{accepted}");
        }
        for refused in ["no", "se", "IV", "åå", "\u{1F600}"] {
            let expected = ["error 1023 correspondence.content.language"];
            assert_eq!(language(refused), expected, "{refused}");
        }
        for refused in ["iv", "n", "nob", "nb-NO", "\u{1F600}a"] {
            let expected = ["error STD-00000 correspondence.content.language"];
            assert_eq!(language(refused), expected, "{refused}");
        }
    }
}
