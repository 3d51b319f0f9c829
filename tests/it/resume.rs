//! A run that ends in the middle goes on with the same command.

use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project};

#[test]
fn a_killed_run_goes_on_to_exactly_all_letters() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", spreadsheet(2799));
    for letters in [1, 700, 1500] {
        let mut child = project.start(&["send", "mailing.yaml", "--rate", "1500/s"]);
        sandbox.wait_for(letters);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(sandbox.letters().len() < 2799, "killed in the middle");
    }
    let last = project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 2799, "{last}");
    let report = project
        .run(&["report", "mailing.yaml", "--format", "json"])
        .ends(0)
        .stdout();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let count = |state: &str| report["counts"][state].as_u64().unwrap();
    assert_eq!(count("sent") + count("already-sent"), 2799);
    assert_eq!(report["adds_up"], true);
}

#[test]
fn a_lost_journal_loses_and_repeats_nothing() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    std::fs::remove_dir_all(project.path(".massebrev")).unwrap();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    let report = project
        .run(&["report", "mailing.yaml", "--format", "json"])
        .ends(0)
        .stdout();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["counts"]["already-sent"], 3);
}

#[test]
fn a_letter_that_was_sent_keeps_its_text() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    project.replace("mailing.yaml", "is open", "is closed");
    let refused = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        refused.stderr().contains("3 letters that Altinn has"),
        "{refused}"
    );
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn new_rows_are_sent_and_old_ones_left_alone() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    project.write(
        "recipients.csv",
        project.read("recipients.csv") + "310244007,Dag,4\n",
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 4);
}

#[test]
fn a_rehearsal_with_another_text_says_how_to_begin_afresh() {
    let project = Project::small();
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    project.replace("mailing.yaml", "is open", "is closed");
    let refused = project.run(&["send", "mailing.yaml", "--sandbox"]).ends(2);
    let command = refused
        .stderr()
        .split("rm ")
        .nth(1)
        .unwrap()
        .trim()
        .to_owned();
    std::fs::remove_file(project.path(&command)).unwrap();
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
}
