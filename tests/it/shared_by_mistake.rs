//! Letters that share a recipient or a file although each should have its own, and addresses that only look like others.

use crate::field_files::{mailing, rows, says, validate};
use crate::support::Project;

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
