//! The exit statuses. They are documented in the help and never renumbered, because scripts depend on them.

use std::process::ExitCode;

use super::{CliError, Printer};

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
