//! Resuming a mailing: the flags, the errors when it has changed, and the messages about rows that have left the file.

use crate::journal::Journal;
use crate::manifest;
use crate::report::StateCounts;
use crate::send::{Changes, LeftBehind, SecondLetters, SendError, Summary};
use crate::text::count;
use clap::Args;

use super::check::CheckedMailing;
use super::target::{Destination, Target};
use super::{CliError, Printer};

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ResumeArgs {
    /// Forget an earlier rehearsal first; only in a sandbox of the command's own: what was sent to Altinn is never forgotten
    #[arg(long, conflicts_with_all = ["dry_run", "proof_to"])]
    pub(crate) afresh: bool,
    /// Let letters that were sent keep their text though they would read differently now, and let rows go that were not sent and have left the file; send the rest
    /// as it is now. A row whose letter went to another recipient is not accepted
    #[arg(long)]
    pub(crate) accept_changes: bool,
    /// Try rejected letters again though they have not changed, as when rights were granted since; failed ones always are, reserved ones only with --retry-reserved
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Try letters again whose recipients had reserved against digital letters: they may have lifted that since. Rows that were given out on a paper list are left
    /// out, as those letters are on paper already
    #[arg(long)]
    pub(crate) retry_reserved: bool,
    /// Let so many letters go to recipients who have one of this mailing under a key that has left the recipients file. When there are some without this flag,
    /// or another number of them, the run stops before anything leaves: a spreadsheet that has changed the keys would send every letter twice
    #[arg(long, value_name = "N", value_parser = super::choose::at_least_one)]
    pub(crate) second_letters: Option<u64>,
}

/// Deletes the journal of a rehearsal. That is safe because the letters of a stopped sandbox exist nowhere else; a journal of Altinn is never deleted.
pub(crate) fn forget_rehearsal(target: &Target, printer: Printer) -> Result<(), CliError> {
    // The check that follows reports the problems of the manifest.
    let Ok(loaded) = manifest::load(&target.manifest) else {
        return Ok(());
    };
    let destination = Destination::from_manifest(&loaded.manifest, target.sandbox)?;
    if !matches!(destination, Destination::Sandbox) {
        return Err(CliError::usage(
            format!(
                "--afresh forgets rehearsals only, and this mailing goes to {}",
                destination.name()
            ),
            format!("to rehearse: {} --sandbox --afresh", target.command("send")),
        ));
    }
    let journal = Journal::path(&loaded.folder, &loaded.manifest.mailing, destination.name());
    if Journal::delete(&journal)? {
        printer.note("the earlier rehearsal is forgotten");
    }
    Ok(())
}

/// Turns the error of a run into one with hints for this mailing, when the mailing has changed since its letters were sent.
pub(crate) fn changed_error(
    error: SendError,
    checked: &CheckedMailing,
    target: &Target,
) -> CliError {
    let send = target.command("send");
    let is_rehearsal = matches!(checked.destination, Destination::Sandbox);
    let (message, hint) = match error {
        SendError::SecondLetters(second) if is_rehearsal => {
            let hint = format!("to rehearse afresh: rm {}", checked.journal_path.display());
            (second.to_string(), hint)
        }
        SendError::SecondLetters(second) => {
            let hint = format!(
                "put the earlier keys back; or, when these are to be second letters on purpose: {send} --second-letters {}",
                second.letters
            );
            (second.to_string(), hint)
        }
        SendError::Changed(changes) => {
            let hint = if is_rehearsal {
                // No recipient has a letter of a rehearsal, so its journal may be deleted.
                format!("to rehearse again: {send} --afresh")
            } else if checked.proof.is_some() {
                "these proofs stay as they were sent: any change to the manifest, even to a comment, makes a plan that can be proven anew".to_owned()
            } else {
                change_hint(&changes, target)
            };
            (changes.to_string(), hint)
        }
        error => return error.into(),
    };
    CliError::usage(message, hint)
}

