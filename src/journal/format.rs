//! The tables of a journal, and the migration from older formats.
//!
//! Every format, also future ones, keeps the table `meta` of names and values with the `format`, and from format 2 on the version of the `program` that wrote the file
//! last. An older program can then name the version that reads the file.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior, params};

use super::JournalError;
use super::checksum::{SEALED, seal};
use super::lock::{private, with_end};

/// The newest format this program knows. Increased when an older program would misread the file.
pub(super) const FORMAT: u32 = 3;

pub(super) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// A row of `deliveries` takes about 200 bytes. Times are milliseconds since 1970. Reports read in order through the index on `row`, without sorting.
pub(super) const SCHEMA: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT;
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
    last_at INTEGER NOT NULL,
    accepted BLOB,
    lost_at INTEGER,
    asked_at INTEGER,
    delivery TEXT,
    listed_at INTEGER,
    sum INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deliveries_by_row ON deliveries (row);
CREATE UNIQUE INDEX deliveries_by_correspondence ON deliveries (correspondence) WHERE correspondence IS NOT NULL;
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
    reason TEXT,
    alive_at INTEGER,
    sum INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE inputs (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    run INTEGER NOT NULL,
    digest BLOB,
    sum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, name, run)
) STRICT, WITHOUT ROWID;
CREATE TABLE attachments (
    identity BLOB PRIMARY KEY NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    digest BLOB NOT NULL,
    resource TEXT NOT NULL,
    file_name TEXT NOT NULL,
    senders_reference TEXT NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, letters BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT;
";

/// The migration steps, from format 1 on. The checksums of format 3 are added after the last step.
const STEPS: [&str; FORMAT as usize - 1] = [
    "
ALTER TABLE deliveries ADD COLUMN accepted BLOB;
CREATE TABLE inputs (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    run INTEGER NOT NULL,
    digest BLOB,
    PRIMARY KEY (kind, name, run)
) STRICT, WITHOUT ROWID;
",
    // Two rows with one correspondence: one of them got the answer to another letter. Both become unknown, and the next run asks Altinn by their keys.
    // A request whose outcome is unknown was at the latest sent at `last_at`.
    "
ALTER TABLE meta ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN lost_at INTEGER;
ALTER TABLE deliveries ADD COLUMN asked_at INTEGER;
ALTER TABLE deliveries ADD COLUMN delivery TEXT;
ALTER TABLE deliveries ADD COLUMN listed_at INTEGER;
ALTER TABLE deliveries ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN alive_at INTEGER;
ALTER TABLE runs ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inputs ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attachments ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
CREATE TABLE blocks (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, letters BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT;
UPDATE deliveries SET state = 'unknown', message = 'its correspondence is on record for another row too', correspondence = NULL
    WHERE correspondence IN (SELECT correspondence FROM deliveries GROUP BY correspondence HAVING count(*) > 1);
UPDATE deliveries SET lost_at = last_at WHERE state IN ('unknown', 'in-flight');
CREATE UNIQUE INDEX deliveries_by_correspondence ON deliveries (correspondence) WHERE correspondence IS NOT NULL;
",
];

/// Migrates a journal of an older format in one transaction and returns the path of a copy made before. The caller holds the lock.
pub(super) fn migrate(
    file: &mut Connection,
    path: &Path,
    found: u32,
) -> Result<PathBuf, JournalError> {
    // Format 0, or one above `STEPS`, has never been written.
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    let steps = done.checked_sub(1).and_then(|done| STEPS.get(done..));
    let steps = steps
        .ok_or_else(|| JournalError::damaged(path, format!("there was never a format {found}")))?;
    // The copy is durable before anything changes.
    let copy = copy(file, path, found)?;
    apply(file, steps).map_err(|source| JournalError::write(path, source))?;
    tracing::info!(from = found, to = FORMAT, copy = %copy.display(), "the journal has a new format");
    Ok(copy)
}

/// Lets a file of an older format be read as one of the present, without a change to it: what it lacks is empty.
pub(super) fn overlay(file: &Connection, found: u32) -> rusqlite::Result<()> {
    let (accepted, inputs) = if found < 2 {
        (
            "NULL AS accepted,",
            "CREATE TEMP TABLE inputs (kind, name, run, digest);",
        )
    } else {
        ("", "")
    };
    // A name without a schema means the temporary table or view.
    file.execute_batch(&format!(
        "CREATE TEMP VIEW deliveries AS
            SELECT *, {accepted} NULL AS lost_at, NULL AS asked_at, NULL AS delivery, NULL AS listed_at FROM main.deliveries;
        CREATE TEMP TABLE blocks (n, at, letters);
        {inputs}"
    ))
}

fn apply(file: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    // Immediate: a reader that upgrades to a writer later could fail as busy.
    let change = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps {
        change.execute_batch(step)?;
    }
    let sql = "UPDATE meta SET value = ?1 WHERE name = 'format'";
    change.execute(sql, params![FORMAT.to_string()])?;
    // Rows of older formats have no checksums yet.
    for table in SEALED {
        seal(&change, table, "1")?;
    }
    change.commit()
}

/// Makes a durable copy beside the journal that only its owner can read. An incomplete copy is removed.
fn copy(file: &Connection, path: &Path, found: u32) -> Result<PathBuf, JournalError> {
    let copy = with_end(path, &format!(".format-{found}"));
    // Renamed when complete, so that a file without `.part` is always a whole copy.
    let part = with_end(&copy, ".part");
    let made = write_copy(file, path, &part).and_then(|()| {
        let durable = || {
            OpenOptions::new().write(true).open(&part)?.sync_all()?;
            fs::rename(&part, &copy)
        };
        durable().map_err(|source| JournalError::create(&copy, source))
    });
    if made.is_err() {
        let _ = fs::remove_file(&part);
    }
    made.map(|()| copy)
}

fn write_copy(file: &Connection, path: &Path, part: &Path) -> Result<(), JournalError> {
    let failed = |source| JournalError::create(part, source);
    // An earlier try may have been killed.
    let _ = fs::remove_file(part);
    // `VACUUM INTO` would create the file readable for others, but fills an empty one.
    private(OpenOptions::new().write(true).create_new(true))
        .open(part)
        .map_err(failed)?;
    let name = part
        .to_str()
        .ok_or_else(|| failed(io::Error::other("its name is no Unicode")))?;
    file.execute("VACUUM INTO ?1", [name])
        .map_err(|source| JournalError::write(path, source))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::journal::{Header, Journal, RowRecord, RowSet, State};

    /// A journal of each older format, as it was written then.
    const OLDER: [&str; FORMAT as usize - 1] = [
        include_str!("../../tests/it/journals/format-1.sql"),
        include_str!("../../tests/it/journals/format-2.sql"),
    ];

    fn header() -> Header {
        Header {
            mailing: "small".into(),
            environment: "tt02".into(),
            resource: "example-advice".into(),
            manifest: "mailing.yaml".into(),
        }
    }

    fn older(sql: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(sql).unwrap();
        (folder, path)
    }

    /// Every table with its columns, and every index.
    fn shape(path: &Path) -> BTreeMap<String, Vec<String>> {
        let file = Connection::open(path).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'";
        let mut names = file.prepare(sql).unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let shape = names.map(|name| {
            let name = name.unwrap();
            let sql = "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk || coalesce(dflt_value, '') FROM pragma_table_info(?1)";
            let mut columns = file.prepare(sql).unwrap();
            let columns = columns.query_map([&name], |row| row.get(0)).unwrap();
            let columns = columns.map(Result::unwrap).collect();
            (name, columns)
        });
        shape.collect()
    }

    fn lines(journal: &Journal) -> Vec<RowRecord> {
        journal.snapshot().unwrap().rows(RowSet::All).unwrap()
    }

    fn recorded(journal: &Journal) -> usize {
        let snapshot = journal.snapshot().unwrap();
        snapshot.rows(RowSet::Recorded).unwrap().len()
    }

    #[test]
    fn a_journal_of_any_older_format_becomes_one_of_today_and_keeps_what_it_says() {
        let (_folder, new) = older("");
        drop(Journal::open(&new, &header(), Timestamp::UNIX_EPOCH, None).unwrap());
        for (sql, format) in OLDER.iter().zip(1..) {
            let (_folder, path) = older(sql);
            let earlier = Journal::read(&path).unwrap();
            let mut before = lines(&earlier);
            // What is unknown may have been sent by the request that was last.
            before[3].lost_at = Some(before[3].last_at);
            let journal = Journal::open(&path, &header(), Timestamp::UNIX_EPOCH, Some(earlier));
            let journal = journal.unwrap();
            assert!(!journal.is_as_read);
            let after = lines(&journal);
            assert_eq!(after, before);
            assert_eq!(after.len(), 4);
            let began = "2026-11-03T12:00:00.123456789Z";
            assert_eq!(
                Journal::peek_began(&path).unwrap().unwrap().to_string(),
                began
            );
            assert_eq!(recorded(&journal), 4);
            assert!(journal.inputs().unwrap().is_empty());
            let copy = journal.older.clone().unwrap();
            assert!(copy.ends_with(format!("j.format-{format}")));
            assert_eq!(lines(&Journal::read(&copy).unwrap()).len(), 4);
            drop(journal);
            assert_eq!(shape(&path), shape(&new));
            let again = Journal::open(&path, &header(), Timestamp::UNIX_EPOCH, None).unwrap();
            assert_eq!(again.older, None, "it is done once");
        }
    }

    #[test]
    fn rows_that_share_a_correspondence_are_in_doubt() {
        let (_folder, path) = older(OLDER[1]);
        let file = Connection::open(&path).unwrap();
        file.execute_batch(
            "UPDATE deliveries SET state = 'already-sent', correspondence = x'00000000000000000000000000000007' WHERE row = 3",
        )
        .unwrap();
        drop(file);
        let journal = Journal::open(&path, &header(), Timestamp::UNIX_EPOCH, None).unwrap();
        let rows = lines(&journal);
        for row in [&rows[0], &rows[2]] {
            assert_eq!((row.state, row.correspondence), (State::Unknown, None));
            assert_eq!(row.lost_at, Some(row.last_at));
        }
    }

    #[test]
    fn reading_leaves_an_older_format_as_it_is() {
        let (_folder, path) = older(OLDER[0]);
        let journal = Journal::read(&path).unwrap();
        let counts = journal.snapshot().unwrap().counts().unwrap();
        assert_eq!(counts[&State::Sent], 1, "{counts:?}");
        assert!(journal.run().unwrap().is_some());
        assert_eq!(recorded(&journal), 4);
        assert!(journal.inputs().unwrap().is_empty());
        drop(journal);
        assert!(!shape(&path).contains_key("inputs"));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_journal_as_it_was() {
        let (_folder, path) = older(OLDER[0]);
        // What the step makes is there already.
        let file = Connection::open(&path).unwrap();
        file.execute_batch("CREATE TABLE inputs (x)").unwrap();
        let before = shape(&path);
        let error = Journal::open(&path, &header(), Timestamp::UNIX_EPOCH, None).unwrap_err();
        assert!(matches!(error, JournalError::Write(..)), "{error}");
        assert_eq!(shape(&path), before);
        Journal::read(&path).unwrap();
        assert!(path.with_file_name("j.format-1").exists());
    }

    #[test]
    fn a_format_that_never_was_is_damage() {
        let (_folder, path) = older(&OLDER[0].replace("('format', '1')", "('format', '0')"));
        let error = Journal::open(&path, &header(), Timestamp::UNIX_EPOCH, None).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        assert!(error.hint().unwrap().contains(".damaged"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_copy() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, path) = older(OLDER[0]);
        let journal = Journal::open(&path, &header(), Timestamp::UNIX_EPOCH, None).unwrap();
        let copy = fs::metadata(journal.older.as_ref().unwrap()).unwrap();
        assert_eq!(copy.permissions().mode() & 0o777, 0o600);
    }
}
