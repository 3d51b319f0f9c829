//! The exit statuses: documented, tested, never renumbered.

use std::process::ExitCode;

use super::{CliError, Printer};

/// The exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Every row is sent, already sent or skipped; or what was asked for was done.
    Success,
    /// The run finished; some rows were rejected, reserved, failed or are unknown.
    Unfinished,
    /// Arguments, manifest, rows or templates are wrong; nothing was sent.
    Input,
    /// Could not start or go on: key, token, network, journal. The same command goes on.
    Setup,
    /// Stopped by `maxFailures`, the canary or a refusal that all letters share. The same command goes on.
    Stopped,
    /// Interrupted. The same command goes on.
    Interrupted,
}

impl ExitStatus {
    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Unfinished => 1,
            Self::Input => 2,
            Self::Setup => 3,
            Self::Stopped => 4,
            Self::Interrupted => 130,
        }
    }
}

impl ExitStatus {
    /// The command's own status, whatever became of stdout. A reader that has closed it, as `head` does, changes nothing; any other error of stdout is printed, and
    /// counts only for a command that has succeeded otherwise.
    pub(crate) fn after(
        self,
        written: Result<(), CliError>,
        printer: Printer,
    ) -> Result<Self, CliError> {
        match written {
            Ok(()) => Ok(self),
            Err(error) if error.is_broken_pipe() => Ok(self),
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
