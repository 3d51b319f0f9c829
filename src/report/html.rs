//! The report as an HTML page, without scripts and without content from the network.

use std::io::Write;

use serde_json::{Value, json};
use tera::{Context, Tera};

use super::format::{meaning, unended};
use super::text::lines;
use super::{Report, ReportError, json};
use crate::correspondence::local_time;
use crate::journal::{RowRecord, RowSet, Run, State};
use crate::text::{counted, grouped};

/// The name of the page template. It ends in `.html`, which turns on Tera's escaping.
const NAME: &str = "report.html";

/// Writes the page. `csv` is the name of the file with all rows, to which the page refers when it cannot show them all.
pub(crate) fn html(
    report: &Report,
    csv: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let failed = |error| ReportError::Page(Box::new(error));
    let mut tera = Tera::new();
    tera.add_raw_template(NAME, include_str!("report.html"))
        .map_err(failed)?;
    let context = Context::from_serialize(&page(report, csv)?).map_err(failed)?;
    let written = tera.render(NAME, &context).map_err(failed)?;
    out.write_all(written.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// What the template shows.
fn page(report: &Report, csv: Option<&str>) -> Result<Value, ReportError> {
    let header = &report.snapshot.header;
    let counts = &report.counts;
    let total = counts.total();
    // `sent` is shown with 0 too: its absence would raise the question.
    let shown = |&(state, count): &(State, u64)| count > 0 || state == State::Sent;
    let bar = counts.iter().filter(shown);
    let bar: Vec<_> = bar
        .map(|(state, count)| format!("{} {state}", grouped(count)))
        .collect();
    let states = counts.iter().filter(shown).map(|(state, count)| {
        json!({
            "name": state.name(),
            "meaning": meaning(report, state),
            "count": grouped(count),
            // The relative width in the bar.
            "weight": count,
            "share": share(count, total),
        })
    });
    let groups = report
        .groups
        .iter()
        .map(|group| json!({ "of": group, "rows": grouped(group.count), "lines": lines(group) }));
    let sent = report.snapshot.rows(RowSet::Sent)?;
    let attention = &report.attention;
    let unlisted = counts.in_state(State::Invalid);
    Ok(json!({
        "mailing": header.mailing,
        "environment": header.environment,
        "resource": header.resource,
        "plan": report.run.as_ref().map_or("", |run| run.plan.as_str()),
        "began": local_time(report.snapshot.began),
        "run": report.run.as_ref().map(|run| ending(report, run)).unwrap_or_default(),
        "in_prod": header.environment == "prod",
        "adds_up": report.adds_up(),
        "summary": summary(report),
        "total": grouped(total),
        "rows_total": grouped(report.rows_total()),
        // The text of the bar for screen readers.
        "bar": bar.join(", "),
        "states": states.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
        // Invalid rows are not in the journal.
        "attention_more": more_rows(counts.attention() - unlisted, attention),
        "attention": rows(attention),
        "sent_more": more_rows(counts.delivered(), &sent),
        "sent": rows(&sent),
        "csv": csv.unwrap_or_default(),
    }))
}

fn rows(lines: &[RowRecord]) -> Vec<Value> {
    let row = |line| json!({ "row": json::RowView(line), "at": local_time(line.last_at) });
    lines.iter().map(row).collect()
}

fn summary(report: &Report) -> String {
    let counts = &report.counts;
    let letters = counts.total() - counts.in_state(State::Skipped);
    let (delivered, letters) = (grouped(counts.delivered()), grouped(letters));
    let mut parts = vec![format!("Altinn has {delivered} of {letters} letters")];
    for (count, one, many) in [
        (counts.attention(), "needs attention", "need attention"),
        (
            counts.in_state(State::Pending),
            "waits for its turn",
            "wait for their turn",
        ),
        (
            counts.in_state(State::Skipped),
            "row is not for this mailing",
            "rows are not for this mailing",
        ),
    ] {
        if count > 0 {
            let what = if count == 1 { one } else { many };
            parts.push(format!("{} {what}", grouped(count)));
        }
    }
    parts.join("; ") + "."
}

fn ending(report: &Report, run: &Run) -> String {
    match &run.ended {
        None => format!(
            "started {}, {}",
            local_time(run.started_at),
            unended(report)
        ),
        Some(ended) => {
            let why = ended.reason.as_ref().map(|reason| format!(": {reason}"));
            format!(
                "{} {}{}",
                ended.how,
                local_time(ended.at),
                why.unwrap_or_default()
            )
        }
    }
}

/// The number of rows that are not shown, in words; `None` for 0.
fn more_rows(count: u64, shown: &[RowRecord]) -> Option<String> {
    let left = count.saturating_sub(shown.len() as u64);
    (left > 0).then(|| counted(left, "row", "rows"))
}

/// Formats a share in percent, rounded down. A part is never shown as 100 %, and a share above zero never as 0 %.
fn share(count: u64, total: u64) -> String {
    // In 128 bits the product cannot overflow.
    let thousandths = u128::from(count) * 1000 / u128::from(total.max(1));
    match thousandths {
        0 if count > 0 => "< 0.1 %".to_owned(),
        _ => format!("{}.{} %", thousandths / 10, thousandths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, html, share};
    use crate::journal::Outcome;
    use crate::report::run::tests::{empty, every_state, reason, row, run, sent};

    fn written(report: &Report, csv: Option<&str>) -> String {
        let mut out = Vec::new();
        html(report, csv, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn what_rows_and_servers_say_is_text_and_nothing_else() {
        let (_folder, journal) = every_state().await;
        let page = written(&Report::from_journal(&journal).unwrap(), None);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<b>&"));
        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(page.contains("&lt;b&gt;&amp;"));
    }

    #[tokio::test]
    async fn the_page_needs_nothing_from_anywhere() {
        let (_folder, journal) = every_state().await;
        let page = written(&Report::from_journal(&journal).unwrap(), None);
        for outside in ["http:", "https:", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains("<html lang=\"en\">"));
    }

    #[tokio::test]
    async fn every_state_and_reason_is_on_the_page() {
        let (_folder, journal) = every_state().await;
        let page = written(&Report::from_journal(&journal).unwrap(), None);
        for text in [
            "vat-2026",
            "skd-mva-varsel",
            "sha256:4be9",
            "2026-11-03 11:01",
            "already-sent",
            "in-flight",
            "1030",
            "lines 5, 6",
            "Altinn has 2 of 9 letters",
            "Every row is accounted for",
        ] {
            assert!(page.contains(text), "{text}");
        }
    }

    #[tokio::test]
    async fn rows_that_do_not_fit_are_counted_and_the_csv_is_named() {
        let (_folder, journal) = empty("many");
        run(&journal, 1_100, 0).await;
        let all = (1..=1_100).map(|number| {
            let journal = &journal;
            let outcome = if number <= 50 {
                sent(u128::from(number))
            } else {
                Outcome::Rejected(reason(Some(1002), "bad"))
            };
            async move { row(journal, number, "x", Some(outcome)).await }
        });
        futures::future::join_all(all).await;
        let report = Report::from_journal(&journal).unwrap();
        let page = written(&report, Some("out/report.csv"));
        assert!(page.contains("50\u{a0}rows more"));
        assert!(page.contains("30\u{a0}rows more"));
        assert!(page.contains("<code>out/report.csv</code>"));
    }

    #[tokio::test]
    async fn a_sum_that_is_wrong_is_said_aloud() {
        let (_folder, journal) = empty("small");
        run(&journal, 0, 0).await;
        row(&journal, 1, "a", Some(sent(1))).await;
        let page = written(&Report::from_journal(&journal).unwrap(), None);
        assert!(page.contains("do not add up"));
    }

    #[test]
    fn an_empty_journal_is_a_page_too() {
        let (_folder, journal) = empty("empty");
        let page = written(&Report::from_journal(&journal).unwrap(), None);
        assert!(page.contains("Nothing has been sent"));
    }

    #[test]
    fn shares_do_not_round_to_all_or_nothing() {
        assert_eq!(share(0, 10), "0.0 %");
        assert_eq!(share(1, 1_000_000), "< 0.1 %");
        assert_eq!(share(999_999, 1_000_000), "99.9 %");
        assert_eq!(share(10, 10), "100.0 %");
        assert_eq!(share(0, 0), "0.0 %");
    }
}
