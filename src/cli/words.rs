//! How numbers are said.

/// A number with its noun: `1 letter`, `2 letters`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
