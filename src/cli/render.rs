//! `massebrev render`: prints the letters without sending them.

mod difference;
mod page;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::plan::{RowChoice, RowFilter, Selection, request_line, rows_with_key};
use crate::preview;
use crate::secret::redact;
use crate::text::count;
use clap::Args;

use self::difference::Difference;
use super::check::CheckedMailing;
use super::choose::{at_least_one, choose};
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// Print the exact request of every row, one JSON object a line; nothing is sent.
///
/// Every row is checked before the first line is printed: what is printed is what `send` would send, and a mailing with errors prints nothing. `body` is what
/// goes over the wire, byte for byte; the ids of files with `uploadedFirst` are put in front of its `existingAttachments` when they are known. A letter with
/// files of its own goes to the path that ends with `/upload`, as a form: its fields are the members of `body`, its files follow. Recipients are shown in full.
///
/// `plan sha256:…` names what was rendered: the bytes of the manifest, the rows, the exclusions, and every template and attachment that the rows use, wherever
/// they lie; `send --plan` sends nothing else. The letters themselves are not part of it, because `now()` is the day of the first send: what is counted from it
/// moves until then, and an approval stays good as long as nobody changes a file.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    target: Target,
    /// Instead of the requests, show what has changed since OLD, an earlier output of `massebrev render`: rows that are new or gone, and how the others' requests differ,
    /// identity numbers masked. OLD may also be a plan, as `sha256:…`: then it is only said which inputs differ from those of the latest run with that plan. `now()` is what it was in OLD, as long as nothing has been sent. The exit status is 0 whether there are differences or not
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,
    /// Only the row with this key of its own
    #[arg(
        long,
        value_name = "KEY",
        env = "MASSEBREV_RENDER_KEY",
        conflicts_with = "rows"
    )]
    key: Option<String>,
    /// At most so many letters
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<u64>,
    /// With --html: every letter, not only a sample of them
    #[arg(long, env = "MASSEBREV_RENDER_ALL", requires = "html", conflicts_with_all = ["key", "limit", "rows"])]
    all: bool,
    /// Write a page for a browser instead: letters, e-mails and SMS as their readers see them, SMS parts counted
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    html: Option<PathBuf>,
    /// Print the letters as a person reads them instead
    #[arg(long, conflicts_with_all = ["html", "diff"])]
    text: bool,
    /// Only these rows, as in 5,10-20,30-; the first row after the header is 1
    #[arg(long, visible_alias = "row", value_name = "ROWS")]
    rows: Option<Selection>,
}

impl RenderArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        if let Some(page) = &self.html {
            return self.write_page(page, printer);
        }
        if let Some(old) = self.diff.as_deref().and_then(difference::digest) {
            let checked = CheckedMailing::check(&self.target, printer, None, false, &mut |_| ())?;
            difference::compare_plans(old, &checked, &self.target, printer)?;
            return Ok(ExitStatus::Success);
        }
        // The earlier output is opened first: an unusable one is reported before a million rows are checked.
        let difference = self.diff.as_deref();
        let difference = difference.map(|old| Difference::open(old, printer));
        let mut difference = difference.transpose()?;
        // Not through the printer, which would remove escape sequences that a request may hold.
        let mut out: Box<dyn Write> = if self.text {
            Box::new(anstream::stdout().lock())
        } else {
            Box::new(BufWriter::with_capacity(64 * 1024, io::stdout()))
        };
        // A different `now()` would change every letter with a date and hide the real changes.
        let then = difference.as_ref().and_then(Difference::now);
        let checked = CheckedMailing::check(&self.target, printer, then, false, &mut |_| ())?;
        let report = &checked.check_report;
        let chosen = self.choose(&checked, printer)?;
        let limit = usize::try_from(chosen.letters).unwrap_or(usize::MAX);
        for delivery in checked.letters(chosen.rows)?.take(limit) {
            let delivery = delivery?;
            let written = match &mut difference {
                Some(difference) => {
                    difference.show(&delivery, report)?;
                    continue;
                }
                None if self.text => out.write_all(preview::text(&delivery).as_bytes()),
                None => request_line::write(&delivery, report, &mut out),
            };
            written.map_err(CliError::Stdout)?;
        }
        match difference {
            Some(difference) => difference.finish(report)?,
            None => out.flush().map_err(CliError::Stdout)?,
        }
        if self.text
            && let Some(due) = report.due_text()
        {
            printer.note(format_args!("due {due}"));
        }
        printer.note(format_args!(
            "nothing was sent · {} rendered · plan {}",
            count(chosen.letters, "letter"),
            report.plan
        ));
        printer.note(format_args!(
            "next: {} --plan {}",
            self.target.command("send"),
            report.plan
        ));
        Ok(ExitStatus::Success)
    }

    fn choose(&self, checked: &CheckedMailing, printer: Printer) -> Result<RowChoice, CliError> {
        let rows = match &self.key {
            Some(key) => {
                let found = rows_with_key(&checked.mailing, key);
                let found = found.map_err(CliError::Input)?;
                if found.is_empty() {
                    return Err(no_such_key(key, checked));
                }
                found
            }
            None => self.rows.clone().unwrap_or_else(Selection::all),
        };
        let wanted = RowFilter {
            rows,
            limit: self.limit,
        };
        // Earlier runs do not matter: rows that were sent are rendered too.
        choose(&checked.check_report, &wanted, |_| false, printer)
    }
}

fn no_such_key(key: &str, checked: &CheckedMailing) -> CliError {
    let column = checked.mailing.manifest().recipients.key.as_deref();
    CliError::usage(
        format!("no row has the key {}", redact(key)),
        match column {
            Some(column) => format!("the keys are in the column `{column}`"),
            None => {
                "without `recipients.key` in the manifest, a row's key is its recipient".to_owned()
            }
        },
    )
}
