//! One process at a time: a lock file beside the journal.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::JournalError;
use super::holder::LockHolder;

/// Held until dropped; the operating system releases it when the process dies. The file stays: removing it could remove a file that another process has just locked.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a journal.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] with the holder, and [`JournalError::NoLocks`] on file systems without locks. A file left by a killed
    /// process is no error: only the operating system's lock counts.
    pub(super) fn take(journal: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let path = with_end(journal, ".lock");
        let failed = |source| JournalError::create(&path, source);
        let mut file = private(OpenOptions::new().read(true).write(true).create(true))
            .open(&path)
            .map_err(failed)?;
        // Does not wait: a run can take hours, and the message names its process. Tried twice: `holder_of` may have it for an instant.
        let locked = journal.to_owned();
        let mut taken = file.try_lock();
        if matches!(taken, Err(TryLockError::WouldBlock)) {
            thread::sleep(Duration::from_millis(20));
            taken = file.try_lock();
        }
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(JournalError::Locked {
                    path: locked,
                    holder,
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(JournalError::NoLocks(locked, Arc::new(source)));
            }
        }
        // After locking: only the holder may write.
        describe(&mut file, now).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The process that holds the lock of a journal; `None` when none does, or when the lock's file cannot be opened.
pub(super) fn holder_of(journal: &Path) -> Option<LockHolder> {
    let mut file = File::open(with_end(journal, ".lock")).ok()?;
    // The operating system cannot be asked without taking it.
    let is_taken = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    is_taken.then(|| holder(&mut file))
}

/// Makes the file readable for its owner only.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Changes nothing: outside Unix the folder's permissions apply.
#[cfg(not(unix))]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The path of a file beside another, whose name goes on with `end`.
pub(super) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The process that holds the lock. Unknown on systems where a locked file cannot be read, such as Windows.
fn holder(file: &mut File) -> LockHolder {
    let mut text = String::new();
    // Bounded, since the file may have any content.
    match file.take(500).read_to_string(&mut text) {
        Ok(_) => LockHolder::read(&text),
        Err(_) => LockHolder::default(),
    }
}

fn describe(file: &mut File, now: Timestamp) -> io::Result<()> {
    // Otherwise the end of a longer description would remain.
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", LockHolder::this(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_a_file_system_without_locks_a_local_disk_is_advised() {
        let journal = Path::new("m/.massebrev/a.journal");
        let unsupported = io::Error::from(io::ErrorKind::Unsupported);
        let error = JournalError::NoLocks(journal.to_owned(), Arc::new(unsupported));
        assert!(error.hint().unwrap().contains("local disk"));
    }
}
