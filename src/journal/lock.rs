//! One process at a time: a lock file beside the journal that says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::JournalError;

/// Held as long as it lives; the system takes it back when the process dies. The file itself stays: removing it would race.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of this journal, or says who has it.
    pub(super) fn take(journal: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let path = lock_path(journal);
        let failed = |source: io::Error| JournalError::Create {
            path: path.clone(),
            source: Arc::new(source),
        };
        let mut file = private(OpenOptions::new().read(true).write(true).create(true))
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked {
                    path: journal.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        describe(&mut file, now).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Files that only their owner can read.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Files that only their owner can read: elsewhere the folder decides.
#[cfg(not(unix))]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn lock_path(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Who has it. On some systems a locked file cannot be read.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(500).read_to_string(&mut text);
    match text.trim() {
        "" => "another process".to_owned(),
        _ if read.is_err() => "another process".to_owned(),
        text => text.to_owned(),
    }
}

fn describe(file: &mut File, now: Timestamp) -> io::Result<()> {
    let on = host().map_or_else(String::new, |host| format!(" on {host}"));
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {}{on} since {now:.0}", std::process::id())
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
