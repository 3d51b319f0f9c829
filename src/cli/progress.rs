//! The progress of a run: a bar on a terminal, a line every few seconds elsewhere.

mod state;

use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::send::{Event, Observer};
use indicatif::{ProgressBar, ProgressStyle};

use self::state::RunProgress;
use super::Printer;
use super::events::Events;

/// Shows a run on stderr, and passes its events on to the writer of `--json`.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    printer: Printer,
    events: Option<&'a Events>,
    bar: ProgressBar,
    state: Mutex<RunProgress>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(printer: Printer, events: Option<&'a Events>) -> Self {
        // JSON lines on the same terminal would tear the bar apart.
        let crowded = events.is_some() && io::stdout().is_terminal();
        let bar = if printer.is_watched() && !crowded {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:10} {pos}/{len} · {wide_msg}") {
            bar.set_style(style);
        }
        Self {
            printer,
            events,
            bar,
            state: Mutex::default(),
        }
    }

    pub(crate) fn print(&self, text: impl Display) {
        self.bar.suspend(|| self.printer.warn(text));
    }

    /// Removes the bar; the summary that follows has the numbers.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The number of letters that got their outcome in this run.
    pub(crate) fn ended(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended()
    }

    fn note(&self, text: impl Display) {
        self.bar.suspend(|| self.printer.note(text));
    }

    fn print_event(&self, event: &Event<'_>) {
        match event {
            Event::Attachment { name, reused } => {
                let earlier = if *reused { " earlier" } else { "" };
                self.note(format_args!("attachment {name}: uploaded{earlier}"));
            }
            // Only for a user who watches: in a log the failures of a large mailing would be a flood, and the report lists them all.
            Event::Delivered {
                state,
                line,
                why: Some(why),
                ..
            } if self.printer.is_watched() && !state.is_sent() => {
                self.note(format_args!("line {line}: {state}: {why}"));
            }
            Event::Paused { wait, asked, why } => {
                if let Some(pause) = pause(*wait, *asked) {
                    self.note(format_args!("{pause}: {why}"));
                }
            }
            // The summary reports `Stopping`; the bar shows the rest.
            _ => {}
        }
    }

    fn draw(&self, event: &Event<'_>) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.notice(event, now);
        if let Some(line) = state.wait_line(event, now) {
            self.note(line);
        }
        // Redirected output gets a line now and then, because the control sequences of a bar would fill a log file.
        if !self.printer.is_watched() {
            if let Some(line) = state.line(now) {
                self.printer.note(line);
            }
            return;
        }
        if matches!(event, Event::Began { .. }) {
            self.bar.set_length(state.letters);
        }
        // The engine emits `Pace` a few times a second; drawing for every letter would cost more than sending it.
        if matches!(event, Event::Began { .. } | Event::Pace(_)) {
            self.bar.set_message(state.words(now));
        }
        self.bar.set_position(state.done());
    }
}

impl Observer for Progress<'_> {
    fn notice(&self, event: &Event<'_>) {
        if let Some(events) = self.events {
            events.notice(event);
        }
        self.print_event(event);
        self.draw(event);
    }
}

/// Describes a pause; `None` when it is shorter than a second.
fn pause(wait: Duration, asked: bool) -> Option<String> {
    let asked = if asked { ", as asked for" } else { "" };
    let is_told = wait >= Duration::from_secs(1);
    is_told.then(|| format!("a pause of {:.0} s{asked}", wait.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_in_whole_seconds_and_only_when_it_is_one() {
        for (millis, asked, told) in [
            (0, false, None),
            (999, true, None),
            (1000, true, Some("a pause of 1 s, as asked for")),
            (1980, false, Some("a pause of 2 s")),
            (30_000, false, Some("a pause of 30 s")),
        ] {
            let pause = pause(Duration::from_millis(millis), asked);
            assert_eq!(pause.as_deref(), told, "{millis}");
        }
    }
}
