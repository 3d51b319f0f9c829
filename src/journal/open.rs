//! The open journal of one mailing in one environment: the module's interface.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::block::StateBefore;
use super::change::{self, OpenBlocks};
use super::lock::{Lock, holder_of, private, with_end};
use super::record::row_with_correspondence;
use super::store::Store;
use super::writer::{Answer, Writer};
use super::{Entry, Header, JournalError, Outcome, Start, State};

/// An open journal. Dropping it closes it.
pub(crate) struct Journal {
    path: PathBuf,
    /// The copy in the older format, when opening has migrated the file.
    pub(crate) older: Option<PathBuf>,
    /// The version of massebrev that wrote the file before; `None` for a new one and for formats that do not record it.
    pub(crate) program: Option<String>,
    /// True when it holds exactly what the journal held that was read before it was opened for writing.
    pub(crate) is_as_read: bool,
    /// Never locked across an `await`.
    reader: Mutex<Store>,
    /// `None` when it was opened for reading.
    writer: Option<Writer>,
    /// The last field: fields drop in order, so the lock is released after the writer has closed the file.
    _lock: Option<Lock>,
}

impl Journal {
    /// The path of a mailing's journal: `.massebrev/<mailing>@<environment>.journal` in the manifest's folder.
    pub(crate) fn path(folder: &Path, mailing: &str, environment: &str) -> PathBuf {
        let name = format!("{}@{}.journal", file_name(mailing), file_name(environment));
        folder.join(".massebrev").join(name)
    }

    /// Opens the journal for writing. Creates it when missing, with `began` as the time of the first send. Rows that were in flight when an earlier
    /// process died become unknown. Not verified again when it is still as `earlier` has read it.
    ///
    /// # Errors
    ///
    /// When another process holds the lock, when the journal belongs to a different mailing, environment or resource, when a newer program wrote it, when it is damaged, and
    /// when the file cannot be written.
    pub(crate) fn open(
        path: &Path,
        header: &Header,
        began: Timestamp,
        earlier: Option<Self>,
    ) -> Result<Self, JournalError> {
        let now = Timestamp::now();
        let failed = JournalError::create;
        let folder = path.parent().unwrap_or(Path::new("."));
        // The lock file lies in the folder too.
        make_folder(folder).map_err(|source| failed(folder, source))?;
        // Before the file is touched: creating, migrating and cutting off assume a single process.
        let lock = Lock::take(path, now)?;
        make_file(path, folder).map_err(|source| failed(path, source))?;
        // Only now: nobody else changes it while the lock is held. One that has changed is closed before the file is opened again.
        let verified = earlier.filter(|earlier| earlier.reader().is_as_verified());
        let mut store = Store::open_for_writing(path, header, began, verified.is_some())?;
        // The writer thread takes the store, so these are kept here.
        let (older, program) = (store.older.clone(), store.written_by.clone());
        // While the lock is held no other process sends, so whatever is in flight was left by one that died.
        let cut_off = change::cut_off(&mut store.connection);
        let cut_off = cut_off.map_err(|source| store.write_error(source))?;
        // After creation and migration: the reader must see the present format.
        let reader = Store::open_for_reading(path)?;
        let writer = Writer::start(store).map_err(|source| failed(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            // A migration and a cut-off change rows.
            is_as_read: verified.is_some() && older.is_none() && cut_off == 0,
            older,
            program,
            reader: Mutex::new(reader),
            writer: Some(writer),
            _lock: Some(lock),
        })
    }

    /// Opens the journal for reading, without the lock; another process may be writing.
    ///
    /// # Errors
    ///
    /// When the journal is missing, damaged, or of a newer format.
    pub(crate) fn read(path: &Path) -> Result<Self, JournalError> {
        // A report from a damaged file would be wrong without anyone noticing.
        let reader = Store::open_verified(path).map_err(or_locked)?;
        Ok(Self {
            path: path.to_owned(),
            older: None,
            program: reader.program()?,
            is_as_read: true,
            reader: Mutex::new(reader),
            writer: None,
            _lock: None,
        })
    }

    /// Refuses the journal of another mailing, environment or resource, as [`Self::open`] does: a file may have been copied.
    pub(crate) fn check_header(&self, wanted: &Header) -> Result<(), JournalError> {
        self.reader().check_header(wanted)
    }

    /// True when another process holds the lock: a run is going on.
    pub(crate) fn is_in_use(&self) -> bool {
        self.writer.is_none() && holder_of(&self.path).is_some()
    }

