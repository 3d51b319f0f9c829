//! A run that ends in the middle goes on with the same command.

use std::time::Duration;

use massebrev::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};

use crate::journal::alter;
use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project, snapshot};

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
    project.replace("recipients.csv", "974760673,Cato", "991825827,Cato");
    let refused = project.run(&["send", "mailing.yaml"]).ends(2);
    snapshot(|| insta::assert_snapshot!("resume_changed", refused));
    assert_eq!(sandbox.letters().len(), 3);
}

/// Two letters sent, then another text and one more row.
fn half_changed(sandbox: &LiveSandbox) -> Project {
    let project = Project::small().with_sandbox(sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    project.replace("mailing.yaml", "is open", "is closed");
    let rows = project.read("recipients.csv") + "310244007,Dag,4\n";
    project.write("recipients.csv", rows);
    project
}

#[test]
fn accepted_changes_let_the_earlier_text_stand_and_send_the_rest_anew() {
    let sandbox = LiveSandbox::start();
    let project = half_changed(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(2);
    let asked = sandbox.asked(Endpoint::Initialize);
    let run = project
        .run(&["send", "mailing.yaml", "--accept-changes"])
        .ends(0);
    assert!(
        run.stderr()
            .contains("the earlier text stands for 3 letters"),
        "{run}"
    );
    assert_eq!(sandbox.asked(Endpoint::Initialize), asked + 1);
    let bodies: Vec<_> = sandbox
        .letters()
        .iter()
        .map(|letter| body(letter).contains("closed"))
        .collect();
    assert_eq!(bodies, [false, false, false, true]);
    // It stays accepted, and one more row needs no flag.
    project.run(&["send", "mailing.yaml"]).ends(0);
    let rows = project.read("recipients.csv") + "310244007,Eva,5\n";
    project.write("recipients.csv", rows);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 5);
    // So do the earlier inputs; a third text is another change.
    project.replace("mailing.yaml", "is closed", "is open");
    let mixed = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        mixed.stderr().contains("2 letters that Altinn has"),
        "{mixed}"
    );
    project.replace("mailing.yaml", "is open", "is pending");
    let third = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        third.stderr().contains("5 letters that Altinn has"),
        "{third}"
    );
}

#[test]
fn a_letter_that_went_to_another_recipient_is_not_accepted_as_it_was_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    // The keys are running numbers, and a row has come first.
    let shifted =
        "org,name,case\n315058384,Dag,1\n991825827,Ane,2\n310244007,Bo,3\n974760673,Cato,4\n";
    project.write("recipients.csv", shifted);
    for arguments in [
        &["send", "mailing.yaml"][..],
        &["send", "mailing.yaml", "--accept-changes"],
        &["send", "mailing.yaml", "--accept-changes", "--dry-run"],
    ] {
        let refused = project.run(arguments).ends(2).stderr();
        assert!(
            refused.contains("3 of them to another recipient than the one who has the letter"),
            "{refused}"
        );
        assert!(
            !refused.contains("send mailing.yaml --accept-changes"),
            "{refused}"
        );
    }
    assert_eq!(sandbox.letters().len(), 3);
    // A corrected recipient has a letter to come, under a new key.
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n315058384,Cato,3-b\n",
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 4);
}

