//! `massebrev send --dry-run`: the way of a send up to the socket.

use massebrev::plan::{CheckReport, Delivery, Planned};
use massebrev::preview;
use massebrev::send::{SendError, refuse_changed};

use super::{Outlook, SendArgs, proof};
use crate::cli::again;
use crate::cli::confirm::question;
use crate::cli::connect::Destination;
use crate::cli::prepare::Prepared;
use crate::cli::words::count;
use crate::cli::{CliError, ExitStatus, Printer};

impl SendArgs {
    /// Does everything but send, and says what would be sent.
    pub(super) fn rehearse(&self, printer: Printer) -> Result<ExitStatus, CliError> {
        let mut outlook = self.look(printer)?;
        if !self.again.accept_changes {
            let Prepared {
                mailing, checked, ..
            } = &mut outlook.prepared;
            refuse_changed(outlook.journal.as_ref(), mailing, checked, &outlook.resume)
                .map_err(|error| again::refused(error, &outlook.prepared, &self.target))?;
        }
        let shows = outlook.prepared.proof.is_some();
        let bytes = render(&mut outlook, &mut |delivery| {
            if shows {
                show(delivery, printer)
            } else {
                Ok(())
            }
        })?;
        let Outlook {
            prepared, chosen, ..
        } = &outlook;
        let checked = &prepared.checked;
        printer.out("nothing is sent, and nobody is asked for anything")?;
        if let Some(wanting) = self.wanting(prepared, printer) {
            printer.out(format_args!("before a send, this is missing: {wanting}"))?;
        }
        if let Some(question) = question(prepared, chosen, self.yes, self.expect) {
            printer.out(format_args!("a send would ask: {question}"))?;
        }
        if chosen.letters > 0 {
            tell_uploads(checked, printer)?;
        }
        printer.out(format_args!(
            "a send would send {} to {}, {} of requests",
            count(chosen.letters, prepared.noun()),
            prepared.destination.name(),
            count(bytes, "byte"),
        ))?;
        printer.out(format_args!(
            "settled by earlier runs: {} · left out on purpose: {} · skipped: {}",
            chosen.settled, chosen.left_out, checked.skipped
        ))?;
        let command = proof::for_real(prepared.proof.as_ref());
        printer.note(format_args!("to send: {command}"));
        Ok(ExitStatus::Success)
    }

    /// What is still needed to reach Altinn. No reason to fail: who looks at a mailing need not have the key.
    fn wanting(&self, prepared: &Prepared, printer: Printer) -> Option<String> {
        let Destination::Altinn(environment) = &prepared.destination else {
            return None;
        };
        let manifest = prepared.mailing.manifest();
        let concurrency = self.concurrency.unwrap_or(manifest.send.concurrency);
        let folder = prepared.mailing.folder();
        let client = self
            .auth
            .connect(manifest, folder, environment, concurrency, printer);
        client.err().map(|error| error.in_words())
    }
}

/// Renders the letters as a send does, shows them to `each`, and gives the sum of their requests in bytes.
fn render(
    outlook: &mut Outlook,
    each: &mut dyn FnMut(&Delivery) -> Result<(), CliError>,
) -> Result<u64, CliError> {
    let Outlook {
        prepared,
        resume,
        chosen,
        ..
    } = outlook;
    let deliveries = prepared.mailing.deliveries(&prepared.checked);
    let deliveries = deliveries.map_err(SendError::Rows)?;
    let mut bytes = 0;
    for planned in deliveries.only(chosen.rows.clone()) {
        let planned: Planned = planned.map_err(SendError::InputChanged)?;
        if let Planned::Delivery(delivery) = planned
            && !usize::try_from(delivery.row - 1).is_ok_and(|position| resume.passes(position))
        {
            bytes += delivery.body(&[]).map_err(SendError::Json)?.len() as u64;
            each(&delivery)?;
        }
    }
    Ok(bytes)
}

/// A letter as its reader will see it.
fn show(delivery: &Delivery, printer: Printer) -> Result<(), CliError> {
    let mut text = Vec::new();
    preview::text(delivery, &mut text)?;
    printer.out(String::from_utf8_lossy(&text).trim_end())
}

fn tell_uploads(checked: &CheckReport, printer: Printer) -> Result<(), CliError> {
    for file in &checked.shared {
        printer.out(format_args!(
            "a send would first upload {}, {}, if no earlier run has",
            file.attachment.file_name,
            count(file.file.size, "byte")
        ))?;
    }
    Ok(())
}
