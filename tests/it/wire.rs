//! What was rendered is what goes over the wire.

use serde_json::Value;

use crate::support::{LiveSandbox, Project};

#[test]
fn the_rendered_body_is_the_body_that_was_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let rendered = project.run(&["render", "mailing.yaml"]).ends(0).stdout();
    project.run(&["send", "mailing.yaml"]).ends(0);
    let letters = sandbox.letters();
    let mut lines = 0;
    for line in rendered.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        let key = request["key"].as_str().unwrap();
        let letter = letters
            .iter()
            .find(|letter| letter.idempotent_key.unwrap().to_string() == key)
            .unwrap();
        let body: Value = serde_json::from_slice(&letter.body).unwrap();
        assert_eq!(body, request["body"]);
        let text = std::str::from_utf8(&letter.body).unwrap();
        assert!(line.contains(text), "byte for byte: {text} in {line}");
        lines += 1;
    }
    assert_eq!(lines, 3);
}

#[test]
fn no_secret_and_no_identity_number_is_written_anywhere() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet")
        .with_sandbox(&sandbox)
        .with_env("MASSEBREV_LOG", "trace");
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    let numbers: Vec<String> = sandbox
        .letters()
        .iter()
        .map(|letter| letter.recipient.rsplit(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(numbers.len(), 24);
    let jwk: Value = serde_json::from_str(&sandbox.private_jwk()).unwrap();
    let secrets = ["d", "p", "q"].map(|member| jwk[member].as_str().unwrap().to_owned());
    let mut written = vec![
        ("stdout".to_owned(), run.stdout().into_bytes()),
        ("stderr".to_owned(), run.stderr().into_bytes()),
    ];
    for entry in std::fs::read_dir(project.path(".massebrev")).unwrap() {
        let path = entry.unwrap().path();
        written.push((path.display().to_string(), std::fs::read(path).unwrap()));
    }
    assert!(written.len() >= 5, "journal and reports are there");
    for (name, bytes) in &written {
        let text = String::from_utf8_lossy(bytes);
        for hidden in numbers.iter().chain(&secrets) {
            assert!(!text.contains(hidden.as_str()), "{name} shows {hidden}");
        }
        assert!(!text.contains("eyJ"), "{name} shows a token");
    }
}
