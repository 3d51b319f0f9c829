//! The state of the sandbox: everything it has received, behind one lock.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::attachment::{AttachmentStatus, ReceivedAttachment};
use super::letter::{Letter, Scan};
use super::options::Options;
use super::problem::Refusal;
use super::registration::Clients;
use super::scenario::{Endpoint, Rate};
use super::token::{Claims, TokenSigner};

#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) options: Options,
    /// The address of the server, without a trailing slash.
    pub(super) url: String,
    pub(super) clients: Clients,
    /// The number of accepted letters, for tasks that wait for it to grow.
    pub(super) letter_count: watch::Sender<usize>,
    pub(super) store: Mutex<Store>,
}

pub(super) type SharedState = Arc<ServerState>;

/// The letters, attachments, grants and tokens received so far.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) requests: BTreeMap<Endpoint, u64>,
    pub(super) letters: Vec<Letter>,
    by_id: HashMap<Uuid, usize>,
    by_key: HashMap<Uuid, usize>,
    pub(super) attachments: HashMap<Uuid, ReceivedAttachment>,
    pub(super) signer: TokenSigner,
    /// The used grants, with their `exp` in seconds since 1970.
    grants: HashMap<String, i64>,
    /// The times of the requests in the current rate window.
    recent: VecDeque<Instant>,
    names: HashSet<Arc<str>>,
}

impl ServerState {
    /// The issuer of Maskinporten's tokens; like the real one it ends with a slash.
    pub(super) fn issuer(&self) -> String {
        format!("{}/", self.url)
    }

    pub(super) fn sign(&self, claims: &Claims) -> Option<String> {
        // Cloned, because signing under the lock would block all other requests.
        let signer = self.store().signer.clone();
        signer.sign(claims)
    }

    pub(super) fn claims(&self, token: &str) -> Option<Claims> {
        let signer = self.store().signer.clone();
        signer.verify(token)
    }

    /// Locks the store. The guard must not be held across an await.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Counts a request and returns its number, from 1.
    pub(super) fn count(&mut self, endpoint: Endpoint) -> u64 {
        let count = self.requests.entry(endpoint).or_default();
        *count += 1;
        *count
    }

    pub(super) fn letter(&self, id: Uuid) -> Option<&Letter> {
        self.letters.get(*self.by_id.get(&id)?)
    }

    pub(super) fn letter_mut(&mut self, id: Uuid) -> Option<&mut Letter> {
        self.letters.get_mut(*self.by_id.get(&id)?)
    }

    /// Advances the scan of a letter's own files by one step. Requests drive the scan instead of a clock, so that tests are fast and repeatable.
    pub(super) fn advance_letter_scan(&mut self, id: Uuid) {
        let running = |letter: &&Letter| letter.scan == Some(Scan::Running);
        let Some(letter) = self.letter(id).filter(running) else {
            return;
        };
        let own = letter.attachments.clone();
        let mut scan = Scan::Clean;
        for id in own {
            let Some(file) = self.attachments.get_mut(&id) else {
                continue;
            };
            file.advance_scan();
            scan = match (file.status, scan) {
                (AttachmentStatus::Published, scan) => scan,
                (AttachmentStatus::Failed, _) | (_, Scan::Infected) => Scan::Infected,
                _ => Scan::Running,
            };
        }
        if let Some(letter) = self.letter_mut(id) {
            letter.scan = Some(scan);
            // A letter is never published before its scan has ended.
            if scan != Scan::Running {
                letter.publish_at = letter.publish_at.max(Timestamp::now());
            }
        }
    }

    pub(super) fn letter_with_key(&self, key: Uuid) -> Option<&Letter> {
        self.letters.get(*self.by_key.get(&key)?)
    }

    /// Stores a letter. The caller has checked under the same lock that its idempotency key is free.
    pub(super) fn insert_letter(&mut self, letter: Letter) {
        let index = self.letters.len();
        self.by_id.insert(letter.id, index);
        if let Some(key) = letter.idempotent_key {
            self.by_key.insert(key, index);
        }
        self.letters.push(letter);
    }

    /// Returns the one shared copy of a text, which saves most of the memory of 500,000 letters.
    pub(super) fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    /// Records the use of a grant; true when it is the first. Expired grants are removed, because the check of `exp` refuses them earlier.
    pub(super) fn first_use(&mut self, grant: String, expires: i64, now: i64) -> bool {
        // Only now and then, because it visits every grant.
        if self.grants.len() >= 1024 {
            self.grants.retain(|_, expires| *expires >= now);
        }
        self.grants.insert(grant, expires).is_none()
    }

    /// Counts a request against `rate`; the `Err` is the time until it would be admitted. A refused request does not count.
    pub(super) fn admit_request(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let limit = usize::try_from(rate.requests).unwrap_or(usize::MAX);
        while let Some(oldest) = self.recent.front() {
            let left = rate.period.saturating_sub(now.duration_since(*oldest));
            if left.is_zero() {
                self.recent.pop_front();
            } else if self.recent.len() < limit {
                break;
            } else {
                return Err(left);
            }
        }
        self.recent.push_back(now);
        Ok(())
    }

    pub(super) fn link(&mut self, attachments: &[Uuid], letter: Uuid) {
        for id in attachments {
            if let Some(stored) = self.attachments.get_mut(id) {
                stored.correspondences.push(letter);
            }
        }
    }

    /// The attachments of a letter, in its order.
    pub(super) fn attachments_for(&self, letter: &Letter) -> Vec<ReceivedAttachment> {
        let ids = letter.attachments.iter();
        ids.filter_map(|id| self.attachments.get(id).cloned())
            .collect()
    }

    /// Purges an attachment when the last letter that refers to it has been purged.
    pub(super) fn purge_unless_used(&mut self, attachment: Uuid) {
        let Some(stored) = self.attachments.get(&attachment) else {
            return;
        };
        let is_alive = |id: &Uuid| {
            let letter = self.letter(*id);
            letter.is_some_and(|letter| letter.purged_at.is_none())
        };
        if !stored.correspondences.iter().any(is_alive)
            && let Some(stored) = self.attachments.get_mut(&attachment)
        {
            stored.set_status(AttachmentStatus::Purged);
        }
    }

    /// Returns an attachment of the organisation, or Altinn's code for an unknown (2001) or foreign (4001) one.
    pub(super) fn owned(
        &mut self,
        organization: &str,
        id: Uuid,
    ) -> Result<&mut ReceivedAttachment, Refusal> {
        let stored = self.attachments.get_mut(&id).ok_or(Refusal::code(2001))?;
        if *stored.sender == *organization {
            Ok(stored)
        } else {
            Err(Refusal::code(4001))
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_rate_counts_the_requests_of_the_last_period() {
        let rate = Rate {
            requests: 2,
            period: Duration::from_secs(60),
        };
        let mut store = Store::default();
        let start = Instant::now();
        let mut take = |second| store.admit_request(rate, start + Duration::from_secs(second));
        assert_eq!(take(0), Ok(()));
        assert_eq!(take(10), Ok(()));
        assert_eq!(take(20), Err(Duration::from_secs(40)));
        assert_eq!(take(60), Ok(()));
        assert_eq!(take(69), Err(Duration::from_secs(1)));
        assert_eq!(take(70), Ok(()));
    }

    #[test]
    fn a_grant_is_used_once() {
        let mut store = Store::default();
        assert!(store.first_use("a".to_owned(), 100, 0));
        assert!(store.first_use("b".to_owned(), 100, 0));
        assert!(!store.first_use("a".to_owned(), 100, 1));
    }
}