/// Warns about letters that may be second ones, when Altinn has not been asked.
pub(crate) fn print_possible_second_letters(second: &SecondLetters, printer: Printer) {
    if second.letters > 0 {
        printer.warn(format_args!(
            "{second}\n  masked numbers are the same for many persons: a send asks Altinn who got the earlier letters"
        ));
    }
}

fn change_hint(changes: &Changes, target: &Target) -> String {
    let look = changes.rows.first().map_or_else(String::new, |first| {
        let (render, row) = (target.command("render"), first.row);
        format!(
            "to see what it is now: {render} --row {row}, and with --diff OLD what has changed since an earlier output\n         "
        )
    });
    if changes.redirected > 0 {
        return format!(
            "{look}put the earlier recipients back; whoever is to have a letter of this mailing needs a row with a new key.\n         \
             Where keys are running numbers, let `recipients.key` name a column that stays with the recipient"
        );
    }
    format!(
        "{look}put the earlier inputs back; or let the earlier text stand for what was sent, and send the rest as it is now:\n         \
         {} --accept-changes",
        target.command("send")
    )
}

pub(crate) fn print(
    summary: &Summary,
    checked: &CheckedMailing,
    target: &Target,
    printer: Printer,
) {
    let reconciled = &summary.reconciled;
    if reconciled.accepted > 0 {
        printer.note(format_args!(
            "accepted: the earlier text stands for {}",
            count(reconciled.accepted, "letter")
        ));
    }
    if reconciled.held > 0 {
        printer.warn(format_args!(
            "{} may have been sent with another text: left alone until Altinn can tell, at most five minutes after the last try; then run the same command again",
            count(reconciled.held, "letter")
        ));
    }
    if reconciled.dropped > 0 {
        printer.note(format_args!(
            "{} of earlier runs, not sent and not wanted any more: skipped from now on",
            count(reconciled.dropped, "row")
        ));
    }
    print_left_behind(reconciled.left, checked, target, printer);
    let recovered = &summary.recovered;
    if recovered.letters > 0 {
        printer.note(format_args!(
            "{} found at Altinn by key, of which the journal knew nothing: recipients and titles were compared, texts cannot be",
            count(recovered.letters, "letter")
        ));
    }
    if recovered.other_titles > 0 {
        let mut lines = recovered.lines.clone();
        // In the order of the file: letters end in any order.
        lines.sort_unstable();
        let lines: Vec<_> = lines.iter().map(u64::to_string).collect();
        printer.warn(format_args!(
            "{} of them with another title than now (line {}): the earlier letters stand",
            recovered.other_titles,
            lines.join(", ")
        ));
    }
}

fn print_left_behind(
    left: LeftBehind,
    checked: &CheckedMailing,
    target: &Target,
    printer: Printer,
) {
    let rows = checked.mailing.rows_file();
    if left.sent > 0 {
        printer.note(format_args!(
            "{} of earlier runs, sent, not in {} any more: the letters stand",
            count(left.sent, "row"),
            rows.display()
        ));
    }
    let not_sent = left.failed + left.refused + left.untried;
    if not_sent > 0 {
        printer.warn(format_args!(
            "{} of earlier runs, not sent and not in {} any more: put them back to send them, or let them go: {} --accept-changes",
            count(not_sent, "row"),
            rows.display(),
            target.command("send"),
        ));
    }
    if left.unknown > 0 {
        let why = if checked.mailing.resource().is_some() {
            "Altinn has not told yet; the next run asks again"
        } else {
            "with several resources they cannot be looked up: put them back to find out"
        };
        printer.warn(format_args!(
            "{} of earlier runs that may have been sent, without a letter in {} now: {why}",
            count(left.unknown, "row"),
            rows.display(),
        ));
    }
}

/// True when the same command would send or look up more letters.
pub(crate) fn is_outstanding(counts: &StateCounts, left: LeftBehind) -> bool {
    use crate::journal::State::{Failed, InFlight, Pending, Unknown};

    let waiting: u64 = [Pending, InFlight, Unknown]
        .map(|state| counts.in_state(state))
        .iter()
        .sum();
    // Rows that have left the file are not tried again.
    waiting > left.untried || counts.in_state(Failed) > left.failed
}
