//! The header of a preview page: facts and totals of the whole mailing.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::format::describe_character;
use super::sample::PageLetters;
use super::summary::{MailingSummary, SmsTotals};
use super::warnings::RowWarnings;
use crate::correspondence::local_time;
use crate::plan::{CheckReport, Mailing};
use crate::secret::redact;
use crate::text::{counted, grouped};

/// The largest number of characters outside GSM-7 that are named.
const NAMED: usize = 5;

/// The facts about the mailing, and the command that made the preview.
#[derive(Debug)]
pub(crate) struct PageHeader<'a> {
    pub mailing: &'a Mailing,
    pub check_report: &'a CheckReport,
    pub environment: &'a str,
    pub in_production: bool,
    pub command: String,
}

impl PageHeader<'_> {
    /// The header as the page template sees it; `pages` is the number of sections.
    pub(super) fn view(
        &self,
        summary: &MailingSummary,
        warnings: &RowWarnings,
        choice: &PageLetters,
        pages: u64,
    ) -> Value {
        // Links to the letters of a sample; other choices have none.
        let sample: Value = match choice {
            PageLetters::Sample(sample) => sample
                .iter()
                .map(|(row, reasons)| json!({ "row": row, "reasons": reasons.join(", ") }))
                .collect(),
            PageLetters::Rows { .. } | PageLetters::All => json!([]),
        };
        let languages = summary.languages.iter();
        let languages = languages.map(|(language, there)| json!({ "name": language.name(), "letters": grouped(there.letters) }));
        let tallies = [
            (["SMS part", "SMS parts"], &summary.sms),
            (
                ["SMS part of reminders", "SMS parts of reminders"],
                &summary.reminders,
            ),
        ];
        let sms = tallies.into_iter().filter(|(_, tally)| tally.letters > 0);
        let warnings = warnings.kinds().map(|(message, rows)| {
            let rows = (rows > 0).then(|| counted(rows, "letter", "letters"));
            json!({ "message": message, "rows": rows })
        });
        let report = self.check_report;
        json!({
            "mailing": self.mailing.manifest().mailing,
            "environment": self.environment,
            "in_production": self.in_production,
            "resource": self.mailing.resource(),
            "plan": report.plan.to_string(),
            "due": report.due_text(),
            "made": local_time(Timestamp::now()),
            // A `--key` on the command line may be an identity number.
            "command": redact(&self.command),
            "rows": format!(
                "{}, {} skipped on purpose",
                counted(report.rows, "row", "rows"),
                grouped(report.skipped)
            ),
            "letters": grouped(summary.letters),
            "languages": languages.collect::<Value>(),
            "sms": sms.map(|(what, tally)| sms_view(what, tally)).collect::<Value>(),
            "warnings": warnings.collect::<Value>(),
            "shown": choice_sentence(choice, summary.letters),
            "sample": sample,
            "pages": pages,
        })
    }
}

fn choice_sentence(choice: &PageLetters, letters: u64) -> String {
    let (on_page, all) = (choice.count(letters), counted(letters, "letter", "letters"));
    match choice {
        PageLetters::All => format!("All of the mailing's {all}."),
        PageLetters::Sample(_) if on_page == letters => format!("All of the mailing's {all}."),
        PageLetters::Sample(_) => format!(
            "{} of {all}, chosen because each stands for others.",
            grouped(on_page)
        ),
        PageLetters::Rows { .. } => format!(
            "{} of {all}: the rows that were asked for.",
            grouped(on_page)
        ),
    }
}

fn sms_view([one, many]: [&str; 2], tally: &SmsTotals) -> Value {
    let sms = counted(tally.letters, "letter has an SMS", "letters have an SMS");
    let mut notes = vec![match tally.most {
        Some(most) if most.size > tally.fewest => format!(
            "{sms} of {} to {} parts. Counted once for each letter, as if everybody got one.",
            tally.fewest, most.size
        ),
        _ => format!(
            "{sms} of {}. Counted once for each letter, as if everybody got one.",
            counted(tally.fewest as u64, "part", "parts")
        ),
    }];
    if tally.unicode > 0 {
        notes.push(ucs2_note(tally));
    }
    if tally.tokens > 0 {
        notes.push("Texts with $…$ are counted as written: Altinn puts a name or title there, so the number of parts may differ.".to_owned());
    }
    if tally.generic > 0 {
        notes.push(
            "Altinn's own text stands around the SMS of these letters, so there may be more parts."
                .to_owned(),
        );
    }
    json!({ "what": if tally.parts == 1 { one } else { many }, "parts": grouped(tally.parts), "notes": notes })
}

/// A sentence on the characters that force UCS-2 and so make the SMS dearer, the most frequent first.
fn ucs2_note(tally: &SmsTotals) -> String {
    let mut foreign: Vec<_> = tally.foreign.iter().collect();
    foreign.sort_by_key(|(_, letters)| std::cmp::Reverse(**letters));
    let named: Vec<_> = foreign
        .iter()
        .take(NAMED)
        .map(|(c, letters)| {
            format!(
                "{} in {}",
                describe_character(**c),
                counted(**letters, "letter", "letters")
            )
        })
        .collect();
    let unicode = counted(tally.unicode, "SMS needs", "SMS need");
    format!(
        "{unicode} UCS-2, with 70 characters instead of 160, because of {}.",
        named.join("; ")
    )
}
