//! `render --diff`: the differences between an earlier output and the letters of now, or the inputs that differ from those of an earlier plan.

use std::collections::HashSet;
use std::path::Path;

use crate::plan::{
    CheckReport, Delivery, Digest, LetterChange, OldRender, RemovedLetter, request_line,
};
use crate::secret::redact;
use crate::send::{ChangedInput, changed_inputs};
use jiff::Timestamp;

use crate::cli::check::{CheckedMailing, earlier_runs};
use crate::cli::target::Target;
use crate::cli::{CliError, Printer};

pub(super) struct Difference {
    earlier: OldRender,
    printer: Printer,
    /// A buffer for the letter of now as a request line, reused from letter to letter.
    line: Vec<u8>,
    new: u64,
    changed: u64,
    same: u64,
}

impl Difference {
    pub(super) fn open(earlier: &Path, printer: Printer) -> Result<Self, CliError> {
        Ok(Self {
            earlier: OldRender::open(earlier)?,
            printer,
            line: Vec::new(),
            new: 0,
            changed: 0,
            same: 0,
        })
    }

    pub(super) fn now(&self) -> Option<Timestamp> {
        self.earlier.now()
    }

    pub(super) fn show(
        &mut self,
        delivery: &Delivery,
        check_report: &CheckReport,
    ) -> Result<(), CliError> {
        self.line.clear();
        request_line::write(delivery, check_report, &mut self.line).map_err(CliError::Stdout)?;
        let Delivery { row, line, .. } = delivery;
        // Without a key column the name of a row is its recipient, which may be an identity number.
        let name = redact(&delivery.name);
        match self.earlier.compare(&self.line)? {
            LetterChange::Same => self.same += 1,
            LetterChange::New => {
                self.new += 1;
                self.printer
                    .out(format_args!("new: row {row}, line {line}, {name}"))?;
            }
            LetterChange::Changed(difference) => {
                self.changed += 1;
                self.printer.out(format_args!(
                    "changed: row {row}, line {line}, {name}\n{difference}"
                ))?;
            }
        }
        Ok(())
    }

    /// Prints the letters that are gone, and the counts. A letter that still exists but was not selected is not gone.
    pub(super) fn finish(mut self, check_report: &CheckReport) -> Result<(), CliError> {
        let letters: HashSet<u64> = check_report.letter_heads().map(|(key, _)| key).collect();
        let printer = self.printer;
        let mut gone: u64 = 0;
        for letter in self.earlier.gone(|key| letters.contains(&key)) {
            let RemovedLetter {
                row,
                line,
                reference,
            } = letter?;
            let reference = redact(&reference);
            printer.out(format_args!("gone: row {row}, line {line}, {reference}"))?;
            gone += 1;
        }
        printer.out(format_args!(
            "{} changed, {} new, {gone} gone, {} the same",
            self.changed, self.new, self.same
        ))
    }
}

/// Parses the digest that `--diff` may name instead of a file; an existing file of that name wins.
pub(super) fn digest(old: &Path) -> Option<Digest> {
    let digest = old.to_str()?.parse().ok()?;
    (!old.exists()).then_some(digest)
}

/// Compares the plans. The changed inputs are known only when the latest run in the journal had the old plan, because a digest cannot be taken apart.
pub(super) fn compare_plans(
    old: Digest,
    checked: &CheckedMailing,
    target: &Target,
    printer: Printer,
) -> Result<(), CliError> {
    let now = checked.check_report.plan;
    if old == now {
        return printer.out(format_args!("the plan is the same: {now}"));
    }
    printer.out(format_args!("the plan was {old}"))?;
    printer.out(format_args!("and is now   {now}"))?;
    match changed(old, checked)? {
        Some(changed) => {
            for input in changed {
                printer.out(format_args!("changed: {input}"))?;
            }
        }
        None => printer.note(format_args!(
            "a digest does not say what it was made of: keep an output of `{}`, and give that as --diff to see what changes in which letters",
            target.command("render")
        )),
    }
    Ok(())
}

/// The inputs that differ from those of the latest run; `None` when that run had another plan, or there is none.
fn changed(old: Digest, checked: &CheckedMailing) -> Result<Option<Vec<ChangedInput>>, CliError> {
    let Some(journal) = earlier_runs(&checked.journal_path)? else {
        return Ok(None);
    };
    let latest = journal.run()?;
    if latest.is_none_or(|run| run.plan != old.to_string()) {
        return Ok(None);
    }
    Ok(changed_inputs(&journal, &checked.check_report)?)
}
