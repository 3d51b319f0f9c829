//! `massebrev render --html`: letters as their recipients see them, on a page.

use std::io::Write;
use std::path::Path;

use crate::plan::{RowChoice, Selection};
use crate::preview::{MARK, MailingSummary, Page, PageHeader, PageLetters, RowWarnings, sample};
use crate::text::count;

use super::RenderArgs;
use crate::cli::check::CheckedMailing;
use crate::cli::command_line::TypedCommand;
use crate::cli::file::{refuse_foreign, write_whole};
use crate::cli::{CliError, ExitStatus, Printer};

/// The number of letters above which browsers get slow on the page.
const SLOW_PAGE: u64 = 5_000;

impl RenderArgs {
    /// Writes the page: the first pass counts and chooses, the second one writes.
    pub(super) fn write_page(&self, page: &Path, printer: Printer) -> Result<ExitStatus, CliError> {
        refuse_foreign(page, "preview", |head| head.contains(MARK))?;
        let mut summary = MailingSummary::default();
        let each = &mut |delivery: &_| summary.add(delivery);
        let checked = CheckedMailing::check(&self.target, printer, None, false, each)?;
        let warnings = RowWarnings::from_problems(&checked.check_report.problems);
        let choice = if self.key.is_some() || self.rows.is_some() || self.limit.is_some() {
            let RowChoice { rows, letters, .. } = self.choose(&checked, printer)?;
            PageLetters::Rows { rows, letters }
        } else if self.all {
            PageLetters::All
        } else {
            PageLetters::Sample(sample(&summary, &warnings))
        };
        write_whole(page, |out| {
            write_letters(&checked, &summary, &warnings, &choice, out)
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
        let send = self.target.command("send");
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
    let cover = PageHeader {
        mailing: &checked.mailing,
        check_report: &checked.check_report,
        environment: checked.destination.name(),
        in_production: checked.destination.is_production(),
        command: TypedCommand::new().again().to_string(),
    };
    let mut page = Page::open(&cover, summary, warnings, choice, out)?;
    // The second pass renders the letters again instead of keeping a million of them in memory.
    let mut deliveries = checked.letters(Selection::all())?;
    // Ends with the last chosen letter: the rows after it need not be rendered.
    while !page.is_full()
        && let Some(delivery) = deliveries.next()
    {
        let delivery = delivery?;
        page.letter(&delivery)?;
    }
    page.close()?;
    Ok(())
}
