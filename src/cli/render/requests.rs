//! `render` without further flags: the requests as JSON lines.

use std::io::{self, BufWriter, Stdout, Write as _};

use crate::plan::{CheckReport, Delivery, request_line};

use crate::cli::CliError;

/// Writes requests to stdout byte for byte. Does not use the printer, which would remove escape sequences that a letter may hold.
#[derive(Debug)]
pub(super) struct Requests(BufWriter<Stdout>);

impl Default for Requests {
    fn default() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout()))
    }
}

impl Requests {
    pub(super) fn show(
        &mut self,
        delivery: &Delivery,
        check_report: &CheckReport,
    ) -> Result<(), CliError> {
        request_line::write(delivery, check_report, &mut self.0).map_err(CliError::Stdout)
    }

    pub(super) fn finish(mut self) -> Result<(), CliError> {
        self.0.flush().map_err(CliError::Stdout)
    }
}
