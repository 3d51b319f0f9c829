//! What is known of every row, small enough to hold millions: where it stands and whether its text is the same.

use uuid::Uuid;

use super::column::{count, named};
use super::store::Store;
use super::{JournalError, State};

/// The rows of a journal by key: 26 bytes each.
#[derive(Debug, Clone, Default)]
pub struct Known(Vec<Slot>);

/// What is known of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands.
    pub state: State,
    body: Option<[u8; PREFIX]>,
}

/// So much of a digest is kept here: enough to see a change. The journal itself compares all of it.
const PREFIX: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: [u8; 16],
    recorded: Recorded,
}

impl Known {
    /// The row with this key.
    pub fn get(&self, key: &Uuid) -> Option<Recorded> {
        let at = self
            .0
            .binary_search_by_key(key.as_bytes(), |slot| slot.key)
            .ok()?;
        self.0.get(at).map(|slot| slot.recorded)
    }

    /// The row whose key begins with these eight bytes.
    pub fn with_head(&self, head: u64) -> Option<Recorded> {
        let head = head.to_be_bytes();
        let at = self.0.partition_point(|slot| slot.key[..PREFIX] < head[..]);
        let slot = self.0.get(at).filter(|slot| slot.key.starts_with(&head))?;
        Some(slot.recorded)
    }

    /// Whether a plain run leaves a letter alone, given the heads of its key and of its content's digest.
    pub fn is_settled(&self, key: u64, letter: u64) -> bool {
        self.with_head(key)
            .is_some_and(|recorded| recorded.is_settled(letter))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, Recorded)> + '_ {
        self.0
            .iter()
            .map(|slot| (Uuid::from_bytes(slot.key), slot.recorded))
    }

    pub(super) fn read(store: &Store) -> Result<Self, JournalError> {
        let mut slots = Vec::new();
        read_into(&mut slots, store).map_err(|source| store.read_error(source))?;
        slots.sort_unstable_by_key(|slot| slot.key);
        Ok(Self(slots))
    }
}

impl Recorded {
    /// The head of the letter's digest as a number, where Altinn has the letter or may have it: it must not change.
    pub fn binding(&self) -> Option<u64> {
        let binds = matches!(
            self.state,
            State::InFlight | State::Unknown | State::Sent | State::AlreadySent
        );
        self.body.filter(|_| binds).map(u64::from_be_bytes)
    }

    /// Whether the letter that was tried had the digest that begins with these eight bytes.
    pub fn has_body(&self, head: u64) -> bool {
        self.body == Some(head.to_be_bytes())
    }

    /// Whether a plain run leaves the row alone, whose letter's digest begins with `head` now: Altinn has it, or has refused this very letter for good.
    pub fn is_settled(&self, head: u64) -> bool {
        self.state.is_sent()
            || matches!(self.state, State::Reserved | State::Rejected) && self.has_body(head)
    }
}

fn read_into(slots: &mut Vec<Slot>, store: &Store) -> rusqlite::Result<()> {
    let file = &store.connection;
    let sql = "SELECT count(*) FROM deliveries";
    let length = file.query_row(sql, [], |row| count(row, 0))?;
    slots.reserve_exact(usize::try_from(length).unwrap_or_default());
    let mut all = file.prepare("SELECT key, state, substr(body, 1, 8) FROM deliveries")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        slots.push(Slot {
            key: row.get(0)?,
            recorded: Recorded {
                state: named(row, 1)?,
                body: row.get(2)?,
            },
        });
    }
    Ok(())
}
