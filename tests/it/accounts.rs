//! Every row is in exactly one state, and the words and the exit status say so.

use massebrev::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};

use crate::journal::alter;
use crate::support::{LiveSandbox, Project};

const CATO: &str = "urn:altinn:organization:identifier-no:974760673";

fn with_where(sandbox: &LiveSandbox, applies: &str, rows: &str) -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "  recipient:",
        &format!("  where: \"{applies}\"\n  recipient:"),
    );
    project.write("recipients.csv", rows);
    project.with_sandbox(sandbox)
}

#[test]
fn a_mailing_whose_rows_are_all_skipped_says_so() {
    let sandbox = LiveSandbox::start();
    let rows = "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n";
    let project = with_where(&sandbox, "{{ name == 'Nobody' }}", rows);
    for _ in 0..2 {
        let run = project.run(&["send", "mailing.yaml"]).ends(0);
        assert!(run.stderr().contains("no row becomes a letter"), "{run}");
        assert!(run.stderr().contains("look at `recipients.where`"), "{run}");
        assert!(!run.stderr().contains("earlier run"), "{run}");
        assert_eq!(project.count("skipped"), 2);
    }
    assert_eq!(sandbox.asked(Endpoint::Token), 0);
}

#[test]
fn skipped_rows_that_share_a_key_are_counted_each() {
    let sandbox = LiveSandbox::start();
    let rows = "org,name,case\n991825827,Out,1\n991825827,Out,1\n310244007,Bo,2\n310244007,Out,2\n974760673,Out,3\n974760673,Cato,3\n";
    let project = with_where(&sandbox, "{{ name != 'Out' }}", rows);
    for _ in 0..2 {
        project.run(&["send", "mailing.yaml"]).ends(0);
        assert_eq!(sandbox.letters().len(), 2);
        let report = project.report();
        assert_eq!(report["rows_total"], 6);
        assert_eq!(report["counts"]["sent"], 2);
        assert_eq!(report["counts"]["skipped"], 4);
        assert_eq!(report["counts"]["pending"], 0);
    }
}

fn without_cato() -> LiveSandbox {
    LiveSandbox::with(Options {
        scenario: Scenario {
            unknown_recipients: [CATO.to_owned()].into(),
            ..Scenario::default()
        },
        ..Options::default()
    })
}

#[test]
fn a_rejected_row_stays_rejected_and_is_not_called_settled() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(1);
    let asked = sandbox.asked(Endpoint::Initialize);
    let again = project.run(&["send", "mailing.yaml"]).ends(1);
    assert!(again.stderr().contains("nothing was sent"), "{again}");
    assert!(again.stderr().contains("1 was rejected"), "{again}");
    assert!(!again.stderr().contains("every letter"), "{again}");
    assert_eq!(sandbox.asked(Endpoint::Initialize), asked);
}

#[test]
fn a_row_that_is_refused_again_does_not_keep_the_others_waiting() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    project.write(
        "recipients.csv",
        "org,name,case\n974760673,Cato,3\n991825827,Ane,1\n310244007,Bo,2\n",
    );
    let first = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(
        first.stderr().contains("the letter of line 2 went first"),
        "{first}"
    );
    assert_eq!(project.count("pending"), 2);
    project
        .run(&["send", "mailing.yaml", "--retry-failed"])
        .ends(1);
    assert_eq!(project.count("sent"), 2);
    assert_eq!(project.count("rejected"), 1);
}

#[test]
fn a_refused_canary_keeps_rows_waiting_that_were_tried_before() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--rows", "3"])
        .ends(1);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    // Cato's own row waits, and the new one to him fails as the canary.
    project.write(
        "recipients.csv",
        "org,name,case\n974760673,Cato,3\n974760673,Cato,4\n",
    );
    let run = project
        .run(&["send", "mailing.yaml", "--retry-failed"])
        .ends(4);
    assert!(
        run.stderr().contains("the letter of line 3 went first"),
        "{run}"
    );
}