#[test]
fn rows_that_were_never_accepted_may_change_without_a_flag() {
    let cato = "urn:altinn:organization:identifier-no:974760673";
    let busy = Action::Answer {
        status: 429,
        retry_after: None,
    };
    let sandbox = LiveSandbox::with(Options {
        scenario: Scenario {
            unknown_recipients: [cato.to_owned()].into(),
            trouble: vec![on(Endpoint::Initialize, When::First(4), busy)],
            ..Scenario::default()
        },
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    // The first letter has all of the trouble.
    project.run(&["send", "mailing.yaml", "--row", "1"]).ends(1);
    project
        .run(&["send", "mailing.yaml", "--rows", "2-"])
        .ends(1);
    assert_eq!(project.count("failed"), 1);
    assert_eq!(project.count("sent"), 1);
    assert_eq!(project.count("rejected"), 1);
    project.replace("recipients.csv", "Ane", "Anne");
    project.replace("recipients.csv", "Cato", "Catherine");
    let asked = sandbox.asked(Endpoint::Initialize);
    project.run(&["send", "mailing.yaml"]).ends(1);
    assert_eq!(sandbox.asked(Endpoint::Initialize), asked + 2);
    assert_eq!(project.count("sent"), 2);
    assert_eq!(project.count("rejected"), 1);
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
fn rows_are_known_wherever_they_stand_in_the_file() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    project.write(
        "recipients.csv",
        "org,name,case\n310244007,Dag,4\n974760673,Cato,3\n991825827,Ane,1\n310244007,Bo,2\n",
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 4);
    assert_eq!(project.count("sent"), 4);
}

#[test]
fn a_rehearsal_with_another_text_says_how_to_begin_afresh() {
    let project = Project::small();
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    project.replace("mailing.yaml", "is open", "is closed");
    let refused = project.run(&["send", "mailing.yaml", "--sandbox"]).ends(2);
    let stderr = refused.stderr();
    assert!(
        stderr.contains("massebrev send mailing.yaml --sandbox --afresh"),
        "{stderr}"
    );
    project
        .run(&["send", "mailing.yaml", "--sandbox", "--afresh"])
        .ends(0);
}

fn on(endpoint: Endpoint, when: When, action: Action) -> Trouble {
    Trouble {
        endpoint,
        when,
        action,
    }
}

/// Three letters that were cut off before Altinn took them.
fn cut_off() -> (LiveSandbox, Project) {
    let hour = Action::Delay(Duration::from_secs(3600));
    let sandbox = LiveSandbox::troubled(vec![on(Endpoint::Initialize, When::First(3), hour)]);
    let project = Project::small().with_sandbox(&sandbox);
    let mut run = project.start(&["send", "mailing.yaml"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    run.kill().unwrap();
    run.wait().unwrap();
    (sandbox, project)
}

/// Time passes for the journal.
fn much_later(project: &Project) {
    alter(project, "UPDATE deliveries SET last_at = 0, lost_at = 0");
}

fn body(letter: &massebrev::sandbox::Letter) -> String {
    String::from_utf8(letter.body.to_vec()).unwrap()
}

#[test]
fn letters_that_may_be_there_with_another_text_are_looked_up_first() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    // As if the answers had been lost.
    alter(
        &project,
        "UPDATE deliveries SET state = 'unknown', correspondence = NULL",
    );
    project.replace("mailing.yaml", "is open", "is closed");
    let refused = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        refused.stderr().contains("3 letters that Altinn has would"),
        "{refused}"
    );
    assert_eq!(project.count("sent"), 3, "what was found out is kept");
    project
        .run(&["send", "mailing.yaml", "--accept-changes"])
        .ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 3);
}

#[test]
fn no_second_text_leaves_while_the_first_may_still_be_taken() {
    let (sandbox, project) = cut_off();
    project.replace("mailing.yaml", "is open", "is closed");
    let refused = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        refused
            .stderr()
            .contains("3 letters that Altinn may have would"),
        "{refused}"
    );
    let held = project
        .run(&["send", "mailing.yaml", "--accept-changes"])
        .ends(1);
    let said = held.stderr();
    assert!(
        said.contains("3 letters may have been sent with another text"),
        "{said}"
    );
    assert!(
        said.ends_with("next: massebrev send mailing.yaml\n"),
        "{said}"
    );
    project.run(&["send", "mailing.yaml"]).ends(1);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 3);
    assert_eq!(project.count("unknown"), 3);

    much_later(&project);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert!(
        sandbox
            .letters()
            .iter()
            .all(|letter| body(letter).contains("is closed"))
    );
}

#[test]
fn the_earlier_text_leaves_again_at_once() {
    let (sandbox, project) = cut_off();
    project.replace("mailing.yaml", "is open", "is closed");
    project.run(&["send", "mailing.yaml"]).ends(2);
    project.replace("mailing.yaml", "is closed", "is open");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn what_may_have_been_sent_stays_unknown_until_altinn_has_said_so() {
    for status in [429, 400] {
        let busy = Trouble {
            endpoint: Endpoint::Initialize,
            when: When::Every(1),
            action: Action::Answer {
                status,
                retry_after: None,
            },
        };
        let sandbox = LiveSandbox::troubled(vec![busy]);
        let project = Project::small().with_sandbox(&sandbox);
        project.run(&["send", "mailing.yaml"]).ends(1);
        assert_eq!(project.count("unknown"), 0);
        alter(&project, "UPDATE deliveries SET state = 'unknown'");
        // It is not these requests that it may have come of.
        project.run(&["send", "mailing.yaml"]).ends(1);
        assert_eq!(project.count("unknown"), 3, "{status}");
        project.replace("mailing.yaml", "is open", "is closed");
        let refused = project.run(&["send", "mailing.yaml"]).ends(2);
        assert!(
            refused
                .stderr()
                .contains("3 letters that Altinn may have would"),
            "{refused}"
        );
    }
}
