//! What one person approves is what another one sends.

use std::fs;

use crate::support::{LiveSandbox, Project};

/// A mailing with every kind of input.
fn project() -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "  key: case\n",
        "  key: case\n  exclude: never.csv\n",
    );
    project.replace(
        "mailing.yaml",
        "correspondence:\n",
        "variables: { office: Moss }\ncorrespondence:\n",
    );
    project.replace(
        "mailing.yaml",
        "messageBody: \"Dear {{ name }}, case {{ case }} is open.\"",
        "messageBody: { file: texts/letter.md }\n    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n      - { file: \"own/{{ case }}.pdf\", sendersReference: own }",
    );
    project.write(
        "texts/letter.md",
        "Dear {{ name }},\n{% include \"texts/bye.md\" %}",
    );
    project.write("texts/bye.md", "Bye from {{ office }}\n");
    project.write("never.csv", "who\n2\n");
    project.write("terms.pdf", "%PDF-1.4 terms");
    for case in [1, 3] {
        project.write(&format!("own/{case}.pdf"), format!("%PDF-1.4 {case}"));
    }
    project
}

fn plan(project: &Project, arguments: &[&str]) -> String {
    let run = project.run(arguments).ends(0);
    let all = run.to_string();
    let at = all.find("plan sha256:").unwrap();
    all[at + 5..].chars().take(7 + 64).collect()
}

const VALIDATE: [&str; 2] = ["validate", "mailing.yaml"];

#[test]
fn the_plan_is_the_same_wherever_the_mailing_lies_and_whoever_asks() {
    let here = project();
    let plan_here = plan(&here, &VALIDATE);
    let absolute = here.path("mailing.yaml").display().to_string();
    let moved = Project::new();
    for file in [
        "mailing.yaml",
        "recipients.csv",
        "never.csv",
        "terms.pdf",
        "texts/letter.md",
        "texts/bye.md",
        "own/1.pdf",
        "own/3.pdf",
    ] {
        moved.write(&format!("other folder/{file}"), here.read(file));
    }
    fs::rename(
        moved.path("other folder/mailing.yaml"),
        moved.path("other folder/renamed.yml"),
    )
    .unwrap();
    moved.write("other folder/notes.txt", "nothing that is used");
    moved.write("other folder/own/2.pdf", "of a row that is excluded");
    for (project, arguments) in [
        (&here, &["render", "mailing.yaml"][..]),
        (&here, &["render", "mailing.yaml", "--row", "1"]),
        (&here, &["validate", "./mailing.yaml", "--sandbox"]),
        (&here, &["validate", &absolute]),
        (&moved, &["validate", "other folder/renamed.yml"]),
        (
            &here,
            &["send", "mailing.yaml", "--dry-run", "--rate", "1/s"],
        ),
        // After it, `now()` is the instant of this send.
        (&here, &["send", "mailing.yaml", "--sandbox"]),
        (&here, &["validate", "mailing.yaml", "--sandbox"]),
    ] {
        assert_eq!(plan(project, arguments), plan_here, "{arguments:?}");
    }
}

#[test]
fn the_plan_changes_with_every_input() {
    let changes: [(&str, &str, &str); 10] = [
        ("mailing.yaml", "mailing: small", "mailing: small-2"),
        ("mailing.yaml", "environment: tt02", "environment: at22"),
        ("mailing.yaml", "office: Moss", "office: Oslo"),
        ("mailing.yaml", "\n", "\r\n"),
        ("recipients.csv", "Cato", "Kato"),
        ("never.csv", "2\n", "2\n9\n"),
        ("texts/letter.md", "Dear", "dear"),
        ("texts/bye.md", "Bye", "bye"),
        ("terms.pdf", "terms", "Terms"),
        ("own/3.pdf", "3", "4"),
    ];
    let mut plans = vec![plan(&project(), &VALIDATE)];
    for (file, from, to) in changes {
        let project = project();
        project.replace(file, from, to);
        let plan = plan(&project, &VALIDATE);
        assert!(!plans.contains(&plan), "{file}: {from} -> {to}");
        plans.push(plan);
    }
}

#[test]
fn only_what_was_approved_is_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let approved = plan(&project, &VALIDATE);
    project.replace("recipients.csv", "Cato", "Kato");
    let now = plan(&project, &VALIDATE);
    let refused = project
        .run(&["send", "mailing.yaml", "--plan", &approved])
        .ends(2);
    let said = refused.stderr();
    assert!(
        said.contains(&format!("approved: {approved}\n")),
        "{refused}"
    );
    assert!(said.contains(&format!("now: {now}\n")), "{refused}");
    assert!(
        said.contains("massebrev render mailing.yaml --diff OLD"),
        "{refused}"
    );
    assert!(sandbox.requests().is_empty());
    assert!(!project.path(".massebrev").exists());

    project
        .run(&["send", "mailing.yaml", "--plan", "sha256:12"])
        .ends(2);
    let bare = now.strip_prefix("sha256:").unwrap();
    project
        .run(&["send", "mailing.yaml", "--plan", bare, "--limit", "1"])
        .ends(0);
    assert_eq!(sandbox.letters().len(), 1);
    let project = project.with_env("MASSEBREV_PLAN", &format!("plan {now}"));
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    let project = project.with_env("MASSEBREV_PLAN", &approved);
    project.run(&["send", "mailing.yaml"]).ends(2);
}
