//! The choice of letters for a preview page: a sample that covers the differences between rows, selected rows, or all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::warnings::RowWarnings;
use super::{MailingSummary, SmsTotals};
use crate::plan::Selection;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageLetters {
    Sample(Sample),
    Rows {
        /// The selected rows, including those that get no letter.
        rows: Selection,
        /// The number of letters among them.
        letters: u64,
    },
    All,
}

/// A reason for a letter to be in the sample, in words.
pub(crate) type Reason = Cow<'static, str>;

/// The rows of a sample, each with the reasons for its choice.
pub(crate) type Sample = BTreeMap<u64, Vec<Reason>>;

/// Chooses a sample that covers the languages, lengths, SMS sizes, optional parts and warnings of the mailing.
pub(crate) fn sample(summary: &MailingSummary, warnings: &RowWarnings) -> Sample {
    let mut sample = Sample::new();
    let mut choose = |row, reason: Reason| sample.entry(row).or_default().push(reason);
    match summary.letters {
        0 => {}
        1 => choose(summary.first, "the only letter".into()),
        _ => {
            choose(summary.first, "first".into());
            choose(summary.last, "last".into());
        }
    }
    if let (Some(longest), Some(shortest)) = (summary.longest, summary.shortest)
        && longest.size > shortest.size
    {
        choose(longest.row, "longest".into());
        choose(shortest.row, "shortest".into());
    }
    if summary.languages.len() > 1 {
        for (language, there) in &summary.languages {
            choose(there.first, format!("first in {}", language.name()).into());
        }
    }
    for SmsTotals { most, fewest, .. } in [&summary.sms, &summary.reminders] {
        // Only a difference makes an example worth showing.
        if let Some(most) = most.filter(|most| most.size > *fewest) {
            choose(most.row, "most SMS parts".into());
        }
    }
    for (part, rows) in &summary.parts {
        if let (Some(with), Some(without)) = (rows.with, rows.without) {
            choose(with, format!("with {part}").into());
            choose(without, format!("without {part}").into());
        }
    }
    for row in warnings.examples() {
        choose(row, "warning".into());
    }
    // A row with several warnings is named once.
    for reasons in sample.values_mut() {
        reasons.dedup();
    }
    sample
}

impl PageLetters {
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
