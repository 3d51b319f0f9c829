//! What became of each step of something that was tried.

use std::error::Error as _;

use massebrev::altinn::TransportError;
use massebrev::maskinporten::TokenError;
use serde_json::{Value, json};

use super::{CliError, ExitStatus, Printer};

/// The steps, in their order.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Debug)]
struct Step {
    name: String,
    end: End,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It works: what was found.
    Ok(String),
    /// It does not.
    Failed {
        message: String,
        causes: Vec<String>,
        hint: Option<String>,
    },
    /// It was not tried, and why.
    Skipped(&'static str),
}

impl End {
    pub(crate) fn of_token(error: &TokenError) -> Self {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        let again = || "it may pass: try again in some minutes".to_owned();
        Self::Failed {
            message: error.to_string(),
            causes: causes.map(ToString::to_string).collect(),
            hint: error.hint().or_else(|| error.is_transient().then(again)),
        }
    }

    pub(crate) fn of_transport(error: &TransportError) -> Self {
        Self::Failed {
            message: error.reason(),
            causes: Vec::new(),
            hint: error.hint(),
        }
    }
}

impl Steps {
    pub(crate) fn push(&mut self, name: &str, end: End) {
        self.0.push(Step {
            name: name.to_owned(),
            end,
        });
    }

    pub(crate) fn ok(&mut self, name: &str, detail: String) {
        self.push(name, End::Ok(detail));
    }

    pub(crate) fn skip(&mut self, names: &[&str], why: &'static str) {
        for name in names {
            self.push(name, End::Skipped(why));
        }
    }

    pub(crate) fn failed(&mut self, name: &str, error: &CliError) {
        self.push(
            name,
            End::Failed {
                message: error.to_string(),
                causes: error.causes(),
                hint: error.hint(),
            },
        );
    }

    fn failures(&self) -> usize {
        let failed = |step: &&Step| matches!(step.end, End::Failed { .. });
        self.0.iter().filter(failed).count()
    }

    fn status(&self) -> ExitStatus {
        match self.failures() {
            0 => ExitStatus::Success,
            _ => ExitStatus::Setup,
        }
    }

    /// One line a step, and what to do below those that failed.
    pub(crate) fn print(
        &self,
        next: Option<&str>,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        for step in &self.0 {
            let name = &step.name;
            match &step.end {
                End::Ok(detail) => printer.out(format_args!("ok       {name}: {detail}"))?,
                End::Skipped(why) => printer.out(format_args!("skipped  {name}: {why}"))?,
                End::Failed {
                    message,
                    causes,
                    hint,
                } => {
                    printer.out(format_args!("failed   {name}: {message}"))?;
                    for cause in causes {
                        printer.out(format_args!("         cause: {cause}"))?;
                    }
                    if let Some(hint) = hint {
                        printer.out(format_args!("         hint: {hint}"))?;
                    }
                }
            }
        }
        match (self.failures(), next) {
            (0, Some(next)) => printer.note(format_args!("next: {next}")),
            (0, None) => {}
            (1, _) => printer.warn("1 step failed"),
            (count, _) => printer.warn(format_args!("{count} steps failed")),
        }
        Ok(self.status())
    }

    /// The same for programs.
    pub(crate) fn print_json(
        &self,
        environment: &str,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let steps: Vec<_> = self.0.iter().map(Step::json).collect();
        printer.out(json!({
            "environment": environment,
            "failed": self.failures(),
            "steps": steps,
        }))?;
        Ok(self.status())
    }
}

impl Step {
    fn json(&self) -> Value {
        let name = &self.name;
        match &self.end {
            End::Ok(detail) => json!({ "name": name, "state": "ok", "detail": detail }),
            End::Skipped(why) => json!({ "name": name, "state": "skipped", "detail": why }),
            End::Failed {
                message,
                causes,
                hint,
            } => json!({
                "name": name, "state": "failed", "detail": message, "causes": causes, "hint": hint,
            }),
        }
    }
}
