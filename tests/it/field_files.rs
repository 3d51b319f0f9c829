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
pub(crate) fn mailing(rows: impl AsRef<[u8]>) -> Project {
    let project = Project::new();
    project.write("mailing.yaml", MANIFEST);
    project.write("r.csv", rows);
    project
}

/// Under the usual header.
pub(crate) fn rows(rows: &str) -> Project {
    mailing(format!("Fødselsnummer;Saksnummer;Navn\n{rows}"))
}

/// Runs `validate`, which finds errors, or at most warnings; no identity number is in what it says.
pub(crate) fn validate(project: &Project, status: i32) -> Run {
    let run = project.run(&["validate", "mailing.yaml"]).ends(status);
    for number in ["21824621702", "02818813964", "19828632674"] {
        assert!(!run.to_string().contains(number), "{run}");
    }
    run
}

/// Each of these is said.
pub(crate) fn says(run: &Run, parts: &[&str]) {
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
pub(crate) fn letters(project: &Project) -> String {
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

#[test]
fn the_comma_of_numbers_is_no_delimiter_where_the_header_has_none() {
    let project = rows("");
    project.write(
        "r.csv",
        "Fødselsnummer;Navn;Saksnummer;Beløp\n21824621702;A;1;10,50;\n02818813964;B;2;20,50\n19828632674;C;3;30,50;\n",
    );
    assert_eq!(letters(&project).lines().count(), 3);
    project.replace("r.csv", "B;2;20,50", "B;20,50");
    refused(
        &project,
        &[
            "the row has 3 values, but the header has 4 columns",
            "r.csv:3",
        ],
    );
}

#[test]
fn keys_that_people_take_for_the_same_are_errors_or_warnings() {
    let keys =
        |one: &str, other: &str| rows(&format!("21824621702;{one};A\n02818813964;{other};B\n"));
    for (one, other, difference) in [
        (
            "\u{c5}s-1",
            "\u{e5}s-1",
            "they differ in upper and lower case",
        ),
        ("SAK-1", "sak-1", "they differ in upper and lower case"),
        ("2026/1", "2026/1 ", "the blanks differ"),
        ("2026/1", "\u{a0}2026/1", "the blanks differ"),
        ("A 1", "A\u{a0}1", "the blanks differ"),
        // A mark for the direction of writing, as copied from a page.
        ("A1", "A\u{200e}1", "the blanks differ"),
    ] {
        says(
            &validate(&keys(one, other), 2),
            &[
                "another row has a key that looks the same",
                "on line 2",
                difference,
            ],
        );
    }
    // Keys are NFC.
    says(
        &validate(&keys("\u{c5}s-1", "A\u{30a}s-1"), 2),
        &["another row has the same key"],
    );
    assert_eq!(
        letters(&rows("21824621702;\u{c5}s-1;A\n"))
            .split("\"key\":")
            .nth(1)
            .map(|key| key[..40].to_owned()),
        letters(&rows("21824621702;A\u{30a}s-1;A\n"))
            .split("\"key\":")
            .nth(1)
            .map(|key| key[..40].to_owned()),
    );
    for (one, other) in [
        ("0001", "1"),
        ("2026/1", "jan.26"),
        ("1-2", "01.feb"),
        ("2026-12-01", "01.12.2026"),
    ] {
        says(
            &validate(&keys(one, other), 0),
            &["another row's key may be the same", "on line 2"],
        );
    }
    for (key, part) in [
        (
            "jan.26",
            "the key `Saksnummer` is a date beside others that are none",
        ),
        ("1,1E+5", "`Saksnummer` is a number in scientific notation"),
    ] {
        says(&validate(&keys("S-17", key), 0), &[part]);
    }
    says(
        &validate(&keys("1", "0002"), 0),
        &["it may have lost leading zeros", "`1`, probably `0001`"],
    );
    let quiet = validate(&keys("2026/1", "2026/2"), 0);
    assert!(!quiet.stderr().contains("warning"), "{quiet}");
}

#[test]
fn cells_that_are_no_values_are_told() {
    let names = |name: &str| {
        rows(&format!(
            "21824621702;2026/1;{name}\n02818813964;2026/2;Ingrid\n"
        ))
    };
    for name in ["#N/A", "#NAVN?", "#I/T", "#VERDI!", "#REF!", "########"] {
        says(
            &validate(&names(name), 2),
            &[
                "`Navn` is an error of the spreadsheet",
                "r.csv:2 (column Navn)",
            ],
        );
    }
    // The digits of the sign's number are not the recipient's.
    says(
        &validate(&rows("991825827\u{200e};2026/1;Nord\n"), 2),
        &["`991825827<U+200E>`", "r.csv:2 (column "],
    );
    for name in ["\u{1f}Aslak", "Ingrid\u{b}D\u{e6}hli", "\u{202e}Eira"] {
        says(
            &validate(&names(name), 2),
            &["`Navn` has control characters", "<U+"],
        );
    }
    for (name, part) in [
        (
            "=\"Aslak Kv\u{e5}le\"",
            "`Navn` is a formula, or written as one",
        ),
        ("'Ingrid D\u{e6}hli", "`Navn` begins with an apostrophe"),
        ("NULL", "`Navn` is a word that programs write for nothing"),
        ("nan", "`Navn` is a word that programs write for nothing"),
        (
            "\u{200f}Aslak",
            "`Navn` has marks for the direction of writing",
        ),
        ("K?re", "`Navn` has a question mark inside a word"),
        (
            "\"Aslak\nKv\u{e5}le\"",
            "`Navn` has a line break, and `messageTitle` is one line",
        ),
        ("", "`Navn` is empty, and the letter shows it"),
    ] {
        says(&validate(&names(name), 0), &[part, "r.csv:2 (column Navn)"]);
    }
    for (recipient, part) in [
        (
            "=\"21824621702\"",
            "the recipient is a formula, or written as one",
        ),
        ("'21824621702", "the recipient begins with an apostrophe"),
        ("#I/T", "the recipient is an error of the spreadsheet"),
        (
            "NO 991 825 827 MVA",
            "the recipient is written as a VAT number",
        ),
    ] {
        says(
            &validate(&rows(&format!("{recipient};2026/1;A\n")), 2),
            &[part],
        );
    }
}

#[test]
fn empty_cells_that_a_letter_shows_are_counted_and_can_be_allowed() {
    let project = rows("21824621702;2026/1;\n02818813964;2026/2; \n19828632674;2026/3;Eira\n");
    says(
        &validate(&project, 0),
        &[
            "`Navn` is empty, and the letter shows it (2 rows, first at line 2)",
            "shown by mailing.yaml:10:",
            "mailing.yaml:10:",
            "`allowEmpty: [Navn]`",
        ],
    );
    project.replace(
        "mailing.yaml",
        "{ file: r.csv,",
        "{ file: r.csv, allowEmpty: [Navn],",
    );
    let run = validate(&project, 0);
    assert!(!run.stderr().contains("is empty"), "{run}");
    project.replace("mailing.yaml", "allowEmpty: [Navn]", "allowEmpty: [navn]");
    says(
        &validate(&project, 2),
        &[
            "there is no column `navn`",
            "did you mean `Navn`? they differ in upper and lower case",
        ],
    );
}

#[test]
fn placeholders_of_other_systems_are_errors_where_they_stand() {
    let project = rows("21824621702;2026/1;Aslak\n");
    project.replace(
        "mailing.yaml",
        "\"Hei {{ Navn }}, dette gjelder sak {{ Saksnummer }}.\"",
        "{ file: brev.md }",
    );
    project.write("brev.md", "Hei {{ Navn }}\n\n«Navn» ((Navn)) {Saksnummer} %Navn% [Navn] *|NAVN|* ${Navn} $navn$ [Navn](https://example.no) $recipientName$\n");
    project.replace("mailing.yaml", "Brev til {{ Navn }}", "Sak {Saksnummer}");
    let run = validate(&project, 2);
    for sign in [
        "«Navn»",
        "((Navn))",
        "{Saksnummer}",
        "%Navn%",
        "[Navn]",
        "*|NAVN|*",
        "${Navn}",
        "$navn$",
    ] {
        says(
            &run,
            &[&format!(
                "`{sign}` is a placeholder of another system: it would be sent as it stands"
            )],
        );
    }
    says(
        &run,
        &[
            "mailing.yaml:10:",
            "brev.md:3:1",
            "write `{{ Navn }}`",
            "write `{{ Saksnummer }}`",
            "10 errors",
        ],
    );
}

#[test]
fn a_cell_that_only_looks_like_what_it_is_compared_with_is_told() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "  recipient:",
        "  where: \"{{ applies in ['yes', 'perhaps'] }}\"\n  recipient:",
    );
    project.replace(
        "mailing.yaml",
        "is open",
        "{% if pays == 'ja' %}must be paid{% elif 'nei' == row.pays %}is open{% endif %}",
    );
    project.write(
        "recipients.csv",
        "org,name,case,pays,applies\n991825827,Ane,1,ja,yes\n310244007,Bo,2,Ja,yes\n974760673,Cato,3,nei\u{a0},perhaps\n315058384,Dag,4,no,Perhaps\n",
    );
    let run = project.run(&["validate", "mailing.yaml", "--all"]).ends(0);
    let said = run.to_string();
    for (message, place) in [
        (
            "`pays` is not `ja`, which it is compared with, but looks like it",
            "recipients.csv:3",
        ),
        (
            "`pays` is not `nei`, which it is compared with, but looks like it",
            "recipients.csv:4",
        ),
        // The row is left out for it.
        (
            "`applies` is not `perhaps`, which it is compared with, but looks like it",
            "recipients.csv:5",
        ),
    ] {
        assert!(
            said.contains(message) && said.contains(place),
            "{message}: {said}"
        );
    }
    assert!(said.contains("4 warnings in 3 rows"), "{said}");
}

