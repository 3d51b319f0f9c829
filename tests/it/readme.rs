//! The README's commands are what works here.

use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_readme_is_short_and_its_files_are_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 150);
    let mut links = 0;
    for (at, _) in readme.match_indices("](") {
        let link = readme[at + 2..].split(')').next().unwrap();
        if !link.starts_with("http") {
            assert!(root().join(link).exists(), "{link}");
            links += 1;
        }
    }
    assert!(links > 0);
}

#[test]
fn the_readme_shows_the_quickstart_as_it_is() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let manifest = fs::read_to_string(root().join("examples/quickstart/mailing.yaml")).unwrap();
    let shown = readme
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert!(shown.lines().count() > 5);
    for line in shown.lines() {
        assert!(
            manifest.contains(line),
            "the quickstart has no line `{line}`"
        );
    }
}

#[test]
fn ci_runs_the_readmes_test_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(readme.contains("cargo test --locked"));
    assert!(ci.lines().any(|line| line == "cargo test --locked"));
    assert!(
        readme.contains("cargo run --release -- send examples/quickstart/mailing.yaml --sandbox")
    );
}
