//! The recipient and the journals of proofs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::correspondence::identifier::InvalidRecipient;
use crate::correspondence::{Recipient, identifier};
use crate::journal::{Journal, JournalError};
use crate::plan::Proof;
use jiff::Timestamp;

use super::CliError;

/// Parses `--proof-to`. Errors mask the text, because it may be a person's identity number.
pub(crate) fn recipient(text: &str) -> Result<Recipient, CliError> {
    Recipient::parse(text).map_err(|error| {
        // The hints of these errors are about spreadsheets, but this number was typed.
        let hint = match error {
            InvalidRecipient::Empty
            | InvalidRecipient::LostZero { .. }
            | InvalidRecipient::ScientificNotation
            | InvalidRecipient::Decimals => InvalidRecipient::Digits { count: 0 }.hint(),
            _ => error.hint(),
        };
        let masked = identifier::masked(text);
        CliError::usage(format!("--proof-to `{masked}`: {error}"), hint)
    })
}

/// The path of the journal of the proofs with this label.
pub(crate) fn journal_path(
    folder: &Path,
    mailing: &str,
    label: &str,
    environment: &str,
) -> PathBuf {
    Journal::path(
        folder,
        &format!("{mailing}{BEFORE_LABEL}{label}"),
        environment,
    )
}

/// Finds the journal of the latest proofs to a recipient, of any plan.
pub(crate) fn latest_journal(
    folder: &Path,
    mailing: &str,
    environment: &str,
    to: &Recipient,
) -> Result<Option<Journal>, JournalError> {
    let beside = Journal::path(folder, mailing, environment);
    let files = match beside.parent().map(fs::read_dir).transpose() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(JournalError::look(&beside, error));
        }
        files => files.ok().flatten(),
    };
    let (mut journals, mut unreadable) = (Vec::new(), None);
    for file in files.into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(label) = label_in(&name) else {
            continue;
        };
        // Other mailings and environments keep their journals in the same folder.
        let path = journal_path(folder, mailing, label, environment);
        if path.file_name() != Some(&file.file_name()) {
            continue;
        }
        match sent_to(&path, to, label) {
            Ok(found) => journals.extend(found),
            // It may be the journal of another recipient, so the error is reported only when no other journal is found.
            Err(error) => unreadable = Some(error),
        }
    }
    let latest = journals.into_iter().max_by_key(|(started, _)| *started);
    match (latest, unreadable) {
        (None, Some(error)) => Err(error),
        (latest, _) => Ok(latest.map(|(_, journal)| journal)),
    }
}

/// The separator between a mailing's name and the label of its proofs, in the name of a journal.
const BEFORE_LABEL: &str = ".proof-";

fn label_in(name: &str) -> Option<&str> {
    // `mailing.proof-label@environment.journal`.
    let (before, _) = name.strip_suffix(".journal")?.rsplit_once('@')?;
    Some(before.rsplit_once(BEFORE_LABEL)?.1)
}

/// Opens the journal and returns it with the start of its latest run, if its proofs went to `to`. The journal holds no recipient in clear: the label, a digest of
/// plan and recipient, is computed again and compared.
fn sent_to(
    path: &Path,
    to: &Recipient,
    label: &str,
) -> Result<Option<(Timestamp, Journal)>, JournalError> {
    let journal = Journal::read(path)?;
    let Some(run) = journal.run()? else {
        return Ok(None);
    };
    let plan = run.plan.parse().ok();
    let is_theirs = plan.is_some_and(|plan| Proof::new(plan, to.clone()).label() == label);
    Ok(is_theirs.then_some((run.started_at, journal)))
}
