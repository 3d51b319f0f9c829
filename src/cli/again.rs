//! Sending again what was sent before: what a changed mailing is told, and what is left of earlier files.

use clap::Args;
use massebrev::report::StateCounts;
use massebrev::send::{Changes, LeftBehind, SendError, Summary};

use super::connect::Destination;
use super::prepare::Prepared;
use super::target::Target;
use super::words::count;
use super::{CliError, Printer};

/// How a run goes on with what earlier ones have left.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct AgainArgs {
    /// Let letters that were sent keep their text though they would read differently now, and let rows go that were not sent and have left the file; send the rest
    /// as it is now
    #[arg(long, env = "MASSEBREV_ACCEPT_CHANGES")]
    pub(crate) accept_changes: bool,
    /// Try rejected letters again though they have not changed, as when rights were granted since; failed ones always are, reserved ones never: they may be on paper
    /// already
    #[arg(long, env = "MASSEBREV_RETRY_FAILED")]
    pub(crate) retry_failed: bool,
}

/// Why the run cannot go on, with the commands for this mailing.
pub(crate) fn refused(error: SendError, prepared: &Prepared, target: &Target) -> CliError {
    let SendError::Changed(changes) = error else {
        return error.into();
    };
    let hint = match &prepared.destination {
        Destination::Altinn(_) if prepared.proof.is_some() => {
            "these proofs stay as they were sent: any change to the manifest, even to a comment, makes a plan that can be proven anew".to_owned()
        }
        // A rehearsal's letters were never anybody's.
        Destination::Sandbox => {
            format!("to rehearse afresh: rm {}", prepared.journal_path.display())
        }
        Destination::Altinn(_) => ways_out(&changes, target),
    };
    CliError::usage(changes.to_string(), hint)
}

fn ways_out(changes: &Changes, target: &Target) -> String {
    let look = changes.rows.first().map_or_else(String::new, |first| {
        let (render, row) = (target.command("render"), first.row);
        format!(
            "to see what it is now: {render} --row {row}, and with --diff OLD what has changed since an earlier output\n         "
        )
    });
    format!(
        "{look}put the earlier inputs back; or let the earlier text stand for what was sent, and send the rest as it is now:\n         \
         {} --accept-changes",
        target.command("send")
    )
}

/// Says what was found before the first letter left.
pub(crate) fn tell(summary: &Summary, prepared: &Prepared, target: &Target, printer: Printer) {
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
    tell_left(reconciled.left, prepared, target, printer);
}

fn tell_left(left: LeftBehind, prepared: &Prepared, target: &Target, printer: Printer) {
    let rows = prepared.mailing.rows_file();
    let not_sent = left.failed + left.refused;
    if not_sent > 0 {
        printer.warn(format_args!(
            "{} of earlier runs, not sent and not in {} any more: put them back to send them, or let them go: {} --accept-changes",
            count(not_sent, "row"),
            rows.display(),
            target.command("send"),
        ));
    }
    if left.unknown > 0 {
        let why = if prepared.mailing.resource().is_some() {
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

/// Whether the same command would send something, or find something out.
pub(crate) fn is_outstanding(counts: &StateCounts, left: LeftBehind) -> bool {
    use massebrev::journal::State::{Failed, InFlight, Pending, Unknown};

    let waiting: u64 = [Pending, InFlight, Unknown]
        .map(|state| counts.in_state(state))
        .iter()
        .sum();
    waiting > 0 || counts.in_state(Failed) > left.failed
}
