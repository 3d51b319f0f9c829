//! `massebrev send --proof-to`: letters of a few rows to somebody who looks at them before the mailing is sent.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use massebrev::correspondence::{Recipient, identifier};
use massebrev::journal::{Journal, JournalError, State};
use massebrev::plan::{Proof, Proofs, RowFilter, Selection};
use massebrev::preview::{MailingSummary, PageLetters, Reason, RowWarnings};
use massebrev::report::{Report, StateCounts};
use massebrev::send::{RunEnd, Summary};

use super::SendArgs;
use super::ending::tell_ending;
use crate::cli::again;
use crate::cli::choose::{choose, rows};
use crate::cli::command_line::{command_after_proofs, command_for_real, same_command};
use crate::cli::connect::Destination;
use crate::cli::prepare::Prepared;
use crate::cli::proofs::journal_path;
use crate::cli::words::count;
use crate::cli::{CliError, ExitStatus, Printer};

/// So many rows are told with why they were chosen.
const TOLD: usize = 12;

impl SendArgs {
    /// Makes a checked mailing one of proofs, and says which.
    pub(super) fn prove(
        &self,
        prepared: Prepared,
        summary: &MailingSummary,
        to: Recipient,
        printer: Printer,
    ) -> Result<(Prepared, RowFilter), CliError> {
        look_at(&to, &prepared, printer)?;
        let (wanted, why) = self.sample(&prepared, summary, printer)?;
        let proof = Proof::new(prepared.checked.plan, to);
        let mailing = &prepared.mailing.manifest().mailing;
        let environment = prepared.destination.name();
        let label = proof.label();
        let journal_path = journal_path(prepared.mailing.folder(), mailing, &label, environment);
        let mut now = Timestamp::now();
        let (mut prepared, mut proven) = (prepared, wanted.rows.clone());
        if let Some(earlier) = Journal::peek_began(&journal_path)? {
            // As they were then: what is sent already must read the same.
            now = earlier;
            prepared = prepared.begun_at(earlier)?;
            proven = proven.with(rows_on_record(&journal_path)?);
        }
        let proofs = prepared
            .mailing
            .prove(&prepared.checked, proof.clone(), &proven, now)
            .map_err(CliError::Input)?;
        tell(&wanted.rows, &proofs, &proof, &why, printer);
        let prepared = Prepared {
            checked: proofs.checked,
            journal_path,
            proof: Some(proof),
            ..prepared
        };
        Ok((prepared, wanted))
    }

    /// The rows that are to be proven, and why.
    fn sample(
        &self,
        prepared: &Prepared,
        summary: &MailingSummary,
        printer: Printer,
    ) -> Result<(RowFilter, String), CliError> {
        let checked = &prepared.checked;
        if checked.letters == 0 {
            return Err(CliError::usage(
                "there is nothing to prove: no row becomes a letter",
                "`where` or `exclude` in the manifest leaves all rows out on purpose",
            ));
        }
        let only = |rows| RowFilter { rows, limit: None };
        if self.rows.is_some() || self.limit.is_some() {
            // Those that were proven already count too: the same command means the same letters.
            let chosen = choose(checked, &self.wanted(), |_| false, printer)?;
            return Ok((only(chosen.rows), String::new()));
        }
        let sample =
            match PageLetters::sample(summary, &RowWarnings::from_problems(&checked.problems)) {
                PageLetters::Sample(sample) => sample,
                PageLetters::Rows { .. } | PageLetters::All => BTreeMap::new(),
            };
        let mut why: Vec<_> = sample.iter().take(TOLD).map(reasons).collect();
        if sample.len() > TOLD {
            why.push("\u{2026}".to_owned());
        }
        Ok((
            only(Selection::from_rows(sample.into_keys())),
            why.join(", "),
        ))
    }
}

fn reasons((row, reasons): (&u64, &Vec<Reason>)) -> String {
    let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
    format!("row {row} ({})", reasons.join(", "))
}

