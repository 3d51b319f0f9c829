//! What is wrong is said with its place, all of it at once; nothing is sent and nothing panics.

use insta::assert_snapshot;

use crate::support::{LiveSandbox, Project, Run, snapshot};

/// Runs `validate`, and `send` against a sandbox that must stay empty.
fn refused(project: Project) -> Run {
    let sandbox = LiveSandbox::start();
    let project = if project.path("mailing.yaml").exists()
        && project.read("mailing.yaml").contains("environment: tt02")
    {
        project.with_sandbox(&sandbox)
    } else {
        project
    };
    let sent = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(!sent.to_string().contains("panicked"), "{sent}");
    assert_eq!(sandbox.letters().len(), 0);
    assert!(!project.path(".massebrev").exists(), "nothing was begun");
    project.run(&["validate", "mailing.yaml"]).ends(2)
}

macro_rules! refusal {
    ($name:ident, |$project:ident| $change:block) => {
        #[test]
        fn $name() {
            let $project = Project::small();
            $change
            let run = refused($project);
            snapshot(|| assert_snapshot!(stringify!($name), run));
        }
    };
}

refusal!(a_manifest_that_is_not_there, |project| {
    std::fs::remove_file(project.path("mailing.yaml")).unwrap();
});
refusal!(a_manifest_that_is_not_yaml, |project| {
    project.write(
        "mailing.yaml",
        "version: 1\nmailing: [small\nenvironment: tt02\n",
    );
});
refusal!(several_mistakes_in_the_manifest, |project| {
    project.replace(
        "mailing.yaml",
        "mailing: small",
        "mailing: small\nmialing: big",
    );
    project.replace("mailing.yaml", "canary: 0", "canary: many");
    project.replace(
        "mailing.yaml",
        "    messageTitle: \"Hello\"\n",
        "    messageTitel: \"Hello\"\n",
    );
});
refusal!(a_key_that_stands_twice, |project| {
    project.replace(
        "mailing.yaml",
        "mailing: small",
        "mailing: small\nmailing: big",
    );
});
refusal!(a_recipients_file_that_is_not_there, |project| {
    project.replace(
        "mailing.yaml",
        "file: recipients.csv",
        "file: recipient.csv",
    );
});
refusal!(a_key_column_that_is_not_there, |project| {
    project.replace("mailing.yaml", "key: case", "key: Case");
});
refusal!(names_that_no_column_has, |project| {
    project.replace("mailing.yaml", "{{ name }}", "{{ nmae }}");
    project.replace("mailing.yaml", "case {{ case }}\"", "case {{ sak }}\"");
});
refusal!(a_template_that_does_not_compile, |project| {
    project.replace(
        "mailing.yaml",
        "messageTitle: \"Hello\"",
        "messageTitle: \"Hello {% if name %}\"",
    );
});
refusal!(a_body_file_that_is_not_there, |project| {
    project.replace(
        "mailing.yaml",
        "messageTitle: \"Hello\"",
        "messageSummary: { file: summary.md }\n    messageTitle: \"Hello\"",
    );
});
refusal!(recipients_that_are_none, |project| {
    project.write(
        "recipients.csv",
        "org,name,case\n99182582,Ane,1\n1019912345,Bo,2\n\"9,19E+8\",Cato,3\n,Dag,4\n07827199406,Eva,5\n",
    );
});
refusal!(rows_with_the_same_key, |project| {
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n974760673,Cato,1\n",
    );
});
refusal!(rows_of_the_wrong_length, |project| {
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane\n310244007,Bo,2,x,y\n974760673,Cato,3\n",
    );
});
refusal!(a_file_without_rows, |project| {
    project.write("recipients.csv", "org,name,case\n");
});
refusal!(texts_that_altinn_refuses, |project| {
    project.replace(
        "mailing.yaml",
        "messageTitle: \"Hello\"",
        "messageTitle: \"# Hello {{ name }}\"",
    );
    project.replace(
        "mailing.yaml",
        "Dear {{ name }}, case {{ case }} is open.",
        "{% if name == 'Bo' %}x{% endif %}",
    );
    project.replace(
        "mailing.yaml",
        "  content:\n",
        "  isConfirmationNeeded: true\n  content:\n",
    );
});
refusal!(an_attachment_that_is_not_there, |project| {
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n    messageTitle",
    );
});
