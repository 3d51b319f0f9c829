//! Sending again what was sent before: what a changed mailing is told, and what is left of earlier files.

use clap::Args;
use massebrev::report::Counts;
use massebrev::send::{Changes, Left, SendError, Summary};

use super::connect::Destination;
use super::prepare::Prepared;
use super::target::Target;
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

/// The flag that is not typed again: what it has accepted stays accepted, and what changes later is to be seen first.
pub(crate) const ONCE: &str = "--accept-changes";

/// Why the run cannot go on, with the commands for this mailing.
pub(crate) fn refused(error: SendError, prepared: &Prepared, target: &Target) -> CliError {
    let SendError::Changed(changes) = error else {
        return error.into();
    };
    let hint = match &prepared.destination {
        // A rehearsal's letters were never anybody's.
        Destination::Sandbox => {
            format!("to rehearse afresh: rm {}", prepared.journal_path.display())
        }
        Destination::Altinn(_) => ways_out(&changes, target),
    };
    CliError::usage(changes.to_string(), hint)
}

fn ways_out(changes: &Changes, target: &Target) -> String {
    let manifest = target.manifest.display();
    let look = changes.rows.first().map_or_else(String::new, |first| {
        let row = first.row;
        format!("to see what it is now: massebrev render {manifest} --row {row}\n         ")
    });
    format!(
        "{look}put the earlier inputs back; or let the earlier text stand for what was sent, and send the rest as it is now:\n         \
         massebrev send {manifest} {ONCE}"
    )
}

/// Says what was found before the first letter left.
pub(crate) fn tell(summary: &Summary, prepared: &Prepared, target: &Target, printer: Printer) {
    let reckoned = &summary.reckoned;
    if reckoned.accepted > 0 {
        printer.note(format_args!(
            "accepted: the earlier text stands for {}",
            counted(reckoned.accepted, "letter")
        ));
    }
    if reckoned.held > 0 {
        printer.warn(format_args!(
            "{} may have been sent with another text: left alone until Altinn can tell, at most five minutes after the last try; then run the same command again",
            counted(reckoned.held, "letter")
        ));
    }
    if reckoned.dropped > 0 {
        printer.note(format_args!(
            "{} of earlier runs, not sent and not wanted any more: skipped from now on",
            counted(reckoned.dropped, "row")
        ));
    }
    tell_left(reckoned.left, prepared, target, printer);
}

fn tell_left(left: Left, prepared: &Prepared, target: &Target, printer: Printer) {
    let rows = prepared.mailing.rows_file();
    let not_sent = left.failed + left.refused;
    if not_sent > 0 {
        printer.warn(format_args!(
            "{} of earlier runs, not sent and not in {} any more: put them back to send them, or let them go: massebrev send {} {ONCE}",
            counted(not_sent, "row"),
            rows.display(),
            target.manifest.display(),
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
            counted(left.unknown, "row"),
            rows.display(),
        ));
    }
}

/// Whether the same command would send something, or find something out.
pub(crate) fn is_outstanding(counts: &Counts, left: Left) -> bool {
    use massebrev::journal::State::{Failed, InFlight, Pending, Unknown};

    let waiting: u64 = [Pending, InFlight, Unknown]
        .map(|state| counts.of(state))
        .iter()
        .sum();
    waiting > 0 || counts.of(Failed) > left.failed
}

fn counted(count: u64, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}
