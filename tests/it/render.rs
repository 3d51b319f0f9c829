//! The requests as they are shown are the requests as they are sent.

use serde_json::Value;

use crate::support::{LiveSandbox, Project};

/// The lines of `render` as JSON.
pub(crate) fn rendered(project: &Project, arguments: &[&str]) -> Vec<Value> {
    let all = [&["render", "mailing.yaml"], arguments].concat();
    let stdout = project.run(&all).ends(0).stdout();
    let lines = stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn rows(project: &Project, arguments: &[&str]) -> Vec<u64> {
    let lines = rendered(project, arguments);
    lines
        .iter()
        .map(|line| line["row"].as_u64().unwrap())
        .collect()
}

/// The bytes of a line's body.
fn body(line: &str) -> &str {
    let from = line.find(r#""body":"#).unwrap() + r#""body":"#.len();
    let to = line.rfind(r#","files":["#).unwrap();
    &line[from..to]
}

/// Three letters with a file that all share, a file of their own, and one that was uploaded another day.
fn with_files(project: &Project) {
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n      - { file: \"{{ case }}.pdf\", sendersReference: \"own {{ case }}\" }\n    messageTitle",
    );
    project.write("terms.pdf", "%PDF-1.4 terms");
    for case in 1..=3 {
        project.write(&format!("{case}.pdf"), format!("%PDF-1.4 {case}"));
    }
}

#[test]
fn every_byte_of_every_body_is_what_the_sandbox_receives() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    // What terminals, filters and escapes would stumble over.
    let odd = "Å\u{a0}31m[0m\\\"\"</é>\u{ad}\u{1f600}";
    project.write(
        "recipients.csv",
        format!("org,name,case\n991825827,\"{odd}\",1\n310244007,Bo,2\n974760673,Cato,3\n"),
    );
    let rendered = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(every_body_is_as_rendered(&rendered, &sandbox), 3);
}

#[test]
fn a_whole_mailing_with_a_shared_file_is_rendered_as_it_is_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    // From the first send on, `now()` stands still.
    project
        .run(&["send", "mailing.yaml", "--limit", "1"])
        .ends(0);
    let rendered = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(every_body_is_as_rendered(&rendered, &sandbox), 24);
    assert_eq!(sandbox.letters().len(), 24);
}

#[test]
fn ids_of_uploads_are_the_only_difference_to_what_is_sent() {
    let sandbox = LiveSandbox::start();
    let earlier = Project::small().with_sandbox(&sandbox);
    with_files(&earlier);
    earlier.run(&["send", "mailing.yaml", "--row", "1"]).ends(0);
    let attachments = sandbox.attachments();
    let mut shared = attachments
        .iter()
        .filter(|file| file.attachment.senders_reference == "terms");
    let uploaded = shared.next().unwrap().id;

    let project = Project::small().with_sandbox(&sandbox);
    with_files(&project);
    project.replace("mailing.yaml", "mailing: small", "mailing: second");
    project.replace(
        "mailing.yaml",
        "correspondence:\n",
        &format!("existingAttachments: [{uploaded}]\ncorrespondence:\n"),
    );
    project.replace(
        "mailing.yaml",
        "sendersReference: terms",
        "sendersReference: other terms",
    );
    project.replace("mailing.yaml", "\"own {{", "\"{{");
    let rendered = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(every_body_is_as_rendered(&rendered, &sandbox), 3);
    assert!(rendered.contains(&uploaded.to_string()));
    assert_eq!(rendered.matches(r#""uploadedFirst":true"#).count(), 3);
    assert_eq!(rendered.matches(r#""uploadedFirst":false"#).count(), 3);
}

/// Compares byte for byte, and says how many letters that were.
fn every_body_is_as_rendered(rendered: &str, sandbox: &LiveSandbox) -> usize {
    let letters = sandbox.letters();
    for line in rendered.lines() {
        let shown: Value = serde_json::from_str(line).unwrap();
        let key = shown["key"].as_str().unwrap();
        let sent = letters
            .iter()
            .find(|letter| letter.idempotent_key.unwrap().to_string() == key)
            .unwrap();
        let sent = std::str::from_utf8(&sent.body).unwrap();
        let uploads = uploads(&shown, sandbox);
        let expected = with_uploads(body(line), &uploads);
        if shown["path"].as_str().unwrap().ends_with("/upload") {
            // A form has fields instead of JSON: the sandbox says as JSON what it read in them.
            let [sent, expected]: [Value; 2] =
                [sent, &expected].map(|json| serde_json::from_str(json).unwrap());
            assert_eq!(sent, expected, "{line}");
        } else {
            assert_eq!(sent, expected, "{line}");
        }
    }
    rendered.lines().count()
}

/// The ids that the files of a line got, in the order of the files.
fn uploads(line: &Value, sandbox: &LiveSandbox) -> Vec<String> {
    let attachments = sandbox.attachments();
    let files = line["files"].as_array().unwrap().iter();
    files
        .filter(|file| file["uploadedFirst"] == true)
        .map(|file| {
            let found = attachments.iter().find(|attachment| {
                file["sendersReference"] == attachment.attachment.senders_reference.as_str()
                    && file["fileName"] == attachment.attachment.file_name.as_str()
            });
            found.unwrap().id.to_string()
        })
        .collect()
}

/// A body with exactly these ids in front of the attachments that are there already.
fn with_uploads(body: &str, ids: &[String]) -> String {
    if ids.is_empty() {
        return body.to_owned();
    }
    let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    let ids = ids.join(",");
    let (before, after) = body.split_once(r#""existingAttachments":["#).unwrap();
    let comma = if after.starts_with(']') { "" } else { "," };
    format!(r#"{before}"existingAttachments":[{ids}{comma}{after}"#)
}

#[test]
fn a_line_says_everything_about_its_letter() {
    let project = Project::small();
    with_files(&project);
    let lines = rendered(&project, &["--row", "2"]);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let members: Vec<_> = line.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "row", "line", "method", "path", "key", "body", "files", "digest"
        ]
    );
    assert_eq!((&line["row"], &line["line"]), (&2.into(), &3.into()));
    assert_eq!(line["method"], "POST");
    assert_eq!(line["path"], "/correspondence/api/v1/correspondence/upload");
    assert_eq!(line["key"], line["body"]["idempotentKey"]);
    let [terms, own] = line["files"].as_array().unwrap().as_slice() else {
        panic!("{line}")
    };
    assert_eq!(terms["fileName"], "terms.pdf");
    assert_eq!(terms["bytes"], 14);
    assert_eq!(terms["shared"], true);
    assert_eq!(own["sendersReference"], "own 2");
    assert_eq!(own["shared"], false);
    for digest in [&own["digest"], &line["digest"]] {
        assert!(digest.as_str().unwrap().starts_with("sha256:"), "{line}");
    }
}

#[test]
fn rows_are_chosen_by_number_and_by_key() {
    let project = Project::example("spreadsheet");
    assert_eq!(rows(&project, &[]).len(), 24);
    assert_eq!(rows(&project, &["--row", "7"]), [7]);
    assert_eq!(
        rows(&project, &["--rows", "22-,3,5-6,6"]),
        [3, 5, 6, 22, 23, 24]
    );
    assert_eq!(rows(&project, &["--limit", "2"]), [1, 2]);
    assert_eq!(rows(&project, &["--rows", "9-", "--limit", "2"]), [9, 10]);
    assert_eq!(rows(&project, &["--key", " 2026/00007"]), [7]);
    let run = project
        .run(&["render", "mailing.yaml", "--limit", "1"])
        .ends(0);
    assert!(run.stderr().contains("1 letter rendered"), "{run}");
}

#[test]
fn a_row_without_a_key_of_its_own_is_found_by_its_recipient() {
    let project = Project::small();
    project.replace("mailing.yaml", "  key: case\n", "");
    for key in ["310244007", "0192:310244007"] {
        assert_eq!(rows(&project, &["--key", key]), [2]);
    }
    let run = project
        .run(&["render", "mailing.yaml", "--key", "07827199405"])
        .ends(2);
    assert!(
        run.stderr().contains("no row has the key 078271*****"),
        "{run}"
    );
    assert!(!run.to_string().contains("99405"), "{run}");
}

#[test]
fn rows_that_are_not_there_or_get_no_letter_are_told() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "  key: case\n",
        "  key: case\n  where: \"{{ name != 'Bo' }}\"\n",
    );
    let refused = |arguments: &[&str], words: &str| {
        let all = [&["render", "mailing.yaml"], arguments].concat();
        let run = project.run(&all).ends(2);
        assert!(run.stderr().contains(words), "{run}");
        assert_eq!(run.stdout(), "", "{run}");
    };
    refused(
        &["--rows", "2-5"],
        "error: not in the file: rows 4-5\n   hint: it has 3 rows;",
    );
    refused(&["--row", "4"], "error: not in the file: row 4\n");
    refused(&["--row", "2"], "no letter for row 2");
    refused(&["--key", "2"], "no letter for row 2");
    refused(&["--key", "9"], "no row has the key 9");
    refused(
        &["--rows", "3-2"],
        "3-2 ends before it begins: did you mean 2-3?",
    );
    refused(&["--rows", "1,,2"], "a row is missing");
    refused(&["--limit", "0"], "must be a whole number from 1 on");
    refused(&["--row", "1", "--key", "1"], "cannot be used with");
    let run = project
        .run(&["render", "mailing.yaml", "--rows", "2-"])
        .ends(0);
    assert!(
        run.stderr()
            .contains("1 row skipped, as the manifest says: row 2"),
        "{run}"
    );
    assert_eq!(run.stdout().lines().count(), 1);
}

#[test]
fn a_mailing_with_errors_prints_nothing() {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n123,Bo,2\n",
    );
    for arguments in [&["--row", "1"][..], &[]] {
        let run = project.run(&[&["render", "mailing.yaml"], arguments].concat());
        let run = run.ends(2);
        assert_eq!(run.stdout(), "", "{run}");
    }
}

#[test]
fn the_next_command_can_be_pasted() {
    let project = Project::small();
    project.write("my mailing.yaml", project.read("mailing.yaml"));
    let run = project
        .run(&["render", "my mailing.yaml", "--sandbox"])
        .ends(0);
    let next = "next: massebrev send 'my mailing.yaml' --sandbox --plan sha256:";
    assert!(run.stderr().contains(next), "{run}");
    let run = project.run(&["validate", "my mailing.yaml"]).ends(0);
    let next = "next: massebrev render 'my mailing.yaml' --html small-preview.html\n";
    assert!(run.stderr().contains(next), "{run}");
}
