//! What the program says of itself.

use insta::assert_snapshot;

use crate::support::{Project, snapshot};

#[test]
fn help_of_every_command() {
    let project = Project::new();
    for command in [
        "", "validate", "render", "send", "report", "sandbox", "schema",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let run = project.run(&arguments).ends(0);
        snapshot(|| assert_snapshot!(format!("help_{command}"), run));
        let flags: Vec<_> = run
            .stdout()
            .lines()
            .filter_map(|line| {
                line.split_whitespace()
                    .find(|word| word.starts_with("--"))
                    .map(str::to_owned)
            })
            .collect();
        assert!(flags.contains(&"--help".to_owned()), "{run}");
    }
}

#[test]
fn nothing_to_do_is_wrong_input() {
    let project = Project::new();
    project.run(&[]).ends(2);
    project.run(&["sned"]).ends(2);
}
