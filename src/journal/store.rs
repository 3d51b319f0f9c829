//! The `SQLite` file: settings, tables, format, and the mailing it belongs to.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, OptionalExtension};

use super::JournalError;
use super::checksum::{self, insert, verify};
use super::format::{FORMAT, PROGRAM, SCHEMA, migrate, overlay};
use super::lock::with_end;

/// The `application_id` in the header of the `SQLite` file: "brev".
const APPLICATION: u32 = u32::from_be_bytes(*b"brev");

/// The mailing that a journal belongs to. Only the manifest's name may change: the rest is part of the letters' idempotency keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub mailing: String,
    pub environment: String,
    pub resource: String,
    /// The file name of the manifest in the last run.
    pub manifest: String,
}

/// A connection to the file.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    /// The copy in the older format, when opening has migrated the file.
    pub(super) older: Option<PathBuf>,
    /// The version of the program that wrote it before this one.
    pub(super) written_by: Option<String>,
    path: PathBuf,
    /// The present format of the file.
    format: u32,
    /// The file and its version when it was verified; `None` when it was not.
    verified: Option<(FileId, i64)>,
}

/// The device and the number of a file, which stay the same when its name passes to another. Zero where the system has none: a file that is open cannot be replaced there.
type FileId = (u64, u64);

impl Store {
    /// Opens the file for writing; an empty file becomes a journal. The file exists and the caller holds the lock. Verifies it unless it `is_verified`; then no other
    /// connection of this process may be open, see [`has_sound_header`].
    pub(super) fn open_for_writing(
        path: &Path,
        header: &Header,
        began: Timestamp,
        is_verified: bool,
    ) -> Result<Self, JournalError> {
        let is_sound = is_verified || has_sound_header(path);
        let mut store = Self::connect(path)?;
        let new = store.is_empty()?;
        if new {
            store
                .create(header, began)
                .map_err(|source| store.write_error(source))?;
        }
        let found = store.check_format()?;
        // Before anything is written: a migration would seal damaged rows with new checksums.
        if !is_verified {
            store.verify(is_sound)?;
        }
        store.check_header(header)?;
        if found < FORMAT {
            store.older = Some(migrate(&mut store.connection, path, found)?);
            store.format = FORMAT;
        }
        // A new file already has this program's version.
        store.written_by = store.program()?.filter(|_| !new);
        store
            .configure(header)
            .map_err(|source| store.write_error(source))?;
        Ok(store)
    }

    /// Opens the file for reading and finds damage. No other connection of this process may be open, see [`has_sound_header`].
    pub(super) fn open_verified(path: &Path) -> Result<Self, JournalError> {
        let is_sound = has_sound_header(path);
        let file = file_id(path);
        let mut store = Self::open_for_reading(path)?;
        let version = store.verify(is_sound)?;
        store.verified = file.zip(Some(version));
        Ok(store)
    }

    /// True when the file at the path is still the one that was verified, and nobody has changed it since.
    pub(super) fn is_as_verified(&self) -> bool {
        // A connection for a folder that cannot be written sees no changes.
        let sees_changes = self.connection.is_readonly(MAIN_DB) == Ok(false);
        let now = file_id(&self.path).zip(self.version().ok());
        sees_changes && now.is_some() && now == self.verified
    }

