//! All output of the program: results go to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use crate::diagnostic::{Problems, Style, render_all};
use anstream::AutoStream;
use clap::{Args, ColorChoice};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{CliError, ExitStatus};

/// A command that waits this long says for what.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// The flags that every command has.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Global {
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Say only what is wrong
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    label: &'static str,
    /// True when all rows of a problem are shown, not only the first three.
    all_rows: bool,
}

impl Printer {
    /// Makes a printer, and sets the colours of the whole process.
    pub(crate) fn new(global: Global) -> Self {
        match global.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self {
            quiet: global.quiet,
            label: "",
            all_rows: false,
        }
    }

    /// A printer that shows all rows of a problem, or only the first three.
    pub(crate) fn with_all_rows(self, all_rows: bool) -> Self {
        Self { all_rows, ..self }
    }

    pub(crate) fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// Starts logging to stderr. `MASSEBREV_LOG` filters it, as in `debug` or `massebrev::send=trace`; the default shows errors only.
    pub(crate) fn start_logging() {
        let set = std::env::var("MASSEBREV_LOG").ok();
        let filter: Option<Targets> = set.and_then(|set| set.parse().ok());
        let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::ERROR));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false);
        // Fails only when the process has a subscriber already, which cannot be here.
        let _ = tracing_subscriber::registry()
            .with(lines)
            .with(filter)
            .try_init();
    }

    pub(crate) fn out(self, text: impl Display) -> Result<(), CliError> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{}", self.label_lines(text))
            // Flushed, so that a closed pipe or full disk is seen by this call and not lost at exit.
            .and_then(|()| stdout.flush())
            .map_err(CliError::Stdout)
    }

    /// Prints a text that is all that was asked for.
    pub(crate) fn page(self, text: &str) -> Result<ExitStatus, CliError> {
        self.out(text.trim_end())?;
        Ok(ExitStatus::Success)
    }

    /// Prints a help or progress line to stderr; silent with `--quiet`.
    pub(crate) fn note(self, text: impl Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Prints to stderr, even with `--quiet`.
    pub(crate) fn warn(self, text: impl Display) {
        // There is no other place to report that stderr is gone.
        let _ = writeln!(anstream::stderr().lock(), "{}", self.label_lines(text));
    }

    /// Waits for `done`, and says for what when that takes longer than [`LONG_WAIT`]; silent with `--quiet`.
    pub(crate) async fn wait<T>(self, what: &str, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        tokio::select! {
            biased;
            ended = &mut done => return ended,
            () = tokio::time::sleep(LONG_WAIT) => self.note(format_args!("waiting for {what}")),
        }
        done.await
    }

    pub(crate) fn problems(self, problems: &Problems) {
        if !problems.is_empty() {
            let style = Style {
                color: AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never,
                all_rows: self.all_rows,
                ..Style::default()
            };
            self.warn(render_all(problems, style).trim_end());
        }
    }

    pub(crate) fn is_watched(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    fn label_lines(self, text: impl Display) -> String {
        let text = format!("{}{text}", self.label);
        if self.label.is_empty() {
            return text;
        }
        text.replace('\n', &format!("\n{}", self.label))
    }
}
