//! The run as a person watches it: a bar on a terminal, a line now and then elsewhere.

use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use massebrev::journal::State;
use massebrev::send::{Event, Observer};

use super::Printer;
use super::events::Events;

/// Without a terminal, progress is a line every so often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Draws a run on stderr, and passes on what it is told.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    printer: Printer,
    /// Where it is told to programs as well.
    events: Option<&'a Events>,
    bar: ProgressBar,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    letters: u64,
    settled: u64,
    ok: u64,
    not_ok: u64,
    retries: u64,
    began: Option<Instant>,
    last_line: Option<Instant>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(printer: Printer, events: Option<&'a Events>) -> Self {
        // Lines for programs that run through the same terminal leave no room for a bar.
        let crowded = events.is_some() && io::stdout().is_terminal();
        let bar = if printer.is_watched() && !crowded {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} · {eta} left · {msg}")
        {
            bar.set_style(style);
        }
        Self {
            printer,
            events,
            bar,
            tally: Mutex::default(),
        }
    }

    /// A line beside the bar.
    pub(crate) fn say(&self, text: impl Display) {
        self.bar.suspend(|| self.printer.warn(text));
    }

    /// The bar goes; what it said is said by the summary.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn note(&self, text: impl Display) {
        self.bar.suspend(|| self.printer.note(text));
    }

    fn count(&self, state: State) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            State::Sent | State::AlreadySent => tally.ok += 1,
            _ => tally.not_ok += 1,
        }
        self.bar.inc(1);
        self.bar
            .set_message(format!("{:.0}/s · {tally}", tally.rate()));
        let due = tally
            .last_line
            .or(tally.began)
            .is_some_and(|last| last.elapsed() >= LINE_EVERY);
        if due && !self.printer.is_watched() {
            tally.last_line = Some(Instant::now());
            self.printer.note(format_args!(
                "{} of {} · {tally} · {:.0}/s",
                tally.ended(),
                tally.letters,
                tally.rate()
            ));
        }
    }
}

impl Observer for Progress<'_> {
    fn notice(&self, event: &Event<'_>) {
        if let Some(events) = self.events {
            events.notice(event);
        }
        match event {
            Event::Began { letters, settled } => {
                let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
                *tally = Tally {
                    letters: *letters,
                    settled: *settled,
                    began: Some(Instant::now()),
                    ..Tally::default()
                };
                self.bar.set_length(*letters);
                self.bar.set_position(*settled);
                self.bar.reset_eta();
            }
            Event::Attachment { name, reused: true } => {
                self.note(format_args!("attachment {name}: uploaded earlier"));
            }
            Event::Attachment {
                name,
                reused: false,
            } => self.note(format_args!("attachment {name}: uploaded")),
            Event::Delivered {
                state, line, why, ..
            } => {
                if let (false, Some(why)) = (matches!(state, State::Sent | State::AlreadySent), why)
                    && self.printer.is_watched()
                {
                    self.note(format_args!("line {line}: {state}: {why}"));
                }
                self.count(*state);
            }
            Event::Settled { state, .. } => {
                if matches!(state, State::Sent | State::AlreadySent) {
                    let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.ok += 1;
                    tally.not_ok = tally.not_ok.saturating_sub(1);
                    self.bar.set_message(tally.to_string());
                }
            }
            Event::Paused { wait, why } => {
                self.note(format_args!(
                    "a pause of {} s, as asked for: {why}",
                    wait.as_secs()
                ));
            }
            Event::Retrying { .. } => {
                self.tally
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retries += 1;
            }
            // Stopping is said by the summary, once.
            Event::Pace(_) | Event::Stopping { .. } => {}
        }
    }
}

impl Tally {
    fn ended(&self) -> u64 {
        self.settled + self.ok + self.not_ok
    }

    fn rate(&self) -> f64 {
        let seconds = self
            .began
            .map_or(0.0, |began| began.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let ended = (self.ok + self.not_ok) as f64;
        if seconds > 0.0 { ended / seconds } else { 0.0 }
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} sent, {} not sent, {} retries",
            self.ok, self.not_ok, self.retries
        )
    }
}
