//! The error of a command: message, causes, hint; and the exit status.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::altinn::ClientError;
use crate::diagnostic::Problems;
use crate::journal::JournalError;
use crate::maskinporten::{KeyError, TokenError};
use crate::plan::OldRenderError;
use crate::preview::PreviewError;
use crate::report::ReportError;
use crate::send::SendError;
use thiserror::Error;

use super::Printer;

#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error("the mailing has problems")]
    Input(Problems),
    /// Something was not given, or does not fit: `Input`, or `Setup` when it is needed to reach Altinn.
    #[error("{message}")]
    Told {
        message: String,
        hint: Option<String>,
        status: ExitStatus,
    },
    #[error("cannot use the key from {place}")]
    Key {
        place: String,
        #[source]
        source: KeyError,
    },
    #[error("cannot prepare the connection to Altinn")]
    Client(#[from] ClientError),
    #[error("no access token")]
    Token(#[from] TokenError),
    /// The earlier output that `render --diff` compares with cannot be used.
    #[error(transparent)]
    Earlier(#[from] OldRenderError),
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
    #[error("the run cannot go on")]
    Send(#[from] SendError),
    #[error("the report cannot be made")]
    Report(#[from] ReportError),
    #[error("the preview cannot be made")]
    Preview(#[from] PreviewError),
    #[error("cannot {action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot start {what}")]
    Start {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("cannot write to stdout")]
    Stdout(#[source] io::Error),
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Told {
            message: message.into(),
            hint: Some(hint.into()),
            status: ExitStatus::Input,
        }
    }

    pub(crate) fn setup(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Told {
            message: message.into(),
            hint: Some(hint.into()),
            status: ExitStatus::Setup,
        }
    }

    /// Makes the error of a message that says it all.
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn wrong(message: impl ToString) -> Self {
        Self::Told {
            message: message.to_string(),
            hint: None,
            status: ExitStatus::Input,
        }
    }

    /// Returns the conversion for an error of a file; `action` completes `cannot …`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Returns the conversion for the error of something that cannot start.
    pub(crate) fn start(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Start { what, source }
    }

    pub(crate) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Told { status, .. } => *status,
            // The input is at fault: the same command fails again until it is corrected.
            Self::Input(_)
            | Self::Earlier(_)
            | Self::Send(
                SendError::Rows(_) | SendError::Changed(_) | SendError::SecondLetters(_),
            ) => ExitStatus::Input,
            // A reader that has seen enough, such as `head`, closes the pipe: that is no failure.
            Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Success,
            // Key, token, network or disk is at fault: the same command goes on once that is repaired.
            _ => ExitStatus::Setup,
        }
    }

    /// Prints the error with causes and hint, and returns its exit status.
    pub(crate) fn print(&self, printer: Printer) -> ExitStatus {
        let status = self.exit_status();
        match self.problems() {
            Some(problems) => printer.problems(problems),
            // A closed pipe is no error to report.
            None if status == ExitStatus::Success => {}
            None => {
                printer.warn(format_args!("error: {self}"));
                for cause in self.causes() {
                    printer.warn(format_args!("  cause: {cause}"));
                }
                if let Some(hint) = self.hint() {
                    printer.warn(format_args!("   hint: {hint}"));
                }
            }
        }
        status
    }

    pub(crate) fn problems(&self) -> Option<&Problems> {
        match self {
            Self::Input(problems) | Self::Send(SendError::Rows(problems)) => Some(problems),
            _ => None,
        }
    }

    /// The causes, the nearest one first.
    pub(crate) fn causes(&self) -> Vec<String> {
        // The layers between a token error and its innermost cause say nothing a user can act on.
        if let Self::Token(error) = self {
            return vec![error.reason()];
        }
        crate::text::causes(self).map(ToString::to_string).collect()
    }

    /// Message, causes and hint on one line, for an error that does not end the command.
    pub(crate) fn one_line(&self) -> String {
        let mut words = self.to_string();
        for cause in self.causes() {
            let _ = write!(words, ": {cause}");
        }
        if let Some(hint) = self.hint() {
            words.push_str(" (");
            words.push_str(&hint);
            words.push(')');
        }
        words
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Told { hint, .. } => hint.clone(),
            Self::Key { source, .. } => Some(source.hint().to_owned()),
            Self::Token(error @ TokenError::Transport(_)) => error
                .hint()
                .map(|hint| format!("{hint}; each step of the way is tried by `massebrev token --check`, with the manifest if there is one")),
            Self::Token(error) => error.hint(),
            Self::Client(error) => Some(error.hint().to_owned()),
            Self::File { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                Some(format!("check the path: there is no {}", path.display()))
            }
            Self::File { action: "write", path, .. } => Some(format!(
                "see to the permissions of its folder and to disk space, then run the same command again; if there is a {} now, it is older",
                path.display()
            )),
            // The two kinds with which `secret::read_file` refuses anything that cannot be a key or token, such as a device or a large file.
            Self::File { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge
                ) =>
            {
                Some("name a plain file of at most 1 MB; a key or a token can also come from a variable: MASSEBREV_KEY, MASSEBREV_TOKEN".to_owned())
            }
            Self::Earlier(error) => error.hint.map(str::to_owned),
            Self::Journal(error)
            | Self::Send(SendError::Journal(error))
            | Self::Report(ReportError::Journal(error)) => error.hint(),
            Self::Send(SendError::Thread(_)) => Some(
                "this machine has as many processes as it allows: end others, or raise `ulimit -u`".to_owned(),
            ),
            Self::Send(SendError::InputChanged(_)) => Some(
                "leave the mailing's files alone while it is sent; then run the same command again"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// The exit statuses. They are documented in the help and never renumbered, because scripts depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Every row that was asked for is sent, already sent or skipped; for other commands, the request was carried out.
    Success = 0,
    /// The run finished; some rows were rejected, reserved, failed or are unknown.
    Unfinished = 1,
    /// Arguments, manifest, rows or templates are wrong; nothing was sent.
    Input = 2,
    /// Could not start or go on: key, token, network, journal. The same command goes on.
    Setup = 3,
    /// Stopped by `maxFailures`, the canary or a refusal that all letters share. The same command goes on.
    Stopped = 4,
    /// Interrupted. The same command goes on. 128 + SIGINT, as shells report an interrupted command.
    Interrupted = 130,
}

impl ExitStatus {
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Combines the command's status with the result of writing to stdout. A closed pipe changes nothing. Any other error is printed; it becomes the result only
    /// when the command has succeeded otherwise, so that it never hides a status that says more.
    pub(crate) fn after(
        self,
        written: Result<(), CliError>,
        printer: Printer,
    ) -> Result<Self, CliError> {
        match written {
            Ok(()) => Ok(self),
            Err(error) if error.exit_status() == Self::Success => Ok(self),
            Err(error) if self == Self::Success => Err(error),
            Err(error) => {
                error.print(printer);
                Ok(self)
            }
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        status.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_has_gone_during_a_run_is_no_loss() {
        let missing = JournalError::Missing {
            path: PathBuf::from("m.journal"),
        };
        let hint = CliError::from(ReportError::from(missing)).hint().unwrap();
        assert!(hint.contains("run the same command again"), "{hint}");
    }
}
