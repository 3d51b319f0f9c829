//! Recipients files as people really have them: nearly right. What is wrong is told with place, cause and remedy, and goes into no letter.

use crate::support::{LiveSandbox, Project, Run};

const MANIFEST: &str = r#"version: 1
mailing: field
environment: sandbox
recipients: { file: r.csv, key: Saksnummer, recipient: "{{ row['Fødselsnummer'] }}" }
correspondence:
  resourceId: felt-test
  sendersReference: "{{ Saksnummer }}"
  content:
    language: nb
    messageTitle: "Brev til {{ Navn }}"
    messageBody: "Hei {{ Navn }}, dette gjelder sak {{ Saksnummer }}."
"#;

/// A mailing to these rows.
fn mailing(rows: impl AsRef<[u8]>) -> Project {
    let project = Project::new();
    project.write("mailing.yaml", MANIFEST);
    project.write("r.csv", rows);
    project
}

/// Under the usual header.
fn rows(rows: &str) -> Project {
    mailing(format!("Fødselsnummer;Saksnummer;Navn\n{rows}"))
}

/// Runs `validate`, which finds errors, or at most warnings; no identity number is in what it says.
fn validate(project: &Project, status: i32) -> Run {
    let run = project.run(&["validate", "mailing.yaml"]).ends(status);
    for number in ["21824621702", "02818813964", "19828632674"] {
        assert!(!run.to_string().contains(number), "{run}");
    }
    run
}

/// Each of these is said.
fn says(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr().contains(part), "no `{part}` in {run}");
    }
}

/// `validate` refuses the file with one error, which says all this, and nothing is sent.
fn refused(project: &Project, parts: &[&str]) {
    let run = validate(project, 2);
    says(&run, parts);
    assert!(run.stderr().contains("\n1 error"), "one error: {run}");
    let sent = project.run(&["send", "mailing.yaml", "--sandbox"]).ends(2);
    assert!(
        !project.path(".massebrev").exists(),
        "nothing was begun: {sent}"
    );
}

/// The letters as they are shown.
fn letters(project: &Project) -> String {
    project.run(&["render", "mailing.yaml"]).ends(0).stdout()
}

#[test]
fn a_stray_quotation_mark_merges_nobody() {
    let text = "text follows the quotation mark that closes a value";
    let project = rows(
        "21824621702;2026/1;\"Aslak Kvåle\n02818813964;2026/2;Ingrid Dæhli\n19828632674;2026/3;\"Aslak Eira\"\n",
    );
    refused(
        &project,
        &[text, "r.csv:2 (column Navn)", "closed on line 4"],
    );

    let project = rows(
        "21824621702;2026/1;\"Aslak Kvåle\n02818813964;2026/2;Ingrid Dæhli\n19828632674;2026/3;Aslak Eira\"\n",
    );
    refused(
        &project,
        &["a value holds another row of the file", "r.csv:2"],
    );

    let project = rows("21824621702;2026/1;\"Aslak Kvåle\n02818813964;2026/2;Ingrid Dæhli\n");
    refused(&project, &["a quotation mark is never closed", "r.csv:2"]);

    let project = rows("21824621702;2026/1;\"Bergen\" Kvåle\n");
    refused(&project, &[text, "r.csv:2 (column Navn)"]);

    let project = rows("21824621702;2026/1;\"Kari \\\"Kaia\\\" Moe\"\n");
    refused(
        &project,
        &[
            "a quotation mark inside a value is written `\\\"`",
            "r.csv:2",
        ],
    );

    let project =
        mailing("Fødselsnummer, Saksnummer, Navn\n21824621702, \"2026/1\", \"Kvåle, Aslak\"\n");
    refused(
        &project,
        &[
            "blanks stand before the quotation mark that opens a value",
            "r.csv:2 (column Saksnummer)",
        ],
    );
}

#[test]
fn quotation_marks_that_are_right_stay_right() {
    let project = rows(
        "21824621702;2026/1;Skjerm 24\" bred\n02818813964;2026/2;\"C:\\Users\\\"\n19828632674;2026/3;\"Eira; \"\"Aslak\"\"\nSara, som er borte\"\n",
    );
    // The line break in a title is told of.
    validate(&project, 0);
    let letters = letters(&project);
    for text in [
        "Skjerm 24\\\" bred",
        "C:\\\\Users\\\\",
        "Eira; \\\"Aslak\\\"\\nSara, som er borte",
    ] {
        assert!(letters.contains(text), "{text}: {letters}");
    }
    assert_eq!(letters.lines().count(), 3);
}

#[test]
fn rows_after_a_broken_one_are_counted_and_checked() {
    let project =
        rows("21824621702;2026/1;\"Aslak\n2818813964;2026/2;Ingrid\n19828632674;2026/3;\"Eira\"\n");
    let run = validate(&project, 2);
    says(
        &run,
        &[
            "text follows the quotation mark",
            "lost its leading zero",
            "r.csv:3",
        ],
    );
}

