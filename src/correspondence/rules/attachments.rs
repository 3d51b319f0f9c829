//! Rules about attachments: number (1038), names (2010, 2012, 2013, 2021), files (1005, 1069, 2004), lifetime (2017).

use std::fmt::{Arguments, Display};

use super::super::files::{FILE_TYPES, file_name_problem};
use super::super::text::excerpt;
use super::context::{Context, NewFile};
use super::finding::Finding;
use crate::correspondence::{ATTACHMENT_LIMIT, Attachment, Request};

pub(super) const LIST: &str = "correspondence.content.attachments";

/// The most bytes of a file enclosed in a letter's request (code 2004).
pub const FORM_FILE_LIMIT: u64 = 2_000_000_000;
/// The most bytes of a file uploaded by itself (code 2004).
pub const STREAM_FILE_LIMIT: u64 = 50_000_000_000;
/// The most bytes of all attachments of a letter that may be forwarded, together (code 1069).
const FORWARDING_LIMIT: u64 = 10_000_000;

/// 2004: the size of the local file of the attachment at `index`, which is uploaded by itself.
pub fn check_upload(size: u64, index: usize) -> Option<Finding> {
    check_size(
        size,
        STREAM_FILE_LIMIT,
        format_args!("{LIST}[{index}].file"),
    )
}

/// 1038: at most 100 attachments, new and existing ones.
pub(super) fn count(request: &Request, found: &mut Vec<Finding>) {
    let count = request.existing_attachments.len() + attachments(request).len();
    if count > ATTACHMENT_LIMIT {
        found.push(
            Finding::error(1038, LIST, "there are too many attachments").with_cause(format!(
                "{count} attachments with the existing ones, at most {ATTACHMENT_LIMIT}"
            )),
        );
    }
}

/// 1069: the size of a letter that may be forwarded. The sizes of existing attachments are not known here.
pub(super) fn forwarding(request: &Request, size: u64, found: &mut Vec<Finding>) {
    if request.correspondence.allow_forwarding == Some(true) && size > FORWARDING_LIMIT {
        let message = "the attachments are too large for a letter that may be forwarded";
        found.push(
            Finding::error(1069, "correspondence.allowForwarding", message)
                .with_related(&[LIST])
                .with_cause(format!("{size} bytes, at most {FORWARDING_LIMIT}"))
                .with_hint("leave out `allowForwarding`, or make the files smaller"),
        );
    }
}

/// Checks the name of every new attachment.
pub(super) fn names(request: &Request, found: &mut Vec<Finding>) {
    for (index, attachment) in attachments(request).iter().enumerate() {
        name(attachment, format_args!("{LIST}[{index}]."), found);
    }
}

/// 2010, 2013, 2012, 2021: the name of a file. `at` is the path of the attachment, with a dot behind it.
pub(super) fn name(attachment: &Attachment, at: Arguments<'_>, found: &mut Vec<Finding>) {
    let name = &attachment.file_name;
    let Some((code, message)) = file_name_problem(name) else {
        return;
    };
    let finding = Finding::error(code, format_args!("{at}fileName"), message);
    found.push(match code {
        2010 => finding.with_hint("name the file, as in `vedtak.pdf`"),
        2013 => finding
            .with_value(name)
            .with_hint(format!("Altinn takes {}", FILE_TYPES.join(", "))),
        _ => finding.with_value(name).with_hint("give it another name"),
    });
}

/// 1005: one file for each new attachment, matched by its name; 2004: none of them empty or too large.
pub(super) fn files(request: &Request, context: &Context<'_>, found: &mut Vec<Finding>) {
    let Some(files) = context.new_files else {
        return;
    };
    let attachments = attachments(request);
    if attachments.len() != files.len() {
        found.push(
            Finding::error(1005, LIST, "there is not one file for each attachment")
                .with_cause(format!(
                    "{} attachments, {} files",
                    attachments.len(),
                    files.len()
                ))
                .with_hint("send new files as a form, or upload them first and name them in `existingAttachments`"),
        );
        // With another number of files, names would only repeat the fault.
        return;
    }
    for (index, attachment) in attachments.iter().enumerate() {
        if !is_among(&attachment.file_name, index, files) {
            found.push(
                Finding::error(
                    1005,
                    format_args!("{LIST}[{index}].fileName"),
                    "no file has the attachment's name",
                )
                .with_value(&attachment.file_name)
                .with_hint(
                    "send the files in the order of the attachments and with the same names",
                ),
            );
        }
    }
    for (index, file) in files.iter().enumerate() {
        let member = format_args!("{LIST}[{index}].fileName");
        found.extend(check_size(file.size, FORM_FILE_LIMIT, member));
    }
}

