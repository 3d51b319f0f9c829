//! How states, times and numbers are said.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::correspondence::OSLO;
use crate::journal::State;
pub(super) use crate::text::grouped as spaced;

/// What a state means to who has to do something about it.
pub(super) fn meaning(state: State) -> &'static str {
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
        State::InFlight => "being sent now, or cut off: the next run asks Altinn",
        State::Pending => "not tried yet",
    }
}

/// A time as Norwegian clocks show it.
pub(super) fn local(at: Timestamp) -> String {
    let zone = TimeZone::get(OSLO).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A time for programs: RFC 3339 in UTC, to the millisecond.
pub(super) fn exact(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A count with its noun: `1 row`, `2 rows`.
pub(super) fn rows(count: u64) -> String {
    let noun = if count == 1 { "row" } else { "rows" };
    format!("{}\u{a0}{noun}", spaced(count))
}

#[cfg(test)]
mod tests {
    use super::{exact, local, rows, spaced};

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(spaced(0), "0");
        assert_eq!(spaced(999), "999");
        assert_eq!(spaced(1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!(rows(1), "1\u{a0}row");
        assert_eq!(rows(1000), "1\u{a0}000\u{a0}rows");
    }

    #[test]
    fn people_see_norwegian_time_and_programs_see_utc() {
        let at = "2026-07-01T22:30:00.5Z".parse().unwrap();
        assert_eq!(local(at), "2026-07-02 00:30");
        assert_eq!(exact(at), "2026-07-01T22:30:00.500Z");
    }
}
