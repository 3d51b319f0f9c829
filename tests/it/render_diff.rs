//! What has changed since an earlier output.

use insta::assert_snapshot;

use crate::support::{LiveSandbox, Project, Run, snapshot};

/// A mailing with an earlier output of itself, and four changes since: a text, a recipient, a row less, a row more.
fn changed() -> Project {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n07827199405,Cato,3\n974760673,Dag,4\n",
    );
    project.replace(
        "mailing.yaml",
        "messageBody: \"Dear {{ name }}, case {{ case }} is open.\"",
        "messageBody: { file: letter.md }",
    );
    project.write(
        "letter.md",
        "Dear {{ name }},\n\ncase {{ case }} is open.\n\nWrite to us before {{ row_number }} December.\n\nBye\n",
    );
    keep(&project);
    project.write(
        "recipients.csv",
        "org,name,case\n974760673,Dag,4\n991825827,Anne,1\n26818099001,Cato,3\n310244007,Eva,5\n",
    );
    project
}

fn keep(project: &Project) {
    let old = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    project.write("old.ndjson", old);
}

fn diff(project: &Project, arguments: &[&str]) -> Run {
    project.run(
        &[
            &["render", "mailing.yaml", "--diff", "old.ndjson"],
            arguments,
        ]
        .concat(),
    )
}

#[test]
fn rows_that_are_new_gone_or_changed_are_told_with_their_differences() {
    let project = changed();
    project.replace("letter.md", "{{ row_number }} December", "1 December");
    let run = diff(&project, &[]).ends(0);
    for hidden in ["99405", "99001"] {
        assert!(!run.to_string().contains(hidden), "{run}");
    }
    snapshot(|| assert_snapshot!("render_diff", run));
}

#[test]
fn what_is_the_same_is_only_counted() {
    let project = changed();
    keep(&project);
    let run = diff(&project, &[]).ends(0);
    assert_eq!(run.stdout(), "0 changed, 0 new, 0 gone, 4 the same\n");
    // As another program writes the same JSON.
    let old = project.read("old.ndjson");
    project.write("old.ndjson", old.replace("{\"row\"", "\r\n{ \"row\""));
    let run = diff(&project, &[]).ends(0);
    assert_eq!(run.stdout(), "0 changed, 0 new, 0 gone, 4 the same\n");
    let spaced = old.replace(
        "\"body\":{\"correspondence\":",
        "\"body\":{ \"correspondence\": ",
    );
    assert_ne!(spaced, old);
    project.write("old.ndjson", format!("\u{feff}{spaced}"));
    let run = diff(&project, &[]).ends(0);
    assert_eq!(run.stdout(), "0 changed, 0 new, 0 gone, 4 the same\n");
}

#[test]
fn a_file_with_another_content_is_a_change() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: \"{{ case }}.pdf\", sendersReference: x }]\n    messageTitle",
    );
    for case in 1..=3 {
        project.write(&format!("{case}.pdf"), format!("%PDF-1.4 {case}"));
    }
    keep(&project);
    project.write("2.pdf", "%PDF-1.4 two");
    let run = diff(&project, &[]).ends(0);
    let stdout = run.stdout();
    assert!(
        stdout.starts_with("changed: row 2, line 3, 2\n@@ "),
        "{run}"
    );
    assert!(
        stdout.contains("\n-    \"bytes\": 10\n") && stdout.contains("\n+    \"bytes\": 12\n"),
        "{run}"
    );
    assert!(
        stdout.ends_with("1 changed, 0 new, 0 gone, 2 the same\n"),
        "{run}"
    );
}

#[test]
fn rows_that_were_not_asked_for_are_not_gone() {
    let project = changed();
    let run = diff(&project, &["--rows", "1-2"]).ends(0);
    assert!(
        run.stdout().contains("changed: row 2, line 3, 1\n"),
        "{run}"
    );
    assert!(
        run.stdout().contains("gone: row 2, line 3, case 2\n"),
        "{run}"
    );
    assert!(
        run.stdout()
            .ends_with("2 changed, 0 new, 1 gone, 0 the same\n"),
        "{run}"
    );
}

