//! Letters under used keys must not change: Altinn would silently keep the old ones.

use super::SendError;
use crate::journal::Known;
use crate::plan::{Checked, Compared};

/// Compares the rows with what is known of them, and refuses letters that Altinn has, or may have, with another content.
pub fn refuse_changed(checked: &Checked, known: &Known) -> Result<Compared, SendError> {
    let recorded = known.iter();
    let compared = checked.compare(recorded.map(|(key, recorded)| (key, recorded.binding())));
    match compared.changed {
        0 => Ok(compared),
        letters => Err(SendError::Changed { letters }),
    }
}
