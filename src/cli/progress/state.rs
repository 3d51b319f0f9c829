//! The numbers of a run so far, and the message they make. The caller gives the time and has the terminal, so this part can be tested without either.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::send::{Event, LONG_WAIT, PaceSnapshot, Wait};

/// The time between two progress lines without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The least time between two lines about waits of one kind.
const WAIT_EVERY: Duration = Duration::from_secs(10);
/// The length of the recent period that the estimate of the remaining time is based on.
const WINDOW: Duration = Duration::from_secs(30);
/// No estimate is made from a shorter period than this.
const TOO_SHORT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct RunProgress {
    /// The number of letters that this run was to send.
    pub(super) letters: u64,
    settled: u64,
    ok: u64,
    failed: u64,
    pace: Option<PaceSnapshot>,
    /// The number of letters with an outcome at each `Pace` event of the last [`WINDOW`].
    ended: VecDeque<(Instant, u64)>,
    /// The time of the last progress line, or of the start.
    last_line: Option<Instant>,
    /// The times of the last lines about tokens, scans and next tries.
    last_waits: [Option<Instant>; 3],
}

impl RunProgress {
    pub(super) fn notice(&mut self, event: &Event<'_>, now: Instant) {
        match *event {
            Event::Began { letters, settled } => {
                *self = Self {
                    letters,
                    settled,
                    last_line: Some(now),
                    ..Self::default()
                };
            }
            Event::Delivered { state, .. } if state.is_sent() => self.ok += 1,
            Event::Delivered { .. } => self.failed += 1,
            // It was counted as failed while its outcome was unknown.
            Event::Settled { state, .. } if state.is_sent() => {
                self.ok += 1;
                self.failed = self.failed.saturating_sub(1);
            }
            Event::Pace(snapshot) => self.record_pace(snapshot, now),
            _ => {}
        }
    }

    /// Returns a line about a long wait, unless one of its kind was returned a moment ago.
    pub(super) fn wait_line(&mut self, event: &Event<'_>, now: Instant) -> Option<String> {
        let (kind, line) = match *event {
            Event::Waiting(Wait::Token) => (0, "waiting for an access token".to_owned()),
            Event::Waiting(Wait::Scan(name)) => {
                (1, format!("{name}: uploaded, Altinn is scanning it"))
            }
            Event::Retrying { wait, why } if wait >= LONG_WAIT => (
                2,
                format!("a request is tried again in {}: {why}", span(wait)),
            ),
            // The pause is told, and its request waits for the same reason.
            Event::Paused { wait, .. } if wait >= LONG_WAIT => {
                self.last_waits[2] = Some(now);
                return None;
            }
            _ => return None,
        };
        let last = &mut self.last_waits[kind];
        if last.is_some_and(|last| now.saturating_duration_since(last) < WAIT_EVERY) {
            return None;
        }
        *last = Some(now);
        Some(line)
    }

    pub(super) fn line(&mut self, now: Instant) -> Option<String> {
        let last_line = self.last_line?;
        // After the last letter the report follows at once.
        if now.saturating_duration_since(last_line) < LINE_EVERY || self.done() >= self.letters {
            return None;
        }
        self.last_line = Some(now);
        Some(format!(
            "{} of {} · {}",
            self.done(),
            self.letters,
            self.words(now)
        ))
    }

    /// The number of letters with an outcome, those of earlier runs included.
    pub(super) fn done(&self) -> u64 {
        self.settled + self.ended()
    }

    /// The number of letters that got their outcome in this run.
    pub(super) fn ended(&self) -> u64 {
        self.ok + self.failed
    }

    /// The message beside the bar, which itself shows `done/letters`.
    pub(super) fn words(&self, now: Instant) -> String {
        let mut words = Vec::new();
        // Most important first: a narrow terminal cuts the end.
        match self.pace.and_then(|pace| pace.held) {
            Some(held) => words.push(format!("nothing leaves for {}", span(held))),
            None => words.extend(
                self.time_left(now)
                    .map(|left| format!("about {} left", span(left))),
            ),
        }
        if self.settled > 0 {
            words.push(format!("{} from earlier runs", self.settled));
        }
        let (ok, failed) = (self.ok, self.failed);
        let Some(pace) = &self.pace else {
            words.push(format!("{ok} ok, {failed} failed"));
            return words.join(" · ");
        };
        words.push(format!(
            "{ok} ok, {failed} failed, {} retrying",
            pace.retrying
        ));
        words.push(match pace.allowed {
            Some(allowed) => format!("{}, {} allowed", rate(pace.rate), rate(allowed)),
            None => rate(pace.rate),
        });
        words.push(if pace.limit < pace.cap {
            format!(
                "{} in flight, limit {} of {}",
                pace.in_flight, pace.limit, pace.cap
            )
        } else {
            format!("{} in flight, limit {}", pace.in_flight, pace.limit)
        });
        words.join(" · ")
    }

