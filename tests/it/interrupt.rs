//! Ctrl-C finishes what is in flight; the same command goes on.

use std::process::Command;

use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project};

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_130_and_goes_on() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", spreadsheet(2000));
    let mut child = project.start(&["send", "mailing.yaml", "--concurrency", "2"]);
    sandbox.wait_for(20);
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let sent = sandbox.letters().len();
    assert!(sent < 2000, "interrupted in the middle");
    let report = project
        .run(&["report", "mailing.yaml", "--format", "json"])
        .ends(0)
        .stdout();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        report["counts"]["sent"], sent,
        "what was in flight was finished and written down"
    );
    assert_eq!(report["counts"]["pending"], 2000 - sent);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 2000);
}
