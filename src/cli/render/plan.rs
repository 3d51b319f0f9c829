//! `render --diff sha256:…`: the inputs that differ from those of an earlier plan.

use std::path::Path;

use crate::plan::Digest;
use crate::send::{ChangedInput, changed_inputs};

use crate::cli::check::{CheckedMailing, earlier_runs};
use crate::cli::target::Target;
use crate::cli::{CliError, Printer};

/// Parses the digest that `--diff` may name instead of a file; an existing file of that name wins.
pub(super) fn digest(old: &Path) -> Option<Digest> {
    let digest = old.to_str()?.parse().ok()?;
    (!old.exists()).then_some(digest)
}

/// Compares the plans. The changed inputs are known only when the latest run in the journal had the old plan, because a digest cannot be taken apart.
pub(super) fn compare(
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
