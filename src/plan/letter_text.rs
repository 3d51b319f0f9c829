//! The check of the letter's own text for constructs that readers see otherwise than they are written.

use std::sync::Arc;

use serde_json::Value;

use super::Mailing;
use super::report_builder::ReportBuilder;
use crate::diagnostic::{Place, Problem, position};
use crate::manifest::Allowance;
use crate::markdown::{Kind, advice};
use crate::template::without_tags;

/// The manifest's member with the body.
const BODY: &str = "/correspondence/content/messageBody";

/// Reports constructs that Altinn or its inbox changes, each once, at its line in the manifest or in the template file.
pub(super) fn check(mailing: &Mailing, report: &mut ReportBuilder<'_>) {
    let Some(body) = mailing.loaded.value.pointer(BODY) else {
        return;
    };
    if let Value::String(text) = body {
        for found in advice(&without_tags(text)) {
            let at = position(text, found.span.start);
            let place = mailing.loaded.place_within(BODY, at.line, at.column);
            report.push(text_problem(mailing, place, found.kind));
        }
    }
    // When rows choose the file, all those are checked that rows did use.
    for file in mailing.templates.files_of(BODY) {
        check_file(mailing, &file, report);
    }
}

fn check_file(mailing: &Mailing, file: &str, report: &mut ReportBuilder<'_>) {
    let Some(source) = mailing.template_source(file) else {
        return;
    };
    for found in advice(&without_tags(source.text())) {
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
