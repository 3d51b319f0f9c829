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

/// The usual mailing with a list of those who are excluded.
fn excluding(list: impl AsRef<[u8]>) -> Project {
    let project = rows(
        "21824621702;S1;Aslak Kvåle\n02818813964;S2;Ingrid Dæhli\n19828632674;S3;Aslak Eira\n",
    );
    project.replace(
        "mailing.yaml",
        "{ file: r.csv,",
        "{ file: r.csv, exclude: ex.csv,",
    );
    project.write("ex.csv", list);
    project
}

#[test]
fn the_exclusion_list_is_read_as_the_recipients_are() {
    for list in [
        "Fødselsnummer\n02818813964\n19828632674\n".as_bytes(),
        b"02818813964\n19828632674\n",
        b"\xEF\xBB\xBF02818813964\r\n19828632674\r\n",
        b"S2\nS3\n",
        b"sak\ns2\nS3 \n",
        "Navn;Fødselsnummer\nDæhli;02818813964\nEira;19828632674\n".as_bytes(),
        b"navn;nr\nA;02818813964\nB;19828632674\n",
        b"Navn;Saksnummer\nA;S2\nB;S3\n",
        b"K\x86re;fnr\nD\x91hli;02818813964\n\x9Bre;19828632674\n",
    ] {
        let project = excluding(list);
        let run = validate(&project, 0);
        assert!(
            run.stdout().contains("2 skipped"),
            "{}: {run}",
            list.escape_ascii()
        );
        assert!(!run.stderr().contains("no row"), "{run}");
        assert_eq!(letters(&project).lines().count(), 1);
    }
    let run = validate(&excluding("Navn;Fødselsnummer\nDæhli;02818813964\n"), 0);
    says(
        &run,
        &["the exclusion list has 2 columns: those in `Fødselsnummer` get no letter"],
    );
}

#[test]
fn a_first_line_that_is_an_entry_is_not_lost_as_a_header() {
    const NO_HEADER: &str = "the first line of the exclusion list is not a header";
    for list in [
        "S2;Dæhli\nS3;Eira\n",
        "Dæhli;s2\nEira;S3\n",
        "S2,Dæhli\nS3,Eira\n",
    ] {
        let run = validate(&excluding(list), 2);
        says(&run, &[NO_HEADER, "`", "ex.csv:1", "above it"]);
    }
    // With a slip in it, it excludes nobody.
    let taken = "is taken for the header, not for an entry";
    for (list, first) in [
        ("\nS02x\nS3\n", "the first line, `S02x`, "),
        ("A9;Kari\nS3;Eira\n", "the first line, `A9`, `Kari`, "),
        ("Reserverte\nS3\n", "the first line, `Reserverte`, "),
    ] {
        let run = validate(&excluding(list), 0);
        let line = if list.starts_with('\n') {
            "ex.csv:2"
        } else {
            "ex.csv:1"
        };
        says(&run, &[taken, first, line]);
        assert!(run.stdout().contains("1 skipped"), "{run}");
    }
    for list in [" saksnummer \nS3\n", "NAVN;Nr\nEira;S3\n", "S2\nS3\n"] {
        let run = validate(&excluding(list), 0);
        assert!(!run.stderr().contains(taken), "{run}");
    }
}

