//! The end of a run: its reason, the exit status and the next command.

use crate::correspondence::codes::meaning;
use crate::http::proxy_advice;
use crate::journal::State;
use crate::manifest::EnvironmentName;
use crate::maskinporten::TokenError;
use crate::report::Report;
use crate::send::{RunEnd, Summary};
use crate::text::{count, has_word};

use crate::cli::check::CheckedMailing;
use crate::cli::command_line::TypedCommand;
use crate::cli::resume;
use crate::cli::target::{Destination, Target};
use crate::cli::{ExitStatus, Printer};

/// Prints the end of the run and the next command, and returns the exit status.
pub(super) fn print_outcome(
    target: &Target,
    checked: &CheckedMailing,
    summary: &Summary,
    report: &Report,
    printer: Printer,
) -> ExitStatus {
    let letters = checked.check_report.letters;
    resume::print(summary, checked, target, printer);
    // Letters that were held back have been explained already.
    let nothing = summary.ended + summary.reconciled.held == 0;
    if nothing && matches!(summary.ending, RunEnd::Finished) {
        print_nothing_sent(target, checked, summary, report, printer);
    }
    let status = print_ending(target, checked, summary, report, printer);
    if summary.left_out > 0 {
        printer.warn(format_args!(
            "{} left out on purpose: not asked for in this run",
            count(summary.left_out, "letter")
        ));
    }
    let of_rows = report.groups.iter().filter_map(|group| group.code);
    let codes = summary.code_of_file.into_iter().chain(of_rows);
    let known = codes.filter(|code| meaning(*code).is_some());
    let stopped = |code: &u32| matches!(&summary.ending, RunEnd::Stopped(why) if has_word(why, &code.to_string()));
    // The code of the stop, or else that of the most frequent reason, by which the groups are sorted.
    if let Some(code) = known.min_by_key(|code| !stopped(code)) {
        printer.note(format_args!("what a code means: massebrev explain {code}"));
    }
    let next = match status {
        ExitStatus::Success | ExitStatus::Unfinished if summary.left_out > 0 => {
            TypedCommand::new().for_the_rest(letters).to_string()
        }
        ExitStatus::Success => next_after_success(target, checked),
        // The same command would be refused again; the check shows at which step.
        _ if needs_another_setup(&summary.ending) => TypedCommand::new().token_check(target),
        _ if resume::is_outstanding(&report.counts, summary.reconciled.left) => {
            TypedCommand::new().again().to_string()
        }
        _ => report_file(target, checked),
    };
    if status == ExitStatus::Success {
        printer.note(format_args!("next: {next}"));
    } else {
        printer.warn(format_args!("next: {next}"));
    }
    status
}

/// The next command after a success: after a rehearsal a dry run of the real mailing, after a real send the report as a file.
fn next_after_success(target: &Target, checked: &CheckedMailing) -> String {
    let is_rehearsal = target.sandbox
        && checked.mailing.manifest().environment != EnvironmentName::Sandbox
        && checked.check_report.letters > 0;
    if is_rehearsal {
        let real = Target {
            sandbox: false,
            ..target.clone()
        };
        return format!("{} --dry-run", real.command("send"));
    }
    report_file(target, checked)
}

/// The command that writes all rows to a CSV file.
fn report_file(target: &Target, checked: &CheckedMailing) -> String {
    let file = format!("{}-report.csv", checked.mailing.manifest().mailing);
    format!("{} --format csv -o {file}", target.command("report"))
}

/// Prints the reason for the end of the run unless it finished, and returns the exit status.
pub(super) fn print_ending(
    target: &Target,
    checked: &CheckedMailing,
    summary: &Summary,
    report: &Report,
    printer: Printer,
) -> ExitStatus {
    let proxy_hint = match &checked.destination {
        Destination::Altinn(environment) => environment.proxy_hint(environment.platform()),
        Destination::Sandbox => None,
    };
    let (why, hint) = match &summary.ending {
        RunEnd::Finished if is_done(report, summary) => return ExitStatus::Success,
        RunEnd::Finished => return ExitStatus::Unfinished,
        RunEnd::Interrupted => {
            printer.warn("interrupted: what was in flight is settled or will be looked up, the rest is outstanding");
            return ExitStatus::Interrupted;
        }
        // Its error is printed last.
        RunEnd::Broken(_) => return ExitStatus::Setup,
        RunEnd::Stopped(why) => (why.clone(), None),
        RunEnd::NoToken(error) => {
            let may_be_proxy =
                matches!(error, TokenError::Transport(error) if !error.is_about_trust());
            let hint = proxy_hint.filter(|_| may_be_proxy);
            (error.reason(), hint.or_else(|| error.hint()))
        }
        RunEnd::Untrusted { reason, hint } => (reason.clone(), hint.clone()),
        RunEnd::Unreachable(why) => {
            let network = || format!("check the network and its firewall; {}", proxy_advice());
            let hint = proxy_hint.unwrap_or_else(network);
            let check = TypedCommand::new().token_check(target);
            (why.clone(), Some(format!("{hint}; each step: {check}")))
        }
    };
    printer.warn(format_args!("stopped: {why}"));
    if let Some(hint) = hint {
        printer.warn(format_args!("   hint: {hint}"));
    }
    match summary.ending {
        RunEnd::Stopped(_) => ExitStatus::Stopped,
        _ => ExitStatus::Setup,
    }
}

