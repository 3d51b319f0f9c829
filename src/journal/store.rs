//! The `SQLite` file: its settings, its tables, its format, and whose it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::JournalError;

/// The newest format this program knows. It changes when an older program would misread the file.
const FORMAT: u32 = 1;

/// Says whose file it is, where `SQLite` keeps such a number: "brev".
const APPLICATION: u32 = u32::from_be_bytes(*b"brev");

/// One row is about 200 bytes here; times are milliseconds since 1970. The index on `row` makes reports come in order without sorting.
const SCHEMA: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    row INTEGER NOT NULL,
    line INTEGER NOT NULL,
    name TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body BLOB,
    state TEXT NOT NULL,
    correspondence BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    code INTEGER,
    message TEXT,
    trace TEXT,
    first_at INTEGER,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_by_row ON deliveries (row);
CREATE TABLE runs (
    n INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    earlier INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    invalid INTEGER NOT NULL,
    plan TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    reason TEXT
) STRICT;
CREATE TABLE attachments (
    identity BLOB PRIMARY KEY NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    digest BLOB NOT NULL,
    resource TEXT NOT NULL,
    file_name TEXT NOT NULL,
    senders_reference TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Whose journal it is. All but the manifest's name must stay the same for ever: they are in the keys of the letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The mailing's name.
    pub mailing: String,
    /// The environment it is sent in.
    pub environment: String,
    /// The resource its letters belong to.
    pub resource: String,
    /// The manifest, as it was named last.
    pub manifest: String,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file for writing; an empty one becomes a journal. The file must be there and the lock must be held.
    pub(super) fn open_for_writing(
        path: &Path,
        header: &Header,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let mut store = Self::connect(path)?;
        if store.is_empty()? {
            store
                .create(header, now)
                .map_err(|source| store.write_error(source))?;
        }
        store.check_format()?;
        store.check_header(header)?;
        store
            .settle_in(header)
            .map_err(|source| store.write_error(source))?;
        Ok(store)
    }

    /// Opens the file for reading. It is opened as if for writing, so that what a dead process has left is put in order and cleared away.
    pub(super) fn open_for_reading(path: &Path) -> Result<Self, JournalError> {
        let missing = || JournalError::Missing {
            path: path.to_owned(),
        };
        if !path.exists() {
            return Err(missing());
        }
        let store = Self::connect(path)?;
        if store.is_empty()? {
            return Err(missing());
        }
        store.check_format()?;
        store
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(|source| store.read_error(source))?;
        Ok(store)
    }

    /// Whose it is.
    pub(super) fn header(&self) -> Result<Header, JournalError> {
        Ok(Header {
            mailing: self.meta("mailing")?,
            environment: self.meta("environment")?,
            resource: self.meta("resource")?,
            manifest: self.meta("manifest")?,
        })
    }

    /// When the mailing was first sent.
    pub(super) fn began(&self) -> Result<Timestamp, JournalError> {
        let began = self.meta("began")?;
        began
            .parse()
            .map_err(|_| self.damaged(format!("`{began}` is no time")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read_error(&self, source: rusqlite::Error) -> JournalError {
        JournalError::Read {
            path: self.path.clone(),
            source: Arc::new(source),
        }
    }

    pub(super) fn write_error(&self, source: rusqlite::Error) -> JournalError {
        JournalError::Write {
            path: self.path.clone(),
            source: Arc::new(source),
        }
    }

    pub(super) fn damaged(&self, reason: String) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            reason,
        }
    }

    fn connect(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Open {
            path: path.to_owned(),
            source: Arc::new(source),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection
            .busy_timeout(Duration::from_secs(5))
            .map_err(failed)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// Whether it is a file that nothing has been written to. Anything that is not a journal is an error.
    fn is_empty(&self) -> Result<bool, JournalError> {
        let found = self
            .connection
            .pragma_query_value(None, "application_id", |row| row.get::<_, u32>(0))
            .and_then(|application| {
                let count = "SELECT count(*) FROM sqlite_schema";
                let tables = self
                    .connection
                    .query_row(count, [], |row| row.get::<_, i64>(0))?;
                Ok((application, tables))
            });
        let other = || JournalError::NotAJournal {
            path: self.path.clone(),
        };
        match found {
            Ok((APPLICATION, _)) => Ok(false),
            Ok((0, 0)) => Ok(true),
            Ok(_) => Err(other()),
            Err(source) if source.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Err(other())
            }
            Err(source) => Err(self.read_error(source)),
        }
    }

    fn create(&mut self, header: &Header, now: Timestamp) -> rusqlite::Result<()> {
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
            ("began", now.to_string()),
        ] {
            change.execute("INSERT INTO meta VALUES (?1, ?2)", params![name, value])?;
        }
        change.commit()
    }

    fn check_format(&self) -> Result<(), JournalError> {
        let format = self.meta("format")?;
        let found: u32 = format
            .parse()
            .map_err(|_| self.damaged(format!("`{format}` is no format")))?;
        if found <= FORMAT {
            return Ok(());
        }
        Err(JournalError::NewerFormat {
            path: self.path.clone(),
            found,
            known: FORMAT,
        })
    }

    fn check_header(&self, wanted: &Header) -> Result<(), JournalError> {
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

    /// A commit is on the disk when it returns; the checkpoints are rare; the index of keys stays in memory.
    fn settle_in(&self, header: &Header) -> rusqlite::Result<()> {
        for (name, value) in [
            ("synchronous", "FULL"),
            ("fullfsync", "ON"),
            ("checkpoint_fullfsync", "ON"),
            ("temp_store", "MEMORY"),
            ("wal_autocheckpoint", "4000"),
            ("cache_size", "-32768"),
        ] {
            // Some of them answer with their new value.
            self.connection
                .pragma_update_and_check(None, name, value, |_| Ok(()))
                .optional()?;
        }
        let named = "UPDATE meta SET value = ?1 WHERE name = 'manifest' AND value <> ?1";
        self.connection.execute(named, [&header.manifest])?;
        Ok(())
    }

    fn meta(&self, name: &str) -> Result<String, JournalError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|source| self.read_error(source))?
            .ok_or_else(|| self.damaged(format!("its `{name}` is missing")))
    }
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
            .execute("UPDATE meta SET value = '2' WHERE name = 'format'", [])
            .unwrap();
        drop(store);
        for error in [
            open(&path, &header()).unwrap_err(),
            Store::open_for_reading(&path).unwrap_err(),
        ] {
            assert!(error.to_string().contains("has format 2"), "{error}");
            assert!(error.hint().unwrap().contains("newer version"));
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
