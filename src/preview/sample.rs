//! Which letters are worth looking at, and why.

use std::collections::BTreeMap;
use std::fmt;

use super::warnings::RowWarnings;
use super::{MailingSummary, SmsTotals};
use crate::plan::Selection;

/// The letters on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageLetters {
    /// A few that stand for all, with the reasons.
    Sample(BTreeMap<u64, Vec<Reason>>),
    /// Those that were asked for, by their rows.
    Rows {
        /// The rows, with those that get no letter among them.
        rows: Selection,
        /// How many letters they get.
        letters: u64,
    },
    /// All of them.
    All,
}

/// Why a letter was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The mailing's only letter.
    Only,
    /// The first letter.
    First,
    /// The last one.
    Last,
    /// The one with the longest body.
    Longest,
    /// The one with the shortest body.
    Shortest,
    /// The first one in a language, by its English name.
    Language(&'static str),
    /// The one whose SMS has the most parts.
    MostSms,
    /// One with a warning.
    Warning,
}

impl PageLetters {
    /// A few letters that stand for all.
    pub fn sample(summary: &MailingSummary, warnings: &RowWarnings) -> Self {
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
            if let Some(most) = most.filter(|most| most.size > *fewest) {
                choose(most.row, Reason::MostSms);
            }
        }
        for row in warnings.examples() {
            choose(row, Reason::Warning);
        }
        for reasons in sample.values_mut() {
            reasons.dedup();
        }
        Self::Sample(sample)
    }

    /// How many letters there will be on the page, of a mailing with so many.
    pub fn count(&self, letters: u64) -> u64 {
        match self {
            Self::Sample(sample) => sample.len() as u64,
            Self::Rows { letters, .. } => *letters,
            Self::All => letters,
        }
    }

    /// Why a row's letter is on the page; nothing when it is not.
    pub fn reasons(&self, row: u64) -> Option<&[Reason]> {
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
            Self::Warning => f.write_str("warning"),
        }
    }
}
