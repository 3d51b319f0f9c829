//! What a preview's page says of the whole mailing, before its letters.

use jiff::Timestamp;
use serde::Serialize;

use super::sample::Choice;
use super::survey::{InLanguage, SmsTally, Survey};
use super::warnings::Warnings;
use super::words::{counted, local, named, spaced};
use crate::secret::redact;

/// So many dear characters are named.
const NAMED: usize = 5;

/// The mailing a preview is of.
#[derive(Debug, Clone)]
pub struct Cover<'a> {
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
pub(super) struct CoverTold<'a> {
    mailing: &'a str,
    environment: &'a str,
    in_production: bool,
    resource: &'a str,
    plan: &'a str,
    made: String,
    command: String,
    rows: String,
    letters: String,
    languages: Vec<LanguageTold>,
    sms: Vec<SmsTold>,
    warnings: Vec<WarningTold<'a>>,
    /// What is on the page, in one sentence.
    shown: String,
    /// The letters on the page, when there are few.
    sample: Vec<SampleTold>,
    pub(super) pages: u64,
}

#[derive(Debug, Serialize)]
struct LanguageTold {
    name: &'static str,
    code: &'static str,
    letters: String,
}

#[derive(Debug, Serialize)]
struct SmsTold {
    what: &'static str,
    parts: String,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct WarningTold<'a> {
    message: &'a str,
    rows: String,
}

#[derive(Debug, Serialize)]
struct SampleTold {
    row: u64,
    reasons: String,
}

impl<'a> CoverTold<'a> {
    pub(super) fn of(
        cover: &'a Cover<'_>,
        survey: &Survey,
        warnings: &'a Warnings,
        choice: &Choice,
        pages: u64,
    ) -> Self {
        let sample = match choice {
            Choice::Sample(sample) => sample
                .iter()
                .map(|(row, reasons)| SampleTold {
                    row: *row,
                    reasons: reasons
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", "),
                })
                .collect(),
            Choice::Rows { .. } | Choice::All => Vec::new(),
        };
        let languages = survey.languages.iter().map(|(language, there)| {
            let InLanguage { letters, .. } = there;
            LanguageTold {
                name: language.name(),
                code: language.code(),
                letters: spaced(*letters),
            }
        });
        let tallies = [
            (["SMS part", "SMS parts"], &survey.sms),
            (
                ["SMS part of reminders", "SMS parts of reminders"],
                &survey.reminders,
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
            letters: spaced(survey.letters),
            languages: languages.collect(),
            sms: sms.map(|(what, tally)| SmsTold::of(what, tally)).collect(),
            warnings: warnings
                .kinds()
                .map(|(message, rows)| WarningTold::of(message, rows))
                .collect(),
            shown: shown(choice, survey.letters),
            sample,
            pages,
        }
    }
}

fn shown(choice: &Choice, letters: u64) -> String {
    let (on_page, all) = (choice.count(letters), counted(letters, "letter", "letters"));
    match choice {
        Choice::All => format!("All of the mailing's {all}."),
        Choice::Sample(_) if on_page == letters => format!("All of the mailing's {all}."),
        Choice::Sample(_) => format!(
            "{} of {all}, chosen because each stands for others.",
            spaced(on_page)
        ),
        Choice::Rows { .. } => format!(
            "{} of {all}: the rows that were asked for.",
            spaced(on_page)
        ),
    }
}

impl WarningTold<'_> {
    fn of(message: &str, rows: u64) -> WarningTold<'_> {
        WarningTold {
            message,
            rows: if rows == 0 {
                String::new()
            } else {
                counted(rows, "letter", "letters")
            },
        }
    }
}

impl SmsTold {
    fn of([one, many]: [&'static str; 2], tally: &SmsTally) -> Self {
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
fn dear(tally: &SmsTally) -> String {
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
