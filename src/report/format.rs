//! The wording of states, and the format of times for programs.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::Report;
use crate::journal::State;

/// The meaning of a state for the sender, and the next step.
pub(super) fn meaning(report: &Report, state: State) -> &'static str {
    match state {
        State::Sent => "Altinn has the letter",
        State::AlreadySent => "Altinn had the letter from before",
        State::Reserved => "reserved against digital letters: send it on paper",
        State::Rejected => "refused by Altinn: mend the row or the template",
        State::Failed => "not sent: the next run tries again",
        State::Unknown => "may have been sent: the next run asks Altinn",
        State::Invalid => "stopped by a rule before it was sent",
        State::Withdrawn => "taken back before it could be read: its key is used",
        State::Skipped => "not for this mailing",
        State::InFlight if report.is_running => "being sent now",
        State::InFlight => "cut off while it was sent: the next run asks Altinn",
        State::Pending => "not tried yet",
    }
}

/// The state of a run that has no end on record.
pub(super) fn unended(report: &Report) -> &'static str {
    if report.is_running {
        "not ended yet"
    } else {
        "cut off"
    }
}

/// Formats a time for programs: RFC 3339 in UTC, to the millisecond.
pub(super) fn exact(at: Timestamp) -> String {
    // Called for every row of a report, and `format!` takes longer.
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&at)
}

#[cfg(test)]
mod tests {
    use super::exact;

    #[test]
    fn programs_see_utc() {
        let at = "2026-07-01T22:30:00.5Z".parse().unwrap();
        assert_eq!(exact(at), "2026-07-01T22:30:00.500Z");
    }
}
