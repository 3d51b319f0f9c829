//! Every example is valid, and every letter of it can be sent.

use std::fs;
use std::path::Path;

use crate::support::Project;

#[test]
fn every_example_validates_renders_and_sends() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(path.join("README.md").exists(), "{name} has no README.md");
        let project = Project::example(&name);
        let validated = project.run(&["validate", "mailing.yaml"]).ends(0);
        assert!(!validated.stderr().contains("warning"), "{validated}");
        project.run(&["render", "mailing.yaml"]).ends(0);
        project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
        seen += 1;
    }
    assert!(seen >= 2);
}
