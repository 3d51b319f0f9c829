//! The parts of a run that all its phases share.

use super::Options;
use super::attempt::Attempts;
use crate::altinn::Client;
use crate::journal::Journal;

/// Altinn, the journal, and the settings of the run.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) client: &'a Client,
    pub(super) journal: &'a Journal,
    pub(super) options: &'a Options,
    pub(super) attempts: &'a Attempts<'a>,
}
