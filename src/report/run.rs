//! The report as data: the number of rows in each state, the check that they add up, and the reasons why rows were not sent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

use super::ReportError;
use crate::journal::{Journal, RowRecord, RowSet, Run, Snapshot, State};

/// The largest number of lines that a group names.
const NAMED: usize = 5;

/// The largest number of groups; failures with further reasons share one group. Messages may hold values of rows, so their number is not bounded otherwise.
const GROUPS: usize = 200;

/// The largest number of rows that need attention which a report keeps in memory.
const ATTENTION: usize = 1000;

/// The state of a mailing according to its journal.
#[derive(Debug)]
pub(crate) struct Report {
    pub snapshot: Snapshot,
    pub run: Option<Run>,
    /// True when the run goes on in another process; a run that has not ended and does not go on was cut off.
    pub(super) is_running: bool,
    pub counts: StateCounts,
    /// The rows that are counted, but not in the journal.
    pub(super) unlisted: StateCounts,
    /// The reasons why rows were not sent, the most frequent first.
    pub groups: Vec<FailureGroup>,
    /// The first [`ATTENTION`] rows that need attention: neither sent nor skipped.
    pub(super) attention: Vec<RowRecord>,
}

/// The number of rows in each state.
#[derive(Debug, Default)]
pub(crate) struct StateCounts(BTreeMap<State, u64>);

/// The rows that were not sent for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailureGroup {
    pub state: State,
    /// Altinn's error code; rows with the same code share a group, whatever their messages.
    pub code: Option<u32>,
    #[serde(rename = "http_status")]
    pub status: Option<u16>,
    /// The message of the group's first row.
    pub message: String,
    /// True when other rows of the group have other messages.
    pub texts_differ: bool,
    pub count: u64,
    /// The line numbers of the first few rows.
    #[serde(rename = "first_lines")]
    pub lines: Vec<u64>,
}

impl Report {
    /// Makes a report from the present state of a journal, the only source of reports.
    pub(crate) fn from_journal(journal: &Journal) -> Result<Self, ReportError> {
        // First: a run that ends meanwhile was not cut off.
        let is_running = journal.is_in_use();
        let snapshot = journal.snapshot()?;
        let run = snapshot.run()?;
        let mut counts = StateCounts(snapshot.counts()?);
        let mut unlisted = StateCounts::default();
        if let Some(run) = &run {
            // Skipped and invalid rows are not journalled row by row, and a pending row is one that nothing is known of.
            unlisted.add(State::Skipped, run.skipped);
            unlisted.add(State::Invalid, run.invalid);
            let found = counts.total() + unlisted.total();
            unlisted.add(State::Pending, rows_of(run).saturating_sub(found));
            unlisted
                .iter()
                .for_each(|(of, count)| counts.add(of, count));
        }
        // Finding them reads the whole journal, and usually there are none.
        let (groups, attention) = match counts.attention() {
            0 => Default::default(),
            _ => unsettled(&snapshot)?,
        };
        Ok(Self {
            snapshot,
            run,
            is_running,
            counts,
            unlisted,
            groups,
            attention,
        })
    }

    /// The number of rows: those of the latest run, and earlier ones that have left the file.
    pub(crate) fn rows_total(&self) -> u64 {
        self.run.as_ref().map_or(0, rows_of)
    }

    /// True when every row is in exactly one state. Otherwise a row was lost or counted twice, and the run must not count as a success.
    pub(crate) fn adds_up(&self) -> bool {
        self.rows_total() == self.counts.total()
    }
}

impl StateCounts {
    pub(crate) fn in_state(&self, state: State) -> u64 {
        self.0.get(&state).copied().unwrap_or_default()
    }

    /// All states with their counts, in the order of the reports.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (State, u64)> + use<> {
        State::ALL
            .map(|state| (state, self.in_state(state)))
            .into_iter()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The number of letters that Altinn has, from this run or an earlier one.
    pub(crate) fn delivered(&self) -> u64 {
        self.in_state(State::Sent) + self.in_state(State::AlreadySent)
    }

    /// The number of rows that need attention: neither sent, skipped nor pending.
    pub(crate) fn attention(&self) -> u64 {
        self.total()
            - self.delivered()
            - self.in_state(State::Skipped)
            - self.in_state(State::Pending)
    }

    fn add(&mut self, state: State, count: u64) {
        *self.0.entry(state).or_default() += count;
    }
}

/// A state is its name in every format.
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn rows_of(run: &Run) -> u64 {
    run.rows.saturating_add(run.earlier)
}

/// The key of a group: state, code, HTTP status and message. Rows with a code are grouped by it alone, because messages often hold values of the row.
type Cause = (State, Option<u32>, Option<u16>, String);

