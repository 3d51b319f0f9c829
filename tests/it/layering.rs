//! The floors of the house, and the homes of outside packages (see `src/lib.rs` and `Cargo.toml`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by floor; `sandbox` stands beside the tower.
const FLOORS: &[&[&str]] = &[
    &["correspondence", "diagnostic", "secret"],
    &["manifest", "recipients", "template"],
    &["plan", "altinn", "maskinporten", "journal"],
    &["send", "follow", "report", "preview", "starter"],
];

/// Arrows between neighbours on one floor that are meant.
const SIDEWAYS: &[(&str, &str)] = &[
    ("altinn", "maskinporten"),
    ("correspondence", "diagnostic"),
    ("correspondence", "secret"),
    ("diagnostic", "secret"),
];

/// Where an outside package may be used. What is not listed may be used everywhere.
const HOMES: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["diagnostic"]),
    ("ammonia", &["preview"]),
    ("anstream", &["cli"]),
    ("aws_lc_rs", &["maskinporten", "sandbox"]),
    ("axum", &["sandbox"]),
    ("bytes", &["altinn", "send"]),
    ("base64", &["maskinporten", "sandbox"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("csv", &["recipients", "report"]),
    ("futures", &["altinn", "journal", "send"]),
    ("encoding_rs", &["recipients"]),
    ("encoding_rs_io", &["recipients"]),
    ("fastrand", &["send"]),
    ("httpdate", &["maskinporten"]),
    ("hyper_util", &["altinn"]),
    ("indicatif", &["cli"]),
    ("jsonschema", &["manifest"]),
    ("jsonwebtoken", &["maskinporten", "sandbox"]),
    ("p12_keystore", &["maskinporten"]),
    ("rust_decimal", &["template"]),
    ("pkcs1", &["maskinporten", "sandbox"]),
    ("pkcs8", &["maskinporten"]),
    ("md5", &["altinn", "plan", "sandbox"]),
    ("pulldown_cmark", &["preview", "template"]),
    ("reqwest", &["altinn", "maskinporten"]),
    ("rusqlite", &["journal"]),
    ("rustix", &["maskinporten"]),
    ("saphyr_parser", &["manifest"]),
    ("schemars", &["correspondence", "manifest"]),
    ("serde_yaml", &["manifest"]),
    ("secrecy", &["altinn", "cli", "maskinporten"]),
    ("sha2", &["plan"]),
    ("similar", &["plan"]),
    ("strsim", &["diagnostic"]),
    ("tera", &["template", "report", "preview", "sandbox"]),
    (
        "tokio",
        &["altinn", "cli", "maskinporten", "sandbox", "send"],
    ),
    ("tracing_subscriber", &["cli"]),
    ("unicode_width", &["preview"]),
    ("x509_cert", &["maskinporten", "sandbox"]),
    ("zeroize", &["cli", "maskinporten"]),
];

/// A file's walls: past this it has two subjects.
const LINES: usize = 400;

struct File {
    path: PathBuf,
    room: String,
    code: String,
}

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for file in files() {
        for used in rooms_used(&file.code) {
            if !may_use(&file.room, &used) {
                wrong.push(format!("{} uses crate::{used}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_packages_stay_in_their_homes() {
    let mut wrong = Vec::new();
    for file in files() {
        for (package, homes) in HOMES {
            if mentions(&file.code, package) && !homes.contains(&file.room.as_str()) {
                wrong.push(format!(
                    "{} uses {package}, whose home is {}",
                    file.path.display(),
                    homes.join(", ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_have_one_subject_and_say_it_first() {
    let mut wrong = Vec::new();
    for file in files() {
        let text = fs::read_to_string(&file.path).unwrap();
        let lines = text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .count();
        if lines > LINES {
            wrong.push(format!("{}: {lines} lines", file.path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: does not say what it is", file.path.display()));
        }
        if file.path.ends_with("mod.rs") && lines > 50 && file.room != "cli" {
            wrong.push(format!(
                "{}: a table of contents is shorter",
                file.path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_has_a_floor() {
    let known: BTreeSet<&str> = FLOORS
        .iter()
        .flat_map(|floor| floor.iter().copied())
        .chain(["cli", "sandbox", "main", "lib"])
        .collect();
    let rooms: BTreeSet<String> = files().into_iter().map(|file| file.room).collect();
    assert!(rooms.len() > 8, "found only {rooms:?}");
    for room in rooms {
        assert!(known.contains(room.as_str()), "src/{room} is on no floor");
    }
}

fn may_use(from: &str, to: &str) -> bool {
    let floor = |room: &str| FLOORS.iter().position(|floor| floor.contains(&room));
    match (from, to) {
        _ if from == to => true,
        // The binary's own rooms; `main.rs` and `lib.rs` name everything.
        ("cli" | "main" | "lib", _) => true,
        ("sandbox", to) => floor(to) == Some(0),
        (_, "sandbox" | "cli") => false,
        (from, to) => floor(to) < floor(from) || SIDEWAYS.contains(&(from, to)),
    }
}

/// All source files, without comments and without the unit tests at their end.
fn files() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&src, &mut found);
    found
        .into_iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let room = inside
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_string_lossy();
            let room = room.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .take_while(|line| !line.starts_with("#[cfg(test)]"))
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            File { path, room, code }
        })
        .collect()
}

/// Files and folders of unit tests are named `tests`.
fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn rooms_used(code: &str) -> BTreeSet<String> {
    let name = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    code.match_indices("crate::")
        .map(|(at, found)| name(&code[at + found.len()..]))
        .filter(|room| room.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

/// Whether a package is named as the head of a path.
fn mentions(code: &str, package: &str) -> bool {
    code.match_indices(&format!("{package}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|before| !(before.is_alphanumeric() || before == '_' || before == ':'))
    })
}