/// What is wrong with who gets the proofs, by the rules for those who get the letters.
fn look_at(to: &Recipient, prepared: &Prepared, printer: Printer) -> Result<(), CliError> {
    let production = prepared.destination.is_production();
    let masked = to.masked();
    match to {
        Recipient::Person(_) if production && to.is_synthetic_person() => Err(CliError::usage(
            format!("--proof-to {masked}: a synthetic person cannot get a letter in production"),
            "send the proofs to your own organisation, or choose another `environment`",
        )),
        Recipient::Person(_) if !production && !to.is_synthetic_person() => {
            printer.warn(format_args!(
                "warning: --proof-to {masked}: this may be a real person, outside production"
            ));
            Ok(())
        }
        Recipient::Organization(number) if !identifier::organization_control_digit_fits(number) => {
            printer.warn(format_args!(
                "warning: --proof-to {masked}: the control digit of the organisation number does not fit"
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Says how the proofs went, how to look at them, and what to type next.
pub(super) fn explain(
    prepared: &Prepared,
    proof: &Proof,
    summary: &Summary,
    report: &Report,
    printer: Printer,
) -> ExitStatus {
    let to = proof.recipient().masked();
    let counts = report.counts();
    if summary.ended == 0 && matches!(summary.ending, RunEnd::Finished) {
        tell_nothing(counts, &to, printer);
    }
    let status = tell_ending(summary, report, printer);
    if summary.left_out > 0 {
        printer.warn(format_args!(
            "{} of other rows, which earlier runs have not sent: not asked for in this run",
            count(summary.left_out, "proof")
        ));
    }
    if counts.delivered() > 0 {
        printer.note(place_to_look(&prepared.destination, &to));
    }
    if status == ExitStatus::Success {
        let command = command_after_proofs(prepared.checked.plan);
        let look = match prepared.destination {
            Destination::Sandbox => "",
            Destination::Altinn(_) => "look at them, then ",
        };
        printer.note(format_args!("next: {look}{command}"));
    } else if again::is_outstanding(counts, summary.reconciled.left) {
        printer.warn(format_args!("next: {}", same_again(proof)));
    } else if counts.in_state(State::Reserved) > 0 {
        printer.warn(format_args!(
            "next: choose another --proof-to: {to} has reserved against digital letters"
        ));
    } else {
        printer.warn("next: see to what was refused, then run the same command again");
    }
    status
}

/// Says why there was nothing to send.
fn tell_nothing(counts: &StateCounts, to: &str, printer: Printer) {
    if counts.attention() > 0 {
        printer.note(format_args!(
            "nothing was sent: earlier runs have settled these proofs to {to}"
        ));
        return;
    }
    printer.note(format_args!(
        "nothing was sent: earlier runs have sent these proofs to {to}"
    ));
    printer.note("a change in the mailing makes another plan, which is proven anew");
}

/// Where the proofs are to be seen.
fn place_to_look(destination: &Destination, to: &str) -> String {
    match destination {
        Destination::Sandbox => format!(
            "in Altinn these proofs would be in the inbox of {to}; this sandbox has ended with the run, and its inbox too"
        ),
        Destination::Altinn(environment) if environment.is_local() => format!(
            "these are proofs: look at them in the sandbox's inbox, {}/",
            environment.platform()
        ),
        Destination::Altinn(_) => format!(
            "these are proofs: look at them in Altinn, in the inbox of {to}; it may take some minutes until they are there"
        ),
    }
}

/// The command that was typed; in words when a person's number stands in it.
pub(super) fn same_again(proof: &Proof) -> String {
    match proof.recipient() {
        Recipient::Organization(_) => same_command(),
        _ => "run the same command again".to_owned(),
    }
}

/// The command that was typed, without `--dry-run`; in words when a person's number stands in it.
pub(super) fn for_real(proof: Option<&Proof>) -> String {
    match proof.map(Proof::recipient) {
        None | Some(Recipient::Organization(_)) => command_for_real(),
        Some(_) => "run the same command without --dry-run".to_owned(),
    }
}

/// The rows that earlier runs have proven, or tried to.
fn rows_on_record(journal: &Path) -> Result<Vec<u64>, JournalError> {
    let journal = Journal::read(journal)?;
    let recorded = journal.recorded()?;
    recorded
        .map(|recorded| Ok(recorded?.row))
        .collect::<Result<_, _>>()
}

/// Which letters go where, and what is not as in the letters themselves.
fn tell(wanted: &Selection, proofs: &Proofs, proof: &Proof, why: &str, printer: Printer) {
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