    /// A number that changes when another connection has changed the file. Within a transaction it is that of the transaction.
    fn version(&self) -> rusqlite::Result<i64> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
    }

    /// Opens the file for reading, also one of an older format. The connection may write, so that `SQLite` can recover the write-ahead log of a dead process; in a folder
    /// that cannot be written the file is read as it is.
    pub(super) fn open_for_reading(path: &Path) -> Result<Self, JournalError> {
        let missing = || JournalError::Missing {
            path: path.to_owned(),
        };
        let is_there = path.try_exists();
        if !is_there.map_err(|source| JournalError::look(path, source))? {
            return Err(missing());
        }
        let mut store = Self::connect(path)?;
        let empty = match store.is_empty() {
            Err(JournalError::Read(_, source)) if is_access_error(&source) && has_no_log(path) => {
                store = Self::connect_immutable(path)?;
                store.is_empty()?
            }
            empty => empty?,
        };
        // The file was created, but the process died before it wrote the tables.
        if empty {
            return Err(missing());
        }
        let found = store.check_format()?;
        if found < FORMAT {
            store.read(|file| overlay(file, found))?;
        }
        // From here on no statement of ours may change the file.
        store.read(|file| file.pragma_update(None, "query_only", true))?;
        Ok(store)
    }

    pub(super) fn header(&self) -> Result<Header, JournalError> {
        Ok(Header {
            mailing: self.meta("mailing")?,
            environment: self.meta("environment")?,
            resource: self.meta("resource")?,
            manifest: self.meta("manifest")?,
        })
    }

    /// Time of the first send.
    pub(super) fn began(&self) -> Result<Timestamp, JournalError> {
        let began = self.meta("began")?;
        began
            .parse()
            .map_err(|_| self.damaged(format!("`{began}` is no time")))
    }

    /// Reads the whole file and finds damage. Returns the version that was read.
    fn verify(&self, has_sound_header: bool) -> Result<i64, JournalError> {
        if !has_sound_header {
            return Err(self.damaged("its header is not one of SQLite's".to_owned()));
        }
        let failed = |source| self.read_error(source);
        // One state of the file for all statements: another process may be writing.
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        // Before format 3 there are no checksums.
        verify(&transaction, &self.path, self.format >= 3)?;
        self.version().map_err(failed)
    }

    /// The version of massebrev that wrote the file last; `None` in format 1.
    pub(super) fn program(&self) -> Result<Option<String>, JournalError> {
        self.find("program")
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        read(&self.connection).map_err(|source| self.read_error(source))
    }

    pub(super) fn read_error(&self, source: rusqlite::Error) -> JournalError {
        JournalError::read(&self.path, source)
    }

    pub(super) fn write_error(&self, source: rusqlite::Error) -> JournalError {
        JournalError::write(&self.path, source)
    }

    fn damaged(&self, reason: String) -> JournalError {
        JournalError::damaged(&self.path, reason)
    }

    fn connect(path: &Path) -> Result<Self, JournalError> {
        // `NO_MUTEX`: each connection is used by one thread at a time.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::opened(path, Connection::open_with_flags(path, flags))
    }

    /// Opens a file that nothing writes, in a folder that cannot be written. `SQLite` would need to create `-shm` there, unless the file is declared immutable.
    fn connect_immutable(path: &Path) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        // The flag `immutable` exists only in SQLite's URI form, in which these characters have meanings.
        let mut name = String::from("file:");
        for letter in path.display().to_string().chars() {
            match letter {
                '%' => name.push_str("%25"),
                '?' => name.push_str("%3f"),
                '#' => name.push_str("%23"),
                letter => name.push(letter),
            }
        }
        name.push_str("?immutable=1");
        Self::opened(path, Connection::open_with_flags(name, flags))
    }

    fn opened(path: &Path, connection: rusqlite::Result<Connection>) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Open(path.to_owned(), Arc::new(source));
        let connection = connection.map_err(failed)?;
        // Another process may lock the file for a moment, for example to recover its log.
        connection
            .busy_timeout(Duration::from_secs(5))
            .map_err(failed)?;
        checksum::add_function(&connection).map_err(failed)?;
        Ok(Self {
            connection,
            older: None,
            written_by: None,
            path: path.to_owned(),
            format: FORMAT,
            verified: None,
        })
    }

    /// True for a file without content. A file that is no journal is an error.
    fn is_empty(&self) -> Result<bool, JournalError> {
        let sql = "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id";
        let found = self.connection.query_row(sql, [], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?))
        });
        match found {
            Ok((APPLICATION, _)) => Ok(false),
            Ok((0, 0)) => Ok(true),
            Err(source) if source.sqlite_error_code() != Some(ErrorCode::NotADatabase) => {
                Err(self.read_error(source))
            }
            _ => Err(JournalError::NotAJournal {
                path: self.path.clone(),
            }),
        }
    }

    fn create(&mut self, header: &Header, began: Timestamp) -> rusqlite::Result<()> {
        // Before the transaction: within one, the journal mode cannot be changed.
        let mode = "PRAGMA journal_mode = WAL";
        let mode: String = self.connection.query_row(mode, [], |row| row.get(0))?;
        if mode != "wal" {
            tracing::warn!(%mode, "the file system does not allow a write-ahead log; the journal is slower without");
        }
        let change = self.connection.transaction()?;
        change.execute_batch(SCHEMA)?;
        change.pragma_update(None, "application_id", APPLICATION)?;
        for (name, value) in [
            ("format", FORMAT.to_string()),
            ("mailing", header.mailing.clone()),
            ("environment", header.environment.clone()),
            ("resource", header.resource.clone()),
            ("manifest", header.manifest.clone()),
            ("began", began.to_string()),
            ("program", PROGRAM.to_owned()),
        ] {
            insert(&change, "meta", &[name.to_owned().into(), value.into()])?;
        }
        change.commit()
    }

    /// The format of the file. An error when this program does not know it.
    fn check_format(&mut self) -> Result<u32, JournalError> {
        let format = self.meta("format")?;
        // Checked before any table but `meta` is read, since a newer format may have others.
        let found: u32 = format
            .parse()
            .map_err(|_| self.damaged(format!("`{format}` is no format")))?;
        if found <= FORMAT {
            self.format = found;
            return Ok(found);
        }
        Err(JournalError::NewerFormat {
            path: self.path.clone(),
            found,
            known: FORMAT,
            this: PROGRAM,
            program: self.program()?,
        })
    }

    pub(super) fn check_header(&self, wanted: &Header) -> Result<(), JournalError> {
        let recorded = self.header()?;
        for (what, recorded, wanted) in [
            ("mailing", recorded.mailing, &wanted.mailing),
            ("environment", recorded.environment, &wanted.environment),
            ("resource", recorded.resource, &wanted.resource),
        ] {
            if recorded != *wanted {
                return Err(JournalError::OtherMailing {
                    path: self.path.clone(),
                    what,
                    recorded,
                    wanted: wanted.clone(),
                });
            }
        }
        Ok(())
    }

    /// Sets up the connection for writing: a commit is on the disk when it returns, checkpoints are rare (every 4000 pages), and 32 MiB of pages are cached, mainly
    /// of the index of keys. Records the manifest's name and this program's version.
    fn configure(&self, header: &Header) -> rusqlite::Result<()> {
        for (name, value) in [
            ("synchronous", "FULL"),
            ("fullfsync", "ON"),
            ("checkpoint_fullfsync", "ON"),
            ("temp_store", "MEMORY"),
            ("wal_autocheckpoint", "4000"),
            ("cache_size", "-32768"),
        ] {
            // Some of these return a row with the new value, others none.
            self.connection
                .pragma_update_and_check(None, name, value, |_| Ok(()))
                .optional()?;
        }
        for (name, value) in [("manifest", header.manifest.as_str()), ("program", PROGRAM)] {
            // Only when changed: opening a journal should not write to it without need.
            if meta(&self.connection, name)?.as_deref() != Some(value) {
                let values = [name.to_owned().into(), value.to_owned().into()];
                insert(&self.connection, "meta", &values)?;
            }
        }
        Ok(())
    }

    fn meta(&self, name: &str) -> Result<String, JournalError> {
        self.find(name)?
            .ok_or_else(|| self.damaged(format!("its `{name}` is missing")))
    }

    fn find(&self, name: &str) -> Result<Option<String>, JournalError> {
        self.read(|file| meta(file, name))
    }
}