/// True when the same command would fail again until a key, client or certificate has been corrected.
fn needs_another_setup(ending: &RunEnd) -> bool {
    match ending {
        RunEnd::NoToken(error) => !error.is_transient(),
        RunEnd::Untrusted { .. } => true,
        _ => false,
    }
}

/// True when every row that was asked for is sent or skipped. Any other row that is pending after a finished run would be lost, so it must never count as success.
fn is_done(report: &Report, summary: &Summary) -> bool {
    let counts = &report.counts;
    let unsent = summary.unsent.unwrap_or_else(|| counts.attention());
    let pending = counts.in_state(State::Pending);
    report.adds_up() && unsent == 0 && pending <= summary.left_out
}

fn print_nothing_sent(
    target: &Target,
    checked: &CheckedMailing,
    summary: &Summary,
    report: &Report,
    printer: Printer,
) {
    let letters = checked.check_report.letters;
    let counts = &report.counts;
    let was = |(number, what): (u64, State)| match number {
        0 => None,
        1 => Some(format!(", 1 was {what}")),
        _ => Some(format!(", {number} were {what}")),
    };
    let unsent = [State::Rejected, State::Reserved, State::Withdrawn];
    let unsent = unsent.map(|state| (counts.in_state(state), state));
    let told: String = unsent.into_iter().filter_map(was).collect();
    if letters == 0 {
        printer.note("nothing was sent: no row becomes a letter");
    } else if summary.left_out > 0 {
        printer.note("nothing was sent: earlier runs have settled every letter that was asked for");
    } else if told.is_empty() {
        printer.note("nothing was sent: the journal shows that every letter has been settled by an earlier run");
        if matches!(checked.destination, Destination::Sandbox) {
            let send = target.command("send");
            printer.note(format_args!("to rehearse again: {send} --afresh"));
        } else {
            printer.note("a deliberate second letter needs a new `mailing` name in the manifest");
        }
    } else {
        printer.note(format_args!(
            "nothing was sent: earlier runs sent {}{told}",
            count(counts.delivered(), "letter")
        ));
        let refused = counts.in_state(State::Rejected) + counts.in_state(State::Reserved);
        if refused > 0 {
            printer.note("what was refused is tried again when its row or its text has been corrected; what was rejected, as it is, with --retry-failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::{Entry, Header, Journal, LetterEnd, Outcome, Run, Start};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    /// A mailing of so many rows, of which so many were sent and none was given up.
    async fn sent(rows: u64, sent: u64) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let header = Header {
            mailing: "m".to_owned(),
            environment: "tt02".to_owned(),
            resource: "r".to_owned(),
            manifest: "mailing.yaml".to_owned(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let journal = Journal::open(&folder.path().join("j"), &header, at, None).unwrap();
        let run = Run {
            rows,
            earlier: 0,
            skipped: 0,
            invalid: 0,
            plan: String::new(),
            started_at: at,
            ended: None,
        };
        journal.begin_run(run, [].into()).await.unwrap();
        for row in 1..=sent {
            let key = Uuid::from_u64_pair(0, row);
            let start = Start {
                row,
                line: row + 1,
                name: row.to_string(),
                recipient: String::new(),
                body: [0; 32],
                at,
            };
            journal.record(key, Entry::Started(start)).await.unwrap();
            let outcome = Outcome::Sent { id: key };
            let end = Entry::Ended(LetterEnd {
                outcome,
                attempts: 1,
                at,
                lost_at: None,
            });
            journal.record(key, end).await.unwrap();
        }
        Report::from_journal(&journal).unwrap()
    }

    #[tokio::test]
    async fn a_row_that_is_missing_or_there_twice_is_no_success() {
        let asked = |left_out| Summary {
            left_out,
            ..Summary::default()
        };
        assert!(is_done(&sent(2, 2).await, &asked(0)));
        assert!(!is_done(&sent(2, 1).await, &asked(0)), "one was lost");
        assert!(!is_done(&sent(2, 3).await, &asked(0)), "one too many");
        assert!(
            is_done(&sent(3, 1).await, &asked(2)),
            "two were not asked for"
        );
        assert!(!is_done(&sent(3, 1).await, &asked(1)), "one of them was");
    }
}