    /// Deletes the journal of a rehearsal with its `-wal` and `-shm` files; true when there was one. The lock file stays: removing it would race.
    ///
    /// # Errors
    ///
    /// When another process holds the lock, and when a file cannot be deleted.
    pub(crate) fn delete(path: &Path) -> Result<bool, JournalError> {
        if !path.exists() {
            return Ok(false);
        }
        let _lock = Lock::take(path, Timestamp::now())?;
        // The database last: while it exists, a deletion that was cut short can be repeated.
        for ending in ["-wal", "-shm", ""] {
            let file = with_end(path, ending);
            // SQLite may have removed `-wal` and `-shm` itself.
            match fs::remove_file(&file) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(JournalError::create(&file, source));
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// Time of the first send; `None` when there is no journal yet.
    pub(crate) fn peek_began(path: &Path) -> Result<Option<Timestamp>, JournalError> {
        match Store::open_for_reading(path) {
            Ok(store) => store.began().map(Some),
            Err(JournalError::Missing { .. }) => Ok(None),
            Err(error) => Err(or_locked(error)),
        }
    }

    /// Opens a block: these letters may be sent from now on. Durable when it returns. Returns the rows' states before the block, in the same order.
    ///
    /// # Errors
    ///
    /// When one letter is refused the block is not opened, and none of its letters may be sent.
    pub(crate) async fn open_block(
        &self,
        letters: Vec<(Uuid, Start)>,
    ) -> Result<Vec<StateBefore>, JournalError> {
        self.change(true, |file, open| change::open_block(file, open, letters))
            .await
    }

    /// Closes all blocks: their letters without an outcome have not been sent, and keep their earlier states.
    pub(crate) async fn close_blocks(&self) -> Result<(), JournalError> {
        self.change(true, |file, open| open.close(file).map(Ok))
            .await
    }

    /// Records an entry for a row. Durable when it returns. Returns the row's new state.
    ///
    /// # Errors
    ///
    /// [`JournalError::Illegal`], [`JournalError::IdTaken`] and [`JournalError::Drift`] refuse this entry alone. After a
    /// [`JournalError::Write`] every later call returns it too.
    pub(crate) async fn record(&self, key: Uuid, entry: Entry) -> Result<State, JournalError> {
        let is_urgent = match &entry {
            // A single letter is a block of one.
            Entry::Started(start) => {
                let opened = self.open_block(vec![(key, start.clone())]).await;
                return opened.map(|_| State::InFlight);
            }
            Entry::Skipped(_) => false,
            // Refusals may stop the run, so they are recorded at once.
            Entry::Ended(end) => !matches!(end.outcome, Outcome::Sent { .. }),
            _ => true,
        };
        self.change(is_urgent, move |file, open| {
            change::record(file, open, key, &entry)
        })
        .await
    }

    /// The key of the row that has this correspondence. Asked in the writer's thread, after the entries that wait there.
    pub(crate) async fn row_of(&self, correspondence: Uuid) -> Result<Option<Uuid>, JournalError> {
        self.change(true, move |file, _| {
            row_with_correspondence(file, correspondence).map(Ok)
        })
        .await
    }

    pub(super) fn file(&self) -> &Path {
        &self.path
    }

    /// Makes a change that is never refused. Durable when it returns.
    pub(super) async fn write(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), JournalError> {
        self.change(true, |file, _| write(file).map(Ok)).await
    }

    async fn change<T: Send + 'static>(
        &self,
        is_urgent: bool,
        change: impl FnOnce(&Connection, &mut OpenBlocks) -> rusqlite::Result<Answer<T>>
        + Send
        + 'static,
    ) -> Answer<T> {
        let path = &self.path;
        let Some(writer) = &self.writer else {
            return Err(JournalError::ReadOnly { path: path.clone() });
        };
        let answer = writer.hand_over(is_urgent, change).await;
        answer.unwrap_or_else(|_| Err(JournalError::Stopped { path: path.clone() }))
    }

    pub(super) fn reader(&self) -> MutexGuard<'_, Store> {
        // A reader that panicked has changed nothing in the store.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.path).finish()
    }
}

/// [`JournalError::Locked`] in place of an error that a file gives too which another process is creating.
fn or_locked(error: JournalError) -> JournalError {
    let path = match &error {
        JournalError::Missing { path }
        | JournalError::NotAJournal { path }
        | JournalError::Damaged { path, .. } => path.clone(),
        _ => return error,
    };
    match holder_of(&path) {
        Some(holder) => JournalError::Locked { path, holder },
        None => error,
    }
}

/// A name made safe for file names on every system. Two names may give the same one; the journal's header then refuses the second mailing.
fn file_name(name: &str) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    name.chars()
        .map(|letter| if safe(letter) { letter } else { '-' })
        .collect()
}

/// Creates the folder, readable for its owner only and ignored by Git. An existing folder is left as it is.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    // Names and keys of rows must not get into version control by accident.
    fs::write(folder.join(".gitignore"), "*\n")?;
    sync(folder.parent())
}

/// Creates the file, readable for its owner only. `SQLite` gives `-wal` and `-shm` the same mode, so the file must exist before it is opened.
fn make_file(path: &Path, folder: &Path) -> io::Result<()> {
    // An existing file is not opened: closing it would release the locks of a connection that reads it.
    if !path.exists() {
        private(OpenOptions::new().append(true).create(true))
            .open(path)?
            .sync_all()?;
    }
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    sync(Some(folder))
}

