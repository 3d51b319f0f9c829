//! The commands that messages suggest, complete and quoted so that they can be pasted into a shell.

use std::env;

use crate::plan::Digest;

use super::target::Target;

/// Flags that narrow a run down.
const NARROWING: [&str; 2] = ["--rows", "--limit"];

/// Flags that belong to a send of proofs only: the recipient, the rows, and the confirmation of their number.
const PROOF_FLAGS: [&str; 6] = ["--proof-to", "--rows", "--limit", EXPECT, "--plan", "--yes"];

/// Flags that repeated commands leave out: their effect lasts, and later changes should be shown before they are accepted.
const ONE_TIME: [&str; 2] = ["--accept-changes", "--afresh"];

/// The flags here that have no value.
const SWITCHES: [&str; 4] = ["--accept-changes", "--afresh", "--dry-run", "--yes"];

/// Flags that name the source of tokens.
const AUTH: [&str; 5] = [
    "--ca-file",
    "--client-id",
    "--key-file",
    "--kid",
    "--token-file",
];

const EXPECT: &str = "--expect";

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

/// The command that was typed, which continues where this run ended.
pub(crate) fn same_command() -> String {
    command(&without_flags(typed_arguments(), &ONE_TIME), &ONE_TIME)
}

/// The command that was typed, for all rows; `letters` replaces the number that `--expect` names.
pub(crate) fn command_for_the_rest(letters: u64) -> String {
    let arguments = without_flags(typed_arguments(), &ONE_TIME);
    let unset = [NARROWING, ONE_TIME].concat();
    command(&without_narrowing(arguments, letters), &unset)
}

/// The command that was typed, without `--dry-run`.
pub(crate) fn command_without_dry_run() -> String {
    let flags = ["--dry-run"];
    command(&without_flags(typed_arguments(), &flags), &flags)
}

/// The command that sends the mailing after its proofs: as it was typed, with `--plan` so that nothing but what was approved leaves.
pub(crate) fn command_after_proofs(plan: Digest) -> String {
    let arguments = without_flags(typed_arguments(), &ONE_TIME);
    command(&without_proof_flags(arguments, plan), &PROOF_FLAGS)
}

/// The command that checks the connection, with the flags for keys and tokens that were typed.
pub(crate) fn token_check(target: &Target) -> String {
    let flags = auth_flags(typed_arguments());
    let mut words = vec![target.command("token")];
    words.extend(flags.iter().map(|argument| quoted(argument)));
    words.push("--check".to_owned());
    words.join(" ")
}

/// True when a flag was typed, so that its value does not come from its variable: clap makes one value of both.
pub(crate) fn is_typed(wanted: &str) -> bool {
    typed_arguments()
        .iter()
        .any(|argument| flag(argument).0 == wanted)
}

fn typed_arguments() -> Vec<String> {
    env::args_os()
        .skip(1)
        // Lossy is enough: the text is only shown.
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

/// A command with these arguments. An `env -u …` in front unsets those of the variables of the `removed` flags that are set: removing a flag is not enough when
/// its variable does the same.
fn command(arguments: &[String], removed: &[&str]) -> String {
    let variables = removed.iter().map(|flag| {
        let name = flag.trim_start_matches('-').replace('-', "_");
        format!("MASSEBREV_{}", name.to_uppercase())
    });
    let set = variables.filter(|variable| env::var_os(variable).is_some());
    let unset: Vec<_> = set.map(|variable| format!("-u {variable} ")).collect();
    let env = if unset.is_empty() { "" } else { "env " };
    format!("{env}{}{}", unset.concat(), shell_line(arguments))
}

fn shell_line(arguments: &[String]) -> String {
    let mut words = vec!["massebrev".to_owned()];
    words.extend(arguments.iter().map(|argument| quoted(argument)));
    words.join(" ")
}

/// The arguments without those that narrow the run down. `--expect` stays if it was there, with the number for all rows.
fn without_narrowing(arguments: Vec<String>, letters: u64) -> Vec<String> {
    let (expect, arguments) = split(arguments, &[EXPECT]);
    let mut wide = without_flags(arguments, &NARROWING);
    if !expect.is_empty() {
        wide.extend([EXPECT.to_owned(), letters.to_string()]);
    }
    wide
}

/// Turns the arguments of a send of proofs into those of a send of the proven plan.
fn without_proof_flags(arguments: Vec<String>, plan: Digest) -> Vec<String> {
    let mut kept = without_flags(arguments, &PROOF_FLAGS);
    kept.extend(["--plan".to_owned(), plan.to_string()]);
    kept
}

/// The arguments that name the source of tokens, with their values.
fn auth_flags(arguments: Vec<String>) -> Vec<String> {
    split(arguments, &AUTH).0
}

/// The arguments without `flags` and their values.
fn without_flags(arguments: Vec<String>, flags: &[&str]) -> Vec<String> {
    split(arguments, flags).1
}

/// Splits arguments into `flags` with their values, and the others.
fn split(arguments: Vec<String>, flags: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (flag, attached) = flag(&argument);
        if !flags.contains(&flag) {
            others.push(argument);
            continue;
        }
        // Flags without their value in the same argument have it in the next one.
        let value = (!attached && !SWITCHES.contains(&flag)).then(|| arguments.next());
        found.push(argument);
        found.extend(value.flatten());
    }
    (found, others)
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
