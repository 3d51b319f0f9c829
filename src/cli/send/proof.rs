//! `massebrev send --proof-to`: sends the letters of a few rows to one recipient, who approves them before the mailing is sent.

use std::path::Path;

use crate::correspondence::{Recipient, identifier};
use crate::journal::{Journal, JournalError, RowSet, State};
use crate::plan::{self, Proof, Proofs, RowFilter, Selection};
use crate::preview::{MailingSummary, Reason, RowWarnings, sample};
use crate::report::{Report, StateCounts};
use crate::send::{RunEnd, Summary};
use crate::text::count;
use jiff::Timestamp;

use super::SendArgs;
use super::ending::print_ending;
use crate::cli::check::CheckedMailing;
use crate::cli::choose::{choose, rows};
use crate::cli::command_line::TypedCommand;
use crate::cli::proofs::journal_path;
use crate::cli::resume;
use crate::cli::target::{Destination, Target};
use crate::cli::{CliError, ExitStatus, Printer};

/// The largest number of rows that are printed with the reasons for their choice.
const REASONS_LIMIT: usize = 12;

impl SendArgs {
    /// Turns a checked mailing into one of proofs, and prints its rows.
    pub(super) fn prove(
        &self,
        checked: CheckedMailing,
        summary: &MailingSummary,
        to: Recipient,
        printer: Printer,
    ) -> Result<(CheckedMailing, RowFilter), CliError> {
        check_proof_recipient(&to, &checked, printer)?;
        let (wanted, why) = self.sample(&checked, summary, printer)?;
        let proof = Proof::new(checked.check_report.plan, to);
        let mailing = &checked.mailing.manifest().mailing;
        let environment = checked.destination.name();
        let label = proof.label();
        let journal_path = journal_path(checked.mailing.folder(), mailing, &label, environment);
        let mut now = Timestamp::now();
        let (mut checked, mut proven) = (checked, wanted.rows.clone());
        if let Some(earlier) = Journal::peek_began(&journal_path)? {
            // Rendered with the time of the first proofs, so that those already sent read the same and count as sent.
            now = earlier;
            checked = checked.begun_at(earlier)?;
            // Rows of earlier proofs stay among the proven ones: their journal accounts for them.
            proven = proven.with(recorded_rows(&journal_path)?);
        }
        let (mailing, report) = (&checked.mailing, &checked.check_report);
        let proofs =
            plan::prove(mailing, report, proof.clone(), &proven, now).map_err(CliError::Input)?;
        print(&wanted.rows, &proofs, &proof, &why, printer);
        let checked = CheckedMailing {
            check_report: proofs.checked,
            journal_path,
            proof: Some(proof),
            ..checked
        };
        Ok((checked, wanted))
    }

    /// The rows to be proven, and the reasons for their choice as text.
    fn sample(
        &self,
        checked: &CheckedMailing,
        summary: &MailingSummary,
        printer: Printer,
    ) -> Result<(RowFilter, String), CliError> {
        let check_report = &checked.check_report;
        if check_report.letters == 0 {
            return Err(CliError::usage(
                "there is nothing to prove: no row becomes a letter",
                "`where` or `exclude` in the manifest leaves all rows out on purpose",
            ));
        }
        // The choice is fixed as rows, because a limit would choose other rows once some are proven.
        let only = |rows| RowFilter { rows, limit: None };
        if self.rows.is_some() || self.limit.is_some() {
            // Rows that are proven already count as well, so that the same command always means the same letters.
            let chosen = choose(check_report, &self.wanted(), |_| false, printer)?;
            return Ok((only(chosen.rows), String::new()));
        }
        let sample = sample(summary, &RowWarnings::from_problems(&check_report.problems));
        let mut why: Vec<_> = sample.iter().take(REASONS_LIMIT).map(reasons).collect();
        if sample.len() > REASONS_LIMIT {
            why.push("\u{2026}".to_owned());
        }
        Ok((
            only(Selection::from_rows(sample.into_keys())),
            why.join(", "),
        ))
    }
}

fn reasons((row, reasons): (&u64, &Vec<Reason>)) -> String {
    format!("row {row} ({})", reasons.join(", "))
}

/// Checks the recipient of the proofs by the same rules as recipients of letters.
fn check_proof_recipient(
    to: &Recipient,
    checked: &CheckedMailing,
    printer: Printer,
) -> Result<(), CliError> {
    let production = checked.destination.is_production();
    let masked = to.masked();
    let doubt = match to {
        Recipient::Person(_) if production && to.is_synthetic_person() => {
            return Err(CliError::usage(
                format!(
                    "--proof-to {masked}: a synthetic person cannot get a letter in production"
                ),
                "send the proofs to your own organisation, or choose another `environment`",
            ));
        }
        Recipient::Person(_) if !production && !to.is_synthetic_person() => {
            "this may be a real person, outside production"
        }
        Recipient::Organization(number) if !identifier::organization_control_digit_fits(number) => {
            "the control digit of the organisation number does not fit"
        }
        _ => return Ok(()),
    };
    printer.warn(format_args!("warning: --proof-to {masked}: {doubt}"));
    Ok(())
}

