//! A send of some rows, and a send that is none.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use crate::support::{LiveSandbox, Project, Run, snapshot};

fn sent(sandbox: &LiveSandbox) -> BTreeSet<String> {
    let letters = sandbox.letters().into_iter();
    letters.map(|letter| letter.senders_reference).collect()
}

fn cases<const N: usize>(cases: [u32; N]) -> BTreeSet<String> {
    cases.map(|case| format!("case {case}")).into()
}

#[test]
fn only_the_rows_that_were_asked_for_are_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let run = project
        .run(&["send", "mailing.yaml", "--rows", "3,1"])
        .ends(0);
    assert_eq!(sent(&sandbox), cases([1, 3]));
    assert!(
        run.stderr().contains("1 letter left out on purpose"),
        "{run}"
    );
    assert!(
        run.stderr()
            .ends_with("next: massebrev send mailing.yaml\n"),
        "{run}"
    );
    assert_eq!((project.count("sent"), project.count("pending")), (2, 1));

    let run = project.run(&["send", "mailing.yaml", "--row", "1"]).ends(0);
    assert!(run.stderr().contains("nothing was sent"), "{run}");
    assert!(
        run.stderr().contains("1 letter left out on purpose"),
        "{run}"
    );
    let run = project.run(&["send", "mailing.yaml", "--row", "2"]).ends(0);
    assert!(!run.stderr().contains("left out"), "{run}");
    assert_eq!(sent(&sandbox), cases([1, 2, 3]));
}

#[test]
fn a_limit_counts_what_is_outstanding() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    let limited = ["send", "mailing.yaml", "--limit", "2"];
    let run = project.run(&limited).ends(0);
    assert_eq!(sent(&sandbox), cases([1, 2]));
    assert!(
        run.stderr().contains("1 letter left out on purpose"),
        "{run}"
    );
    project.run(&limited).ends(0);
    assert_eq!(sent(&sandbox), cases([1, 2, 3]));
    project.run(&limited).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn rows_that_get_no_letter_are_accounted_for_in_a_part_too() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "  key: case\n",
        "  key: case\n  where: \"{{ name != 'Cato' }}\"\n",
    );
    project.run(&["send", "mailing.yaml", "--row", "2"]).ends(0);
    assert_eq!(project.count("skipped"), 1);
    assert_eq!(project.count("pending"), 1);
    project
        .run(&["send", "mailing.yaml", "--rows", "1-2"])
        .ends(0);
    project.run(&["send", "mailing.yaml", "--row", "3"]).ends(2);
    project.run(&["send", "mailing.yaml", "--row", "4"]).ends(2);
}

#[test]
fn a_part_needs_no_token_when_it_is_settled_and_no_file_when_it_has_none() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml", "--row", "1"]).ends(0);
    let asked = sandbox.requests();
    project.run(&["send", "mailing.yaml", "--row", "1"]).ends(0);
    assert_eq!(sandbox.requests(), asked);
}

#[test]
fn the_number_that_is_expected_is_that_of_the_rows() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let part = |rows, letters| {
        project.run(&[
            "send",
            "mailing.yaml",
            "--rows",
            rows,
            "--yes",
            "--expect",
            letters,
        ])
    };
    let run = part("1-2", "3").ends(2);
    let words = "expected 3 letters, but the rows asked for have 2; nothing was sent";
    assert!(run.stderr().contains(words), "{run}");
    let run = part("1-2", "2").ends(0);
    let next = "next: massebrev send mailing.yaml --yes --expect 3\n";
    assert!(run.stderr().ends_with(next), "{run}");
    part("1-2", "2").ends(0);
    project
        .run(&["send", "mailing.yaml", "--yes", "--expect", "3"])
        .ends(0);
}

#[test]
fn narrowing_variables_are_unset_for_the_rest() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("MASSEBREV_ROWS", "1");
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    let next = "next: env -u MASSEBREV_ROWS massebrev send mailing.yaml\n";
    assert!(run.stderr().ends_with(next), "{run}");
}

fn every_line_is_labelled(run: &Run) {
    let all = run.stdout() + &run.stderr();
    assert!(!all.is_empty());
    for line in all.lines() {
        assert!(line.starts_with("dry run: "), "{line}\nin {run}");
    }
}

#[test]
fn a_dry_run_opens_no_connection_and_leaves_no_file() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: terms.pdf, sendersReference: terms }]\n    messageTitle",
    );
    project.write("terms.pdf", "%PDF-1.4");
    let before = files(&project);
    let run = project.run(&["send", "mailing.yaml", "--dry-run"]).ends(0);
    every_line_is_labelled(&run);
    snapshot(|| assert_snapshot!("send_dry_run", run));
    assert!(sandbox.requests().is_empty());
    assert_eq!(files(&project), before);
}

#[test]
fn a_dry_run_knows_what_is_settled() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml", "--row", "2"]).ends(0);
    let asked = sandbox.requests();
    let before = files(&project);
    let run = project
        .run(&["send", "mailing.yaml", "--dry-run", "--limit", "1"])
        .ends(0);
    every_line_is_labelled(&run);
    assert!(
        run.stdout().contains("a send would send 1 letter to "),
        "{run}"
    );
    assert!(
        run.stdout()
            .contains("settled by earlier runs: 1 · left out on purpose: 1 · skipped: 0"),
        "{run}"
    );
    project.replace("recipients.csv", "Bo", "Bob");
    let run = project.run(&["send", "mailing.yaml", "--dry-run"]).ends(2);
    every_line_is_labelled(&run);
    assert!(run.stderr().contains("1 letter"), "{run}");
    assert_eq!(sandbox.requests(), asked);
    assert_eq!(files(&project), before);
}

#[test]
fn a_dry_run_for_prod_needs_neither_key_nor_answer_and_says_so() {
    let project = Project::small();
    project.replace("mailing.yaml", "environment: tt02", "environment: prod");
    let dry = ["send", "mailing.yaml", "--dry-run"];
    let run = project.run(&dry).ends(0);
    every_line_is_labelled(&run);
    let question = "a send would ask: 3 letters go to real people. Type the number";
    assert!(run.stdout().contains(question), "{run}");
    assert!(
        run.stdout().contains("this is missing: there is no key"),
        "{run}"
    );
    let run = project
        .run(&[&dry[..], &["--yes", "--expect", "3"]].concat())
        .ends(0);
    assert!(!run.stdout().contains("would ask"), "{run}");
    let run = project
        .run(&[&dry[..], &["--yes", "--expect", "4"]].concat())
        .ends(2);
    every_line_is_labelled(&run);
}

#[test]
fn mistakes_are_labelled_in_a_dry_run_too() {
    let project = Project::small();
    project.write("recipients.csv", "org,name,case\n1,Ane,1\n");
    let run = project.run(&["send", "mailing.yaml", "--dry-run"]).ends(2);
    every_line_is_labelled(&run);
    assert!(!project.path(".massebrev").exists());
}

/// Every file of the folder.
fn files(project: &Project) -> BTreeSet<String> {
    fn walk(folder: &std::path::Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.insert(path.display().to_string());
            if path.is_dir() {
                walk(&path, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&project.path(""), &mut found);
    found
}
