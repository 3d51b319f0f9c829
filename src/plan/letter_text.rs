//! The check of the letter's own text for constructs that readers see otherwise than they are written.

use std::sync::Arc;

use serde_json::Value;

use super::Mailing;
use super::report_builder::ReportBuilder;
use crate::diagnostic::{Place, Problem, position};
use crate::manifest::Allowance;
use crate::markdown::{Kind, advice};

/// The manifest's member with the body.
const BODY: &str = "/correspondence/content/messageBody";

/// Reports constructs that Altinn or its inbox changes, each once, at its line in the manifest or in the template file.
pub(super) fn check(mailing: &Mailing, report: &mut ReportBuilder<'_>) {
    let Some(body) = mailing.loaded.value.pointer(BODY) else {
        return;
    };
    match body {
        Value::String(text) => {
            for found in advice(text) {
                let at = position(text, found.span.start);
                let place = mailing.loaded.place_within(BODY, at.line, at.column);
                report.push(text_problem(mailing, place, found.kind));
            }
        }
        body => {
            let Some(path) = body.get("file").and_then(Value::as_str) else {
                return;
            };
            let files = mailing.templates.files_read();
            // The path may be a template: all files that it can stand for and that rows did use are checked.
            for file in files.iter().filter(|file| is_named_by(path, file)) {
                check_file(mailing, file, report);
            }
        }
    }
}

fn check_file(mailing: &Mailing, file: &str, report: &mut ReportBuilder<'_>) {
    let Some(source) = mailing.template_source(file) else {
        return;
    };
    for found in advice(source.text()) {
        let place = Place::Source {
            source: Arc::clone(&source),
            span: found.span,
        };
        report.push(text_problem(mailing, place, found.kind));
    }
}

fn text_problem(mailing: &Mailing, place: Place, kind: Kind) -> Problem {
    let allowed = mailing.manifest().allow.contains(&Allowance::StruckThrough);
    // Text that is struck through is shown as valid text: its meaning turns into the opposite. Only the sender can accept that.
    let problem = if kind == Kind::StruckThrough && !allowed {
        Problem::error(place, kind.message())
    } else {
        Problem::warning(place, kind.message())
    };
    problem.with_hint(kind.hint())
}

/// True when a path with tags, as `letter.{{ Språk }}.md`, can render to a file's path.
fn is_named_by(pattern: &str, file: &str) -> bool {
    let mut rest = file.trim_start_matches("./");
    let mut is_first = true;
    let mut pieces = pattern;
    // The literal pieces between tags must occur in this order: the first at the start, the last at the end.
    loop {
        let start = pieces.find("{{").or_else(|| pieces.find("{%"));
        let (piece, tag) = pieces.split_at(start.unwrap_or(pieces.len()));
        let piece = piece.trim_start_matches("./");
        let found = if is_first {
            rest.starts_with(piece).then_some(0)
        } else {
            rest.find(piece)
        };
        let Some(at) = found else {
            return false;
        };
        if tag.is_empty() {
            return if is_first {
                rest == piece
            } else {
                rest.ends_with(piece)
            };
        }
        rest = &rest[at + piece.len()..];
        let end = tag.find("}}").or_else(|| tag.find("%}"));
        pieces = end.map_or("", |end| &tag[end + 2..]);
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::is_named_by;

    #[test]
    fn files_of_rows_are_known_by_their_pattern() {
        for (pattern, file, named) in [
            ("letter.md", "letter.md", true),
            ("./letter.md", "letter.md", true),
            ("letter.md", "sms.md", false),
            ("letter.{{ Språk }}.md", "letter.nb.md", true),
            ("letter.{{ Språk }}.md", "letter.nb.txt", false),
            ("{{ Fil }}", "brev/a.md", true),
            ("brev/{{ a }}/{{ b }}.md", "brev/x/y.md", true),
            ("brev/{{ a }}.md", "sms/x.md", false),
        ] {
            assert_eq!(is_named_by(pattern, file), named, "{pattern} {file}");
        }
    }
}
