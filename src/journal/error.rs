//! Errors of a journal, each with a hint.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};
use uuid::Uuid;

use super::State;
use super::holder::LockHolder;

/// A journal cannot be opened, read or written, or refuses an entry.
///
/// Cheap to copy: one failed commit answers all entries that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JournalError {
    /// The folder or a file in it cannot be created.
    #[error("cannot create the journal's file or folder `{}`", .0.display())]
    Create(PathBuf, #[source] Arc<io::Error>),
    #[error("journal `{}` is in use by {holder}", path.display())]
    Locked {
        path: PathBuf,
        /// The process, as it described itself in the lock file.
        holder: LockHolder,
    },
    /// The file system has no file locks, so two processes could write the journal at once.
    #[error("journal `{}` cannot be kept from other processes", .0.display())]
    NoLocks(PathBuf, #[source] Arc<io::Error>),
    /// It cannot be told whether there is one.
    #[error("cannot look at journal `{}`", .0.display())]
    Look(PathBuf, #[source] Arc<io::Error>),
    #[error("cannot open journal `{}`", .0.display())]
    Open(PathBuf, #[source] Arc<rusqlite::Error>),
    #[error("no journal at `{}`", path.display())]
    Missing { path: PathBuf },
    /// The file is a different database, or none.
    #[error("`{}` is not a journal of massebrev", path.display())]
    NotAJournal { path: PathBuf },
    /// A newer version of massebrev has written the journal.
    #[error("journal `{}` has format {found}, and massebrev {this} knows formats up to {known}", path.display())]
    NewerFormat {
        path: PathBuf,
        found: u32,
        /// The newest format this program knows.
        known: u32,
        /// The version of this program.
        this: &'static str,
        /// The version that wrote the journal; formats before 2 do not record it.
        program: Option<String>,
    },
    /// The journal belongs to a different mailing, environment or resource.
    #[error("journal `{}` belongs to {what} `{recorded}`, not `{wanted}`", path.display())]
    OtherMailing {
        path: PathBuf,
        what: &'static str,
        recorded: String,
        wanted: String,
    },
    /// The content is one that massebrev never writes.
    #[error("journal `{}` is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot read journal `{}`", .0.display())]
    Read(PathBuf, #[source] Arc<rusqlite::Error>),
    /// The journal cannot be written. It refuses all later changes with this error: an entry that was not recorded must not be followed by others.
    #[error("cannot write journal `{}`", .0.display())]
    Write(PathBuf, #[source] Arc<rusqlite::Error>),
    /// The writer thread has ended.
    #[error("the writer of journal `{}` has stopped", path.display())]
    Stopped { path: PathBuf },
    /// A change was requested of a journal that was opened for reading.
    #[error("journal `{}` was opened for reading only", path.display())]
    ReadOnly { path: PathBuf },
    /// The entry is not a legal transition from the row's state.
    #[error("the letter with key {key} is {state} and cannot be {entry}")]
    Illegal {
        key: Uuid,
        state: State,
        /// The name of the refused entry.
        entry: &'static str,
    },
    /// The correspondence is recorded for a different row. Each correspondence belongs to one letter.
    #[error(
        "the letter with key {key} cannot have the correspondence {id}: the letter with key {other} has it"
    )]
    IdTaken {
        key: Uuid,
        id: Uuid,
        /// The key of the row that has the correspondence.
        other: Uuid,
    },
    /// The letter's content has changed since it was sent, or since a request that may have been accepted.
    #[error("the letter of row {row} is {state} with another text than now (key {key})")]
    Drift { key: Uuid, row: u64, state: State },
}

impl JournalError {
    pub(super) fn create(path: &Path, source: io::Error) -> Self {
        Self::Create(path.to_owned(), Arc::new(source))
    }

    pub(crate) fn look(path: &Path, source: io::Error) -> Self {
        Self::Look(path.to_owned(), Arc::new(source))
    }

    pub(super) fn read(path: &Path, source: rusqlite::Error) -> Self {
        // Tables or columns are missing. SQLite has no code of its own for that, only these words; they come of damage or of edits by another program.
        let words = source.to_string();
        if words.contains("no such ") || words.contains("unsupported file format") {
            return Self::damaged(path, words);
        }
        Self::from_damage(path, &source)
            .unwrap_or_else(|| Self::Read(path.to_owned(), Arc::new(source)))
    }

    pub(super) fn write(path: &Path, source: rusqlite::Error) -> Self {
        Self::from_damage(path, &source)
            .unwrap_or_else(|| Self::Write(path.to_owned(), Arc::new(source)))
    }

    pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// [`JournalError::Damaged`] when an error of `SQLite`'s means damage.
    fn from_damage(path: &Path, source: &rusqlite::Error) -> Option<Self> {
        // Cells that cannot be decoded: only massebrev writes them, so the bytes have changed since.
        let damaged = matches!(
            source,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..)
        ) || matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        );
        damaged.then(|| Self::damaged(path, source.to_string()))
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Create(_, source) => remedy(match source.kind() {
                io::ErrorKind::OutOfMemory => ffi::SQLITE_NOMEM,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ffi::SQLITE_FULL,
                // Also for too many open files, which have no kind.
                _ => ffi::SQLITE_CANTOPEN,
            })?,
            Self::Look(_, source) if source.kind() == io::ErrorKind::NotADirectory => {
                "the journal's folder `.massebrev` is a file: move it away, then run the same command again"
            }
            Self::Look(..) => {
                "the journal lies beside the manifest: see to it that you can read its folder and files, or run the command as the user who sent the mailing"
            }
            Self::Locked { holder, .. } => {
                return Some(format!(
                    "wait until it has ended; to look at it: {}",
                    holder.command()
                ));
            }
            Self::NoLocks(..) => {
                "move the mailing's folder to a local disk: on this one two runs at a time could not be told apart"
            }
            Self::NewerFormat {
                program: Some(program),
                ..
            } => {
                return Some(format!(
                    "use massebrev {program}, which wrote it, or a newer one"
                ));
            }
            Self::NewerFormat { .. } => "use the newer version of massebrev that wrote it",
            Self::NotAJournal { path } | Self::Damaged { path, .. } => {
                return Some(format!(
                    "nothing is lost with it as long as the keys stay as they are: every letter is found again at Altinn by its key. Move it away, then run the same command again: {}",
                    set_aside(path, "damaged")
                ));
            }
            // The file was created, but its tables were not, as on a full disk; the reason is not known.
            Self::Missing { path } if path.exists() => {
                "nothing has been written to it: the mailing has not been sent yet; the command that sends it says what is in the way"
            }
            Self::Missing { .. } => {
                "it has been moved or removed meanwhile; nothing is lost with it as long as the keys stay as they are: run the same command again, and every letter is found at Altinn by its key"
            }
            // The resource and the mailing's name are part of every key, so letters are found again at Altinn only under the earlier ones.
            Self::OtherMailing { path, what, .. } => {
                return Some(format!(
                    "if the manifest has changed, change its {what} back: a new resource, or a new name of the mailing, sends every letter once more. If the journal was restored or copied here by mistake, move it away, then run the same command again: {}",
                    set_aside(path, "other")
                ));
            }
            Self::Open(_, source) | Self::Read(_, source) | Self::Write(_, source) => {
                remedy(source.sqlite_error()?.extended_code)?
            }
            Self::Drift { .. } => {
                "put the earlier text back; a mailing with a new name would send every letter once more"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// The remedy for an error of `SQLite`'s, by its extended code.
fn remedy(code: i32) -> Option<&'static str> {
    use ffi::{SQLITE_IOERR_LOCK, SQLITE_IOERR_RDLOCK, SQLITE_IOERR_SHMLOCK, SQLITE_IOERR_SHMMAP};

    Some(match (code, code & 0xff) {
        (ffi::SQLITE_IOERR_NOMEM, _) | (_, ffi::SQLITE_NOMEM) => {
            "there is no memory left: end other programs, or raise `ulimit -v`"
        }
        (
            SQLITE_IOERR_LOCK | SQLITE_IOERR_RDLOCK | SQLITE_IOERR_SHMLOCK | SQLITE_IOERR_SHMMAP,
            _,
        )
        | (_, ffi::SQLITE_BUSY | ffi::SQLITE_PROTOCOL) => {
            "close other programs that have the journal open; if there are none, move the mailing's folder to a local disk: this one has no locks or no shared memory"
        }
        (_, ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM | ffi::SQLITE_READONLY) => {
            "see to it that the folder can be written, and that enough files may be open (`ulimit -n`)"
        }
        (_, ffi::SQLITE_FULL | ffi::SQLITE_IOERR) => {
            "see to disk space and to the disk itself, then run the same command again"
        }
        _ => return None,
    })
}

/// The shell command that moves a journal away, to a name that no earlier copy has. `SQLite` deletes the journal's `-wal` and `-shm` files when a new one is created.
fn set_aside(path: &Path, end: &str) -> String {
    let name = path.display().to_string();
    let numbered = (2..).map(|number| format!("{name}.{end}-{number}"));
    let free = std::iter::once(format!("{name}.{end}"))
        .chain(numbered)
        .find(|copy| !Path::new(copy).exists())
        .unwrap_or_default();
    if cfg!(windows) {
        return format!("move \"{name}\" \"{free}\"");
    }
    // A shell has no escape within single quotes: the quotation ends, and begins again after an escaped quote.
    let quoted = |name: &str| name.replace('\'', r"'\''");
    format!("mv '{}' '{}'", quoted(&name), quoted(&free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_is_about_the_cause_as_far_as_it_is_known() {
        for (code, told) in [
            (ffi::SQLITE_NOMEM, "no memory left"),
            (ffi::SQLITE_FULL, "disk space"),
            (ffi::SQLITE_BUSY, "close other programs"),
            (ffi::SQLITE_BUSY_RECOVERY, "close other programs"),
            (ffi::SQLITE_IOERR_LOCK, "to a local disk"),
            (ffi::SQLITE_IOERR_SHMMAP, "to a local disk"),
            (ffi::SQLITE_CANTOPEN, "ulimit -n"),
            (ffi::SQLITE_READONLY_DIRECTORY, "can be written"),
            (ffi::SQLITE_IOERR_WRITE, "disk space"),
        ] {
            let error = || rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            for error in [
                JournalError::read(Path::new("j"), error()),
                JournalError::write(Path::new("j"), error()),
            ] {
                let hint = error.hint().unwrap();
                assert!(hint.contains(told), "{code}: {hint}");
                assert!(told == "disk space" || !hint.contains("space"));
            }
        }
        let unknown = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_MISUSE), None);
        assert_eq!(JournalError::read(Path::new("j"), unknown).hint(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_made_has_a_hint_about_the_reason() {
        for (number, told) in [
            (24, "`ulimit -n`"),
            (28, "disk space"),
            (12, "no memory left"),
            (13, "can be written"),
            (5, "can be written"),
        ] {
            let error = io::Error::from_raw_os_error(number);
            let hint = JournalError::create(Path::new("j"), error).hint().unwrap();
            assert!(hint.contains(told), "{number}: {hint}");
        }
    }
}
