//! The differences between two requests, for people: a unified diff of JSON whose long texts are split into lines.

use std::fmt::Write as _;

use serde_json::Value;
use similar::TextDiff;

use super::request_line::RequestLine;
use crate::correspondence::Recipient;
use crate::correspondence::identifier::masked;
use crate::secret::redact;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    path: String,
    body: Value,
    files: Value,
}

/// The number of unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// The most characters of a text that stays on one line; a longer text is split after its sentences.
const LONG_TEXT: usize = 80;

impl Request {
    pub(super) fn from_line(line: &RequestLine<'_>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            path: line.path.clone().into_owned(),
            body: serde_json::from_str(line.body.get())?,
            files: serde_json::from_str(line.files.get())?,
        })
    }

    fn recipients(&self) -> Vec<&str> {
        let recipients = self.body.get("recipients").and_then(Value::as_array);
        recipients
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The request as text, recipients masked; `note` is appended to each recipient.
    fn text(&self, note: &str) -> String {
        let mut body = self.body.clone();
        let recipients = body.get_mut("recipients").and_then(Value::as_array_mut);
        for recipient in recipients.into_iter().flatten() {
            if let Some(text) = recipient.as_str() {
                *recipient = format!("{}{note}", masked_recipient(text)).into();
            }
        }
        let mut text = format!("POST {}\n", self.path);
        write_json(&body, "", 0, &mut text);
        write_json(&self.files, "files: ", 0, &mut text);
        text
    }
}

/// The differences as a unified diff; empty when the two are the same.
pub(super) fn unified(old: &Request, new: &Request) -> String {
    // Two recipients may have the same mask, and the diff would not show that they differ.
    let [before, now] = [old, new].map(Request::recipients);
    let masks = |recipients: &[&str]| -> Vec<_> {
        recipients
            .iter()
            .map(|recipient| masked_recipient(recipient))
            .collect()
    };
    let other = before != now && masks(&before) == masks(&now);
    let (old, new) = (
        old.text(""),
        new.text(if other { " (another one)" } else { "" }),
    );
    // Line by line: a request is pretty-printed, so that a changed member is a changed line.
    let diff = TextDiff::from_lines(&old, &new);
    let diff = diff.unified_diff().context_radius(CONTEXT).to_string();
    // Texts may hold identity numbers anywhere, not only in members for recipients.
    redact(&diff).into_owned()
}

/// A recipient with its identity number masked, behind its URN's prefix.
fn masked_recipient(recipient: &str) -> String {
    let Ok(parsed) = Recipient::parse(recipient) else {
        return masked(recipient);
    };
    let urn = parsed.urn();
    let kind = urn.rsplit_once(':').map_or("", |(kind, _)| kind);
    format!("{kind}:{}", parsed.masked())
}

/// Writes JSON without commas, so that no line changes because of its neighbour.
fn write_json(value: &Value, lead: &str, depth: usize, to: &mut String) {
    let margin = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let _ = writeln!(to, "{margin}{lead}{{");
            for (name, value) in members {
                write_json(
                    value,
                    &format!("{}: ", Value::from(name.as_str())),
                    depth + 1,
                    to,
                );
            }
            let _ = writeln!(to, "{margin}}}");
        }
        Value::Array(items) if !items.is_empty() => {
            let _ = writeln!(to, "{margin}{lead}[");
            for item in items {
                write_json(item, "", depth + 1, to);
            }
            let _ = writeln!(to, "{margin}]");
        }
        // A body is one JSON string: as one line, any change in it would show all of it.
        Value::String(text) if text.contains('\n') || text.chars().count() > LONG_TEXT => {
            let _ = writeln!(to, "{margin}{}", lead.trim_end());
            for line in text.split('\n') {
                for (at, sentence) in sentences(line).into_iter().enumerate() {
                    let sign = if at == 0 { '|' } else { ' ' };
                    let _ = writeln!(to, "{margin}  {sign} {}", escape_controls(sentence));
                }
            }
        }
        scalar => {
            let _ = writeln!(to, "{margin}{lead}{}", escape_controls(&scalar.to_string()));
        }
    }
}

/// Each sentence of a long line gets a line of its own, so that a word that changes does not move the others.
fn sentences(line: &str) -> Vec<&str> {
    if line.chars().count() <= LONG_TEXT {
        return vec![line];
    }
    line.split_inclusive(". ")
        .flat_map(|part| part.split_inclusive("? "))
        .flat_map(|part| part.split_inclusive("! "))
        .collect()
}

/// Escapes control characters: they would move a terminal's cursor, or colour what follows.
fn escape_controls(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() {
            letter.escape_default().to_string()
        } else {
            letter.to_string()
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(recipient: &str, body: &str) -> Request {
        Request {
            path: "/p".to_owned(),
            body: json!({
                "correspondence": {"content": {"messageTitle": "T", "messageBody": body}},
                "recipients": [recipient],
            }),
            files: json!([]),
        }
    }

    const ANE: &str = "urn:altinn:person:identifier-no:07827199405";

    #[test]
    fn a_changed_line_of_a_long_text_is_one_changed_line() {
        let old = request(ANE, "Dear Ane,\n\nPay 100.\n\nBye\u{1b}[2J");
        let new = request(ANE, "Dear Ane,\n\nPay 200.\n\nBye\u{1b}[2J");
        let expected = r#"@@ -6,7 +6,7 @@
       "messageBody":
         | Dear Ane,
         | 
-        | Pay 100.
+        | Pay 200.
         | 
         | Bye\u{1b}[2J
     }
"#;
        assert_eq!(unified(&old, &new), expected);
        assert_eq!(unified(&old, &old), "");
    }

    #[test]
    fn a_changed_sentence_of_a_paragraph_leaves_the_others_alone() {
        let sentence = "This is a sentence of some length that stays. ";
        let old = request(ANE, &format!("{sentence}Pay 100. {sentence}{sentence}"));
        let new = request(
            ANE,
            &format!("{sentence}Pay 200, soon. {sentence}{sentence}"),
        );
        let difference = unified(&old, &new);
        let changed: Vec<_> = difference
            .lines()
            .filter(|line| line.starts_with(['-', '+']))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(changed, ["- Pay 100.", "+ Pay 200, soon."]);
    }

    #[test]
    fn identity_numbers_are_masked_and_another_person_is_seen_all_the_same() {
        let old = request(ANE, "07827199405 is yours");
        let new = request(
            "urn:altinn:person:identifier-no:07827199081",
            "26818099001 is yours",
        );
        let difference = unified(&old, &new);
        assert!(!difference.contains("99405"), "{difference}");
        assert!(!difference.contains("99001"), "{difference}");
        assert!(
            difference.contains(
                "-    \"urn:altinn:person:identifier-no:078271*****\"\n+    \"urn:altinn:person:identifier-no:078271***** (another one)\"\n"
            ),
            "{difference}"
        );
        assert!(difference.contains("268180***** is yours"), "{difference}");
    }

    #[test]
    fn a_trailing_line_feed_is_a_difference() {
        let difference = unified(&request(ANE, "a\nb"), &request(ANE, "a\nb\n"));
        assert!(difference.contains("+        | \n"), "{difference}");
    }
}