#[test]
fn the_rows_that_were_asked_for_decide_the_exit_status() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    for (arguments, status) in [
        // The only one that was asked for: there is nothing to be stopped.
        (&["--rows", "3"][..], 1),
        (&["--rows", "3"], 1),
        (&["--rows", "1"], 0),
        (&["--limit", "1"], 0),
        (&["--rows", "1-2"], 0),
        (&[], 1),
    ] {
        project
            .run(&[&["send", "mailing.yaml"], arguments].concat())
            .ends(status);
    }
    assert_eq!(sandbox.letters().len(), 2);
}

#[test]
fn a_rejected_row_is_sent_when_it_has_been_corrected() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(1);
    project.replace("recipients.csv", "974760673", "991825827");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("sent"), 3);
}

#[test]
fn letters_of_earlier_files_are_not_taken_for_letters_of_this_one() {
    let sandbox = LiveSandbox::troubled(vec![Trouble {
        endpoint: Endpoint::InitializeAttachment,
        when: When::Always,
        action: Action::Refuse(2013),
    }]);
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    // As many other rows, and now a file for all of them that Altinn does not take.
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,4\n310244007,Bo,5\n974760673,Cato,6\n",
    );
    project.write("terms.pdf", "%PDF-1.4");
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: terms.pdf, sendersReference: terms }]\n    messageTitle",
    );
    // To the same organisations: on purpose.
    project
        .run(&["send", "mailing.yaml", "--second-letters", "3"])
        .ends(4);
    assert_eq!(project.count("pending"), 3);
    assert_eq!(project.count("sent"), 3);
}

#[test]
fn a_rejected_row_is_tried_again_unchanged_when_it_is_asked_for_and_a_reserved_one_is_not() {
    let sandbox = LiveSandbox::with(Options {
        scenario: Scenario {
            unknown_recipients: [CATO.to_owned()].into(),
            reserved_recipients: ["urn:altinn:person:identifier-no:07827199405".to_owned()].into(),
            ..Scenario::default()
        },
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    project.replace("recipients.csv", "310244007", "07827199405");
    project.run(&["send", "mailing.yaml"]).ends(1);
    assert_eq!(project.count("rejected"), 1);
    assert_eq!(project.count("reserved"), 1);
    let asked = sandbox.asked(Endpoint::Initialize);
    let plain = project.run(&["send", "mailing.yaml"]).ends(1);
    assert!(plain.stderr().contains("with --retry-failed"), "{plain}");
    assert_eq!(sandbox.asked(Endpoint::Initialize), asked);
    // Where the recipient is known by now, it is sent under the same key.
    let before = project.report();
    project
        .run(&["send", "mailing.yaml", "--retry-failed"])
        .ends(1);
    assert_eq!(sandbox.asked(Endpoint::Initialize), asked + 1);
    let after = project.report();
    assert_eq!(before["rows"][2]["key"], after["rows"][2]["key"]);
    assert_eq!(project.count("reserved"), 1);
    assert_eq!(sandbox.letters().len(), 1);
}

#[test]
fn rows_that_were_not_sent_and_have_left_the_file_are_named_until_they_are_let_go() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(1);
    project.replace("recipients.csv", "974760673,Cato,3\n", "");
    let left = project.run(&["send", "mailing.yaml"]).ends(1);
    let said = left.stderr();
    assert!(
        said.contains("1 row of earlier runs, not sent and not in recipients.csv any more"),
        "{said}"
    );
    assert!(said.contains("--accept-changes"), "{said}");
    assert!(!said.contains("next: massebrev send"), "{said}");
    let let_go = project
        .run(&["send", "mailing.yaml", "--accept-changes"])
        .ends(0);
    assert!(let_go.stderr().contains("skipped from now on"), "{let_go}");
    assert_eq!(project.count("skipped"), 1);
    assert_eq!(project.count("sent"), 2);
    project.run(&["send", "mailing.yaml"]).ends(0);
    // It comes back.
    let rows = project.read("recipients.csv") + "991825827,Cato,3\n";
    project.write("recipients.csv", rows);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("sent"), 3);
}

