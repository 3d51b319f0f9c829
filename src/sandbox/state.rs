//! All that the sandbox has received, behind one lock.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::attachments::{AttachmentStatus, ReceivedAttachment};
use super::letter::Scan;
use super::registration::Clients;
use super::token::Mint;
use super::{Endpoint, Letter, Options, Rate};

/// What every endpoint is given.
#[derive(Debug)]
pub(super) struct World {
    pub(super) options: Options,
    /// The address without a slash at its end.
    pub(super) url: String,
    pub(super) clients: Clients,
    /// How many letters are held.
    pub(super) held: watch::Sender<usize>,
    received: Mutex<Received>,
}

pub(super) type Shared = Arc<World>;

/// What has come in so far, and what was given out for it.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) requests: BTreeMap<Endpoint, u64>,
    pub(super) letters: Vec<Letter>,
    by_id: HashMap<Uuid, usize>,
    by_key: HashMap<Uuid, usize>,
    pub(super) attachments: HashMap<Uuid, ReceivedAttachment>,
    pub(super) mint: Mint,
    /// Used grants and when they expire, in seconds.
    grants: HashMap<String, i64>,
    recent: VecDeque<Instant>,
    names: HashSet<Arc<str>>,
}

impl World {
    pub(super) fn new(options: Options, url: String, clients: Clients) -> Self {
        Self {
            options,
            url,
            clients,
            held: watch::Sender::new(0),
            received: Mutex::default(),
        }
    }

    /// The one lock. Never held over an await.
    pub(super) fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    /// Counts a request and gives its number, from 1.
    pub(super) fn count(&mut self, endpoint: Endpoint) -> u64 {
        let count = self.requests.entry(endpoint).or_default();
        *count += 1;
        *count
    }

    /// Whether a letter has the key already.
    pub(super) fn knows_key(&self, key: Uuid) -> bool {
        self.by_key.contains_key(&key)
    }

    pub(super) fn letter(&self, id: Uuid) -> Option<&Letter> {
        self.letters.get(*self.by_id.get(&id)?)
    }

    pub(super) fn letter_mut(&mut self, id: Uuid) -> Option<&mut Letter> {
        self.letters.get_mut(*self.by_id.get(&id)?)
    }

    /// Somebody looks at a letter, and the scan of its own files goes on.
    pub(super) fn look_at(&mut self, id: Uuid) {
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
            file.look();
            scan = match (file.status, scan) {
                (AttachmentStatus::Published, scan) => scan,
                (AttachmentStatus::Failed, _) | (_, Scan::Infected) => Scan::Infected,
                _ => Scan::Running,
            };
        }
        if let Some(letter) = self.letter_mut(id) {
            letter.scan = Some(scan);
            if scan != Scan::Running {
                letter.publish_at = letter.publish_at.max(Timestamp::now());
            }
        }
    }

    pub(super) fn letter_with_key(&self, key: Uuid) -> Option<&Letter> {
        self.letters.get(*self.by_key.get(&key)?)
    }

    /// Keeps a letter; it is the caller who has asked whether its key is free.
    pub(super) fn keep(&mut self, letter: Letter) {
        let index = self.letters.len();
        self.by_id.insert(letter.id, index);
        if let Some(key) = letter.idempotent_key {
            self.by_key.insert(key, index);
        }
        self.letters.push(letter);
    }

    /// The same text once for all letters that have it.
    pub(super) fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    /// Whether a grant is used for the first time. Expired ones are forgotten: their time has already been refused.
    pub(super) fn first_use(&mut self, grant: String, expires: i64, now: i64) -> bool {
        if self.grants.len() >= 1024 {
            self.grants.retain(|_, expires| *expires >= now);
        }
        self.grants.insert(grant, expires).is_none()
    }

    /// Takes one more request, or says how long to wait.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
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
        let mut received = Received::default();
        let start = Instant::now();
        let mut take = |second| received.take(rate, start + Duration::from_secs(second));
        assert_eq!(take(0), Ok(()));
        assert_eq!(take(10), Ok(()));
        assert_eq!(take(20), Err(Duration::from_secs(40)));
        assert_eq!(take(60), Ok(()));
        assert_eq!(take(69), Err(Duration::from_secs(1)));
        assert_eq!(take(70), Ok(()));
    }

    #[test]
    fn a_grant_is_used_once() {
        let mut received = Received::default();
        assert!(received.first_use("a".to_owned(), 100, 0));
        assert!(received.first_use("b".to_owned(), 100, 0));
        assert!(!received.first_use("a".to_owned(), 100, 1));
    }
}