/// The groups of the rows that need attention, and the first [`ATTENTION`] of these.
fn unsettled(snapshot: &Snapshot) -> Result<(Vec<FailureGroup>, Vec<RowRecord>), ReportError> {
    let (mut groups, mut first) = (Vec::<FailureGroup>::new(), Vec::new());
    let mut found: HashMap<Cause, usize> = HashMap::new();
    snapshot.each(RowSet::Unsettled, |line| {
        if first.len() < ATTENTION {
            first.push(line.clone());
        }
        // A letter in flight has no reason yet.
        if line.state == State::InFlight {
            return Ok(());
        }
        let mut cause = cause(&line);
        if groups.len() >= GROUPS && !found.contains_key(&cause) {
            cause = (line.state, None, None, "other reasons".to_owned());
        }
        let at = *found.entry(cause).or_insert_with_key(|cause| {
            groups.push(FailureGroup::new(&line, cause));
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.count += 1;
            // Without a code the message is the group's.
            group.texts_differ |=
                group.code.is_some() && line.message.as_ref() != Some(&group.message);
            if group.lines.len() < NAMED {
                group.lines.push(line.line);
            }
        }
        Ok::<_, ReportError>(())
    })?;
    groups.sort_by_key(|group| Reverse(group.count));
    Ok((groups, first))
}

fn cause(line: &RowRecord) -> Cause {
    if let Some(code) = line.code {
        return (line.state, Some(code), None, String::new());
    }
    let message = line.message.clone().unwrap_or_else(|| match line.state {
        State::Withdrawn => "recalled before its recipient could read it".to_owned(),
        _ => String::new(),
    });
    (line.state, None, line.status, message)
}

impl FailureGroup {
    fn new(first: &RowRecord, (state, code, status, message): &Cause) -> Self {
        let first_words = || first.message.clone().unwrap_or_default();
        Self {
            state: *state,
            code: *code,
            // With a code the status and message of the first row stand for the whole group.
            status: code.map_or(*status, |_| first.status),
            message: code.map_or_else(|| message.clone(), |_| first_words()),
            texts_differ: false,
            count: 0,
            lines: Vec::new(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::Report;
    use crate::journal::{
        EndedRun, Entry, Header, Journal, LetterEnd, Outcome, Reason, Run, Skip, Start, State,
    };

    pub(in crate::report) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_700_000 + second).unwrap()
    }

    pub(in crate::report) fn reason(code: Option<u32>, message: &str) -> Reason {
        Reason {
            status: Some(400),
            code,
            message: message.into(),
            trace: Some("00-4bf92f-01".into()),
        }
    }

    pub(in crate::report) fn sent(number: u128) -> Outcome {
        Outcome::Sent {
            id: Uuid::from_u128(number),
        }
    }

    pub(in crate::report) fn empty(mailing: &str) -> (TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let header = Header {
            mailing: mailing.into(),
            environment: "tt02".into(),
            resource: "skd-mva-varsel".into(),
            manifest: "mailing.yaml".into(),
        };
        let path = Journal::path(folder.path(), mailing, "tt02");
        let journal = Journal::open(&path, &header, at(0), None).unwrap();
        (folder, journal)
    }

    pub(in crate::report) async fn run(journal: &Journal, rows: u64, skipped: u64) {
        let run = Run {
            rows,
            earlier: 0,
            skipped,
            invalid: 0,
            plan: "sha256:4be9".into(),
            started_at: at(0),
            ended: None,
        };
        journal.begin_run(run, [].into()).await.unwrap();
        let ended = EndedRun {
            at: at(60),
            how: "finished".into(),
            reason: None,
        };
        journal.end_run(ended).await.unwrap();
    }

    pub(in crate::report) async fn row(
        journal: &Journal,
        row: u64,
        name: &str,
        outcome: Option<Outcome>,
    ) {
        let key = Uuid::from_u64_pair(9, row);
        let start = Entry::Started(Start {
            row,
            line: row + 1,
            name: name.into(),
            recipient: "078271*****".into(),
            body: [1; 32],
            at: at(1),
        });
        journal.record(key, start).await.unwrap();
        if let Some(outcome) = outcome {
            let end = LetterEnd {
                outcome,
                attempts: 1,
                at: at(2),
                lost_at: None,
            };
            journal.record(key, Entry::Ended(end)).await.unwrap();
        }
    }

    /// One row in every state a row of the journal can have.
    pub(in crate::report) async fn every_state() -> (TempDir, Journal) {
        let (folder, journal) = empty("vat-2026");
        run(&journal, 12, 2).await;
        row(&journal, 1, "2026/1", Some(sent(1))).await;
        row(
            &journal,
            2,
            "2026/2",
            Some(Outcome::AlreadySent { id: None }),
        )
        .await;
        let reserved = reason(Some(1030), "recipient is reserved");
        row(&journal, 3, "2026/3", Some(Outcome::Reserved(reserved))).await;
        for number in [4, 5] {
            let words = reason(Some(1002), &format!("message title {number} is bad"));
            row(&journal, number, "=1+1", Some(Outcome::Rejected(words))).await;
        }
        let failed = reason(None, "<script>alert(1)</script>");
        row(&journal, 6, "<b>&\"'", Some(Outcome::Failed(failed))).await;
        let unknown = reason(None, "no answer");
        row(&journal, 7, "2026/7", Some(Outcome::Unknown(unknown))).await;
        row(&journal, 8, "2026/8", None).await;
        let skip = Skip {
            row: 9,
            line: 10,
            name: "2026/9".into(),
            reason: "Land is SE".into(),
            at: at(1),
        };
        let key = Uuid::from_u64_pair(9, 9);
        journal.record(key, Entry::Skipped(skip)).await.unwrap();
        (folder, journal)
    }

    #[tokio::test]
    async fn every_row_is_counted_once_and_the_rest_is_pending() {
        let (_folder, journal) = every_state().await;
        let report = Report::from_journal(&journal).unwrap();
        let counts: Vec<_> = report.counts.iter().collect();
        let expected = [
            (State::Sent, 1),
            (State::AlreadySent, 1),
            (State::Withdrawn, 0),
            (State::Reserved, 1),
            (State::Rejected, 2),
            (State::Failed, 1),
            (State::Unknown, 1),
            (State::Invalid, 0),
            (State::Skipped, 3),
            (State::InFlight, 1),
            (State::Pending, 1),
        ];
        assert_eq!(counts, expected);
        assert_eq!(report.rows_total(), 12);
        assert!(report.adds_up());
        assert_eq!(report.counts.delivered(), 2);
        assert_eq!(report.counts.attention(), 6);
    }

    #[tokio::test]
    async fn more_rows_than_the_run_has_do_not_add_up() {
        let (_folder, journal) = empty("small");
        run(&journal, 1, 0).await;
        row(&journal, 1, "a", Some(sent(1))).await;
        row(&journal, 2, "b", Some(sent(2))).await;
        assert!(!Report::from_journal(&journal).unwrap().adds_up());
        let second = Run {
            earlier: 1,
            ..journal.run().unwrap().unwrap()
        };
        journal.begin_run(second, [].into()).await.unwrap();
        let report = Report::from_journal(&journal).unwrap();
        assert!(report.adds_up());
        assert_eq!(report.rows_total(), 2);
    }

    #[tokio::test]
    async fn rows_without_a_run_do_not_add_up() {
        let (_folder, journal) = empty("none");
        assert!(Report::from_journal(&journal).unwrap().adds_up());
        row(&journal, 1, "a", Some(sent(1))).await;
        assert!(!Report::from_journal(&journal).unwrap().adds_up());
    }

    #[tokio::test]
    async fn refusals_are_grouped_by_code_and_without_one_by_their_words() {
        let (_folder, journal) = every_state().await;
        row(
            &journal,
            10,
            "x",
            Some(Outcome::Failed(reason(None, "no answer"))),
        )
        .await;
        let report = Report::from_journal(&journal).unwrap();
        let groups: Vec<_> = report
            .groups
            .iter()
            .map(|group| (group.state, group.code, group.count, group.lines.as_slice()))
            .collect();
        let expected: [(State, Option<u32>, u64, &[u64]); 5] = [
            (State::Rejected, Some(1002), 2, &[5, 6]),
            (State::Reserved, Some(1030), 1, &[4]),
            (State::Failed, None, 1, &[7]),
            (State::Unknown, None, 1, &[8]),
            (State::Failed, None, 1, &[11]),
        ];
        assert_eq!(groups, expected);
        assert_eq!(report.groups[0].message, "message title 4 is bad");
        let differ: Vec<_> = report.groups.iter().map(|of| of.texts_differ).collect();
        assert_eq!(differ, [true, false, false, false, false]);
    }

    #[tokio::test]
    async fn a_thousand_different_reasons_are_not_a_thousand_groups() {
        let (_folder, journal) = empty("many");
        run(&journal, 400, 0).await;
        let all = (1..=400).map(|number| {
            let journal = &journal;
            let words = reason(None, &format!("reason {number}"));
            async move { row(journal, number, "x", Some(Outcome::Failed(words))).await }
        });
        futures::future::join_all(all).await;
        let report = Report::from_journal(&journal).unwrap();
        assert_eq!(report.groups.len(), super::GROUPS + 1);
        assert_eq!(report.groups[0].message, "other reasons");
        let sum: u64 = report.groups.iter().map(|group| group.count).sum();
        assert_eq!(sum, 400);
    }
}
