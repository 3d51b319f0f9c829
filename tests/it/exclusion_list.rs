//! The exclusion list as people have it: with and without a header, with slips, in several columns. Nobody on it gets a letter.

use crate::field_files::{letters, rows, says, validate};
use crate::places::said_of;
use crate::support::Project;

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
fn an_exclusion_list_may_end_its_lines_in_semicolons_and_must_not_be_empty() {
    let excluded = |list: &[u8]| {
        let exclude = "file: recipients.csv\n  exclude: out.csv";
        said_of(&[("out.csv", list)], "file: recipients.csv", exclude)
    };
    let said = excluded(b"case;\n2;\n");
    assert!(
        !said.contains("error") && !said.contains("warning"),
        "{said}"
    );
    let said = excluded(b"");
    assert!(said.contains("hint: write a key or a recipient"), "{said}");
}
