//! Commands as a person would type them, ready to be pasted.

use std::env;

use massebrev::plan::Digest;

use super::target::Target;

/// Flags that narrow a run down, with the variables that do the same.
const NARROWING: [(&str, &str); 2] = [("--rows", "MASSEBREV_ROWS"), ("--limit", "MASSEBREV_LIMIT")];

/// The variables that make a send one of proofs, and of which.
const PROVING: [&str; 4] = [
    "MASSEBREV_PROOF_TO",
    "MASSEBREV_ROWS",
    "MASSEBREV_LIMIT",
    "MASSEBREV_EXPECT",
];

impl Target {
    /// Another command for the same mailing in the same place.
    pub(crate) fn command(&self, name: &str) -> String {
        let manifest = quoted(&self.manifest.to_string_lossy());
        let sandbox = if self.sandbox { " --sandbox" } else { "" };
        format!("massebrev {name} {manifest}{sandbox}")
    }
}

/// An argument as a shell takes it.
pub(crate) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,%+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// What is not typed again: what it has accepted stays accepted, and what changes later is to be seen first.
const ONCE: (&str, &str) = ("--accept-changes", "MASSEBREV_ACCEPT_CHANGES");

/// The command that was typed: it goes on where this run ended.
pub(crate) fn same_command() -> String {
    format!("{}{}", without(&[ONCE.1]), joined(&typed_again()))
}

/// The command that was typed, but for all rows; `letters` is then the number that `--expect` has to name.
pub(crate) fn command_for_the_rest(letters: u64) -> String {
    let variables = NARROWING.iter().chain([&ONCE]);
    let set: Vec<&str> = variables.map(|(_, variable)| *variable).collect();
    let command = joined(&widened(typed_again(), letters));
    format!("{}{command}", without(&set))
}

/// The command that was typed, without `--dry-run`.
pub(crate) fn command_for_real() -> String {
    let mut arguments = typed();
    arguments.retain(|argument| argument != "--dry-run");
    format!("{}{}", without(&["MASSEBREV_DRY_RUN"]), joined(&arguments))
}

/// The command that sends a mailing after proofs of it: what was approved, and nothing else.
pub(crate) fn command_after_proofs(target: &Target, plan: Digest) -> String {
    let command = target.command("send");
    format!("{}{command} --plan {plan}", without(&PROVING))
}

/// What stands before a command so that these variables do not reach it.
fn without(variables: &[&str]) -> String {
    let mut set = variables
        .iter()
        .filter(|variable| env::var_os(variable).is_some())
        .peekable();
    let mut before = String::new();
    if set.peek().is_some() {
        before.push_str("env ");
    }
    for variable in set {
        before.push_str("-u ");
        before.push_str(variable);
        before.push(' ');
    }
    before
}

fn typed() -> Vec<String> {
    env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

fn typed_again() -> Vec<String> {
    let mut arguments = typed();
    arguments.retain(|argument| argument != ONCE.0);
    arguments
}

fn joined(arguments: &[String]) -> String {
    let quoted = arguments.iter().map(|argument| quoted(argument));
    std::iter::once("massebrev".to_owned())
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The arguments without those that narrow the run down.
fn widened(arguments: Vec<String>, letters: u64) -> Vec<String> {
    let mut wide = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (flag, attached) = match argument.split_once('=') {
            Some((flag, _)) => (flag, true),
            None => (argument.as_str(), false),
        };
        let narrows = flag == "--row" || NARROWING.iter().any(|(narrowing, _)| *narrowing == flag);
        let value = if attached || !(narrows || flag == "--expect") {
            None
        } else {
            arguments.next()
        };
        if flag == "--expect" {
            wide.extend(["--expect".to_owned(), letters.to_string()]);
        } else if !narrows {
            wide.push(argument);
            wide.extend(value);
        }
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(arguments: &str) -> String {
        let arguments = arguments.split(' ').map(str::to_owned).collect();
        joined(&widened(arguments, 2799))
    }

    #[test]
    fn the_rest_is_sent_by_the_same_command_without_what_narrows_it_down() {
        for (typed, rest) in [
            ("send m.yaml --limit 5", "massebrev send m.yaml"),
            ("send --rows=5 m.yaml -q", "massebrev send m.yaml -q"),
            ("send --row 5,7 m.yaml --limit=1", "massebrev send m.yaml"),
            (
                "send m.yaml --rows 5 --yes --expect 1",
                "massebrev send m.yaml --yes --expect 2799",
            ),
            (
                "send m.yaml --rate 5/s --sandbox",
                "massebrev send m.yaml --rate 5/s --sandbox",
            ),
        ] {
            assert_eq!(wide(typed), rest);
        }
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted("a/b-c_d.yaml"), "a/b-c_d.yaml");
        assert_eq!(quoted("mva melding.yaml"), "'mva melding.yaml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("Økonomi.yaml"), "Økonomi.yaml");
    }
}
