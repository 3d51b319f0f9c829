//! Rules about attachments: number (1038), names (2010, 2012, 2013, 2021), files (1005, 1069, 2004), lifetime (2017).

use std::fmt::{Arguments, Display};

use super::super::files::{FILE_TYPES, file_name_problem};
use super::super::text::excerpt;
use super::context::{Context, NewFile};
use super::finding::{Finding, Findings};
use crate::correspondence::{ATTACHMENT_LIMIT, Attachment, Request};

pub(super) const LIST: &str = "correspondence.content.attachments";

/// The most bytes of a file enclosed in a letter's request (code 2004).
pub const FORM_FILE_LIMIT: u64 = 2_000_000_000;
/// The most bytes of a file uploaded by itself (code 2004).
pub const STREAM_FILE_LIMIT: u64 = 50_000_000_000;
/// The most bytes of all attachments of a letter that may be forwarded, together (code 1069).
const FORWARDING_LIMIT: u64 = 10_000_000;

/// 1038: at most 100 attachments, new and existing ones.
pub(super) fn count(request: &Request, list: &mut Findings) {
    let count = request.existing_attachments.len() + attachments(request).len();
    if count > ATTACHMENT_LIMIT {
        list.error(1038, LIST)
            .message("there are too many attachments")
            .cause(format!(
                "{count} attachments with the existing ones, at most {ATTACHMENT_LIMIT}"
            ));
    }
}

/// 1069: the size of a letter that may be forwarded. The sizes of existing attachments are not known here.
pub(super) fn forwarding(request: &Request, size: u64, list: &mut Findings) {
    if request.correspondence.allow_forwarding == Some(true) && size > FORWARDING_LIMIT {
        list.error(1069, "correspondence.allowForwarding")
            .related(&[LIST])
            .cause(format!("{size} bytes, at most {FORWARDING_LIMIT}"))
            .hint("leave out `allowForwarding`, or make the files smaller");
    }
}

pub(super) fn names(request: &Request, list: &mut Findings) {
    for (index, attachment) in attachments(request).iter().enumerate() {
        name(attachment, format_args!("{LIST}[{index}]."), list);
    }
}

/// 2010, 2013, 2012, 2021: the name of a file. `at` is the path of the attachment, with a dot behind it.
pub(super) fn name(attachment: &Attachment, at: Arguments<'_>, list: &mut Findings) {
    let name = &attachment.file_name;
    let Some(code) = file_name_problem(name) else {
        return;
    };
    let finding = list.error(code, format_args!("{at}fileName"));
    match code {
        2010 => finding.hint("name the file, as in `vedtak.pdf`"),
        2013 => finding
            .message("Altinn does not take files of this type")
            .value(name)
            .hint(format!("Altinn takes {}", FILE_TYPES.join(", "))),
        _ => finding.value(name).hint("give it another name"),
    };
}

/// 1005: one file for each new attachment, matched by its name; 2004: none of them empty or too large.
pub(super) fn files(request: &Request, context: &Context<'_>, list: &mut Findings) {
    let Some(files) = context.new_files else {
        return;
    };
    let attachments = attachments(request);
    if attachments.len() != files.len() {
        let (attachments, files) = (attachments.len(), files.len());
        list.error(1005, LIST)
            .message("there is not one file for each attachment")
            .cause(format!("{attachments} attachments, {files} files"))
            .hint("send new files as a form, or upload them first and name them in `existingAttachments`");
        // With another number of files, names would only repeat the fault.
        return;
    }
    for (index, attachment) in attachments.iter().enumerate() {
        if !is_among(&attachment.file_name, index, files) {
            list.error(1005, format_args!("{LIST}[{index}].fileName"))
                .message("no file has the attachment's name")
                .value(&attachment.file_name)
                .hint("send the files in the order of the attachments and with the same names");
        }
    }
    for (index, file) in files.iter().enumerate() {
        let member = format_args!("{LIST}[{index}].fileName");
        check_size(file.size, FORM_FILE_LIMIT, member, list);
    }
}

/// Checks the local file of the attachment at `index`, which is uploaded by itself. 2004: its size. 2008, found before the upload: a given checksum must be that of
/// its content. A file that is called a PDF and does not begin like one, an image, a page of HTML or another text, cannot be opened by readers: Altinn takes it.
pub fn check_local_file(
    attachment: &Attachment,
    index: usize,
    size: u64,
    md5: &str,
    is_pdf: bool,
) -> Vec<Finding> {
    let mut list = Findings::default();
    let file = format_args!("{LIST}[{index}].file");
    check_size(size, STREAM_FILE_LIMIT, file, &mut list);
    let given = attachment.checksum.as_deref().unwrap_or(md5);
    // A checksum of another length is model validation's.
    if given.len() == md5.len() && given != md5 {
        list.error(2008, format_args!("{LIST}[{index}].checksum"))
            .message("the file does not have this checksum")
            .cause(format!("{} is given, the file has `{md5}`", excerpt(given)))
            .hint(
                "is it the right file? leave the checksum out, and it is worked out from the file",
            );
    }
    let name = &attachment.file_name;
    if !is_pdf && name.to_ascii_lowercase().ends_with(".pdf") {
        let message = "the file does not begin like a PDF, and its name ends in `.pdf`";
        list.advice(file, message)
            .value(name)
            .hint("is it the right file? save it as PDF, or end its name as its format does");
    }
    list.0
}

pub(super) fn expirations(request: &Request, production: bool, list: &mut Findings) {
    for (index, attachment) in attachments(request).iter().enumerate() {
        let at = format_args!("{LIST}[{index}].");
        expiration(attachment, at, production, list);
    }
}

/// 2017: a lifetime of at least 14 days in production, at least 1 day elsewhere.
pub(super) fn expiration(
    attachment: &Attachment,
    at: Arguments<'_>,
    production: bool,
    list: &mut Findings,
) {
    let least = if production { 14 } else { 1 };
    let Some(days) = attachment.expiration_in_days else {
        return;
    };
    if days < least {
        list.error(2017, format_args!("{at}expirationInDays"))
            .cause(format!("{days} days, at least {least}"))
            .hint("choose more days, or leave it out: then it never expires");
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

fn check_size(size: u64, limit: u64, member: impl Display, list: &mut Findings) {
    if size == 0 {
        list.error(2004, member).message("the file is empty");
    } else if size > limit {
        list.error(2004, member)
            .message("the file is too large")
            .cause(format!("{size} bytes, at most {limit}"));
    }
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
        let upload = |size| check_local_file(&Attachment::default(), 0, size, "", true);
        for size in [1, STREAM_FILE_LIMIT] {
            assert_eq!(upload(size), []);
        }
        for size in [0, STREAM_FILE_LIMIT + 1] {
            assert!(upload(size).iter().all(Finding::is_error) && upload(size).len() == 1);
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
        let mut list = Findings::default();
        name(&attachment, format_args!(""), &mut list);
        let found = list.0;
        assert!(found[0].hint.as_ref().unwrap().contains(FILE_TYPES[0]));
        assert_eq!(found[0].cause.as_deref(), Some("`a.odt`"));
    }
}
