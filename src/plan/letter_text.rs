//! The check of the letter's own text for constructs that readers see otherwise than they are written.

use std::sync::Arc;

use serde_json::Value;

use super::Mailing;
use super::mailing::place_in_template;
use super::report_builder::ReportBuilder;
use crate::diagnostic::{Problem, Severity, Source};
use crate::manifest::Allowance;
use crate::markdown::{Kind, advice};
use crate::template::without_tags;

const BODY: &str = "/correspondence/content/messageBody";

/// Reports constructs that Altinn or its inbox changes, each once, at its line in the manifest or in the template file. When rows choose the file, all those are checked
/// that rows did use.
pub(super) fn check(mailing: &Mailing, report: &mut ReportBuilder<'_>) {
    let allowed = mailing.manifest().allow.contains(&Allowance::StruckThrough);
    let templates = &mailing.templates;
    let body = mailing.loaded.value.pointer(BODY).and_then(Value::as_str);
    let body = body.map(|text| Arc::new(Source::new("", text)));
    let files = templates.files_of(BODY).into_iter();
    let files = files.filter_map(|file| templates.source(&file));
    for source in body.into_iter().chain(files) {
        for found in advice(&without_tags(source.text())) {
            let place = place_in_template(&mailing.loaded, BODY, &source, &found.span);
            // Text that is struck through is shown as valid text: its meaning turns into the opposite. Only the sender can accept that.
            let severity = match found.kind {
                Kind::StruckThrough if !allowed => Severity::Error,
                _ => Severity::Warning,
            };
            let problem = Problem::new(severity, place, found.kind.message());
            report.push(problem.with_hint(found.kind.hint()));
        }
    }
}
