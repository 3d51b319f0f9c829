//! A journal that cannot be written stops the run, and the next run finds every letter again.

use serde_json::Value;

use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project};

#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_loses_and_doubles_nothing() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", spreadsheet(1000));
    let run = project
        .run_on_a_small_disk(400, &["send", "mailing.yaml"])
        .ends(3);
    assert!(run.stdout().contains("cut off"), "{run}");
    assert!(run.stdout().contains("every row is accounted for"), "{run}");
    assert!(run.stderr().contains("next: massebrev send "), "{run}");
    assert!(run.stderr().contains("cannot write journal"), "{run}");
    assert!(run.stderr().contains("disk space"), "{run}");
    assert!(!run.to_string().contains("panicked"), "{run}");
    let sent = sandbox.letters().len();
    assert!((1..1000).contains(&sent), "stopped in the middle: {sent}");
    assert_eq!(
        project.count("failed"),
        0,
        "what is not known is not called failed"
    );

    for entry in std::fs::read_dir(project.path(".massebrev")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_string_lossy().ends_with(".part"), "{name:?}");
    }

    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 1000);
    assert_eq!(project.count("sent") + project.count("already-sent"), 1000);
}

#[cfg(unix)]
#[test]
fn a_run_that_breaks_off_says_how_many_letters_it_has_ended() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", spreadsheet(1000));
    let run = project
        .run_on_a_small_disk(400, &["send", "mailing.yaml", "--json"])
        .ends(3);
    let told = run.stdout();
    let delivered = told.matches(r#""type":"delivered""#).count();
    let summary: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert!(delivered > 0, "{run}");
    assert_eq!(summary["ended"], delivered);
    assert_eq!(summary["ending"], "broken-off");
    assert_eq!(summary["error"]["message"], "the run cannot go on");
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_from_the_start_sends_nothing() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let run = project
        .run_on_a_small_disk(8, &["send", "mailing.yaml"])
        .ends(3);
    assert!(run.stderr().contains("journal"), "{run}");
    assert_eq!(sandbox.letters().len(), 0);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn what_became_of_the_letters_is_told_also_when_no_report_can_be_written() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let csv = std::fs::read_dir(project.path(".massebrev")).unwrap();
    let csv = csv.map(|entry| entry.unwrap().path());
    let csv = csv.filter(|path| path.extension().is_some_and(|name| name == "csv"));
    for path in csv.collect::<Vec<_>>() {
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
    }
    let run = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(run.stdout().contains("every row is accounted for"), "{run}");
    assert!(run.stderr().contains("error: cannot write "), "{run}");
    assert!(run.stderr().contains(".csv"), "{run}");
    assert!(run.stderr().contains("run the same command again"), "{run}");
    for (written, format) in [(1, ".html"), (0, ".csv"), (1, ".json")] {
        assert_eq!(run.stdout().matches(format).count(), written, "{run}");
    }
    let run = project.run(&["send", "mailing.yaml", "--json"]).ends(3);
    let told = run.stdout();
    let summary: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(summary["reports"].as_array().unwrap().len(), 2, "{run}");
    for entry in std::fs::read_dir(project.path(".massebrev")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_string_lossy().ends_with(".part"), "{name:?}");
    }
}