#[test]
fn what_is_no_earlier_output_is_refused_with_its_line() {
    let project = changed();
    let good = project.read("old.ndjson");
    let first = good.lines().next().unwrap().to_owned();
    let cases: [(&[u8], &str); 7] = [
        (b"", "old.ndjson is empty"),
        (b"\n\n", "old.ndjson is empty"),
        (
            b"hello\n",
            "old.ndjson:1: not a line that `massebrev render` has written",
        ),
        (
            &[first.as_bytes(), b"\n{}\n"].concat(),
            "old.ndjson:2: not a line",
        ),
        (
            &good.as_bytes()[..good.len() - 40],
            "old.ndjson:4: not a line",
        ),
        (
            &[first.as_bytes(), b"\n", first.as_bytes()].concat(),
            "old.ndjson:2: the key",
        ),
        (b"\xff\xfe{\0\"\0", "UTF-16"),
    ];
    for (content, words) in cases {
        project.write("old.ndjson", content);
        let run = diff(&project, &[]).ends(2);
        assert!(run.stderr().contains(words), "{run}");
        assert_eq!(run.stdout(), "", "{run}");
    }
    std::fs::remove_file(project.path("old.ndjson")).unwrap();
    let run = diff(&project, &[]).ends(2);
    assert!(run.stderr().contains("cannot read old.ndjson"), "{run}");
    assert!(run.stderr().contains("render MANIFEST > OLD"), "{run}");
    let run = project
        .run(&["render", "mailing.yaml", "--diff", "."])
        .ends(2);
    assert!(run.stderr().contains(". is not a plain file"), "{run}");
}

#[test]
fn letters_that_count_from_now_differ_only_where_somebody_has_changed_them() {
    let project = changed();
    project.write("letter.md", "Dear {{ name }}, write before {{ now() }}.\n");
    let old = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    let first: serde_json::Value = serde_json::from_str(old.lines().next().unwrap()).unwrap();
    let body = first["body"]["correspondence"]["content"]["messageBody"].as_str();
    let told = body.unwrap().split(['e', '.']).rev().nth(1).unwrap().trim();
    let then = old
        .replace(first["now"].as_str().unwrap(), "2026-01-05T11:00:00Z")
        .replace(told, "2026-01-05T12:00:00+01:00");
    assert_ne!(then, old);
    project.write("old.ndjson", then);
    let run = diff(&project, &[]).ends(0);
    assert_eq!(run.stdout(), "0 changed, 0 new, 0 gone, 4 the same\n");
}

#[test]
fn a_plan_is_compared_part_by_part_when_the_latest_run_was_of_it() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let plan = |project: &Project| {
        let run = project.run(&["validate", "mailing.yaml"]).ends(0);
        let text = run.stdout() + &run.stderr();
        let at = text.find("sha256:").unwrap();
        text[at..at + 71].to_owned()
    };
    let before = plan(&project);
    let told = |old: &str| {
        project
            .run(&["render", "mailing.yaml", "--diff", old])
            .ends(0)
    };
    let run = told(&before);
    assert_eq!(run.stdout(), format!("the plan is the same: {before}\n"));
    project
        .run(&["send", "mailing.yaml", "--limit", "1"])
        .ends(0);
    project.replace("mailing.yaml", "is open", "is closed");
    let after = plan(&project);
    let run = told(&before);
    let expected = format!(
        "the plan was {before}\nand is now   {after}\nchanged: correspondence.content.messageBody"
    );
    assert!(run.stdout().starts_with(&expected), "{run}");
    // Nothing is known of what this one was made of.
    let run = told(&format!("sha256:{}", "0".repeat(64)));
    assert!(run.stdout().ends_with(&format!("{after}\n")), "{run}");
    assert!(run.stderr().contains("keep an output of"), "{run}");
}
