//! The README's commands are what works here.

use std::fs;
use std::path::Path;

use crate::support::Project;

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

/// What stands in the blocks of YAML of a text.
fn yaml_blocks(text: &str) -> Vec<&str> {
    let after = text.split("```yaml\n").skip(1);
    after
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn every_block_of_yaml_is_a_manifest_or_a_part_of_one() {
    let mut texts = vec![root().join("README.md")];
    for example in fs::read_dir(root().join("examples")).unwrap() {
        texts.push(example.unwrap().path().join("README.md"));
    }
    let mut seen = 0;
    for text in texts {
        for block in yaml_blocks(&fs::read_to_string(&text).unwrap()) {
            let project = Project::example("quickstart");
            // A part takes the place of the quickstart's own.
            let mut manifest: serde_yaml::Mapping =
                serde_yaml::from_str(&project.read("mailing.yaml")).unwrap();
            let part: serde_yaml::Mapping = serde_yaml::from_str(block).unwrap();
            if part.contains_key("mailing") {
                project.write("mailing.yaml", block);
            } else {
                manifest.extend(part);
                project.write("mailing.yaml", serde_yaml::to_string(&manifest).unwrap());
            }
            project.run(&["validate", "mailing.yaml"]).ends(0);
            seen += 1;
        }
    }
    assert!(seen >= 2);
}

#[test]
fn ci_runs_the_readmes_test_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(readme.contains("cargo test --locked"));
    assert!(ci.lines().any(|line| line == "cargo test --locked"));
    assert!(readme.contains("cargo run -- send examples/quickstart/mailing.yaml --sandbox"));
}

/// Texts between backticks in `.github/*.md`.
fn quoted(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(".github").join(document)).unwrap();
    let prose = text.split("```").step_by(2).collect::<String>();
    prose
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_map_names_files_and_tests_that_are_there() {
    let (mut files, mut tests) = (0, 0);
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for quoted in quoted(document) {
            if ["src/", "tests/", "schema/"]
                .iter()
                .any(|folder| quoted.starts_with(folder))
            {
                // `src/follow/` is announced as still to come.
                assert!(
                    quoted == "src/follow/" || root().join(&quoted).exists(),
                    "{document} names {quoted}"
                );
                files += 1;
            } else if let Some((file, name)) = quoted.split_once("::")
                && let Ok(text) = fs::read_to_string(root().join(format!("tests/it/{file}.rs")))
            {
                assert!(
                    text.contains(&format!("fn {name}()")),
                    "{document} names {quoted}"
                );
                tests += 1;
            }
        }
    }
    assert!(
        files > 20 && tests > 8,
        "found {files} files and {tests} tests"
    );
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string(root().join(".github/ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if entry.path().is_dir() {
            format!("{name}/")
        } else {
            name
        };
        assert!(
            name == "lib.rs" || map.contains(&format!("`src/{name}`")),
            "src/{name} is not on the map"
        );
    }
}
