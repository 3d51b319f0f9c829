//! The results of `token --check`, as text and as JSON.

use std::fmt;
use std::time::Duration;

use crate::altinn::Environment;
use crate::text::count;
use serde::Serialize;
use serde_json::json;

use super::{CliError, ExitStatus, Printer};

/// The checks of the way to an environment, and what has been found so far.
#[derive(Debug)]
pub(crate) struct Checks<'a> {
    pub(super) environment: &'a Environment,
    pub(super) resource: Option<&'a str>,
    steps: Vec<Check>,
    pub(super) printer: Printer,
    /// True when each check is printed as soon as it is made.
    is_text: bool,
    /// The first error of stdout; nothing is printed to it afterwards.
    written: Result<(), CliError>,
}

/// One check, its state (`ok`, `failed` or `skipped`) and what was found.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    state: &'static str,
    detail: String,
    #[serde(flatten)]
    failure: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    causes: Vec<String>,
    hint: Option<String>,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(
        environment: &'a Environment,
        resource: Option<&'a str>,
        is_text: bool,
        printer: Printer,
    ) -> Self {
        Self {
            environment,
            resource,
            steps: Vec::new(),
            printer,
            is_text,
            written: Ok(()),
        }
    }

    pub(crate) fn ok(&mut self, name: &str, detail: impl Into<String>) {
        self.push(name, "ok", detail.into(), None);
    }

    pub(crate) fn fail(&mut self, name: &str, error: &CliError) {
        self.fail_with(name, error.to_string(), error.causes(), error.hint());
    }

    pub(crate) fn fail_with(
        &mut self,
        name: &str,
        message: String,
        causes: Vec<String>,
        hint: Option<String>,
    ) {
        let failure = Failure { causes, hint };
        self.push(name, "failed", message, Some(failure));
    }

    pub(crate) fn skip(&mut self, names: &[&str], why: &str) {
        for name in names {
            self.push(name, "skipped", why.to_owned(), None);
        }
    }

    fn push(&mut self, name: &str, state: &'static str, detail: String, failure: Option<Failure>) {
        let check = Check {
            name: name.to_owned(),
            state,
            detail,
            failure,
        };
        if self.is_text && self.written.is_ok() {
            self.written = self.printer.out(&check);
        }
        self.steps.push(check);
    }

    fn failures(&self) -> usize {
        let failed = self.steps.iter().filter(|check| check.failure.is_some());
        failed.count()
    }

    fn status(&self) -> ExitStatus {
        match self.failures() {
            0 => ExitStatus::Success,
            _ => ExitStatus::Setup,
        }
    }

    /// Prints the verdict and the next command, when all is well; the checks themselves are printed already.
    pub(crate) fn end(self, next: Option<&str>) -> Result<ExitStatus, CliError> {
        // Verdict and exit status do not depend on stdout, which may be closed.
        match (self.failures(), next) {
            (0, Some(next)) => self.printer.note(format_args!("next: {next}")),
            (0, None) => {}
            (failures, _) => {
                let failed = count(failures, "step");
                self.printer.warn(format_args!("{failed} failed"));
            }
        }
        self.status().after(self.written, self.printer)
    }

    pub(crate) fn end_as_json(self) -> Result<ExitStatus, CliError> {
        let written = self.printer.out(json!({
            "environment": self.environment.name(),
            "failed": self.failures(),
            "steps": self.steps,
        }));
        self.status().after(written, self.printer)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9}{}: {}", self.state, self.name, self.detail)?;
        let Some(Failure { causes, hint }) = &self.failure else {
            return Ok(());
        };
        for cause in causes {
            write!(f, "\n         cause: {cause}")?;
        }
        hint.iter()
            .try_for_each(|hint| write!(f, "\n         hint: {hint}"))
    }
}

/// Describes this machine's clock against the server's; `ahead` is in seconds, negative when behind.
pub(crate) fn clock(ahead: Option<i64>) -> String {
    match ahead {
        None => "not known: the answer had no date".to_owned(),
        // The `Date` header has whole seconds, so one second of difference is no finding.
        Some(-1..=1) => "this machine's is right".to_owned(),
        Some(ahead) => {
            let side = if ahead > 0 { "ahead" } else { "behind" };
            format!(
                "this machine's is {} {side}",
                duration(Duration::from_secs(ahead.unsigned_abs()))
            )
        }
    }
}

/// Formats a length of time with its two largest units, as `29 min 58 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (1798, "29 min 58 s"),
            (3600, "1 h 0 min"),
            (200_000, "2 days"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(clock(Some(-1)), "this machine's is right");
        assert_eq!(clock(Some(-75)), "this machine's is 1 min 15 s behind");
        assert_eq!(clock(Some(2)), "this machine's is 2 s ahead");
    }
}
