//! Every row is in exactly one state, and the words and the exit status say so.

use massebrev::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};

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
    project.run(&["send", "mailing.yaml"]).ends(4);
    assert_eq!(project.count("pending"), 3);
    assert_eq!(project.count("sent"), 3);
}