/// Prints the end of the run, the place where the proofs can be seen, and the next command; returns the exit status.
pub(super) fn print_outcome(
    target: &Target,
    checked: &CheckedMailing,
    proof: &Proof,
    summary: &Summary,
    report: &Report,
    printer: Printer,
) -> ExitStatus {
    let to = proof.recipient().masked();
    let counts = &report.counts;
    if summary.ended == 0 && matches!(summary.ending, RunEnd::Finished) {
        print_nothing_sent(counts, &to, printer);
    }
    let status = print_ending(target, checked, summary, report, printer);
    if summary.left_out > 0 {
        printer.warn(format_args!(
            "{} of other rows, which earlier runs have not sent: not asked for in this run",
            count(summary.left_out, "proof")
        ));
    }
    if counts.delivered() > 0 {
        printer.note(where_to_look(&checked.destination, &to));
    }
    if status == ExitStatus::Success {
        let command = TypedCommand::new().after_proofs(checked.check_report.plan);
        let look = match checked.destination {
            Destination::Sandbox => "",
            Destination::Altinn(_) => "look at them, then ",
        };
        printer.note(format_args!("next: {look}{command}"));
    } else if resume::is_outstanding(counts, summary.reconciled.left) {
        let again = TypedCommand::new().again();
        let next = shown_command(Some(proof), &again, "run the same command again");
        printer.warn(format_args!("next: {next}"));
    } else if counts.in_state(State::Reserved) > 0 {
        printer.warn(format_args!(
            "next: choose another --proof-to: {to} has reserved against digital letters"
        ));
    } else {
        printer.warn("next: see to what was refused, then run the same command again");
    }
    status
}

fn print_nothing_sent(counts: &StateCounts, to: &str, printer: Printer) {
    let is_refused = counts.attention() > 0;
    let what = if is_refused { "settled" } else { "sent" };
    printer.note(format_args!(
        "nothing was sent: earlier runs have {what} these proofs to {to}"
    ));
    if !is_refused {
        printer.note("a change in the mailing makes another plan, which is proven anew");
    }
}

fn where_to_look(destination: &Destination, to: &str) -> String {
    match destination {
        Destination::Sandbox => format!(
            "in Altinn these proofs would be in the inbox of {to}; this sandbox has ended with the run, and its inbox too"
        ),
        Destination::Altinn(environment) if environment.is_local() => format!(
            "these are proofs: look at them at {}/, where a sandbox has its inbox",
            environment.platform()
        ),
        Destination::Altinn(_) => format!(
            "these are proofs: look at them in Altinn, in the inbox of {to}; it may take some minutes until they are there"
        ),
    }
}

/// A command; described in words when it holds a person's identity number, which is never printed.
pub(super) fn shown_command(proof: Option<&Proof>, command: &TypedCommand, words: &str) -> String {
    match proof.map(Proof::recipient) {
        None | Some(Recipient::Organization(_)) => command.to_string(),
        Some(_) => words.to_owned(),
    }
}

fn recorded_rows(journal: &Path) -> Result<Vec<u64>, JournalError> {
    let mut rows = Vec::new();
    let snapshot = Journal::read(journal)?.snapshot()?;
    snapshot.each(RowSet::Recorded, |recorded| {
        rows.push(recorded.row);
        Ok::<_, JournalError>(())
    })?;
    Ok(rows)
}

/// Prints the rows that are proven, and the parts of their letters that proofs leave out.
fn print(wanted: &Selection, proofs: &Proofs, proof: &Proof, why: &str, printer: Printer) {
    let to = proof.recipient().masked();
    let which = if why.is_empty() {
        rows(wanted)
    } else {
        why.to_owned()
    };
    printer.note(format_args!(
        "proofs to {to}, and to nobody else, of {which}"
    ));
    let withheld = proofs.withheld;
    for (letters, what) in [
        (
            withheld.custom_recipients,
            "custom recipients of the notification",
        ),
        (withheld.dialogs, "reference to a dialog with the recipient"),
    ] {
        if letters > 0 {
            let letters = count(letters, "proof");
            printer.note(format_args!("left out of {letters}: the {what}"));
        }
    }
    if let Some(at) = proofs
        .published
        .filter(|at| at.timestamp() > Timestamp::now())
    {
        printer.warn(format_args!(
            "warning: as the letters, proofs cannot be read before they are published, the last of them {at}: `requestedPublishTime`"
        ));
    }
}
