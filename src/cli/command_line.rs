//! The commands that messages suggest, complete and quoted so that they can be pasted into a shell.

use std::env;

use crate::plan::Digest;

use super::target::Target;

/// Flags that narrow a run down, and their variables.
const NARROWING: [(&str, &str); 2] = [("--rows", "MASSEBREV_ROWS"), ("--limit", "MASSEBREV_LIMIT")];

/// Flags that belong to a send of proofs only, and their variables: the recipient, the rows, and the confirmation of their number.
const PROOF_FLAGS: [(&str, &str); 6] = [
    ("--proof-to", "MASSEBREV_PROOF_TO"),
    ("--rows", "MASSEBREV_ROWS"),
    ("--limit", "MASSEBREV_LIMIT"),
    (EXPECT, "MASSEBREV_EXPECT"),
    ("--plan", "MASSEBREV_PLAN"),
    YES,
];

/// Flags that name the source of tokens.
const AUTH: [&str; 5] = [
    "--ca-file",
    "--client-id",
    "--key-file",
    "--kid",
    "--token-file",
];

const EXPECT: &str = "--expect";

/// The switch that goes with `--expect`; the only flag here without a value.
const YES: (&str, &str) = ("--yes", "MASSEBREV_YES");

impl Target {
    /// Another command for the same mailing and environment.
    pub(crate) fn command(&self, name: &str) -> String {
        let manifest = quoted(&self.manifest.to_string_lossy());
        let sandbox = if self.sandbox { " --sandbox" } else { "" };
        format!("massebrev {name} {manifest}{sandbox}")
    }
}

/// Quotes an argument for a POSIX shell, when it needs quotes.
pub(crate) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,%+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// Flags that repeated commands leave out: their effect lasts, and later changes should be shown before they are accepted.
const ONE_TIME: [(&str, &str); 2] = [
    ("--accept-changes", "MASSEBREV_ACCEPT_CHANGES"),
    ("--afresh", "MASSEBREV_AFRESH"),
];

/// The command that was typed, which continues where this run ended.
pub(crate) fn same_command() -> String {
    let set = ONE_TIME.map(|(_, variable)| variable);
    format!(
        "{}{}",
        unset_prefix(&set),
        shell_line(&repeatable_arguments())
    )
}

/// The command that was typed, for all rows; `letters` replaces the number that `--expect` names.
pub(crate) fn command_for_the_rest(letters: u64) -> String {
    let variables = NARROWING.iter().chain(&ONE_TIME);
    let set: Vec<&str> = variables.map(|(_, variable)| *variable).collect();
    let command = shell_line(&without_narrowing(repeatable_arguments(), letters));
    format!("{}{command}", unset_prefix(&set))
}

/// The command that was typed, without `--dry-run`.
pub(crate) fn command_without_dry_run() -> String {
    let mut arguments = typed_arguments();
    arguments.retain(|argument| argument != "--dry-run");
    format!(
        "{}{}",
        unset_prefix(&["MASSEBREV_DRY_RUN"]),
        shell_line(&arguments)
    )
}

/// The command that sends the mailing after its proofs: as it was typed, with `--plan` so that nothing but what was approved leaves.
pub(crate) fn command_after_proofs(plan: Digest) -> String {
    let variables = PROOF_FLAGS.map(|(_, variable)| variable);
    let command = shell_line(&without_proof_flags(repeatable_arguments(), plan));
    format!("{}{command}", unset_prefix(&variables))
}

/// The command that checks the connection, with the flags for keys and tokens that were typed.
pub(crate) fn token_check(target: &Target) -> String {
    let flags = auth_flags(typed_arguments());
    let flags = flags.iter().map(|argument| quoted(argument));
    std::iter::once(target.command("token"))
        .chain(flags)
        .chain(["--check".to_owned()])
        .collect::<Vec<_>>()
        .join(" ")
}

/// The arguments that name the source of tokens, with their values.
fn auth_flags(arguments: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        // Flags without their value in the same argument have it in the next one.
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

/// An `env -u …` prefix that unsets those of the variables that are set: removing a flag is not enough when its variable does the same.
fn unset_prefix(variables: &[&str]) -> String {
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

fn typed_arguments() -> Vec<String> {
    env::args_os()
        .skip(1)
        // Lossy is enough: the text is only shown.
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

fn repeatable_arguments() -> Vec<String> {
    let mut arguments = typed_arguments();
    arguments.retain(|argument| ONE_TIME.iter().all(|(flag, _)| argument != flag));
    arguments
}

fn shell_line(arguments: &[String]) -> String {
    let quoted = arguments.iter().map(|argument| quoted(argument));
    std::iter::once("massebrev".to_owned())
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The arguments without those that narrow the run down. `--expect` stays if it was there, with the number for all rows.
fn without_narrowing(arguments: Vec<String>, letters: u64) -> Vec<String> {
    let expects = arguments.iter().any(|it| flag(it).0 == EXPECT);
    let narrowing = NARROWING.map(|(flag, _)| flag);
    let mut wide = without_flags(arguments, &[&narrowing[..], &[EXPECT]].concat());
    if expects {
        wide.extend([EXPECT.to_owned(), letters.to_string()]);
    }
    wide
}

/// Turns the arguments of a send of proofs into those of a send of the proven plan.
fn without_proof_flags(arguments: Vec<String>, plan: Digest) -> Vec<String> {
    let mut kept = without_flags(arguments, &PROOF_FLAGS.map(|(flag, _)| flag));
    kept.extend(["--plan".to_owned(), plan.to_string()]);
    kept
}

/// The arguments without `flags` and their values.
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

/// The name of a flag, and true when its value is part of the same argument (`--flag=value`).
fn flag(argument: &str) -> (&str, bool) {
    let (flag, attached) = match argument.split_once('=') {
        Some((flag, _)) => (flag, true),
        None => (argument, false),
    };
    // `--row` is a visible alias.
    (if flag == "--row" { "--rows" } else { flag }, attached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(arguments: &str) -> String {
        let arguments = arguments.split(' ').map(str::to_owned).collect();
        shell_line(&without_narrowing(arguments, 2799))
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
            let command = shell_line(&without_proof_flags(arguments, plan));
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