#[test]
fn two_encodings_in_one_file_are_told_where_the_second_begins() {
    const HEADER: &str = "Fødselsnummer;Saksnummer;Navn\n";
    let windows =
        |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(c).unwrap()).collect() };
    let (old, new) = ("21824621702;1;Kåre\n", "02818813964;2;Bjørn Ås\n");
    let project = mailing([windows(HEADER), windows(old), new.into()].concat());
    refused(&project, &["the file is in two encodings", "r.csv:3"]);
    // Where it is set, and where most of the file has one encoding.
    project.replace("mailing.yaml", "r.csv,", "r.csv, encoding: windows-1252,");
    let part = "`Navn` is UTF-8, and the file is read as Windows-1252";
    let told = [part, "r.csv:3 (column Navn)", "probably `Bjørn Ås`"];
    refused(&project, &told);
    let many: Vec<_> = (3..40)
        .map(|n| format!("19828632674;{n};Åse Ødegård\n"))
        .collect();
    let many = many.concat();
    let project = mailing([windows(HEADER), windows(&many), new.into()].concat());
    says(&validate(&project, 2), &[part, "r.csv:39 (column Navn)"]);
    // Columns that no letter shows do not matter.
    let many = many.replace('\n', ";x\n");
    let header = windows("Fødselsnummer;Saksnummer;Navn;Merknad\n");
    let row = "02818813964;2;B;Bjørn\n".into();
    let run = validate(&mailing([header, windows(&many), row].concat()), 0);
    says(&run, &["Windows-1252, semicolon"]);
}

