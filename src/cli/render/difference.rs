//! `render --diff FILE`: the differences between an earlier output and the letters of now.

use std::collections::HashSet;
use std::path::Path;

use crate::plan::{CheckReport, Delivery, LetterChange, OldRender, RemovedLetter, request_line};
use crate::secret::redact;
use jiff::Timestamp;

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
        let gone = self.earlier.gone(
            |key| letters.contains(&key),
            &mut |RemovedLetter {
                      row,
                      line,
                      reference,
                  }| {
                let reference = redact(&reference);
                printer.out(format_args!("gone: row {row}, line {line}, {reference}"))
            },
        )?;
        printer.out(format_args!(
            "{} changed, {} new, {gone} gone, {} the same",
            self.changed, self.new, self.same
        ))
    }
}