#[test]
fn files_that_are_something_else_have_one_error_with_the_cause() {
    let base = "21824621702;2026/1;Aslak Kvåle\n02818813964;2026/2;Ingrid Dæhli\n";
    let header = "Fødselsnummer;Saksnummer;Navn\n";
    for (text, part) in [
        (format!("Mottakerliste november;;\n;;\n{header}{base}"), "the names of the columns seem to stand on line 3"),
        (format!("Mottakere, november\n\n{header}{base}"), "the names of the columns seem to stand on line 3"),
        (format!(";;{header};;21824621702;2026/1;Aslak Kvåle\n"), "columns 1 and 2 have no name, and nothing stands in the rows there"),
        (format!("{header}21824621702;2026/1;Aslak\r02818813964;2026/2;Ingrid\r\n"), "the file's lines do not all end in the same way"),
        ("<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><body><table><tr><td>Navn</td></tr></table></body></html>\n".to_owned(), "the file is a web page (HTML)"),
        ("<?xml version=\"1.0\"?>\n<?mso-application progid=\"Excel.Sheet\"?>\n<Workbook></Workbook>\n".to_owned(), "the file is XML"),
    ] {
        refused(&mailing(text), &[part]);
    }
    let project = rows(base);
    project.replace(
        "mailing.yaml",
        "{ file: r.csv,",
        "{ file: r.csv, delimiter: comma,",
    );
    refused(
        &project,
        &[
            "the values of the file stand between semicolons, not commas",
            "`delimiter: semicolon`",
        ],
    );
}

#[test]
fn a_header_with_commas_in_quotation_marks_is_read() {
    let project = mailing(
        "Fødselsnummer;Saksnummer;\"Navn, fornavn, mellomnavn, etternavn\"\n21824621702;2026/1;\"Dæhli, Ingrid, A, B\"\n",
    );
    project.replace(
        "mailing.yaml",
        "{{ Navn }}",
        "{{ row['Navn, fornavn, mellomnavn, etternavn'] }}",
    );
    validate(&project, 0);
    assert!(letters(&project).contains("Brev til Dæhli, Ingrid, A, B"));
}

#[test]
fn encodings_of_dos_and_old_macs_are_read_as_they_are_and_named() {
    // `fnr;sak;navn`, `Kåle`, `Dæhli Sørby` and `Åse Ødegård` in CP850 and in Mac Roman.
    for (name, label, [small_ring, ae, oe, ring, stroke]) in [
        ("CP850", "cp850", [0x86, 0x91, 0x9B, 0x8F, 0x9D]),
        ("CP865", "cp865", [0x86, 0x91, 0x9B, 0x8F, 0x9D]),
        ("Mac Roman", "macintosh", [0x8C, 0xBE, 0xBF, 0x81, 0xAF]),
    ] {
        let encode = |text: &str| -> Vec<u8> {
            let byte = |c| match c {
                'å' => small_ring,
                'æ' => ae,
                'ø' => oe,
                'Å' => ring,
                'Ø' => stroke,
                c => u8::try_from(c).unwrap(),
            };
            text.chars().map(byte).collect()
        };
        let text = "Fødselsnummer;Saksnummer;Navn\r\n21824621702;1;Ola Kvåle\r\n02818813964;2;Dæhli Sørby\r\n19828632674;3;Åse Ødegård\r\n";
        let project = mailing(encode(text));
        let found = if name == "CP865" { "CP850" } else { name };
        let run = validate(&project, 0);
        says(&run, &[&format!("{found}, semicolon (found out)")]);
        let set = format!("{{ file: r.csv, encoding: {label},");
        project.replace("mailing.yaml", "{ file: r.csv,", &set);
        let run = validate(&project, 0);
        says(&run, &[name]);
        for name in ["Ola Kvåle", "Dæhli Sørby", "Åse Ødegård"] {
            assert!(letters(&project).contains(name), "{name}");
        }
        project.replace("mailing.yaml", label, "windows-1252");
        refused(
            &project,
            &[&format!(
                "the letters of the file are {found}, not Windows-1252"
            )],
        );
    }
}

#[test]
fn a_header_that_was_read_in_the_wrong_encoding_is_never_offered() {
    let project = mailing("FÃ¸dselsnummer;Saksnummer;Navn\n21824621702;1;KÃ¥re\n");
    let run = validate(&project, 2);
    says(
        &run,
        &[
            "the header was read in the wrong encoding before it was saved",
            "probably `Fødselsnummer`",
        ],
    );
    assert!(!run.stderr().contains("did you mean"), "{run}");
}

#[test]
fn names_that_look_alike_are_the_same_and_where_they_are_not_the_hint_says_what_differs() {
    let project = mailing(
        "Fødselsnummer;Saksnummer;Navn pa\u{30a} mottaker;E\u{a0}post\n21824621702;2026/1;A\u{30a}se;a\n",
    );
    project.replace(
        "mailing.yaml",
        "{{ Navn }}",
        "{{ row['Navn på mottaker'] }} {{ row['E post'] }}",
    );
    validate(&project, 0);
    project.replace("mailing.yaml", "Navn på", "Navn pa\u{30a}");
    says(
        &validate(&project, 2),
        &["did you mean `Navn på mottaker`? a letter such as `å` is one character"],
    );
    project.replace("mailing.yaml", "Navn pa\u{30a}", "navn på");
    says(
        &validate(&project, 2),
        &["did you mean `Navn på mottaker`? they differ in upper and lower case"],
    );
    project.replace("mailing.yaml", "navn på mottaker", "Navn på\u{a0}mottaker");
    says(
        &validate(&project, 2),
        &["did you mean `Navn på mottaker`? the blanks differ"],
    );
}

#[test]
fn nothing_is_sent_of_a_file_with_a_merged_row() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,\"Ane,1\n310244007,Bo,2\n974760673,\"Cato\",3\n",
    );
    project.run(&["send", "mailing.yaml"]).ends(2);
    assert_eq!(sandbox.letters().len(), 0);
}
