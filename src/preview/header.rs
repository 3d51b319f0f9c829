//! The header of a preview page: facts and totals of the whole mailing.

use jiff::Timestamp;
use serde::Serialize;

use super::format::describe_character;
use super::sample::PageLetters;
use super::summary::{MailingSummary, SmsTotals};
use super::warnings::RowWarnings;
use crate::correspondence::local_time;
use crate::secret::redact;
use crate::text::{counted, grouped};

/// The largest number of characters outside GSM-7 that are named.
const NAMED: usize = 5;

/// The facts about the mailing, and the command that made the preview.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PageHeader<'a> {
    pub mailing: &'a str,
    pub environment: &'a str,
    /// True when the letters will reach real recipients.
    pub in_production: bool,
    /// `None` when the resource differs between letters.
    pub resource: Option<&'a str>,
    pub plan: String,
    /// When the letters are due, in words.
    pub due: Option<String>,
    #[serde(skip)]
    pub made: Timestamp,
    #[serde(skip)]
    pub command: String,
    #[serde(skip)]
    pub rows: u64,
    /// The number of rows that get no letter because of `where` or `exclude`.
    #[serde(skip)]
    pub skipped: u64,
}

/// The header as the page template sees it.
#[derive(Debug, Serialize)]
pub(super) struct HeaderView<'a> {
    #[serde(flatten)]
    facts: &'a PageHeader<'a>,
    made: String,
    command: String,
    rows: String,
    letters: String,
    languages: Vec<LanguageView>,
    sms: Vec<SmsView>,
    warnings: Vec<WarningView<'a>>,
    /// A sentence that describes the choice of letters.
    shown: String,
    /// Links to the letters of a sample; empty for other choices.
    sample: Vec<SampleView>,
    pub(super) pages: u64,
}

#[derive(Debug, Serialize)]
struct LanguageView {
    name: &'static str,
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
        cover: &'a PageHeader<'a>,
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
                    reasons: reasons.join(", "),
                })
                .collect(),
            PageLetters::Rows { .. } | PageLetters::All => Vec::new(),
        };
        let languages = summary.languages.iter();
        let languages = languages.map(|(language, there)| LanguageView {
            name: language.name(),
            letters: grouped(there.letters),
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
            facts: cover,
            made: local_time(cover.made),
            // A `--key` on the command line may be an identity number.
            command: redact(&cover.command).into_owned(),
            rows: format!(
                "{}, {} skipped on purpose",
                counted(cover.rows, "row", "rows"),
                grouped(cover.skipped)
            ),
            letters: grouped(summary.letters),
            languages: languages.collect(),
            sms: sms.map(|(what, tally)| SmsView::new(what, tally)).collect(),
            warnings: warnings
                .kinds()
                .map(|(message, rows)| WarningView::new(message, rows))
                .collect(),
            shown: choice_sentence(choice, summary.letters),
            sample,
            pages,
        }
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
            notes.push(ucs2_note(tally));
        }
        if tally.tokens > 0 {
            notes.push("Texts with $…$ are counted as written: Altinn puts a name or title there, so the number of parts may differ.".to_owned());
        }
        if tally.generic > 0 {
            notes.push("Altinn's own text stands around the SMS of these letters, so there may be more parts.".to_owned());
        }
        Self {
            what: if tally.parts == 1 { one } else { many },
            parts: grouped(tally.parts),
            notes,
        }
    }
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
