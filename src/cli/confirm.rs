//! The confirmation in production: a person types the number of letters.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::plan::RowChoice;
use crate::text::count;

use super::check::CheckedMailing;
use super::{CliError, Printer};

/// Refuses a number of letters other than the expected one. `whose` is the subject of the error, such as `the mailing has`.
pub(crate) fn refuse_unexpected(
    letters: u64,
    noun: &str,
    whose: &str,
    expected: Option<u64>,
) -> Result<(), CliError> {
    match expected {
        Some(expected) if expected != letters => Err(CliError::usage(
            format!(
                "expected {}, but {whose} {letters}; nothing was sent",
                count(expected, noun)
            ),
            "look at the rows again, or correct --expect",
        )),
        _ => Ok(()),
    }
}

/// Returns the question to ask before letters leave; `None` when no confirmation is needed.
pub(crate) fn question(
    checked: &CheckedMailing,
    chosen: &RowChoice,
    yes: bool,
    expected: Option<u64>,
) -> Option<String> {
    // A script confirms the number as well: `--yes` alone would let any number through.
    let answered = yes && expected.is_some();
    if !checked.destination.is_production() || answered || chosen.letters == 0 {
        return None;
    }
    let verb = if chosen.letters == 1 { "goes" } else { "go" };
    let noun = checked.noun();
    let whom = match &checked.proof {
        Some(proof) => proof.recipient().masked(),
        None => "real people".to_owned(),
    };
    Some(format!(
        "{} {verb} to {whom}. Type the number of {noun}s to send them; Ctrl-C sends nothing:",
        count(chosen.letters, noun)
    ))
}

/// Asks for the number of letters when they go to production. Without a terminal the answer must come from the flags.
pub(crate) fn confirm(
    checked: &CheckedMailing,
    chosen: &RowChoice,
    yes: bool,
    expected: Option<u64>,
    printer: Printer,
) -> Result<(), CliError> {
    let Some(question) = question(checked, chosen, yes, expected) else {
        return Ok(());
    };
    // A number from a pipe would be no confirmation by a person who has seen the question.
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "sending in prod must be confirmed; nothing was sent",
            format!("pass --yes --expect {}", chosen.covered),
        ));
    }
    printer.warn(question);
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(CliError::start("the confirmation"))?;
    // A number has to be read before it can be typed, which `yes` has not.
    if answer.trim() == chosen.letters.to_string() {
        return Ok(());
    }
    Err(CliError::usage(
        "not confirmed; nothing was sent",
        format!("the number was {}", chosen.letters),
    ))
}
