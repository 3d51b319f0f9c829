//! One process at a time: a lock file beside the journal that says which process holds it.

use std::fmt;
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
    /// Takes the lock of this journal, or says who has it. What a killed process has left in the file is no obstacle: its lock died with it.
    pub(super) fn take(journal: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let path = lock_path(journal);
        let failed = |source| JournalError::create(&path, source);
        let mut file = private(OpenOptions::new().read(true).write(true).create(true))
            .open(&path)
            .map_err(failed)?;
        if let Err(error) = file.try_lock() {
            return Err(refused(journal, error, || holder(&mut file)));
        }
        describe(&mut file, now).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn refused(
    journal: &Path,
    error: TryLockError,
    holder: impl FnOnce() -> LockHolder,
) -> JournalError {
    let path = journal.to_owned();
    match error {
        TryLockError::WouldBlock => JournalError::Locked {
            path,
            holder: holder(),
        },
        TryLockError::Error(source) => JournalError::NoLocks {
            path,
            source: Arc::new(source),
        },
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
fn holder(file: &mut File) -> LockHolder {
    let mut text = String::new();
    match file.take(500).read_to_string(&mut text) {
        Ok(_) => LockHolder::read(&text),
        Err(_) => LockHolder::default(),
    }
}

fn describe(file: &mut File, now: Timestamp) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", LockHolder::this(now))
}

/// A process that holds a journal. Without a number nothing is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// Its number.
    pub process: Option<u32>,
    /// The machine it runs on, when that is known.
    pub host: Option<String>,
    /// Since when it has the journal.
    pub since: Option<Timestamp>,
}

impl LockHolder {
    /// This process, from now on.
    pub(super) fn this(now: Timestamp) -> Self {
        Self {
            process: Some(std::process::id()),
            host: host(),
            since: Some(now),
        }
    }

    /// As a process has described itself with `Display`; whatever cannot be read is not known.
    pub(super) fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let mut holder = Self::default();
        while let Some(word) = words.next() {
            match word {
                "process" => holder.process = words.next().and_then(|word| word.parse().ok()),
                "on" => holder.host = words.next().map(str::to_owned),
                "since" => holder.since = words.next().and_then(|word| word.parse().ok()),
                _ => {}
            }
        }
        holder
    }

    /// What to type to see it.
    pub fn command(&self) -> String {
        let look = match self.process {
            Some(process) if cfg!(windows) => format!("tasklist /FI \"PID eq {process}\""),
            Some(process) => format!("ps -fp {process}"),
            None if cfg!(windows) => "tasklist /FI \"IMAGENAME eq massebrev.exe\"".to_owned(),
            None => "pgrep -a massebrev".to_owned(),
        };
        match &self.host {
            Some(there) if host().as_ref() != Some(there) => format!("{look} (on {there})"),
            _ => look,
        }
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(process) = self.process else {
            return f.write_str("another process");
        };
        write!(f, "process {process}")?;
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        match self.since {
            Some(since) => write!(f, " since {since:.0}"),
            None => Ok(()),
        }
    }
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())?;
    let name = name.trim();
    let one_word = !name.is_empty() && !name.contains(char::is_whitespace);
    one_word.then(|| name.to_owned())
}

#[cfg(test)]
mod lock_tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_refused_and_a_local_disk_advised() {
        let journal = Path::new("m/.massebrev/a.journal");
        let unsupported = TryLockError::Error(io::Error::from(io::ErrorKind::Unsupported));
        let error = refused(journal, unsupported, || unreachable!());
        assert!(matches!(error, JournalError::NoLocks { .. }), "{error}");
        assert!(error.hint().unwrap().contains("local disk"));
    }
}

#[cfg(test)]
mod holder_tests {
    use super::LockHolder;

    #[test]
    fn a_process_is_read_as_it_describes_itself() {
        let this = LockHolder::this("2026-11-03T12:00:00Z".parse().unwrap());
        assert_eq!(LockHolder::read(&this.to_string()), this);
        let process = std::process::id().to_string();
        assert!(this.command().contains(&process), "{}", this.command());
        assert!(!this.command().contains("(on"), "{}", this.command());
    }

    #[test]
    fn a_process_on_another_machine_is_looked_for_there() {
        let there = LockHolder::read("process 7 on elsewhere since 2026-11-03T12:00:00Z");
        assert_eq!(there.process, Some(7));
        assert!(there.command().ends_with("(on elsewhere)"));
    }

    #[test]
    fn what_says_nothing_is_another_process() {
        for text in ["", "process", "since process on", "process x on"] {
            let holder = LockHolder::read(text);
            assert_eq!(holder.to_string(), "another process", "{text}");
            assert!(!holder.command().is_empty());
        }
    }
}
