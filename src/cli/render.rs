//! `massebrev render`.

use std::io::Write;

use clap::Args;
use massebrev::plan::Delivery;
use serde_json::json;

use super::prepare::Prepared;
use super::preview::PreviewArgs;
use super::target::Target;
use super::{CliError, ExitStatus, Printer};

/// Print the exact request of every row, one JSON object a line; nothing is sent.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    target: Target,
    /// Stop after so many letters
    #[arg(long, value_name = "N", env = "MASSEBREV_LIMIT")]
    limit: Option<u64>,
    #[command(flatten)]
    preview: PreviewArgs,
    /// Only this row; the first row after the header is 1
    #[arg(long, value_name = "N", env = "MASSEBREV_ROW")]
    row: Option<u64>,
}

impl RenderArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let mut count = 0;
        if let Some(page) = self.preview.page() {
            let mut wanted = |delivery: &Delivery| {
                let wanted = self.wants(delivery, count);
                count += u64::from(wanted);
                wanted
            };
            let selects = self.row.is_some() || self.limit.is_some();
            let selected = selects.then_some(&mut wanted as &mut dyn FnMut(&Delivery) -> bool);
            return self
                .preview
                .write_page(page, &self.target, selected, printer);
        }
        let mut stdout = printer.stdout();
        let prepared = Prepared::check(&self.target, printer, &mut |delivery| {
            if self.wants(delivery, count) {
                count += 1;
                if !self.preview.write(delivery, &mut stdout)? {
                    writeln!(stdout, "{}", request(delivery)).map_err(CliError::Stdout)?;
                }
            }
            Ok(())
        })?;
        stdout.flush().map_err(CliError::Stdout)?;
        if let (Some(row), 0) = (self.row, count) {
            let rows = prepared.checked.rows;
            return Err(CliError::usage(
                format!("row {row} gives no letter"),
                format!(
                    "the file has {rows} rows, {} of them skipped",
                    prepared.checked.skipped
                ),
            ));
        }
        printer.note(format_args!(
            "dry run: nothing was sent · {count} letters rendered · plan {}",
            prepared.checked.plan
        ));
        printer.note(format_args!(
            "next: massebrev send {}",
            self.target.manifest.display()
        ));
        Ok(ExitStatus::Success)
    }

    fn wants(&self, delivery: &Delivery, count: u64) -> bool {
        self.row.is_none_or(|row| row == delivery.row)
            && self.limit.is_none_or(|limit| count < limit)
    }
}

fn request(delivery: &Delivery) -> serde_json::Value {
    let files: Vec<_> = delivery
        .files
        .iter()
        .map(|planned| {
            json!({
                "fileName": planned.attachment.file_name,
                "sendersReference": planned.attachment.senders_reference,
                "bytes": planned.file.size,
                "digest": planned.file.digest.to_string(),
            })
        })
        .collect();
    json!({
        "row": delivery.row,
        "line": delivery.line,
        "method": "POST",
        "path": "/correspondence/api/v1/correspondence",
        "key": delivery.key,
        "body": delivery.request,
        "files": files,
    })
}
