//! The commands that messages suggest, complete and quoted so that they can be pasted into a shell.

use std::{env, fmt};

use crate::plan::Digest;

use super::target::Target;

/// Flags that narrow a run down.
const NARROWING: [&str; 2] = ["--rows", "--limit"];

/// Flags that belong to a send of proofs only: the recipient, the rows, and the confirmation of their number.
const PROOF_FLAGS: [&str; 6] = ["--proof-to", "--rows", "--limit", EXPECT, "--plan", "--yes"];

/// Flags that repeated commands leave out: their effect lasts or their number has changed, and later changes should be shown before they are accepted.
const ONE_TIME: [&str; 3] = ["--accept-changes", "--afresh", "--second-letters"];

/// The flags here that have no value.
const SWITCHES: [&str; 4] = ["--accept-changes", "--afresh", "--dry-run", "--yes"];

const AUTH: [&str; 5] = [
    "--ca-file",
    "--client-id",
    "--key-file",
    "--kid",
    "--token-file",
];

const EXPECT: &str = "--expect";

impl Target {
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

/// A flag's variable: every flag of the program can be set by one.
pub(crate) fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("MASSEBREV_{}", name.to_uppercase())
}

/// The arguments of the program and of all its commands.
pub(crate) fn arguments(definition: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    let commands = std::iter::once(definition).chain(definition.get_subcommands());
    commands.flat_map(clap::Command::get_arguments)
}

/// The command that was typed, from which the next one is made.
#[derive(Debug)]
pub(crate) struct TypedCommand {
    arguments: Vec<String>,
    /// The flags that were taken out, typed or not.
    removed: Vec<&'static str>,
}

impl TypedCommand {
    pub(crate) fn new() -> Self {
        // Lossy is enough: the text is only shown.
        let arguments = env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned());
        Self {
            arguments: arguments.collect(),
            removed: Vec::new(),
        }
    }

    /// The command that continues where this run ended.
    pub(crate) fn again(self) -> Self {
        self.without(&ONE_TIME)
    }

    /// The command for all rows; `letters` replaces the number that `--expect` names, if it was there.
    pub(crate) fn for_the_rest(self, letters: u64) -> Self {
        let mut wide = self.without(&NARROWING).without(&ONE_TIME);
        let (expect, others) = split(wide.arguments, &[EXPECT]);
        wide.arguments = others;
        match expect.as_slice() {
            [] => wide,
            _ => wide.with(EXPECT, &letters),
        }
    }

    pub(crate) fn without_dry_run(self) -> Self {
        self.without(&["--dry-run"])
    }

    /// The command that sends the mailing after its proofs, with `--plan` so that nothing but what was approved leaves.
    pub(crate) fn after_proofs(self, plan: Digest) -> Self {
        self.without(&PROOF_FLAGS).with("--plan", &plan)
    }

    /// The command that checks the connection, with the flags for keys and tokens that were typed.
    pub(crate) fn token_check(self, target: &Target) -> String {
        let flags = split(self.arguments, &AUTH).0;
        let flags = flags.iter().map(|flag| format!(" {}", quoted(flag)));
        let flags: String = flags.collect();
        format!("{}{flags} --check", target.command("token"))
    }

    /// True when a flag was typed, so that its value does not come from its variable: clap makes one value of both.
    pub(crate) fn has(&self, wanted: &str) -> bool {
        let mut flags = self.arguments.iter().map(|argument| flag(argument).0);
        flags.any(|flag| flag == wanted)
    }

    fn without(mut self, flags: &[&'static str]) -> Self {
        self.arguments = split(self.arguments, flags).1;
        self.removed.extend(flags);
        self
    }

    fn with(mut self, flag: &str, value: &impl ToString) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_string()]);
        self
    }
}

impl fmt::Display for TypedCommand {
    /// The command for a shell. An `env -u …` in front unsets those of the variables of the removed flags that are set: removing a flag is not enough when its
    /// variable does the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.removed.iter().map(|flag| variable(flag));
        let mut set = variables
            .filter(|variable| env::var_os(variable).is_some())
            .peekable();
        if set.peek().is_some() {
            f.write_str("env ")?;
        }
        set.try_for_each(|variable| write!(f, "-u {variable} "))?;
        f.write_str("massebrev")?;
        let mut arguments = self.arguments.iter();
        arguments.try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
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

    fn typed(arguments: &str) -> TypedCommand {
        TypedCommand {
            arguments: arguments.split(' ').map(str::to_owned).collect(),
            removed: Vec::new(),
        }
    }

    #[test]
    fn the_rest_is_sent_by_the_same_command_without_what_narrows_it_down() {
        for (typed, rest) in [
            ("send m.yaml --limit 5", "massebrev send m.yaml"),
            ("send --rows=5 m.yaml -q", "massebrev send m.yaml -q"),
            (
                "send m.yaml --second-letters 5 --limit 2",
                "massebrev send m.yaml",
            ),
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
            assert_eq!(self::typed(typed).for_the_rest(2799).to_string(), rest);
        }
    }

    #[test]
    fn a_check_of_the_connection_keeps_the_flags_for_keys() {
        let target = Target {
            manifest: "m.yaml".into(),
            sandbox: false,
        };
        assert_eq!(
            typed("send m.yaml --kid a -j 2 --key-file=k.pem --yes").token_check(&target),
            "massebrev token m.yaml --kid a --key-file=k.pem --check"
        );
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
            let command = self::typed(typed).after_proofs(plan).to_string();
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
