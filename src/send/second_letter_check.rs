//! Finds letters to persons who already have one under a different spelling of the key, and stops the run before anything is sent.
//!
//! A key that is spelled differently makes a different idempotency key, so Altinn would accept the second letter.

use std::hash::{BuildHasher as _, RandomState};

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use uuid::Uuid;

use super::attempt::Session;
use super::changes::changed_inputs;
use super::lookup::{Lookup, LookupResult};
use super::reconcile::{ResumeState, may_still_arrive};
use super::second_letters::{NAMED, SecondLetter, SecondLetters, respelled};
use super::{SecondLetterPolicy, SendError};
use crate::correspondence::Recipient;
use crate::journal::{Journal, Reason, RowRecord};
use crate::plan::{CheckReport, Deliveries, Mailing, Planned, Selection};
use crate::secret::redact;

/// Number of candidates that Altinn is asked about when one of them is certain to be a second letter. The others then count as possible ones.
const ASKED: usize = 100;

/// Number of earlier letters of an organisation that a new one is compared with.
const MOST_EARLIER: usize = 20;

/// A letter of the file, and earlier letters with the same masked recipient.
struct Candidate {
    row: u64,
    line: u64,
    name: String,
    recipient: Recipient,
    earlier: Vec<RowRecord>,
}

/// The finding about a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// A second letter: the earlier one at this index has the same recipient.
    Second(usize),
    /// Possibly a second letter.
    Possibly,
    /// The recipient's first letter.
    First,
}

/// The possible second letters, as far as they are found without asking Altinn: for a dry run.
pub(crate) fn possible_second_letters(
    journal: Option<&Journal>,
    mailing: &Mailing,
    checked: &CheckReport,
    resume: &ResumeState,
    rows: &Selection,
) -> Result<SecondLetters, SendError> {
    let Some(journal) = journal else {
        return Ok(SecondLetters::default());
    };
    let candidates = candidates(journal, mailing, checked, resume, rows)?;
    let known = |candidate: &Candidate| candidate.known().unwrap_or(Finding::Possibly);
    let findings: Vec<_> = candidates.iter().map(known).collect();
    collect(journal, mailing, checked, candidates.iter().zip(findings))
}

/// Refuses the run when persons would get a second letter.
///
/// # Errors
///
/// [`SendError::SecondLetters`], unless the user has allowed exactly this number.
pub(super) async fn refuse_second_letters(
    session: Session<'_>,
    mailing: &Mailing,
    checked: &CheckReport,
    resume: &ResumeState,
) -> Result<(), SendError> {
    let allowed = match session.options.second_letters {
        SecondLetterPolicy::Ignore => return Ok(()),
        SecondLetterPolicy::Refuse => None,
        SecondLetterPolicy::Allow(number) => Some(number),
    };
    let rows = &session.options.wanted.rows;
    let candidates = candidates(session.journal, mailing, checked, resume, rows)?;
    let mut findings = Vec::with_capacity(candidates.len());
    let resource = mailing.resource();
    let decide = |candidate| decide(session, candidate, resource);
    let mut decided = stream::iter(&candidates)
        .map(decide)
        // In order, since findings belong to candidates by index.
        .buffered(session.options.in_flight());
    let mut is_certain = false;
    while let Some(finding) = decided.next().await {
        is_certain |= matches!(finding, Finding::Second(_));
        findings.push(finding);
        if findings.len() >= ASKED && is_certain {
            break;
        }
    }
    // Look-ups still in flight are cancelled.
    drop(decided);
    // The candidates that Altinn was not asked about.
    findings.resize(candidates.len(), Finding::Possibly);
    let found = candidates.iter().zip(findings);
    let mut second = collect(session.journal, mailing, checked, found)?;
    if second.letters == 0 || allowed == Some(second.letters) {
        return Ok(());
    }
    second.allowed = allowed;
    Err(SendError::SecondLetters(Box::new(second)))
}

/// Asks Altinn for the recipients of the earlier letters: a masked number fits many persons.
async fn decide(session: Session<'_>, candidate: &Candidate, resource: Option<&str>) -> Finding {
    if let Some(known) = candidate.known() {
        return known;
    }
    let mut finding = Finding::First;
    for (at, earlier) in candidate.earlier.iter().enumerate() {
        let lookup = Lookup::on_record(resource.unwrap_or_default(), earlier);
        // By its id where known, which needs no search.
        let found = match (earlier.correspondence, resource) {
            (Some(id), _) => lookup.verify(id, session).await,
            (None, Some(_)) => lookup.look_up(session, 1).await,
            (None, None) => LookupResult::Unseen(Reason::default()),
        };
        match found {
            LookupResult::Ours(found) => match found.recipient {
                Some(recipient) if recipient == candidate.recipient => {
                    return Finding::Second(at);
                }
                Some(_) => {}
                None => finding = Finding::Possibly,
            },
            // The earlier letter was never sent and can no longer be.
            LookupResult::NoLetter if !may_still_arrive(earlier.lost_at, Timestamp::now()) => {}
            LookupResult::NoLetter | LookupResult::Foreign(_) | LookupResult::Unseen(_) => {
                finding = Finding::Possibly;
            }
        }
    }
    finding
}

