//! The choice of letters for a preview page: a sample that covers the differences between rows, selected rows, or all.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::warnings::RowWarnings;
use super::{MailingSummary, SmsTotals};
use crate::plan::Selection;

/// The letters of a preview page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageLetters {
    /// A sample: its rows, each with the reasons for its choice.
    Sample(BTreeMap<u64, Vec<Reason>>),
    /// The rows that the command line selects.
    Rows {
        /// The selected rows, including those that get no letter.
        rows: Selection,
        /// The number of letters among them.
        letters: u64,
    },
    All,
}

/// A reason for a letter to be in the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Only,
    First,
    Last,
    /// The longest body, in UTF-16 units.
    Longest,
    Shortest,
    /// The first letter in a language, given by its English name.
    Language(&'static str),
    MostSms,
    /// The first letter with a part that others lack.
    With(Cow<'static, str>),
    /// The first letter without a part that others have.
    Without(Cow<'static, str>),
    Warning,
}

impl PageLetters {
    /// Chooses a sample that covers the languages, lengths, SMS sizes, optional parts and warnings of the mailing.
    pub(crate) fn sample(summary: &MailingSummary, warnings: &RowWarnings) -> Self {
        let mut sample: BTreeMap<u64, Vec<Reason>> = BTreeMap::new();
        let mut choose = |row, reason| sample.entry(row).or_default().push(reason);
        match summary.letters {
            0 => {}
            1 => choose(summary.first, Reason::Only),
            _ => {
                choose(summary.first, Reason::First);
                choose(summary.last, Reason::Last);
            }
        }
        if let (Some(longest), Some(shortest)) = (summary.longest, summary.shortest)
            && longest.size > shortest.size
        {
            choose(longest.row, Reason::Longest);
            choose(shortest.row, Reason::Shortest);
        }
        if summary.languages.len() > 1 {
            for (language, there) in &summary.languages {
                choose(there.first, Reason::Language(language.name()));
            }
        }
        for SmsTotals { most, fewest, .. } in [&summary.sms, &summary.reminders] {
            // Only a difference makes an example worth showing.
            if let Some(most) = most.filter(|most| most.size > *fewest) {
                choose(most.row, Reason::MostSms);
            }
        }
        for (part, rows) in &summary.parts {
            if let (Some(with), Some(without)) = (rows.with, rows.without) {
                choose(with, Reason::With(part.clone()));
                choose(without, Reason::Without(part.clone()));
            }
        }
        for row in warnings.examples() {
            choose(row, Reason::Warning);
        }
        // A row with several warnings is named once.
        for reasons in sample.values_mut() {
            reasons.dedup();
        }
        Self::Sample(sample)
    }

    /// The number of letters on the page of a mailing with `letters` letters.
    pub(crate) fn count(&self, letters: u64) -> u64 {
        match self {
            Self::Sample(sample) => sample.len() as u64,
            Self::Rows { letters, .. } => *letters,
            Self::All => letters,
        }
    }

    /// The reasons for a row's letter to be on the page; `None` when it is not.
    pub(crate) fn reasons(&self, row: u64) -> Option<&[Reason]> {
        match self {
            Self::Sample(sample) => sample.get(&row).map(Vec::as_slice),
            Self::Rows { rows, .. } => rows.contains(row).then_some(&[]),
            Self::All => Some(&[]),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => f.write_str("the only letter"),
            Self::First => f.write_str("first"),
            Self::Last => f.write_str("last"),
            Self::Longest => f.write_str("longest"),
            Self::Shortest => f.write_str("shortest"),
            Self::Language(name) => write!(f, "first in {name}"),
            Self::MostSms => f.write_str("most SMS parts"),
            Self::With(part) => write!(f, "with {part}"),
            Self::Without(part) => write!(f, "without {part}"),
            Self::Warning => f.write_str("warning"),
        }
    }
}