#[test]
fn rows_that_were_never_tried_and_have_left_the_file_are_missed_until_they_are_let_go() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let rows = project.read("recipients.csv");
    project
        .run(&["send", "mailing.yaml", "--limit", "1"])
        .ends(0);
    project.replace("recipients.csv", "974760673,Cato,3\n", "");
    for _ in 0..2 {
        let run = project.run(&["send", "mailing.yaml"]).ends(1);
        let said = run.stderr();
        assert!(
            said.contains("1 row of earlier runs, not sent and not in recipients.csv any more"),
            "{said}"
        );
        assert!(!said.contains("next: massebrev send"), "{said}");
        assert_eq!(project.count("pending"), 1);
        assert_eq!(project.count("sent"), 2);
    }
    // Put back, it is sent; gone again, it has been sent.
    let cut = project.read("recipients.csv");
    project.write("recipients.csv", &rows);
    project.run(&["send", "mailing.yaml"]).ends(0);
    project.write("recipients.csv", &cut);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(project.count("sent"), 3);

    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--limit", "1"])
        .ends(0);
    project.write("recipients.csv", &cut);
    project
        .run(&["send", "mailing.yaml", "--accept-changes"])
        .ends(0);
    assert_eq!(project.count("pending"), 0);
    project.run(&["send", "mailing.yaml"]).ends(0);
}

#[test]
fn a_new_case_is_no_second_letter_of_one_whose_row_is_excluded_now() {
    let sandbox = LiveSandbox::start();
    let rows = "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n";
    let project = with_where(&sandbox, "{{ name != 'Done' }}", rows);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let from = "991825827,Ane,1\n";
    project.replace(
        "recipients.csv",
        from,
        "991825827,Done,1\n991825827,Ane,9\n",
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_rejected_row_that_is_excluded_now_is_skipped() {
    let sandbox = without_cato();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(1);
    project.replace(
        "mailing.yaml",
        "  recipient:",
        "  exclude: never.csv\n  recipient:",
    );
    project.write("never.csv", "case\n3\n");
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    assert!(run.stderr().contains("1 row of earlier runs"), "{run}");
    assert_eq!(project.count("skipped"), 1);
    assert_eq!(project.count("sent"), 2);
}

#[test]
fn letters_that_may_be_sent_and_have_left_the_file_are_looked_up() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    alter(
        &project,
        "UPDATE deliveries SET state = 'unknown', correspondence = NULL WHERE row > 1",
    );
    project.replace("recipients.csv", "974760673,Cato,3\n", "");
    project.replace("recipients.csv", "310244007,Bo,2\n", "");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(project.count("sent"), 3);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 3);
}

#[test]
fn a_letter_that_has_left_the_file_and_never_came_is_unknown_until_that_is_sure() {
    let hour = Action::Delay(std::time::Duration::from_secs(3600));
    let sandbox = LiveSandbox::troubled(vec![Trouble {
        endpoint: Endpoint::Initialize,
        when: When::First(3),
        action: hour,
    }]);
    let project = Project::small().with_sandbox(&sandbox);
    let mut run = project.start(&["send", "mailing.yaml"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    run.kill().unwrap();
    run.wait().unwrap();
    project.replace("recipients.csv", "974760673,Cato,3\n", "");
    let soon = project.run(&["send", "mailing.yaml"]).ends(1);
    let said = soon.stderr();
    assert!(
        said.contains("1 row of earlier runs that may have been sent"),
        "{said}"
    );
    assert!(said.contains("next: massebrev send mailing.yaml"), "{said}");
    assert_eq!(project.count("unknown"), 1);
    alter(&project, "UPDATE deliveries SET last_at = 0, lost_at = 0");
    let later = project.run(&["send", "mailing.yaml"]).ends(1);
    assert!(
        later
            .stderr()
            .contains("not sent and not in recipients.csv"),
        "{later}"
    );
    assert!(!later.stderr().contains("next: massebrev send"), "{later}");
    assert_eq!(project.count("failed"), 1);
    project
        .run(&["send", "mailing.yaml", "--accept-changes"])
        .ends(0);
    assert_eq!(sandbox.letters().len(), 2);
}
