//! Commands as a person would type them, ready to be pasted.

use std::env;

use crate::plan::Digest;

use super::target::Target;

/// Flags that narrow a run down, with the variables that do the same.
const NARROWING: [(&str, &str); 2] = [("--rows", "MASSEBREV_ROWS"), ("--limit", "MASSEBREV_LIMIT")];

/// Flags that make a send one of proofs, of which, and without a question, with the variables that do the same.
const PROVING: [(&str, &str); 6] = [
    ("--proof-to", "MASSEBREV_PROOF_TO"),
    ("--rows", "MASSEBREV_ROWS"),
    ("--limit", "MASSEBREV_LIMIT"),
    (EXPECT, "MASSEBREV_EXPECT"),
    ("--plan", "MASSEBREV_PLAN"),
    YES,
];

/// Flags that say how to get a token.
const AUTH: [&str; 5] = [
    "--ca-file",
    "--client-id",
    "--key-file",
    "--kid",
    "--token-file",
];

const EXPECT: &str = "--expect";

/// Takes no value, and goes with `--expect`.
const YES: (&str, &str) = ("--yes", "MASSEBREV_YES");

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

/// Left out of repeated commands: what it accepted stays accepted, and later changes should be shown before they are accepted.
const ONCE: [(&str, &str); 2] = [
    ("--accept-changes", "MASSEBREV_ACCEPT_CHANGES"),
    ("--afresh", "MASSEBREV_AFRESH"),
];

/// The command that was typed: it goes on where this run ended.
pub(crate) fn same_command() -> String {
    let set = ONCE.map(|(_, variable)| variable);
    format!("{}{}", without(&set), joined(&typed_again()))
}

/// The command that was typed, but for all rows; `letters` is then the number that `--expect` has to name.
pub(crate) fn command_for_the_rest(letters: u64) -> String {
    let variables = NARROWING.iter().chain(&ONCE);
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

/// The command that sends a mailing after proofs of it: as it was typed, for what was approved and nothing else.
pub(crate) fn command_after_proofs(plan: Digest) -> String {
    let variables = PROVING.map(|(_, variable)| variable);
    let command = joined(&unproven(typed_again(), plan));
    format!("{}{command}", without(&variables))
}

/// The check of the connection, with the flags for keys and tokens that were typed.
pub(crate) fn token_check(target: &Target) -> String {
    let flags = auth_flags(typed());
    let flags = flags.iter().map(|argument| quoted(argument));
    std::iter::once(target.command("token"))
        .chain(flags)
        .chain(["--check".to_owned()])
        .collect::<Vec<_>>()
        .join(" ")
}

/// Those of the arguments that say how to get a token.
fn auth_flags(arguments: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (flag, attached) = flag(&argument);
        if AUTH.contains(&flag) {
            kept.push(argument);
            if !attached {
                kept.extend(arguments.next());
            }
        }
    }
    kept
}

/// An `env -u …` prefix for those of the variables that are set.
fn without(variables: &[&str]) -> String {
    let set = variables
        .iter()
        .filter(|variable| env::var_os(variable).is_some());
    let unset = set
        .map(|variable| format!("-u {variable} "))
        .collect::<Vec<_>>()
        .concat();
    if unset.is_empty() {
        unset
    } else {
        format!("env {unset}")
    }
}

fn typed() -> Vec<String> {
    env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

fn typed_again() -> Vec<String> {
    let mut arguments = typed();
    arguments.retain(|argument| ONCE.iter().all(|(flag, _)| argument != flag));
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
    let expects = arguments.iter().any(|it| flag(it).0 == EXPECT);
    let narrowing = NARROWING.map(|(flag, _)| flag);
    let mut wide = without_flags(arguments, &[&narrowing[..], &[EXPECT]].concat());
    if expects {
        wide.extend([EXPECT.to_owned(), letters.to_string()]);
    }
    wide
}

/// The arguments of a send of proofs as those of a send of what was proven.
fn unproven(arguments: Vec<String>, plan: Digest) -> Vec<String> {
    let mut kept = without_flags(arguments, &PROVING.map(|(flag, _)| flag));
    kept.extend(["--plan".to_owned(), plan.to_string()]);
    kept
}

/// The arguments without some flags and their values.
fn without_flags(arguments: Vec<String>, flags: &[&str]) -> Vec<String> {
    let mut kept = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (flag, attached) = flag(&argument);
        if !flags.contains(&flag) {
            kept.push(argument);
        } else if !attached && flag != YES.0 {
            arguments.next();
        }
    }
    kept
}

/// A flag by its name, and whether its value is part of the same argument.
fn flag(argument: &str) -> (&str, bool) {
    let (flag, attached) = match argument.split_once('=') {
        Some((flag, _)) => (flag, true),
        None => (argument, false),
    };
    (if flag == "--row" { "--rows" } else { flag }, attached)
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
    fn a_check_of_the_connection_keeps_the_flags_for_keys() {
        let typed = "send m.yaml --kid a -j 2 --key-file=k.pem --yes";
        let arguments = typed.split(' ').map(str::to_owned).collect();
        assert_eq!(auth_flags(arguments), ["--kid", "a", "--key-file=k.pem"]);
    }

    #[test]
    fn what_was_proven_is_sent_by_the_same_command_without_what_was_about_proofs() {
        let plan = Digest::sha256(b"plan");
        for (typed, rest) in [
            ("send m.yaml --proof-to 07827199405", "send m.yaml"),
            ("send --proof-to=310244007 m.yaml -j 2", "send m.yaml -j 2"),
            (
                "send --key-file k.pem --row 3 m.yaml --limit=1 --rate 5/s --proof-to 310244007",
                "send --key-file k.pem m.yaml --rate 5/s",
            ),
            (
                "send m.yaml --yes --expect 2 --plan sha256:00 --proof-to 310244007 --json",
                "send m.yaml --json",
            ),
        ] {
            let arguments = typed.split(' ').map(str::to_owned).collect();
            let command = joined(&unproven(arguments, plan));
            assert_eq!(command, format!("massebrev {rest} --plan {plan}"));
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