    fn record_pace(&mut self, snapshot: PaceSnapshot, now: Instant) {
        self.pace = Some(snapshot);
        self.ended.push_back((now, self.ended()));
        // Old entries leave the window, so that the estimate follows changes of pace.
        while let Some((at, _)) = self.ended.front()
            && now.saturating_duration_since(*at) > WINDOW
        {
            self.ended.pop_front();
        }
    }

    /// Estimates the remaining time from the rate of the last [`WINDOW`]; `None` when too little is known.
    fn time_left(&self, now: Instant) -> Option<Duration> {
        let (since, before) = *self.ended.front()?;
        let took = now.saturating_duration_since(since);
        let ended = self.ended().saturating_sub(before);
        if took < TOO_SHORT || ended == 0 {
            return None;
        }
        let outstanding = self.letters.saturating_sub(self.done());
        #[expect(clippy::cast_precision_loss, reason = "a guess for people")]
        let times = outstanding as f64 / ended as f64;
        Duration::try_from_secs_f64(took.as_secs_f64() * times).ok()
    }
}

/// Formats a rate, as `9.9/s` or `120/s`; a slower one per minute or hour.
fn rate(a_second: f64) -> String {
    let (number, unit) = match a_second {
        none if none <= 0.0 => return "0/s".to_owned(),
        slow if slow * 60.0 < 1.0 => (slow * 3600.0, "h"),
        slow if slow < 1.0 => (slow * 60.0, "min"),
        fast => (fast, "s"),
    };
    // From 9.95 on one decimal would round to 10.0.
    if number < 9.95 {
        format!("{number:.1}/{unit}")
    } else {
        format!("{number:.0}/{unit}")
    }
}

