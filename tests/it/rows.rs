//! Rows that get no letter, files of their own, and what identifies a row.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{LiveSandbox, Project};

fn report(project: &Project) -> Value {
    let run = project
        .run(&["report", "mailing.yaml", "--format", "json"])
        .ends(0);
    serde_json::from_str(&run.stdout()).unwrap()
}

fn references(sandbox: &LiveSandbox) -> BTreeSet<String> {
    sandbox
        .letters()
        .into_iter()
        .map(|letter| letter.senders_reference)
        .collect()
}

#[test]
fn rows_that_do_not_apply_or_are_excluded_are_skipped_and_counted() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "  key: case\n",
        "  key: case\n  where: \"{{ name != 'Bo' }}\"\n  exclude: never.csv\n",
    );
    project.write("never.csv", "who\n0192:991825827\nnobody\n");
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    assert!(
        run.stderr().contains("3 rows, 1 letter, 2 skipped"),
        "{run}"
    );
    assert_eq!(references(&sandbox), BTreeSet::from(["case 3".to_owned()]));
    let report = report(&project);
    assert_eq!(report["counts"]["skipped"], 2);
    assert_eq!(report["counts"]["sent"], 1);
    assert_eq!(report["adds_up"], true);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 1);
}

#[test]
fn an_excluded_key_and_a_header_that_is_an_entry_count_too() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "  key: case\n",
        "  key: case\n  exclude: never.csv\n",
    );
    project.write("never.csv", "2\n3\n");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(references(&sandbox), BTreeSet::from(["case 1".to_owned()]));
}

#[test]
fn without_a_key_column_the_recipient_is_the_key() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace("mailing.yaml", "  key: case\n", "");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    project.write(
        "recipients.csv",
        project.read("recipients.csv") + "0192:991825827,Dag,4\n",
    );
    let run = project.run(&["validate", "mailing.yaml"]).ends(2);
    assert!(
        run.stderr().contains("another row has the same key"),
        "{run}"
    );
    assert!(run.stderr().contains("also stands on line 2"), "{run}");
}

#[test]
fn every_row_brings_its_own_file_and_equal_files_are_uploaded_once() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n      \
         - { file: \"letters/{{ case }}.pdf\", displayName: Vedtak, sendersReference: \"{{ case }}\" }\n    messageTitle",
    );
    project.write("terms.pdf", "the same for all");
    for case in 1..=3 {
        project.write(&format!("letters/{case}.pdf"), format!("letter {case}"));
    }
    project.run(&["send", "mailing.yaml"]).ends(0);

    let attachments = sandbox.attachments();
    assert_eq!(attachments.len(), 4, "one shared, three of their own");
    for letter in sandbox.letters() {
        let names: Vec<_> = letter
            .attachments
            .iter()
            .map(|id| {
                &attachments
                    .iter()
                    .find(|attachment| attachment.id == *id)
                    .unwrap()
                    .attachment
                    .file_name
            })
            .collect();
        let case = letter.senders_reference.trim_start_matches("case ");
        assert_eq!(
            names,
            ["terms.pdf", &format!("{case}.pdf")],
            "in the manifest's order"
        );
    }
}

#[test]
fn a_row_without_its_file_stops_everything_before_it_begins() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: \"letters/{{ case }}.pdf\", sendersReference: \"{{ case }}\" }\n    messageTitle",
    );
    project.write("letters/1.pdf", "letter 1");
    project.write("letters/2.pdf", "");
    let run = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(run.stderr().contains("error[2004]"), "an empty file: {run}");
    assert!(run.stderr().contains("letters/2.pdf"), "{run}");
    assert!(
        run.stderr().contains("the attachment is not there"),
        "{run}"
    );
    assert!(
        run.stderr().contains("recipients.csv:4 (column case)"),
        "{run}"
    );
    assert_eq!(sandbox.requests().len(), 0, "nobody was asked anything");
}

#[test]
fn ids_of_earlier_uploads_and_their_templates_go_along() {
    let project = Project::small();
    let id = "5b0f3c1e-6a55-4d0e-9d6a-0c2f6f1f2a11";
    project.replace(
        "mailing.yaml",
        "correspondence:\n",
        &format!("variables: {{ uploaded: {id} }}\nexistingAttachments: [\"{{{{ uploaded }}}}\"]\ncorrespondence:\n"),
    );
    let run = project
        .run(&["render", "mailing.yaml", "--limit", "1"])
        .ends(0);
    let request: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(
        request["body"]["existingAttachments"],
        serde_json::json!([id])
    );
}

#[test]
fn synthetic_persons_stay_out_of_prod_and_real_ones_are_noticed_elsewhere() {
    let project = Project::small();
    project.write("recipients.csv", "org,name,case\n07827199405,Ane,1\n");
    project.run(&["validate", "mailing.yaml"]).ends(0);
    project.replace("mailing.yaml", "environment: tt02", "environment: prod");
    let run = project.run(&["validate", "mailing.yaml"]).ends(2);
    assert!(run.stderr().contains("synthetic person"), "{run}");
}