/// 2008, found before the upload: a given checksum must be that of the file's content.
pub fn check_checksum(attachment: &Attachment, index: usize, md5: &str) -> Option<Finding> {
    let given = attachment.checksum.as_deref()?;
    // A checksum of another length is model validation's.
    let is_wrong = given.len() == md5.len() && given != md5;
    is_wrong.then(|| {
        Finding::error(
            2008,
            format_args!("{LIST}[{index}].checksum"),
            "the file does not have this checksum",
        )
        .with_cause(format!("{} is given, the file has `{md5}`", excerpt(given)))
        .with_hint(
            "is it the right file? leave the checksum out, and it is worked out from the file",
        )
    })
}

/// Warns of a file that is called a PDF and does not begin like one: an image, a page of HTML or another text, which readers cannot open. Altinn takes it.
pub fn check_pdf(attachment: &Attachment, index: usize, is_pdf: bool) -> Option<Finding> {
    let name = &attachment.file_name;
    let is_called_pdf = name.to_ascii_lowercase().ends_with(".pdf");
    (is_called_pdf && !is_pdf).then(|| {
        Finding::advice(
            format_args!("{LIST}[{index}].file"),
            "the file does not begin like a PDF, and its name ends in `.pdf`",
        )
        .with_value(name)
        .with_hint("is it the right file? save it as PDF, or end its name as its format does")
    })
}

/// Checks the lifetime of every new attachment.
pub(super) fn expirations(request: &Request, production: bool, found: &mut Vec<Finding>) {
    for (index, attachment) in attachments(request).iter().enumerate() {
        let at = format_args!("{LIST}[{index}].");
        expiration(attachment, at, production, found);
    }
}

/// 2017: a lifetime of at least 14 days in production, at least 1 day elsewhere.
pub(super) fn expiration(
    attachment: &Attachment,
    at: Arguments<'_>,
    production: bool,
    found: &mut Vec<Finding>,
) {
    let least = if production { 14 } else { 1 };
    let Some(days) = attachment.expiration_in_days else {
        return;
    };
    if days < least {
        found.push(
            Finding::error(
                2017,
                format_args!("{at}expirationInDays"),
                "the attachment expires too early",
            )
            .with_cause(format!("{days} days, at least {least}"))
            .with_hint("choose more days, or leave it out: then it never expires"),
        );
    }
}

fn attachments(request: &Request) -> &[Attachment] {
    &request.correspondence.content.attachments
}