/// Makes new names in a folder durable. Only Unix lets a program sync a folder.
fn sync(folder: Option<&Path>) -> io::Result<()> {
    match folder {
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => {
            File::open(folder)?.sync_all()
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use jiff::Timestamp;
    use uuid::Uuid;

    use super::Journal;
    use crate::journal::{
        EndedRun, Entry, Header, Inputs, JournalError, LetterEnd, Outcome, Reason, RowRecord,
        RowSet, Run, SharedAttachment, Skip, Snapshot, Start, State,
    };

    const PERSON: &str = "07827199405";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_700_000 + second).unwrap()
    }

    fn header() -> Header {
        Header {
            mailing: "vat-2026".into(),
            environment: "tt02".into(),
            resource: "skd-mva".into(),
            manifest: "mailing.yaml".into(),
        }
    }

    fn journal_path(folder: &Path) -> PathBuf {
        Journal::path(folder, "vat-2026", "tt02")
    }

    fn open(folder: &Path) -> Journal {
        Journal::open(&journal_path(folder), &header(), at(0), None).unwrap()
    }

    fn key(row: u64) -> Uuid {
        Uuid::from_u64_pair(1, row)
    }

    fn started(row: u64, body: u8) -> Entry {
        Entry::Started(Start {
            row,
            line: row + 1,
            name: format!("2026/{row}"),
            recipient: "078271*****".into(),
            body: [body; 32],
            at: at(1),
        })
    }

    fn ended(outcome: Outcome) -> Entry {
        Entry::Ended(LetterEnd {
            outcome,
            attempts: 2,
            at: at(2),
            lost_at: None,
        })
    }

    fn reason(message: &str) -> Reason {
        Reason {
            status: Some(400),
            code: Some(1002),
            message: message.into(),
            trace: Some("00-abc-01".into()),
        }
    }

    fn run(rows: u64) -> Run {
        Run {
            rows,
            earlier: 2,
            skipped: 1,
            invalid: 0,
            plan: "sha256:ab".into(),
            started_at: at(5),
            ended: None,
        }
    }

    fn lines(journal: &Journal) -> Vec<RowRecord> {
        lines_of(&journal.snapshot().unwrap())
    }

    fn lines_of(snapshot: &Snapshot) -> Vec<RowRecord> {
        snapshot.rows(RowSet::All).unwrap()
    }

    async fn send(journal: &Journal, row: u64, outcome: Outcome) -> State {
        let start = journal.record(key(row), started(row, 1)).await;
        assert_eq!(start.unwrap(), State::InFlight);
        journal.record(key(row), ended(outcome)).await.unwrap()
    }

    fn recorded(journal: &Journal) -> Vec<RowRecord> {
        journal.snapshot().unwrap().rows(RowSet::Recorded).unwrap()
    }

    /// The files as the disk has them at this moment: what a killed process leaves.
    fn crash_image(of: &Path, to: &Path) {
        fs::create_dir_all(to.join(".massebrev")).unwrap();
        for file in fs::read_dir(of.join(".massebrev")).unwrap() {
            let file = file.unwrap();
            if !file.file_name().to_string_lossy().ends_with("-shm") {
                fs::copy(file.path(), to.join(".massebrev").join(file.file_name())).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn what_was_recorded_is_there_after_the_process_was_killed() {
        let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let journal = open(folder.path());
        let id = Uuid::from_u128(77);
        assert_eq!(send(&journal, 1, Outcome::Sent { id }).await, State::Sent);
        send(&journal, 2, Outcome::Rejected(reason("no such resource"))).await;
        journal.record(key(3), started(3, 9)).await.unwrap();
        crash_image(folder.path(), image.path());

        let again = open(image.path());
        let lines = lines(&again);
        let states: Vec<_> = lines.iter().map(|line| (line.row, line.state)).collect();
        assert_eq!(
            states,
            [(1, State::Sent), (2, State::Rejected), (3, State::Unknown)]
        );
        assert_eq!(lines[0].correspondence, Some(id));
        assert_eq!(lines[0].first_at, Some(at(1)));
        assert_eq!(lines[0].last_at, at(2));
        assert_eq!(lines[1].code, Some(1002));
        assert_eq!(lines[1].message.as_deref(), Some("no such resource"));
        assert_eq!(lines[1].trace.as_deref(), Some("00-abc-01"));
        assert!(lines[2].message.as_ref().unwrap().contains("program ended"));
    }

    fn starts(rows: &[(u64, u8)]) -> Vec<(Uuid, Start)> {
        let starts = rows.iter().map(|(row, body)| match started(*row, *body) {
            Entry::Started(start) => (key(*row), start),
            entry => panic!("{entry:?}"),
        });
        starts.collect()
    }

    fn states(journal: &Journal) -> Vec<(u64, State)> {
        let lines = lines(journal).into_iter();
        lines.map(|line| (line.row, line.state)).collect()
    }

    #[tokio::test]
    async fn of_a_block_that_was_cut_off_only_letters_without_an_end_are_unknown() {
        let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let journal = open(folder.path());
        send(&journal, 3, Outcome::Failed(reason("busy"))).await;
        send(&journal, 4, Outcome::Failed(reason("busy"))).await;
        let block = starts(&[(1, 1), (2, 1), (3, 5), (4, 5)]);
        let before = journal.open_block(block).await.unwrap();
        let before: Vec<_> = before.iter().map(|before| before.state).collect();
        let (pending, failed) = (State::Pending, State::Failed);
        assert_eq!(before, [pending, pending, failed, failed]);
        for row in [1, 4] {
            let id = Uuid::from_u128(row.into());
            let sent = ended(Outcome::Sent { id });
            journal.record(key(row), sent).await.unwrap();
        }
        let in_flight = [
            (1, State::Sent),
            (2, State::InFlight),
            (3, State::InFlight),
            (4, State::Sent),
        ];
        assert_eq!(states(&journal), in_flight);
        let counts = journal.snapshot().unwrap().counts().unwrap();
        assert_eq!(counts, [(State::InFlight, 2), (State::Sent, 2)].into());
        let in_flight = recorded(&journal);
        let in_flight = in_flight.iter().filter(|row| row.state == State::InFlight);
        assert_eq!(in_flight.count(), 2);
        crash_image(folder.path(), image.path());

        let again = open(image.path());
        let after = [
            (1, State::Sent),
            (2, State::Unknown),
            (3, State::Unknown),
            (4, State::Sent),
        ];
        assert_eq!(states(&again), after);
        let third = again.line(key(3)).unwrap().unwrap();
        assert_eq!((third.body, third.attempts), (Some([5; 32]), 2));
        assert!(third.lost_at.is_some());
        // Another text under a key that may be used is found by its digest.
        for row in [2, 3] {
            let drift = again.open_block(starts(&[(row, 9)])).await.unwrap_err();
            assert!(matches!(drift, JournalError::Drift { .. }), "{drift}");
        }
        drop(again);
        assert_eq!(states(&open(image.path())), after);
    }

    #[tokio::test]
    async fn letters_of_a_closed_block_that_have_no_end_stand_where_they_stood() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        send(&journal, 2, Outcome::Failed(reason("busy"))).await;
        send(&journal, 3, Outcome::Unknown(reason("no answer"))).await;
        let lines = |journal: &Journal| [2, 3].map(|row| journal.line(key(row)).unwrap());
        let before = lines(&journal);
        for _ in 0..2 {
            let block = starts(&[(1, 1), (2, 5), (3, 1)]);
            journal.open_block(block).await.unwrap();
            journal.close_blocks().await.unwrap();
            assert_eq!(journal.line(key(1)).unwrap(), None);
            assert_eq!(lines(&journal), before);
        }
        drop(journal);
        assert_eq!(lines(&open(folder.path())), before);
    }

    #[tokio::test]
    async fn a_letter_is_in_one_block_at_a_time_and_a_refused_block_lets_none_leave() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        journal.open_block(starts(&[(1, 1)])).await.unwrap();
        for block in [&[(2, 1), (1, 1)][..], &[(2, 1), (2, 1)]] {
            let refused = journal.open_block(starts(block)).await.unwrap_err();
            let state = State::InFlight;
            assert!(
                matches!(refused, JournalError::Illegal { state: found, .. } if found == state)
            );
        }
        assert_eq!(states(&journal), [(1, State::InFlight)]);
    }

    #[tokio::test]
    async fn reading_a_killed_journal_does_not_change_what_it_says() {
        let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let journal = open(folder.path());
        journal.record(key(1), started(1, 1)).await.unwrap();
        crash_image(folder.path(), image.path());
        let read = Journal::read(&journal_path(image.path())).unwrap();
        let counts = read.snapshot().unwrap().counts().unwrap();
        assert_eq!(counts, [(State::InFlight, 1)].into());
        let refused = read
            .record(key(1), ended(Outcome::Failed(reason("x"))))
            .await;
        assert!(matches!(refused, Err(JournalError::ReadOnly { .. })));
    }

    #[tokio::test]
    async fn attempts_add_up_and_the_first_send_is_remembered_over_the_runs() {
        let folder = tempfile::tempdir().unwrap();
        send(&open(folder.path()), 1, Outcome::Failed(reason("busy"))).await;
        let journal = open(folder.path());
        let mut again = started(1, 5);
        if let Entry::Started(start) = &mut again {
            start.at = at(100);
            start.row = 4;
        }
        journal.record(key(1), again).await.unwrap();
        let id = Uuid::from_u128(3);
        let sent = ended(Outcome::AlreadySent { id: Some(id) });
        journal.record(key(1), sent).await.unwrap();
        let line = &lines(&journal)[0];
        assert_eq!((line.row, line.attempts), (4, 4));
        assert_eq!(line.first_at, Some(at(1)));
        assert_eq!(line.state, State::AlreadySent);
        assert_eq!((line.status, line.code, &line.message), (None, None, &None));
    }

    #[tokio::test]
    async fn a_second_process_is_refused_and_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let began = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let journal = open(folder.path());
        let error =
            Journal::open(&journal_path(folder.path()), &header(), at(9), None).unwrap_err();
        let JournalError::Locked { holder, .. } = &error else {
            panic!("{error}");
        };
        if cfg!(unix) {
            assert_eq!(holder.process, Some(std::process::id()));
            assert!(holder.since.unwrap() >= began);
            let look = format!("ps -fp {}", std::process::id());
            assert!(error.hint().unwrap().ends_with(&look));
        }
        Journal::read(&journal_path(folder.path())).unwrap();
        drop(journal);
        open(folder.path());
    }

    #[tokio::test]
    async fn what_was_read_stands_until_somebody_changes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal_path(folder.path());
        let sent = |row: u64| Outcome::Sent {
            id: Uuid::from_u128(row.into()),
        };
        send(&open(folder.path()), 1, sent(1)).await;
        let read = || Some(Journal::read(&path).unwrap());
        let reopen = |earlier| Journal::open(&path, &header(), at(0), earlier);

        assert!(!open(folder.path()).is_as_read);
        let earlier = read();
        // Others may read it, and open it without changing it.
        read();
        drop(open(folder.path()));
        let journal = reopen(earlier).unwrap();
        assert!(journal.is_as_read);
        drop(journal);

        let earlier = read();
        send(&open(folder.path()), 2, sent(2)).await;
        let journal = reopen(earlier).unwrap();
        assert!(!journal.is_as_read);
        assert_eq!(recorded(&journal).len(), 2);
        drop(journal);

        let earlier = read();
        let outside = rusqlite::Connection::open(&path).unwrap();
        let change = "UPDATE deliveries SET state = 'failed' WHERE row = 1";
        outside.execute_batch(change).unwrap();
        let damaged = reopen(earlier).unwrap_err();
        assert!(matches!(damaged, JournalError::Damaged { .. }), "{damaged}");
        outside
            .execute_batch(&change.replace("failed", "sent"))
            .unwrap();
        drop(outside);

        // Another file under the same name, with the same content.
        let earlier = cfg!(unix).then(|| read().unwrap());
        let copy = path.with_extension("copy");
        fs::copy(&path, &copy).unwrap();
        fs::rename(&copy, &path).unwrap();
        let journal = reopen(earlier).unwrap();
        assert!(!journal.is_as_read);
        send(&journal, 3, sent(3)).await;
        drop(journal);
        assert_eq!(recorded(&read().unwrap()).len(), 3);

        let earlier = cfg!(unix).then(|| read().unwrap());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let journal = reopen(earlier).unwrap();
        assert!(!journal.is_as_read);
        send(&journal, 4, sent(4)).await;
        drop(journal);
        assert_eq!(recorded(&read().unwrap()).len(), 1);
    }

    #[tokio::test]
    async fn what_opening_changes_is_not_as_it_was_read() {
        let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let journal = open(folder.path());
        journal.record(key(1), started(1, 1)).await.unwrap();
        crash_image(folder.path(), image.path());
        let path = journal_path(image.path());
        for is_as_read in [false, true] {
            let earlier = Journal::read(&path).unwrap();
            let journal = Journal::open(&path, &header(), at(0), Some(earlier)).unwrap();
            assert_eq!(journal.is_as_read, is_as_read);
            assert_eq!(recorded(&journal)[0].state, State::Unknown);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_journal_that_is_being_written_is_not_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal_path(folder.path());
        let journal = open(folder.path());
        let reading = tokio::task::spawn_blocking(move || {
            (0..100).try_for_each(|_| Journal::read(&path).map(drop))
        });
        for row in 0.. {
            journal.record(key(row), started(row, 1)).await.unwrap();
            if reading.is_finished() {
                break;
            }
        }
        reading.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_illegal_step_is_refused_and_the_journal_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let id = Uuid::from_u128(1);
        send(&journal, 1, Outcome::Sent { id }).await;
        let again = journal.record(key(1), started(1, 1)).await.unwrap_err();
        assert!(matches!(
            again,
            JournalError::Illegal {
                state: State::Sent,
                entry: "started",
                ..
            }
        ));
        let never = journal.record(key(2), ended(Outcome::Sent { id })).await;
        assert!(matches!(
            never,
            Err(JournalError::Illegal {
                state: State::Pending,
                ..
            })
        ));
        assert_eq!(
            send(
                &journal,
                3,
                Outcome::Sent {
                    id: Uuid::from_u128(3)
                }
            )
            .await,
            State::Sent
        );
        assert_eq!(recorded(&journal).len(), 2);
    }

    #[tokio::test]
    async fn another_text_under_a_used_key_is_drift_but_a_refused_letter_may_be_mended() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        send(&journal, 1, Outcome::Unknown(reason("no answer"))).await;
        let error = journal.record(key(1), started(1, 2)).await.unwrap_err();
        assert!(matches!(
            error,
            JournalError::Drift {
                row: 1,
                state: State::Unknown,
                ..
            }
        ));
        assert!(error.hint().unwrap().contains("new name"));
        send(&journal, 2, Outcome::Rejected(reason("too long"))).await;
        assert_eq!(
            journal.record(key(2), started(2, 2)).await.unwrap(),
            State::InFlight
        );
        let known = recorded(&journal);
        let mended = &known[1];
        let body = |byte| u64::from_be_bytes([byte; 8]);
        assert!(mended.has_body(body(2)) && !mended.has_body(body(1)));
        assert_eq!(
            (known[0].key, known[0].state, known[0].row),
            (key(1), State::Unknown, 1)
        );
        assert_eq!(known.len(), 2);
    }

    #[tokio::test]
    async fn what_was_unknown_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        send(&journal, 1, Outcome::Unknown(reason("no answer"))).await;
        let found = Entry::Settled(LetterEnd {
            outcome: Outcome::AlreadySent {
                id: Some(Uuid::from_u128(5)),
            },
            attempts: 1,
            at: at(9),
            lost_at: None,
        });
        assert_eq!(
            journal.record(key(1), found).await.unwrap(),
            State::AlreadySent
        );
        let snapshot = journal.snapshot().unwrap();
        let mut sent = 0;
        let count = |_| {
            sent += 1;
            Ok::<_, JournalError>(())
        };
        snapshot.each(RowSet::Sent, count).unwrap();
        assert_eq!(sent, 1);
        let none = |row| panic!("{row:?}");
        let none = snapshot.each::<JournalError>(RowSet::Unsettled, none);
        none.unwrap();
    }

    #[tokio::test]
    async fn no_whole_identity_number_is_in_any_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let start = Entry::Started(Start {
            row: 1,
            line: 2,
            name: PERSON.into(),
            recipient: format!("urn:altinn:person:identifier-no:{PERSON}"),
            body: [1; 32],
            at: at(1),
        });
        journal.record(key(1), start).await.unwrap();
        let mut why = reason(&format!("recipient {PERSON} not found"));
        why.trace = Some(PERSON.into());
        journal
            .record(key(1), ended(Outcome::Rejected(why)))
            .await
            .unwrap();
        let skip = Skip {
            row: 2,
            line: 3,
            name: PERSON.into(),
            reason: PERSON.into(),
            at: at(2),
        };
        journal.record(key(2), Entry::Skipped(skip)).await.unwrap();
        journal
            .record_attachment(attachment(PERSON), key(9), true)
            .await
            .unwrap();
        journal
            .end_run(EndedRun {
                at: at(3),
                how: "stopped".into(),
                reason: Some(PERSON.into()),
            })
            .await
            .unwrap();
        let mut seen = 0;
        for file in fs::read_dir(folder.path().join(".massebrev")).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let has = |text: &str| {
                bytes
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            };
            assert!(!has(PERSON));
            seen += usize::from(has("078271*****"));
        }
        assert!(seen > 0);
    }

    fn attachment(file_name: &str) -> SharedAttachment {
        SharedAttachment {
            digest: [4; 32],
            resource: "skd-mva".into(),
            file_name: file_name.into(),
            senders_reference: "terms".into(),
        }
    }

    #[tokio::test]
    async fn an_attachment_is_found_again_only_as_exactly_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let (this, id) = (attachment("07827199405.pdf"), Uuid::from_u128(8));
        for is_published in [false, true] {
            journal
                .record_attachment(this.clone(), id, is_published)
                .await
                .unwrap();
        }
        let found = journal.attachment(&this).unwrap();
        assert_eq!(found, Some(id));
        let same_when_masked = attachment("07827126818.pdf");
        assert_eq!(journal.attachment(&same_when_masked).unwrap(), None);
        journal.forget_attachment(id).await.unwrap();
        assert_eq!(journal.attachment(&this).unwrap(), None);
    }

    #[tokio::test]
    async fn runs_are_kept_and_the_latest_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        assert_eq!(journal.run().unwrap(), None);
        let mut run = run(10);
        journal.begin_run(run.clone(), Inputs::new()).await.unwrap();
        run.rows = 11;
        journal.begin_run(run.clone(), Inputs::new()).await.unwrap();
        assert_eq!(journal.run().unwrap().as_ref(), Some(&run));
        run.ended = Some(EndedRun {
            at: at(6),
            how: "interrupted".into(),
            reason: None,
        });
        journal.end_run(run.ended.clone().unwrap()).await.unwrap();
        drop(journal);
        assert_eq!(open(folder.path()).run().unwrap(), Some(run));
    }

    #[tokio::test]
    async fn a_journal_that_cannot_be_written_takes_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let id = Uuid::from_u128(1);
        send(&journal, 1, Outcome::Sent { id }).await;
        let outside = rusqlite::Connection::open(journal_path(folder.path())).unwrap();
        outside
            .execute_batch("ALTER TABLE deliveries RENAME TO elsewhere")
            .unwrap();
        let first = journal.record(key(2), started(2, 1)).await.unwrap_err();
        assert!(matches!(first, JournalError::Write(..)), "{first}");
        outside
            .execute_batch("ALTER TABLE elsewhere RENAME TO deliveries")
            .unwrap();
        let later = journal.record(key(3), started(3, 1)).await.unwrap_err();
        assert!(matches!(later, JournalError::Write(..)), "{later}");
        assert_eq!(recorded(&journal).len(), 1);
    }

    #[tokio::test]
    async fn everybody_who_waits_hears_that_the_file_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let outside = rusqlite::Connection::open(journal_path(folder.path())).unwrap();
        outside
            .execute_batch(
                "CREATE TRIGGER full BEFORE INSERT ON deliveries WHEN new.row = 70
                BEGIN SELECT raise(FAIL, 'the disk is full'); END",
            )
            .unwrap();
        let block = (0..100).map(|row| match started(row, 1) {
            Entry::Started(start) => (key(row), start),
            _ => unreachable!(),
        });
        journal.open_block(block.collect()).await.unwrap();
        let all = (0..100).map(|row| {
            let journal = &journal;
            let id = Uuid::from_u128(row.into());
            async move { journal.record(key(row), ended(Outcome::Sent { id })).await }
        });
        let answers = futures::future::join_all(all).await;
        assert_eq!(answers.len(), 100);
        let told = answers.iter().filter(|answer| answer.is_ok()).count();
        let sent = recorded(&journal);
        let sent = sent.iter().filter(|row| row.state == State::Sent).count();
        assert_eq!(
            sent, told,
            "who was told that it is durable was told the truth"
        );
        assert!(answers[70].is_err());
        for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert!(matches!(error, JournalError::Write(..)), "{error}");
        }
    }

    #[tokio::test]
    async fn the_earlier_text_stands_and_a_row_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let head = |byte| u64::from_be_bytes([byte; 8]);
        let id = Uuid::from_u128(1);
        send(&journal, 1, Outcome::Sent { id }).await;
        let accepted = journal.record(key(1), Entry::Accepted([2; 8])).await;
        assert_eq!(accepted.unwrap(), State::Sent);
        let row = &recorded(&journal)[0];
        assert!(row.has_body(head(1)) && row.is_accepted(head(2)) && !row.is_accepted(head(3)));

        send(&journal, 2, Outcome::Rejected(reason("no such recipient"))).await;
        let dropped = Entry::Dropped {
            reason: format!("no letter for {PERSON}"),
            at: at(9),
        };
        let dropped = journal.record(key(2), dropped).await;
        assert_eq!(dropped.unwrap(), State::Skipped);
        let line = journal.line(key(2)).unwrap().unwrap();
        assert_eq!(
            line.message.as_deref(),
            Some("no letter for 078271***** (was rejected: no such recipient)")
        );
        assert_eq!(journal.line(key(3)).unwrap(), None);
        // It comes back, with another text.
        let back = journal.record(key(2), started(2, 5)).await;
        assert_eq!(back.unwrap(), State::InFlight);
    }

    #[tokio::test]
    async fn a_correspondence_is_one_rows_and_the_other_is_in_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let id = Uuid::from_u128(1);
        send(&journal, 1, Outcome::Sent { id }).await;
        journal.record(key(2), started(2, 1)).await.unwrap();
        let taken = journal.record(key(2), ended(Outcome::Sent { id })).await;
        let Err(JournalError::IdTaken { other, .. }) = taken else {
            panic!("{taken:?}");
        };
        assert_eq!(other, key(1));
        // It was looked up by its key, and is the second row's.
        let disputed = journal.record(key(1), Entry::Disputed).await;
        assert_eq!(disputed.unwrap(), State::Unknown);
        let state = journal.record(key(2), ended(Outcome::Sent { id })).await;
        assert_eq!(state.unwrap(), State::Sent);
        assert_eq!(journal.line(key(1)).unwrap().unwrap().correspondence, None);
    }

    #[tokio::test]
    async fn what_was_cut_off_counts_from_when_the_process_was_last_known_to_run() {
        let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let journal = open(folder.path());
        let run = run(1);
        journal.begin_run(run, Inputs::new()).await.unwrap();
        journal.record(key(1), started(1, 1)).await.unwrap();
        journal.keep_alive(at(70)).await.unwrap();
        crash_image(folder.path(), image.path());
        let again = open(image.path());
        let lost = again.line(key(1)).unwrap().unwrap().lost_at;
        assert_eq!(lost, Some(at(70)), "not from the run that finds it");
    }

    #[tokio::test]
    async fn every_change_of_a_cell_is_found_at_opening() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        send(&journal, 1, Outcome::Rejected(reason("no such person"))).await;
        let run = run(1);
        let input = (("template".into(), "a.md".into()), [1; 32]);
        journal.begin_run(run, [input].into()).await.unwrap();
        let ended = EndedRun {
            at: at(6),
            how: "finished".into(),
            reason: None,
        };
        journal.end_run(ended).await.unwrap();
        let uploaded = journal.record_attachment(attachment("a.pdf"), key(9), true);
        uploaded.await.unwrap();
        journal.open_block(starts(&[(2, 1)])).await.unwrap();
        let path = journal_path(folder.path());
        drop(journal);
        Journal::read(&path).unwrap();
        for change in [
            "UPDATE deliveries SET state = 'sent'",
            "UPDATE deliveries SET key = zeroblob(16)",
            "UPDATE deliveries SET message = NULL",
            "UPDATE runs SET rows = 2",
            "UPDATE inputs SET digest = zeroblob(32)",
            "UPDATE attachments SET id = zeroblob(16)",
            "UPDATE blocks SET letters = zeroblob(72)",
            "UPDATE meta SET value = '2026-01-01T00:00:00Z' WHERE name = 'began'",
        ] {
            let copy = folder.path().join("copy");
            fs::copy(&path, &copy).unwrap();
            let file = rusqlite::Connection::open(&copy).unwrap();
            file.execute_batch(change).unwrap();
            drop(file);
            let error = Journal::read(&copy).unwrap_err();
            assert!(
                matches!(error, JournalError::Damaged { .. }),
                "{change}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn what_a_run_was_made_of_is_kept_and_only_the_difference_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        assert_eq!(journal.inputs().unwrap(), Inputs::new());
        let input = |name: &str, content| (("template".into(), name.into()), [content; 32]);
        let run = run(1);
        let first = Inputs::from([input("a.md", 1), input("b.md", 1), input("c.md", 1)]);
        let second = Inputs::from([input("a.md", 1), input("b.md", 2), input("d.md", 1)]);
        for inputs in [&first, &second, &second] {
            journal
                .begin_run(run.clone(), inputs.clone())
                .await
                .unwrap();
            assert_eq!(journal.inputs().unwrap(), *inputs);
        }
        let outside = rusqlite::Connection::open(journal_path(folder.path())).unwrap();
        let written: u32 = outside
            .query_row("SELECT count(*) FROM inputs", [], |row| row.get(0))
            .unwrap();
        assert_eq!(written, 3 + 3, "b changed, d came, c went");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_at_once_are_all_recorded_in_row_order_over_several_pages() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let all = (0..2_500).rev().map(|row| {
            let journal = &journal;
            async move { journal.record(key(row), started(row, 1)).await.unwrap() }
        });
        futures::future::join_all(all).await;
        let rows: Vec<u64> = lines(&journal).iter().map(|line| line.row).collect();
        assert_eq!(rows, (0..2_500).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_snapshot_stands_still_while_the_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let id = Uuid::from_u128(1);
        send(&journal, 1, Outcome::Sent { id }).await;
        let snapshot = journal.snapshot().unwrap();
        send(
            &journal,
            2,
            Outcome::Sent {
                id: Uuid::from_u128(2),
            },
        )
        .await;
        assert_eq!(lines_of(&snapshot).len(), 1);
        assert_eq!(snapshot.counts().unwrap(), [(State::Sent, 1)].into());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_can_read_any_of_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = journal_path(folder.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let journal = open(folder.path());
        journal.record(key(1), started(1, 1)).await.unwrap();
        let inside = path.parent().unwrap();
        assert_eq!(mode(inside), 0o700);
        let mut names = Vec::new();
        for file in fs::read_dir(inside).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            if name != ".gitignore" {
                assert_eq!(mode(&file.path()), 0o600, "{name}");
            }
            names.push(name);
        }
        names.sort();
        let journal_name = "vat-2026@tt02.journal";
        let expected = ["", "-shm", "-wal", ".lock"].map(|end| format!("{journal_name}{end}"));
        assert_eq!(names[0], ".gitignore");
        assert_eq!(names[1..], expected);
        drop(journal);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        open(folder.path());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn the_first_send_can_be_asked_for_without_opening() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal_path(folder.path());
        assert_eq!(Journal::peek_began(&path).unwrap(), None);
        drop(open(folder.path()));
        assert_eq!(Journal::peek_began(&path).unwrap(), Some(at(0)));
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(
            left.len(),
            3,
            "the journal, its lock and .gitignore: {left:?}"
        );
    }

    #[test]
    fn names_make_file_names_that_every_system_takes() {
        let path = Journal::path(Path::new("m"), "a/../b", "127.0.0.1:8080");
        assert_eq!(
            path,
            Path::new("m/.massebrev/a-..-b@127.0.0.1-8080.journal")
        );
    }
}
