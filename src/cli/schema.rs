//! `massebrev schema`.

use clap::Args;
use massebrev::manifest;

use super::{CliError, ExitStatus, Printer};

/// Print the JSON Schema of manifests, for editors and other tools.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {}

impl SchemaArgs {
    #[expect(clippy::unused_self, reason = "every command runs the same way")]
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        printer.out(manifest::schema_text().trim_end())?;
        Ok(ExitStatus::Success)
    }
}
