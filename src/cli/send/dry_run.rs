//! `massebrev send --dry-run`: everything a send does before it opens a connection.

use crate::preview;
use crate::send::{SendError, possible_second_letters, refuse_changed};
use crate::text::count;

use super::{SendArgs, SendPlan, proof};
use crate::cli::auth::Credentials;
use crate::cli::check::CheckedMailing;
use crate::cli::command_line::TypedCommand;
use crate::cli::confirm::question;
use crate::cli::resume;
use crate::cli::target::Destination;
use crate::cli::{CliError, ExitStatus, Printer};

impl SendArgs {
    pub(super) fn dry_run(&self, printer: Printer) -> Result<ExitStatus, CliError> {
        let plan = self.plan_run(printer)?;
        let CheckedMailing {
            mailing,
            check_report,
            ..
        } = &plan.checked;
        let (journal, accepts) = (plan.journal.as_ref(), self.resume.accept_changes);
        refuse_changed(journal, mailing, check_report, &plan.resume, accepts)
            .map_err(|error| resume::changed_error(error, &plan.checked, &self.target))?;
        self.refuse_second_letters(&plan, printer)?;
        let bytes = render(&plan, printer)?;
        self.print_plan(&plan, bytes, printer)?;
        let command = proof::shown_command(
            plan.checked.proof.as_ref(),
            &TypedCommand::new().without_dry_run(),
            "run the same command without --dry-run",
        );
        printer.note(format_args!("to send: {command}"));
        Ok(ExitStatus::Success)
    }

    fn print_plan(&self, plan: &SendPlan, bytes: u64, printer: Printer) -> Result<(), CliError> {
        let SendPlan {
            checked, chosen, ..
        } = plan;
        let check_report = &checked.check_report;
        printer.out("nothing is sent, and nobody is asked for anything")?;
        if let Some(missing) = self.missing_setup(checked, printer) {
            printer.out(format_args!("before a send, this is missing: {missing}"))?;
        }
        if let Some(question) = question(checked, chosen, self.yes, self.expect) {
            printer.out(format_args!("a send would ask: {question}"))?;
        }
        if chosen.letters > 0 {
            for file in &check_report.shared {
                printer.out(format_args!(
                    "a send would first upload {}, {}, if no earlier run has",
                    file.attachment.file_name,
                    count(file.file.size, "byte")
                ))?;
            }
        }
        printer.out(format_args!(
            "a send would send {} to {}, {} of requests",
            count(chosen.letters, checked.noun()),
            checked.destination.name(),
            count(bytes, "byte"),
        ))?;
        printer.out(format_args!(
            "settled by earlier runs: {} · left out on purpose: {} · skipped: {}",
            chosen.settled, chosen.left_out, check_report.skipped
        ))
    }

    /// Refuses second letters as a send does, as far as they can be found without asking Altinn.
    fn refuse_second_letters(&self, plan: &SendPlan, printer: Printer) -> Result<(), CliError> {
        let checked = &plan.checked;
        if checked.proof.is_some() {
            return Ok(());
        }
        let second = possible_second_letters(
            plan.journal.as_ref(),
            &checked.mailing,
            &checked.check_report,
            &plan.resume,
            &plan.wanted.rows,
        )?;
        if second.letters == 0 || self.resume.second_letters == Some(second.letters) {
            return Ok(());
        }
        // Only Altinn could tell for certain, and a dry run does not ask, so this is no refusal.
        if second.possibly {
            resume::print_possible_second_letters(&second, printer);
            return Ok(());
        }
        let refused = SendError::SecondLetters(Box::new(second));
        Err(resume::changed_error(refused, checked, &self.target))
    }

    /// Returns the error that would keep a send from reaching Altinn. A dry run does not fail because of it: its user may not have the key.
    fn missing_setup(&self, checked: &CheckedMailing, printer: Printer) -> Option<String> {
        let Destination::Altinn(environment) = &checked.destination else {
            return None;
        };
        let credentials = Credentials::Given(&self.auth);
        let client = credentials.connect(&checked.mailing, environment, self.concurrency, printer);
        client.err().map(|error| error.one_line())
    }
}

/// Renders the letters as a send does, and returns the total size of their requests in bytes. Proofs are printed as their reader will see them.
fn render(plan: &SendPlan, printer: Printer) -> Result<u64, CliError> {
    let mut bytes = 0;
    for delivery in plan.checked.letters(plan.chosen.rows.clone())? {
        let delivery = delivery?;
        // Rows are numbered from 1, positions in the journal's state from 0.
        if !usize::try_from(delivery.row - 1).is_ok_and(|position| plan.resume.passes(position)) {
            bytes += delivery.body(&[]).map_err(SendError::Json)?.len() as u64;
            if plan.checked.proof.is_some() {
                printer.out(preview::text(&delivery).trim_end())?;
            }
        }
    }
    Ok(bytes)
}
