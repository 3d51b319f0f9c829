//! The main job, from the outside.

use std::collections::BTreeSet;
use std::path::Path;

use insta::assert_snapshot;

use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project, snapshot};

#[test]
fn the_quickstart_is_sent_once_and_only_once() {
    let project = Project::example("quickstart");
    let first = project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    snapshot(|| assert_snapshot!("quickstart_first", first));
    let second = project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    snapshot(|| assert_snapshot!("quickstart_second", second));
}

#[test]
fn every_row_of_a_spreadsheet_arrives_exactly_once() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", rows());

    project.run(&["send", "mailing.yaml"]).ends(0);
    let letters = sandbox.letters();
    assert_eq!(letters.len(), 2799);
    let keys: BTreeSet<_> = letters
        .iter()
        .map(|letter| letter.idempotent_key.unwrap())
        .collect();
    assert_eq!(keys.len(), 2799);
    let references: BTreeSet<_> = letters
        .iter()
        .map(|letter| letter.senders_reference.clone())
        .collect();
    assert_eq!(references.len(), 2799);

    let report: serde_json::Value = serde_json::from_str(
        &project
            .run(&["report", "mailing.yaml", "--format", "json"])
            .ends(0)
            .stdout(),
    )
    .unwrap();
    assert_eq!(report["counts"]["sent"], 2799);
    assert_eq!(report["rows_total"], 2799);
    assert_eq!(report["adds_up"], true);
    assert_eq!(report["rows"].as_array().unwrap().len(), 2799);

    let again = project.run(&["send", "mailing.yaml"]).ends(0);
    assert!(again.stderr().contains("nothing was sent"), "{again}");
    assert_eq!(sandbox.letters().len(), 2799);
}

#[test]
fn letters_carry_what_the_rows_say() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);

    let letters = sandbox.letters();
    assert_eq!(letters.len(), 24);
    let letter = letters
        .iter()
        .find(|letter| letter.senders_reference == "2026/00007")
        .unwrap();
    let request = letter.request();
    let content = &request.correspondence.content;
    assert_eq!(content.language.as_deref(), Some("nb"));
    assert_eq!(content.message_title, "Påminnelse 2026/00007");
    assert!(
        content
            .message_body
            .starts_with("Hei Marit Berg \"Bergen\" Olsen,"),
        "{}",
        content.message_body
    );
    assert!(content.message_body.contains("**89\u{A0}430,15 kroner**"));
    assert!(
        request.correspondence.property_list.is_empty(),
        "an empty cell is left out"
    );
    assert_eq!(request.existing_attachments.len(), 1, "the shared file");
    let shared: BTreeSet<_> = letters
        .iter()
        .flat_map(|letter| letter.request().existing_attachments)
        .collect();
    assert_eq!(shared.len(), 1, "uploaded once");
    let with_mail = letters
        .iter()
        .find(|letter| letter.senders_reference == "2026/00001")
        .unwrap();
    assert_eq!(
        with_mail.request().correspondence.property_list["epost"],
        "test.1@example.no"
    );
}

/// The 2,799 synthetic persons beside the project when they are there, else as many of our own.
fn rows() -> Vec<u8> {
    let shared =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/persons-excel-cp1252.csv");
    std::fs::read(shared).unwrap_or_else(|_| spreadsheet(2799))
}

#[test]
fn a_spreadsheet_of_our_own_arrives_in_every_encoding() {
    let bytes = spreadsheet(60);
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let utf16: Vec<u8> = "\u{feff}"
        .chars()
        .chain(text.replace(';', "\t").chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for rows in [
        bytes,
        text.clone().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        utf16,
    ] {
        let sandbox = LiveSandbox::start();
        let project = Project::example("spreadsheet").with_sandbox(&sandbox);
        project.write("mottakere.csv", rows);
        project.run(&["send", "mailing.yaml"]).ends(0);
        let letters = sandbox.letters();
        assert_eq!(letters.len(), 60);
        let bodies: Vec<_> = letters
            .iter()
            .map(|l| l.request().correspondence.content.message_body)
            .collect();
        assert!(bodies.iter().any(|body| body.contains("Sæbjørg Dæhli")));
    }
}