#[test]
fn what_is_wrong_with_the_whole_file_is_not_told_of_the_manifest() {
    for (text, parts) in [
        (
            "\"Fødselsnummer;Saksnummer;Navn\"\n\"21824621702;1;A\"\n\"02818813964;2;B\"\n",
            ["every line stands in quotation marks as a whole", "r.csv:1"],
        ),
        (
            "Fødselsnummer,Saksnummer,Navn\n21824621702;1;A\n02818813964;2;B\n",
            [
                "stand between commas, the values of the rows between semicolons",
                "r.csv:1",
            ],
        ),
        (
            "Fødselsnummer,Saksnummer,Navn,Beløp\n21824621702;1;A;1,5\n02818813964;2;B;2,5\n",
            [
                "stand between commas, the values of the rows between semicolons",
                "r.csv:1",
            ],
        ),
        (
            "Fødselsnummer  Saksnummer  Navn\n21824621702    1           A\n02818813964    2           B\n",
            ["the columns of the file have fixed widths", "r.csv:1"],
        ),
        (
            "Fødselsnummer;Saksnummer;Navn\n21824621702;1;Bj&oslash;rn\n",
            ["`&oslash;` is a letter as web pages write it", "r.csv:2"],
        ),
        // Row names of another program.
        (
            "\"Fødselsnummer\";\"Saksnummer\";\"Navn\"\n\"1\";21824621702;\"1\";0,5\n",
            [
                "the row has 4 values, but the header has 3 columns",
                "r.csv:2",
            ],
        ),
        (
            "Fødselsnummer;Saksnummer;Navn\n218246-21702;1;Bo\n",
            ["the identity number has dashes or dots in it", "r.csv:2"],
        ),
        (
            "Fødselsnummer;Saksnummer;Navn\nSide 1 av 2;1;Bo\n",
            [
                "the recipient is nobody Altinn knows how to reach",
                "r.csv:2",
            ],
        ),
    ] {
        refused(&mailing(text), &parts);
    }
    // The end of a file of MS-DOS is no row.
    let project = rows("21824621702;1;A\r\n02818813964;2;B\r\n\u{1a}");
    assert_eq!(letters(&project).lines().count(), 2);
}
