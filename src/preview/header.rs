//! What a preview's page says of the whole mailing, before its letters.

use jiff::Timestamp;
use serde::Serialize;

use super::format::{counted, local, named, spaced};
use super::sample::PageLetters;
use super::summary::{LanguageCount, MailingSummary, SmsTotals};
use super::warnings::RowWarnings;
use crate::secret::redact;

/// So many dear characters are named.
const NAMED: usize = 5;

/// The mailing a preview is of.
#[derive(Debug, Clone)]
pub struct PageHeader<'a> {
    /// The mailing's name.
    pub mailing: &'a str,
    /// Where it will go.
    pub environment: &'a str,
    /// Whether its letters will reach real people.
    pub in_production: bool,
    /// The resource, when it is the same for all letters.
    pub resource: Option<&'a str>,
    /// The plan's digest.
    pub plan: String,
    /// When the preview was made.
    pub made: Timestamp,
    /// The command that made it.
    pub command: String,
    /// Rows in the file.
    pub rows: u64,
    /// Rows that get no letter, on purpose.
    pub skipped: u64,
}

/// The cover in words.
#[derive(Debug, Serialize)]
pub(super) struct HeaderView<'a> {
    mailing: &'a str,
    environment: &'a str,
    in_production: bool,
    resource: &'a str,
    plan: &'a str,
    made: String,
    command: String,
    rows: String,
    letters: String,
    languages: Vec<LanguageView>,
    sms: Vec<SmsView>,
    warnings: Vec<WarningView<'a>>,
    /// What is on the page, in one sentence.
    shown: String,
    /// The letters on the page, when there are few.
    sample: Vec<SampleView>,
    pub(super) pages: u64,
}

#[derive(Debug, Serialize)]
struct LanguageView {
    name: &'static str,
    code: &'static str,
    letters: String,
}

#[derive(Debug, Serialize)]
struct SmsView {
    what: &'static str,
    parts: String,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct WarningView<'a> {
    message: &'a str,
    rows: String,
}

#[derive(Debug, Serialize)]
struct SampleView {
    row: u64,
    reasons: String,
}

impl<'a> HeaderView<'a> {
    pub(super) fn new(
        cover: &'a PageHeader<'_>,
        summary: &MailingSummary,
        warnings: &'a RowWarnings,
        choice: &PageLetters,
        pages: u64,
    ) -> Self {
        let sample = match choice {
            PageLetters::Sample(sample) => sample
                .iter()
                .map(|(row, reasons)| SampleView {
                    row: *row,
                    reasons: reasons
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", "),
                })
                .collect(),
            PageLetters::Rows { .. } | PageLetters::All => Vec::new(),
        };
        let languages = summary.languages.iter().map(|(language, there)| {
            let LanguageCount { letters, .. } = there;
            LanguageView {
                name: language.name(),
                code: language.code(),
                letters: spaced(*letters),
            }
        });
        let tallies = [
            (["SMS part", "SMS parts"], &summary.sms),
            (
                ["SMS part of reminders", "SMS parts of reminders"],
                &summary.reminders,
            ),
        ];
        let sms = tallies.into_iter().filter(|(_, tally)| tally.letters > 0);
        Self {
            mailing: cover.mailing,
            environment: cover.environment,
            in_production: cover.in_production,
            resource: cover.resource.unwrap_or("not the same for all letters"),
            plan: &cover.plan,
            made: local(cover.made),
            command: redact(&cover.command).into_owned(),
            rows: format!(
                "{}, {} skipped on purpose",
                counted(cover.rows, "row", "rows"),
                spaced(cover.skipped)
            ),
            letters: spaced(summary.letters),
            languages: languages.collect(),
            sms: sms.map(|(what, tally)| SmsView::new(what, tally)).collect(),
            warnings: warnings
                .kinds()
                .map(|(message, rows)| WarningView::new(message, rows))
                .collect(),
            shown: shown(choice, summary.letters),
            sample,
            pages,
        }
    }
}

fn shown(choice: &PageLetters, letters: u64) -> String {
    let (on_page, all) = (choice.count(letters), counted(letters, "letter", "letters"));
    match choice {
        PageLetters::All => format!("All of the mailing's {all}."),
        PageLetters::Sample(_) if on_page == letters => format!("All of the mailing's {all}."),
        PageLetters::Sample(_) => format!(
            "{} of {all}, chosen because each stands for others.",
            spaced(on_page)
        ),
        PageLetters::Rows { .. } => format!(
            "{} of {all}: the rows that were asked for.",
            spaced(on_page)
        ),
    }
}

impl WarningView<'_> {
    fn new(message: &str, rows: u64) -> WarningView<'_> {
        WarningView {
            message,
            rows: if rows == 0 {
                String::new()
            } else {
                counted(rows, "letter", "letters")
            },
        }
    }
}

impl SmsView {
    fn new([one, many]: [&'static str; 2], tally: &SmsTotals) -> Self {
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
            notes.push(dear(tally));
        }
        if tally.tokens > 0 {
            notes.push("Texts with $…$ are counted as written: Altinn puts a name or title there, so the number of parts may differ.".to_owned());
        }
        if tally.generic > 0 {
            notes.push("Altinn's own text stands around the SMS of these letters, so there may be more parts.".to_owned());
        }
        Self {
            what: if tally.parts == 1 { one } else { many },
            parts: spaced(tally.parts),
            notes,
        }
    }
}

/// Which characters make the SMS dear, those in most of them first.
fn dear(tally: &SmsTotals) -> String {
    let mut foreign: Vec<_> = tally.foreign.iter().collect();
    foreign.sort_by_key(|(_, letters)| std::cmp::Reverse(**letters));
    let named: Vec<_> = foreign
        .iter()
        .take(NAMED)
        .map(|(c, letters)| {
            format!(
                "{} in {}",
                named(**c),
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
