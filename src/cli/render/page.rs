//! `massebrev render --text` and `--html`: letters as their recipients see them.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::plan::{RowChoice, Selection};
use crate::preview::{MailingSummary, Page, PageHeader, PageLetters, RowWarnings, sample};
use crate::text::count;
use clap::Args;
use jiff::Timestamp;

use super::check::CheckedMailing;
use super::command_line::TypedCommand;
use super::file::write_whole;
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// The number of letters above which browsers get slow on the page.
const SLOW_PAGE: u64 = 5_000;

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// With --html: every letter, not only a sample of them
    #[arg(long, env = "MASSEBREV_RENDER_ALL", requires = "html", conflicts_with_all = ["key", "limit", "rows"])]
    all: bool,
    /// Write a page for a browser instead: letters, e-mails and SMS as their readers see them, SMS parts counted
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    pub(super) html: Option<PathBuf>,
    /// Print the letters as a person reads them instead
    #[arg(long, conflicts_with_all = ["html", "diff"])]
    pub(super) text: bool,
}

impl PreviewArgs {
    /// Writes the page. `summary` comes from the first pass; `chosen` are the rows the command line names, if it names any.
    pub(crate) fn write_page(
        &self,
        page: &Path,
        target: &Target,
        checked: &CheckedMailing,
        summary: &MailingSummary,
        chosen: Option<RowChoice>,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let warnings = RowWarnings::from_problems(&checked.check_report.problems);
        let choice = match chosen {
            Some(RowChoice { rows, letters, .. }) => PageLetters::Rows { rows, letters },
            None if self.all => PageLetters::All,
            None => PageLetters::Sample(sample(summary, &warnings)),
        };
        write_whole(page, |out| {
            write_letters(checked, summary, &warnings, &choice, out)
        })?;
        let (shown, letters) = (choice.count(summary.letters), summary.letters);
        let languages: Vec<_> = summary
            .languages()
            .map(|(code, letters)| format!("{letters} {code}"))
            .collect();
        let parts = summary.sms.parts + summary.reminders.parts;
        let (page, plan) = (page.display(), checked.check_report.plan);
        printer.note(format_args!(
            "nothing was sent · {page}: {shown} of {} ({}), {} in all · plan {plan}",
            count(letters, "letter"),
            languages.join(", "),
            count(parts, "SMS part"),
        ));
        if shown > SLOW_PAGE {
            printer.note("browsers get slow with so many letters: --limit makes a smaller page");
        }
        let send = target.command("send");
        printer.note(format_args!(
            "next: look at {page}, then {send} --plan {plan}"
        ));
        Ok(ExitStatus::Success)
    }
}

fn write_letters(
    checked: &CheckedMailing,
    summary: &MailingSummary,
    warnings: &RowWarnings,
    choice: &PageLetters,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let check_report = &checked.check_report;
    let cover = PageHeader {
        mailing: &checked.mailing.manifest().mailing,
        environment: checked.destination.name(),
        in_production: checked.destination.is_production(),
        resource: checked.mailing.resource(),
        plan: check_report.plan.to_string(),
        due: check_report.due_text(),
        made: Timestamp::now(),
        command: TypedCommand::new().again().to_string(),
        rows: check_report.rows,
        skipped: check_report.skipped,
    };
    let mut page = Page::open(&cover, summary, warnings, choice, out)?;
    let letters = choice.count(summary.letters);
    // The second pass renders the letters again instead of keeping a million of them in memory.
    let mut deliveries = checked.letters(Selection::all())?;
    // Ends with the last chosen letter: the rows after it need not be rendered.
    while page.written() < letters
        && let Some(delivery) = deliveries.next()
    {
        let delivery = delivery?;
        page.letter(&delivery)?;
    }
    page.close()?;
    Ok(())
}