/// True when the file at the attachment's own position has its name, or exactly one of the files has: this is how Altinn matches them.
fn is_among(name: &str, index: usize, files: &[NewFile<'_>]) -> bool {
    let in_place = files.get(index).is_some_and(|file| file.name == name);
    in_place || files.iter().filter(|file| file.name == name).count() == 1
}

fn check_size(size: u64, limit: u64, member: impl Display) -> Option<Finding> {
    if size == 0 {
        return Some(Finding::error(2004, member, "the file is empty"));
    }
    (size > limit).then(|| {
        Finding::error(2004, member, "the file is too large")
            .with_cause(format!("{size} bytes, at most {limit}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::{found, found_in_test, found_with};
    use super::*;

    fn attached(attachments: &Value) -> Value {
        json!({ "correspondence": { "content": { "attachments": attachments } } })
    }

    fn named(names: &[&str]) -> Value {
        let attachments: Vec<_> = names
            .iter()
            .map(|name| json!({ "fileName": name, "sendersReference": "a" }))
            .collect();
        attached(&json!(attachments))
    }

    fn at(code: &str, member: &str) -> Vec<String> {
        vec![format!(
            "error {code} correspondence.content.attachments{member}"
        )]
    }

    #[test]
    fn metadata_is_held_to_model_validation() {
        let long = |length| "a".repeat(length);
        let emoji = |count| "\u{1F600}".repeat(count);
        let md5 = "0123456789abcdef0123456789abcdef";
        for (member, accepted, refused) in [
            ("displayName", long(255), long(256)),
            ("displayName", emoji(127), emoji(128)),
            ("displayName", String::new(), long(256)),
            ("sendersReference", long(4096), long(4097)),
            ("sendersReference", emoji(2048), emoji(2048) + "a"),
            ("sendersReference", long(1), " ".to_owned()),
            ("fileName", long(251) + ".pdf", long(252) + ".pdf"),
            ("fileName", emoji(125) + "a.pdf", emoji(126) + ".pdf"),
            ("checksum", md5.to_owned(), md5.to_uppercase()),
            ("checksum", " ".to_owned(), md5[1..].to_owned()),
            ("checksum", md5.to_owned(), format!("{md5}0")),
        ] {
            let mut attachment = json!({ "fileName": "a.pdf", "sendersReference": "a" });
            attachment[member] = json!(accepted);
            assert_eq!(found(attached(&json!([attachment]))), [""; 0], "{member}");
            attachment[member] = json!(refused);
            let expected = at("STD-00000", &format!("[0].{member}"));
            assert_eq!(found(attached(&json!([attachment]))), expected, "{member}");
        }
        let checksum = json!([{ "fileName": "a.pdf", "sendersReference": "a",
            "checksum": "x".repeat(32) }]);
        assert_eq!(
            found(attached(&checksum)),
            ["warning 2008 correspondence.content.attachments[0].checksum"]
        );
    }

    #[test]
    fn names_are_checked_one_by_one() {
        assert_eq!(found(named(&["a.pdf", "b.docx"])), [""; 0]);
        for (name, code) in [
            ("", "2010"),
            ("b.odt", "2013"),
            ("b?.pdf", "2012"),
            ("aux.pdf", "2021"),
        ] {
            assert_eq!(found(named(&["a.pdf", name])), at(code, "[1].fileName"));
        }
    }

    #[test]
    fn there_are_at_most_a_hundred_with_the_existing_ones() {
        let id = "0198c3a4-7d6b-7c3e-9f6e-2b1f0c9d8e7a";
        for (new, existing, accepted) in [
            (100, 0, true),
            (101, 0, false),
            (50, 50, true),
            (50, 51, false),
            (0, 101, false),
        ] {
            let mut changes = named(&vec!["a.pdf"; new]);
            changes["existingAttachments"] = json!(vec![id; existing]);
            let expected = if accepted { vec![] } else { at("1038", "") };
            assert_eq!(found(changes), expected, "{new} {existing}");
        }
    }

    #[test]
    fn every_attachment_has_its_file() {
        let one = |name| NewFile { name, size: 1 };
        let (a, b) = (one("a.pdf"), one("b.pdf"));
        for (names, files, expected) in [
            (&[][..], &[][..], vec![]),
            (&["a.pdf"], &[a], vec![]),
            (&["a.pdf", "b.pdf"], &[b, a], vec![]),
            (&["a.pdf", "a.pdf"], &[a, a], vec![]),
            (&["a.pdf"], &[], at("1005", "")),
            (&[], &[a], at("1005", "")),
            (&["a.pdf"], &[one("A.pdf")], at("1005", "[0].fileName")),
            (
                &["b.pdf", "a.pdf", "a.pdf"],
                &[a, b, a],
                at("1005", "[1].fileName"),
            ),
        ] {
            assert_eq!(
                found_with(named(names), files),
                expected,
                "{names:?} {files:?}"
            );
        }
    }

    #[test]
    fn files_have_a_size_altinn_takes() {
        for (size, accepted) in [
            (1, true),
            (0, false),
            (2_000_000_000, true),
            (2_000_000_001, false),
        ] {
            let files = [NewFile {
                name: "a.pdf",
                size,
            }];
            let expected = if accepted {
                vec![]
            } else {
                at("2004", "[0].fileName")
            };
            assert_eq!(found_with(named(&["a.pdf"]), &files), expected, "{size}");
        }
        for size in [1, STREAM_FILE_LIMIT] {
            assert_eq!(check_upload(size, 0), None);
        }
        for size in [0, STREAM_FILE_LIMIT + 1] {
            assert!(check_upload(size, 0).is_some_and(|found| found.is_error()));
        }
    }

    #[test]
    fn a_letter_that_may_be_forwarded_is_small() {
        for (first, forwarding, expected) in [
            (5_000_000, true, vec![]),
            (
                5_000_001,
                true,
                vec!["error 1069 correspondence.allowForwarding"],
            ),
            (5_000_001, false, vec![]),
        ] {
            let mut changes = named(&["a.pdf", "b.pdf"]);
            changes["correspondence"]["allowForwarding"] = json!(forwarding);
            let files = [
                NewFile {
                    name: "a.pdf",
                    size: first,
                },
                NewFile {
                    name: "b.pdf",
                    size: 5_000_000,
                },
            ];
            assert_eq!(
                found_with(changes, &files),
                expected,
                "{first} {forwarding}"
            );
        }
    }

    #[test]
    fn files_live_longer_in_production() {
        let days = |days: Value| {
            attached(&json!([{ "fileName": "a.pdf", "sendersReference": "a",
                "expirationInDays": days }]))
        };
        let refused = at("2017", "[0].expirationInDays");
        assert_eq!(found(days(Value::Null)), [""; 0]);
        assert_eq!(found(days(json!(14))), [""; 0]);
        assert_eq!(found(days(json!(13))), refused);
        assert_eq!(found_in_test(days(json!(1))), [""; 0]);
        assert_eq!(found_in_test(days(json!(0))), refused);
        assert_eq!(found_in_test(days(json!(-1))), refused);
    }

    #[test]
    fn a_file_type_that_is_refused_comes_with_those_that_are_not() {
        let attachment = Attachment {
            file_name: "a.odt".to_owned(),
            ..Attachment::default()
        };
        let mut found = Vec::new();
        name(&attachment, format_args!(""), &mut found);
        assert!(found[0].hint.as_ref().unwrap().contains(FILE_TYPES[0]));
        assert_eq!(found[0].cause.as_deref(), Some("`a.odt`"));
    }
}