impl Candidate {
    /// The finding without a look-up: only for organisations, whose numbers are not masked.
    fn known(&self) -> Option<Finding> {
        let at = self.likeliest();
        let sent = self.earlier.get(at)?.state.is_sent();
        let is_whole = matches!(self.recipient, Recipient::Organization(_));
        (sent && is_whole).then_some(Finding::Second(at))
    }

    /// The index of the earlier letter with a similar key, else with the same row number, else the first.
    fn likeliest(&self) -> usize {
        let alike = |earlier: &RowRecord| respelled(&earlier.name, &self.name).is_some();
        let same_row = |earlier: &RowRecord| earlier.row == self.row;
        let position = |is: &dyn Fn(&RowRecord) -> bool| self.earlier.iter().position(is);
        position(&alike)
            .or_else(|| position(&same_row))
            .unwrap_or(0)
    }

    /// The candidate as the message names it.
    fn named(&self, finding: Finding) -> SecondLetter {
        let at = match finding {
            Finding::Second(at) => at,
            Finding::Possibly | Finding::First => self.likeliest(),
        };
        let earlier = self.earlier.get(at);
        SecondLetter {
            row: self.row,
            line: self.line,
            name: self.name.clone(),
            earlier: earlier
                .map(|earlier| earlier.name.clone())
                .unwrap_or_default(),
        }
    }
}

/// The letters with new keys whose masked recipients have letters under keys that are no longer in the file. Reads the recipients
/// file once more, unless there can be none.
fn candidates(
    journal: &Journal,
    mailing: &Mailing,
    checked: &CheckReport,
    resume: &ResumeState,
    rows: &Selection,
) -> Result<Vec<Candidate>, SendError> {
    let gone = resume.sent_and_gone();
    // Only new keys: a row whose key is recorded keeps its idempotency key.
    let new = (1..)
        .zip(checked.letters_by_position())
        .filter(|(row, is_letter)| {
            let position = usize::try_from(*row - 1).unwrap_or(usize::MAX);
            *is_letter && !resume.knows(position) && rows.contains(*row)
        });
    let new = Selection::from_rows(new.map(|(row, _)| row));
    // No key has left the file, or none is new: no key was respelled.
    if gone.is_empty() || new.is_empty() {
        return Ok(Vec::new());
    }
    // Hashes instead of texts, since there may be a million of them; the record is compared below.
    let hasher = RandomState::new();
    let mut by_recipient: Vec<(u64, Uuid)> = Vec::with_capacity(gone.len());
    for key in gone {
        if let Some(earlier) = journal.line(key)? {
            by_recipient.push((hasher.hash_one(&earlier.recipient), key));
        }
    }
    by_recipient.sort_unstable();
    let mut found = Vec::new();
    for planned in Deliveries::new(mailing, checked, new).map_err(SendError::Rows)? {
        let Planned::Delivery(delivery) = planned? else {
            continue;
        };
        let masked = redact(&delivery.recipient.masked()).into_owned();
        let hash = hasher.hash_one(&masked);
        let first = by_recipient.partition_point(|(other, _)| *other < hash);
        let same = by_recipient
            .iter()
            .skip(first)
            .take_while(|(other, _)| *other == hash);
        // The number of an organisation is whole, so that one letter is as certain as many.
        let enough = match delivery.recipient {
            Recipient::Organization(_) => MOST_EARLIER,
            _ => usize::MAX,
        };
        let mut earlier = Vec::new();
        for (_, key) in same.take(enough) {
            earlier.extend(journal.line(*key)?.filter(|line| line.recipient == masked));
        }
        if !earlier.is_empty() {
            found.push(Candidate {
                row: delivery.row,
                line: delivery.line,
                name: redact(&delivery.name).into_owned(),
                recipient: delivery.recipient.clone(),
                earlier,
            });
        }
    }
    Ok(found)
}

/// The message about the candidates that are, or may be, second letters.
fn collect<'a>(
    journal: &Journal,
    mailing: &Mailing,
    checked: &CheckReport,
    found: impl Iterator<Item = (&'a Candidate, Finding)>,
) -> Result<SecondLetters, SendError> {
    let mut second = SecondLetters::default();
    for (candidate, finding) in found {
        if finding == Finding::First {
            continue;
        }
        second.letters += 1;
        second.possibly |= finding == Finding::Possibly;
        if second.rows.len() < NAMED {
            second.rows.push(candidate.named(finding));
        }
    }
    if second.letters > 0 {
        let inputs = changed_inputs(journal, checked)?.unwrap_or_default();
        second.key_changed = inputs.iter().any(|input| input.name == "recipients.key");
        second.file = mailing.rows_file().display().to_string();
    }
    Ok(second)
}