#[test]
fn delimiters_at_the_ends_of_an_exclusion_list_are_no_values() {
    let run = validate(&excluding("S2;\nS3;\n"), 0);
    assert!(run.stdout().contains("2 skipped"), "{run}");
    let run = validate(&excluding("Saksnummer\nS2;\nS3\n"), 0);
    assert!(run.stdout().contains("2 skipped"), "{run}");
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
fn entries_that_cannot_be_read_are_errors_and_those_that_meet_no_row_are_told() {
    for (list, part) in [
        (
            "Fødselsnummer\n2818813964\n",
            "the identity number has lost its leading zero",
        ),
        (
            "Fødselsnummer\n2,81881E+9\n",
            "is a number in scientific notation",
        ),
        (
            "Fødselsnummer\n=\"02818813964\"\n",
            "is a formula, or written as one",
        ),
        ("Fødselsnummer\n'02818813964\n", "begins with an apostrophe"),
        (
            "Fødselsnummer\n028188 13964\n",
            "the recipient has blanks in or around it",
        ),
        (
            "Fødselsnummer\n02818813965\n",
            "the control digits of the identity number do not fit",
        ),
        (
            "Fødselsnummer\n\"02818813964\n",
            "a quotation mark is never closed",
        ),
        ("Sak\n#N/A\n", "is an error of the spreadsheet"),
    ] {
        let project = excluding(list);
        let run = validate(&project, 2);
        says(&run, &[part, "ex.csv:2"]);
        assert!(!run.to_string().contains("2818813964"), "{run}");
    }
    // A first line that is nearly an entry is no header.
    for (line, part) in [
        ("02818813964 (død)", "has more than an identity number"),
        ("fnr 02818813964", "has more than an identity number"),
        ("'02818813964", "begins with an apostrophe"),
        ("=\"02818813964\"", "is a formula, or written as one"),
        ("02818813964.", "ex.csv"),
        ("028188-13964", "ex.csv"),
    ] {
        let run = validate(&excluding(line), 2);
        says(&run, &[part, "ex.csv:1"]);
        assert!(!run.to_string().contains("2818813964"), "{run}");
    }
    says(
        &validate(&excluding("2026-0\n"), 0),
        &["1 of 1 entry of the exclusion list meets no row"],
    );
    let run = validate(&excluding("Sak\nS2\nS7\nS8\n"), 0);
    says(
        &run,
        &[
            "2 of 3 entries of the exclusion list meet no row",
            "line 3: `S7`, line 4: `S8`",
        ],
    );
    let run = validate(&excluding("Fnr\n29878198024\n"), 0);
    says(
        &run,
        &[
            "1 of 1 entry of the exclusion list meets no row",
            "298781*****",
        ],
    );
    let project = excluding("Sak\n2\n");
    project.write(
        "r.csv",
        "Fødselsnummer;Saksnummer;Navn\n21824621702;0001;A\n02818813964;0002;B\n",
    );
    says(
        &validate(&project, 2),
        &[
            "a spreadsheet has changed one of them",
            "as the key on line 3 may have been",
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
fn recipients_of_several_letters_are_named() {
    let project = rows(
        "21824621702;S1;A\n21824621702;S2;B\n02818813964;S3;C\n19828632674;S4;D\n19828632674;S5;E\n",
    );
    let run = validate(&project, 0);
    says(
        &run,
        &[
            "warning: 2 letters go to a recipient who gets another one too",
            " --> r.csv\n",
            "= cause: 218246***** on line 2: `S1`, line 3: `S2`; 198286***** on line 5: `S4`, line 6: `S5`\n",
        ],
    );
    for format in ["json", "csv", "github"] {
        let run = project
            .run(&["validate", "mailing.yaml", "--format", format])
            .ends(0);
        let told = run.stdout();
        assert!(told.contains("line 5: `S4`, line 6: `S5`"), "{told}");
    }
    // One recipient was filled down.
    let many: Vec<_> = (2..200).map(|n| format!("21824621702;S{n};A\n")).collect();
    says(
        &validate(&rows(&many.concat()), 0),
        &[
            "197 letters go to",
            "218246***** on line 2: `S2`, line 3: `S3`, line 4: `S4`, line 5: `S5`, line 6: `S6`, line 7: `S7`, \u{2026}\n",
        ],
    );
}

/// A mailing to people with an address in ID-porten.
fn addressed(addresses: &[&str]) -> Project {
    let rows = (1..).zip(addresses);
    let rows = rows.map(|(row, address)| format!("\"{address}\";S{row};Ola\n"));
    let project = mailing(["Epost;Saksnummer;Navn\n".to_owned(), rows.collect()].concat());
    project.replace(
        "mailing.yaml",
        "{{ row['Fødselsnummer'] }}",
        "urn:altinn:person:idporten-email:{{ Epost }}",
    );
    project
}

#[test]
fn slips_in_addresses_are_told_and_do_not_make_another_recipient() {
    for (address, part) in [
        ("ola@x.no ", "has blanks, or characters that do not show"),
        ("\u{a0}ola@x.no", "`<U+00A0>***@x.no`, probably `o***@x.no`"),
        (
            "ola@x.no\u{200b}",
            "`o***@x.no<U+200B>`, probably `o***@x.no`",
        ),
        ("ola@x.no\t", "has blanks, or characters that do not show"),
        ("'ola@x.no", "has signs around it"),
        ("=ola@x.no", "has signs around it"),
        (
            "Ola <ola@x.no>",
            "has a name or brackets around the address",
        ),
        ("ola@x,no", "has a comma in the address"),
    ] {
        let run = validate(&addressed(&["ola@x.no", address]), 0);
        says(
            &run,
            &[
                part,
                "r.csv:3 (column Epost)",
                "probably `o***@x.no`",
                "1 letter goes to a recipient who gets another one too",
            ],
        );
        let project = addressed(&[address, "kari@x.no"]);
        project.replace("mailing.yaml", "r.csv,", "r.csv, exclude: ex.csv,");
        project.write("ex.csv", "urn:altinn:person:idporten-email:ola@x.no\n");
        let run = validate(&project, 0);
        assert!(run.stdout().contains("1 skipped"), "{address}: {run}");
        assert!(!run.stderr().contains("meets no row"), "{run}");
    }
    let run = validate(&addressed(&["ola@x.no", "o'b+a=c@x-y.no", "Åse@blå.no"]), 0);
    assert!(!run.stderr().contains("warning"), "{run}");
}

#[test]
fn a_file_of_one_letter_in_another_is_told() {
    let attached = |files: &[&str], entry: &str| {
        let lines = (1..).zip(files);
        let lines = lines.map(|(row, file)| format!("99182{row:04};S{row};Ola;{file}\n"));
        let project = mailing(
            [
                "Fødselsnummer;Saksnummer;Navn;Fil\n".to_owned(),
                lines.collect(),
            ]
            .concat(),
        );
        let entry = format!("content:\n    attachments: [{entry}]\n");
        project.replace("mailing.yaml", "content:\n", &entry);
        for file in files {
            project.write(file, format!("%PDF {file}"));
        }
        project.write("S1.pdf", "%PDF 1");
        validate(&project, 0)
    };
    let told = "1 letter has a file that another one has too";
    for reference in ["v", "{{ Saksnummer }}"] {
        let entry = format!("{{ file: \"{{{{ Fil }}}}\", sendersReference: \"{reference}\" }}");
        let run = attached(&["ola.pdf", "ola.pdf", "kari.pdf"], &entry);
        says(&run, &[told, "`ola.pdf` on line 2: `S1`, line 3: `S2`"]);
        // Few files for many letters.
        for files in [["a.pdf", "b.pdf", "a.pdf", "b.pdf"], ["a.pdf"; 4]] {
            let run = attached(&files, &entry);
            assert!(!run.stderr().contains("another one has too"), "{run}");
        }
    }
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