fn meta(file: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    file.query_row(sql, [name], |row| row.get(0)).optional()
}

/// True when the file, or the `-wal` or `-shm` file beside it, cannot be opened or written.
fn is_access_error(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// True when the write-ahead log is missing or empty, so that the file is complete by itself. Otherwise `SQLite` must recover the log, which needs a writable folder.
fn has_no_log(path: &Path) -> bool {
    fs::metadata(with_end(path, "-wal")).map_or(true, |log| log.len() == 0)
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn file_id(path: &Path) -> Option<FileId> {
    path.exists().then_some((0, 0))
}

/// True when the fixed bytes of the file's header have their legal values (<https://www.sqlite.org/fileformat.html>, section 1.3). `SQLite` would open a file whose
/// write version is damaged, but read-only.
///
/// Called while this process has no connection to the file: closing it would release the locks of all its connections (<https://www.sqlite.org/howtocorrupt.html>,
/// section 2.2), and any other program that looks into the journal of a run would then delete its write-ahead log.
fn has_sound_header(path: &Path) -> bool {
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let versions = &header[18..20];
    // SQLite rejects shorter files by itself.
    read.is_err()
        || versions.iter().all(|version| matches!(version, 1 | 2))
            && header[20..24] == [0, 64, 32, 32]
            && matches!(header[56..60], [0, 0, 0, 0 | 1])
}

#[cfg(test)]
mod tests {
    use super::{Header, Store};
    use crate::journal::JournalError;

    fn header() -> Header {
        Header {
            mailing: "vat".into(),
            environment: "tt02".into(),
            resource: "skd-mva".into(),
            manifest: "mailing.yaml".into(),
        }
    }

    fn open(path: &std::path::Path, header: &Header) -> Result<Store, JournalError> {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        Store::open_for_writing(
            path,
            header,
            "2026-11-03T12:00:00.123456789Z".parse().unwrap(),
            false,
        )
    }

    #[test]
    fn the_instant_of_the_first_send_is_kept_to_the_nanosecond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        drop(open(&path, &header()).unwrap());
        let again = Store::open_for_reading(&path).unwrap();
        assert_eq!(
            again.began().unwrap().to_string(),
            "2026-11-03T12:00:00.123456789Z"
        );
    }

    #[test]
    fn another_mailing_environment_or_resource_is_refused_and_another_manifest_name_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        drop(open(&path, &header()).unwrap());
        let other = |change: fn(&mut Header)| {
            let mut header = header();
            change(&mut header);
            open(&path, &header).map(|_| ()).map_err(|e| e.to_string())
        };
        let mailing = other(|h| h.mailing = "tax".into()).unwrap_err();
        assert!(mailing.contains("mailing `vat`, not `tax`"), "{mailing}");
        let environment = other(|h| h.environment = "prod".into()).unwrap_err();
        assert!(environment.contains("environment `tt02`, not `prod`"));
        let resource = other(|h| h.resource = "x".into()).unwrap_err();
        assert!(resource.contains("resource `skd-mva`, not `x`"));
        other(|h| h.manifest = "renamed.yaml".into()).unwrap();
        let read = Store::open_for_reading(&path).unwrap();
        assert_eq!(read.header().unwrap().manifest, "renamed.yaml");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let store = open(&path, &header()).unwrap();
        store
            .connection
            .execute_batch(
                "UPDATE meta SET value = '4' WHERE name = 'format';
                UPDATE meta SET value = '9.8.7' WHERE name = 'program'",
            )
            .unwrap();
        drop(store);
        for error in [
            open(&path, &header()).unwrap_err(),
            Store::open_for_reading(&path).unwrap_err(),
        ] {
            assert!(error.to_string().contains("has format 4"), "{error}");
            assert!(error.hint().unwrap().contains("massebrev 9.8.7"));
        }
    }

    #[test]
    fn files_that_are_no_journals_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        std::fs::write(&text, "dear reader, ".repeat(100)).unwrap();
        let database = folder.path().join("database");
        rusqlite::Connection::open(&database)
            .unwrap()
            .execute_batch("CREATE TABLE others (n INTEGER)")
            .unwrap();
        for path in [text, database] {
            let before = std::fs::read(&path).unwrap();
            let error = open(&path, &header()).unwrap_err();
            assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
    }

    #[test]
    fn every_commit_reaches_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("j"), &header()).unwrap();
        let ask = |name: &str| -> String {
            store
                .connection
                .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .map(|value| format!("{value:?}"))
                .unwrap()
        };
        assert_eq!(ask("synchronous"), "Integer(2)");
        assert_eq!(ask("journal_mode"), "Text(\"wal\")");
    }
}