/// Formats a length of time, as `40 s`, `2 min 40 s`, `3 h 5 min` or `2 d 3 h`, rounded up to a whole second.
fn span(span: Duration) -> String {
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::State;

    use super::*;

    const QUIET: PaceSnapshot = PaceSnapshot {
        limit: 16,
        cap: 16,
        in_flight: 9,
        retrying: 0,
        rate: 9.84,
        allowed: None,
        held: None,
    };

    fn delivered(state: State) -> Event<'static> {
        Event::Delivered {
            row: 1,
            line: 2,
            state,
            why: None,
        }
    }

    /// A run of so many letters, told every quarter of a second, in which so many end between; gives the lines with their seconds.
    fn lines(letters: u64, each: u64, seconds: u32) -> Vec<(f64, String)> {
        let began = Instant::now();
        let mut run = RunProgress::default();
        let mut said = Vec::new();
        let settled = 0;
        run.notice(&Event::Began { letters, settled }, began);
        for quarter in 0..=4 * seconds {
            let now = began + Duration::from_millis(250) * quarter;
            run.notice(&Event::Pace(QUIET), now);
            said.extend(run.line(now).map(|line| (f64::from(quarter) / 4.0, line)));
            for _ in 0..each.min(letters - run.done()) {
                run.notice(&delivered(State::Sent), now);
            }
        }
        said
    }

    #[test]
    fn there_is_a_line_every_five_seconds_and_none_in_a_short_run() {
        let said = lines(1000, 2, 12);
        let at: Vec<_> = said.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [5.0, 10.0]);
        assert_eq!(
            said[1].1,
            "80 of 1000 · about 1 min 55 s left · 80 ok, 0 failed, 0 retrying · 9.8/s · 9 in flight, limit 16"
        );
        assert!(lines(1000, 2, 4).is_empty(), "it was over too soon");
        assert!(lines(20, 2, 30).is_empty(), "everything was done in time");
    }

    #[test]
    fn what_lasts_is_judged_by_the_last_half_minute() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut run = RunProgress::default();
        let settled = 0;
        run.notice(
            &Event::Began {
                letters: 600,
                settled,
            },
            began,
        );
        for second in 0..=120 {
            run.notice(&Event::Pace(QUIET), at(second));
            // Two a second at first, one in two seconds later.
            let ends = if second < 60 { 2 } else { (second + 1) % 2 };
            for _ in 0..ends {
                run.notice(&delivered(State::Sent), at(second));
            }
        }
        assert_eq!(run.done(), 120 + 31);
        let left = run.time_left(at(120)).unwrap().as_secs();
        assert!((840..=900).contains(&left), "{left} s for 449 letters");
    }

    #[test]
    fn every_part_is_said_where_there_is_something_to_say() {
        let now = Instant::now();
        let minute = Some(Duration::from_millis(59_200));
        let table = [
            (
                QUIET,
                "2 ok, 1 failed, 0 retrying · 9.8/s · 9 in flight, limit 16",
            ),
            (
                PaceSnapshot {
                    allowed: Some(9.9),
                    retrying: 3,
                    ..QUIET
                },
                "2 ok, 1 failed, 3 retrying · 9.8/s, 9.9/s allowed · 9 in flight, limit 16",
            ),
            (
                PaceSnapshot {
                    limit: 4,
                    in_flight: 4,
                    held: minute,
                    ..QUIET
                },
                "2 ok, 1 failed, 0 retrying · 9.8/s · 4 in flight, limit 4 of 16",
            ),
        ];
        for (pace, words) in table {
            let mut run = RunProgress::default();
            let (letters, settled) = (10, 4);
            run.notice(&Event::Began { letters, settled }, now);
            for state in [State::Sent, State::Unknown, State::Failed] {
                run.notice(&delivered(state), now);
            }
            let (row, line, state) = (1, 2, State::AlreadySent);
            run.notice(&Event::Settled { row, line, state }, now);
            assert_eq!(run.words(now), "4 from earlier runs · 2 ok, 1 failed");
            run.notice(&Event::Pace(pace), now);
            let held = pace.held.map_or("", |_| "nothing leaves for 1 min 0 s · ");
            assert_eq!(
                run.words(now),
                format!("{held}4 from earlier runs · {words}")
            );
            assert_eq!((run.done(), run.letters), (7, 10));
        }
    }

    #[test]
    fn a_long_wait_is_told_once_in_ten_seconds_for_each_kind() {
        let began = Instant::now();
        let mut run = RunProgress::default();
        let mut told =
            |event: Event<'_>, second| run.wait_line(&event, began + Duration::from_secs(second));
        let again = |seconds| Event::Retrying {
            wait: Duration::from_secs(seconds),
            why: "HTTP 503 later",
        };
        assert_eq!(told(again(4), 0), None, "soon over");
        let line = told(again(40), 0).unwrap();
        assert_eq!(line, "a request is tried again in 40 s: HTTP 503 later");
        assert_eq!(told(again(41), 9), None, "just told");
        assert!(told(again(41), 10).is_some());
        let line = told(Event::Waiting(Wait::Token), 10).unwrap();
        assert_eq!(line, "waiting for an access token");
        let line = told(Event::Waiting(Wait::Scan("a.pdf")), 10).unwrap();
        assert_eq!(line, "a.pdf: uploaded, Altinn is scanning it");
        let (wait, why) = (Duration::from_secs(40), "HTTP 503 later");
        let paused = Event::Paused {
            wait,
            asked: true,
            why,
        };
        assert_eq!(told(paused, 30), None);
        assert_eq!(told(again(40), 30), None, "the pause is told");
    }

    #[test]
    fn rates_and_times_are_said_as_people_say_them() {
        for (a_second, said) in [
            (0.0, "0/s"),
            (0.004, "14/h"),
            (0.5, "30/min"),
            (2.0, "2.0/s"),
            (9.97, "10/s"),
            (1234.4, "1234/s"),
        ] {
            assert_eq!(rate(a_second), said);
        }
        for (seconds, said) in [
            (0.2, "1 s"),
            (59.0, "59 s"),
            (160.0, "2 min 40 s"),
            (3599.9, "1 h 0 min"),
            (90_000.0, "25 h 0 min"),
            (180_000.0, "2 d 2 h"),
        ] {
            assert_eq!(span(Duration::from_secs_f64(seconds)), said);
        }
    }
}
