//! The results of `token --check`, as text and as JSON.

use std::fmt;
use std::time::Duration;

use crate::altinn::TransportError;
use crate::maskinporten::TokenError;
use crate::text::count;
use serde_json::{Value, json};

use super::{CliError, ExitStatus, Printer};

/// The checks in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<Check>);

#[derive(Debug)]
struct Check {
    name: String,
    result: CheckResult,
}

/// The result of one check.
#[derive(Debug)]
pub(crate) enum CheckResult {
    /// It works; the text describes the finding.
    Ok(String),
    Failed {
        message: String,
        causes: Vec<String>,
        hint: Option<String>,
    },
    /// It was not tried, for the given reason.
    Skipped(&'static str),
}

impl CheckResult {
    pub(crate) fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            causes: Vec::new(),
            hint: Some(hint.into()),
        }
    }
}

impl From<&TokenError> for CheckResult {
    fn from(error: &TokenError) -> Self {
        let retry_hint = || "it may pass: try again in some minutes".to_owned();
        Self::Failed {
            message: error.reason(),
            causes: Vec::new(),
            hint: error
                .hint()
                .or_else(|| error.is_transient().then(retry_hint)),
        }
    }
}

impl From<&TransportError> for CheckResult {
    fn from(error: &TransportError) -> Self {
        Self::Failed {
            message: error.reason(),
            causes: Vec::new(),
            hint: error.hint(),
        }
    }
}

impl From<&CliError> for CheckResult {
    fn from(error: &CliError) -> Self {
        Self::Failed {
            message: error.to_string(),
            causes: error.causes(),
            hint: error.hint(),
        }
    }
}

impl Checks {
    pub(crate) fn push(&mut self, name: &str, result: impl Into<CheckResult>) {
        self.0.push(Check {
            name: name.to_owned(),
            result: result.into(),
        });
    }

    pub(crate) fn ok(&mut self, name: &str, detail: impl Into<String>) {
        self.push(name, CheckResult::Ok(detail.into()));
    }

    pub(crate) fn skip(&mut self, names: &[&str], why: &'static str) {
        for name in names {
            self.push(name, CheckResult::Skipped(why));
        }
    }

    fn failures(&self) -> usize {
        self.0.iter().filter(|check| check.failed()).count()
    }

    fn status(&self) -> ExitStatus {
        match self.failures() {
            0 => ExitStatus::Success,
            _ => ExitStatus::Setup,
        }
    }

    /// Prints one line for each check, and a hint below one that failed; then the next command, when all is well.
    pub(crate) fn print(
        &self,
        next: Option<&str>,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        // The verdict below and the exit status do not depend on stdout, which may be closed.
        let written = self.0.iter().try_for_each(|check| printer.out(check));
        match (self.failures(), next) {
            (0, Some(next)) => printer.note(format_args!("next: {next}")),
            (0, None) => {}
            (failures, _) => printer.warn(format_args!("{} failed", count(failures, "step"))),
        }
        self.status().after(written, printer)
    }

    /// Prints the checks as one JSON object.
    pub(crate) fn print_json(
        &self,
        environment: &str,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let steps: Vec<_> = self.0.iter().map(Check::json).collect();
        let written = printer.out(json!({
            "environment": environment,
            "failed": self.failures(),
            "steps": steps,
        }));
        self.status().after(written, printer)
    }
}

impl Check {
    fn failed(&self) -> bool {
        matches!(self.result, CheckResult::Failed { .. })
    }

    fn json(&self) -> Value {
        let name = &self.name;
        match &self.result {
            CheckResult::Ok(detail) => json!({ "name": name, "state": "ok", "detail": detail }),
            CheckResult::Skipped(why) => {
                json!({ "name": name, "state": "skipped", "detail": why })
            }
            CheckResult::Failed {
                message,
                causes,
                hint,
            } => json!({
                "name": name, "state": "failed", "detail": message, "causes": causes, "hint": hint,
            }),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.result {
            CheckResult::Ok(detail) => write!(f, "ok       {name}: {detail}"),
            CheckResult::Skipped(why) => write!(f, "skipped  {name}: {why}"),
            CheckResult::Failed {
                message,
                causes,
                hint,
            } => {
                write!(f, "failed   {name}: {message}")?;
                for cause in causes {
                    write!(f, "\n         cause: {cause}")?;
                }
                match hint {
                    Some(hint) => write!(f, "\n         hint: {hint}"),
                    None => Ok(()),
                }
            }
        }
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
