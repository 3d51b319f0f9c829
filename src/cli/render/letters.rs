//! `render --text`: the letters as their recipients read them, one after the other.

use std::io::Write;

use crate::plan::Delivery;
use crate::preview::{self, PreviewError};

use crate::cli::{CliError, Printer};

pub(super) struct Letters(Box<dyn Write>);

impl Letters {
    pub(super) fn new(printer: Printer) -> Self {
        Self(Box::new(printer.stdout()))
    }

    pub(super) fn show(&mut self, delivery: &Delivery) -> Result<(), CliError> {
        preview::text(delivery, &mut self.0).map_err(|error| match error {
            PreviewError::Write(error) => CliError::Stdout(error),
            error => error.into(),
        })
    }

    pub(super) fn finish(mut self) -> Result<(), CliError> {
        self.0.flush().map_err(CliError::Stdout)
    }
}
