//! Before letters leave for real people, a person says how many.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::prepare::Prepared;
use super::{CliError, Printer};

/// Makes sure that the number of letters is the expected one; in production somebody has to say it.
pub(crate) fn confirm(
    prepared: &Prepared,
    yes: bool,
    expected: Option<u64>,
    printer: Printer,
) -> Result<(), CliError> {
    let letters = prepared.checked.letters;
    if let Some(expected) = expected
        && expected != letters
    {
        return Err(CliError::usage(
            format!("expected {expected} letters, but the mailing has {letters}; nothing was sent"),
            "look at the rows again, or correct --expect",
        ));
    }
    if !prepared.destination.is_production() || (yes && expected.is_some()) {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "sending in prod must be confirmed; nothing was sent",
            format!("pass --yes --expect {letters}"),
        ));
    }
    printer.warn(format_args!(
        "{letters} letters go to real people. Type the number of letters to send them:"
    ));
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|source| CliError::Start {
            what: "the confirmation",
            source,
        })?;
    if answer.trim() == letters.to_string() {
        return Ok(());
    }
    Err(CliError::usage(
        "not confirmed; nothing was sent",
        format!("the number was {letters}"),
    ))
}
