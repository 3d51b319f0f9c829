//! What the program says of itself.

use insta::assert_snapshot;

use crate::support::{Project, snapshot};

/// The commands, in the order of a mailing's life.
const COMMANDS: [&str; 11] = [
    "new",
    "validate",
    "render",
    "send",
    "report",
    "explain",
    "token",
    "sandbox",
    "schema",
    "completions",
    "man",
];

#[test]
fn help_of_every_command() {
    let project = Project::new();
    for command in [""].into_iter().chain(COMMANDS) {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let run = project.run(&arguments).ends(0);
        snapshot(|| assert_snapshot!(format!("help_{command}"), run));
        let help = run.stdout();
        let flags = flags(&help);
        let (ours, claps) = flags.split_at(flags.len() - 2);
        assert_eq!(claps, ["--help", "--version"], "{run}");
        assert!(ours.contains(&"--color") && ours.is_sorted(), "{ours:?}");
    }
}

/// The flags, in the order they are described in.
fn flags(help: &str) -> Vec<&str> {
    let described = help.lines().map(str::trim_start);
    let described = described.filter(|line| line.starts_with('-'));
    described
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
        .collect()
}

#[test]
fn the_first_page_lists_every_command() {
    let help = Project::new().run(&["--help"]).ends(0).stdout();
    let listed = help.split("Commands:\n").nth(1).unwrap();
    let listed: Vec<_> = listed
        .lines()
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed[..COMMANDS.len()], COMMANDS);
    assert_eq!(listed[COMMANDS.len()..], ["help"]);
}

#[test]
fn every_flag_has_a_variable_and_its_value_is_not_shown() {
    let project = Project::new()
        .with_env("MASSEBREV_CLIENT_ID", "of-somebody")
        .with_env("MASSEBREV_KEY_FILE", "of-somebody");
    for command in COMMANDS {
        let help = project.run(&[command, "--help"]).ends(0).stdout();
        assert!(!help.contains("of-somebody"), "{help}");
        let on_one_line = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for flag in flags(&help) {
            let variable = flag
                .trim_start_matches("--")
                .replace('-', "_")
                .to_uppercase();
            // Flags whose values differ from command to command name the command too.
            let own = format!("{}_{variable}", command.to_uppercase());
            let known = [variable, own]
                .iter()
                .any(|name| on_one_line.contains(&format!("[env: MASSEBREV_{name}]")));
            assert_eq!(
                known,
                !matches!(flag, "--help" | "--version"),
                "{flag}: {help}"
            );
        }
    }
}

#[test]
fn every_shell_completes_every_command() {
    let project = Project::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = project.run(&["completions", shell]).ends(0).stdout();
        for word in COMMANDS.into_iter().chain(["concurrency"]) {
            assert!(text.contains(word), "{shell} does not know {word}");
        }
    }
    project.run(&["completions", "cmd"]).ends(2);
}

#[test]
fn every_command_has_a_manual_page() {
    let project = Project::new();
    let whole = project.run(&["man"]).ends(0).stdout();
    for command in COMMANDS {
        assert!(
            whole.contains(&format!("massebrev\\-{command}(1)")),
            "{whole}"
        );
        let page = project.run(&["man", command]).ends(0).stdout();
        assert!(
            page.contains(&format!(".TH massebrev-{command} 1")),
            "{page}"
        );
    }
    let page = project.run(&["man", "send"]).ends(0).stdout();
    assert!(page.contains("MASSEBREV_CONCURRENCY"), "{page}");
    let run = project.run(&["man", "sned"]).ends(2);
    assert!(run.stderr().contains("the commands are new, "), "{run}");
}

#[test]
fn nothing_to_do_is_wrong_input() {
    let project = Project::new();
    project.run(&[]).ends(2);
    project.run(&["sned"]).ends(2);
}
