//! `massebrev new`: what it writes works as it is, and it never overwrites anything.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::people::{persons, spreadsheet};
use crate::support::{Project, Run, snapshot};

/// Validates, renders and sends what was written; every letter must arrive. Gives what `validate` said and the requests.
fn works(project: &Project, folder: &str, letters: usize) -> (Run, Vec<Value>) {
    let manifest = format!("{folder}/mailing.yaml");
    let validated = project.run(&["validate", &manifest]).ends(0);
    let rendered = project.run(&["render", &manifest]).ends(0).stdout();
    let requests: Vec<Value> = rendered
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(requests.len(), letters);
    project.run(&["send", &manifest, "--sandbox"]).ends(0);
    (validated, requests)
}

fn member<'a>(request: &'a Value, pointer: &str) -> &'a str {
    let value = request.pointer(&format!("/body/correspondence/{pointer}"));
    value.and_then(Value::as_str).unwrap_or_default()
}

fn manifest_of(project: &Project, rows: &str) -> String {
    project.write("rows.csv", rows);
    project.run(&["new", "out", "--from", "rows.csv"]).ends(0);
    project.read("out/mailing.yaml")
}

#[test]
fn a_starter_works_without_any_edit() {
    let project = Project::new();
    let run = project.run(&["new", "Påminnelse mva"]).ends(0);
    snapshot(|| assert_snapshot!("new", run.to_string().replace(&month(&project), "[MONTH]")));
    let (validated, requests) = works(&project, "Påminnelse mva", 4);
    assert!(!validated.to_string().contains("warning"), "{validated}");
    let languages: Vec<_> = requests
        .iter()
        .map(|request| member(request, "content/language"))
        .collect();
    assert_eq!(languages, ["nb", "nn", "en", "nb"]);
    for request in &requests {
        let body = member(request, "content/messageBody");
        assert!(
            body.starts_with("Hei ") || body.starts_with("Dear "),
            "{body}"
        );
    }
    let written = project.read("Påminnelse mva/mailing.yaml");
    assert!(
        written.contains("\nmailing: Paminnelse-mva-20"),
        "{written}"
    );
    let schema = project.read("Påminnelse mva/mailing.schema.json");
    assert_eq!(schema, project.run(&["schema"]).ends(0).stdout());
}

/// The year and the month in the name of a starter's mailing.
fn month(project: &Project) -> String {
    let text = project.read("Påminnelse mva/mailing.yaml");
    let name = text.split("mailing: Paminnelse-mva-").nth(1).unwrap();
    name[..7].to_owned()
}

#[test]
fn what_is_commented_out_works_too() {
    let project = Project::new();
    project.write(
        "rows.csv",
        "Fnr;Saksnummer;E-post;Mobil\n07827199405;1;a@example.no;91234567\n26818099001;2;;\n",
    );
    project.run(&["new", "out", "--from", "rows.csv"]).ends(0);
    project.write("out/terms.pdf", "%PDF-1.4\n");
    project.write("out/attachments/1.pdf", "%PDF-1.4\n");
    project.write("out/attachments/2.pdf", "%PDF-1.4\n");
    let text = project.read("out/mailing.yaml");
    let active: Vec<_> = text
        .lines()
        .skip(2)
        .map(|line| match line.trim_start().strip_prefix("# ") {
            Some(rest) if is_yaml(rest) => line.replacen("# ", "", 1),
            _ => line.to_owned(),
        })
        .collect();
    let active = active.join("\n");
    for member in [
        "clientId:",
        "where:",
        "attachments:",
        "dueDateTime:",
        "isConfirmationNeeded:",
        "customRecipients:",
        "rate:",
    ] {
        assert!(
            active
                .lines()
                .any(|line| line.trim_start().starts_with(member)),
            "{member}\n{active}"
        );
    }
    project.write("out/mailing.yaml", active);
    let (validated, requests) = works(&project, "out", 2);
    assert!(!validated.to_string().contains("warning"), "{validated}");
    let contacts = |at: usize| {
        requests[at]
            .pointer("/body/correspondence/notification/customRecipients")
            .cloned()
    };
    let expected =
        serde_json::json!([{ "emailAddress": "a@example.no" }, { "mobileNumber": "+4791234567" }]);
    assert_eq!(contacts(0), Some(expected));
    assert_eq!(contacts(1), None, "empty cells are left out");
    assert_eq!(requests[0]["files"].as_array().unwrap().len(), 2);
}

/// Whether a comment is a member or an entry of a list, not a sentence.
fn is_yaml(comment: &str) -> bool {
    let comment = comment.trim_start();
    let key = comment.split(':').next().unwrap_or_default();
    comment.starts_with("- {")
        || (comment.contains(':') && key.chars().all(char::is_alphanumeric) && !key.is_empty())
}

#[test]
fn the_commands_it_prints_work_from_where_it_was_called() {
    let project = Project::new();
    let run = project.run(&["new", "a/b/brev"]).ends(0);
    let stderr = run.stderr();
    let commands: Vec<_> = stderr
        .lines()
        .filter_map(|line| line.split("massebrev ").nth(1))
        .collect();
    assert_eq!(commands.len(), 3, "{run}");
    for command in commands {
        project.run(&command.split(' ').collect::<Vec<_>>()).ends(0);
    }
    for path in run.stdout().lines() {
        assert!(project.path(path).is_file(), "{path}");
    }
    assert_eq!(run.stdout().lines().count(), 7);
}

#[test]
fn a_spreadsheet_becomes_a_mailing_in_every_encoding() {
    let windows = spreadsheet(60);
    let text: String = windows.iter().map(|byte| char::from(*byte)).collect();
    let wide = format!("\u{feff}{}", text.replace(';', "\t"));
    let utf16 = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(&str, Vec<u8>); 4] = [
        ("Windows-1252, semicolon", windows),
        ("UTF-8, semicolon", text.clone().into_bytes()),
        (
            "UTF-8, pipe",
            format!("\u{feff}{}", text.replace(';', "|")).into_bytes(),
        ),
        ("UTF-16LE, tab", utf16),
    ];
    for (dialect, bytes) in files {
        let project = Project::new();
        project.write("liste.txt", &bytes);
        let run = project.run(&["new", "out", "--from", "liste.txt"]).ends(0);
        assert!(run.stderr().contains(dialect), "{run}");
        assert_eq!(fs::read(project.path("out/recipients.csv")).unwrap(), bytes);
        let (_, requests) = works(&project, "out", 60);
        let of_language = |language| {
            requests
                .iter()
                .filter(|request| member(request, "content/language") == language)
                .count()
        };
        assert_eq!(
            (of_language("nb"), of_language("nn"), of_language("en")),
            (30, 15, 15)
        );
        assert!(
            requests
                .iter()
                .any(|request| member(request, "content/messageBody").contains("Sæbjørg Dæhli"))
        );
        assert_eq!(member(&requests[6], "sendersReference"), "2026/00007");
    }
}

#[test]
fn what_was_recognised_is_shown_and_no_value_of_a_row() {
    let project = Project::new();
    project.write("liste.csv", spreadsheet(9));
    let run = project.run(&["new", "out", "--from", "liste.csv"]).ends(0);
    snapshot(|| assert_snapshot!("new_from", run));
    let manifest = project.read("out/mailing.yaml");
    for value in persons()
        .take(9)
        .chain(["Sæbjørg".into(), "example.no".into(), "2026/0".into()])
    {
        assert!(!run.to_string().contains(&value), "{run}");
        assert!(!manifest.contains(&value), "{manifest}");
    }
}

/// The 2,799 synthetic persons beside the project, when they are there.
#[test]
fn files_as_spreadsheets_save_them_become_mailings() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let Ok(entries) = fs::read_dir(shared) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let project = Project::new();
        project
            .run(&["new", "out", "--from", path.to_str().unwrap()])
            .ends(0);
        assert_eq!(
            fs::read(&path).unwrap(),
            fs::read(project.path("out/recipients.csv")).unwrap()
        );
        let validated = project.run(&["validate", "out/mailing.yaml"]).ends(0);
        assert!(validated.stdout().contains("2799 letters"), "{validated}");
    }
}

#[test]
fn odd_headers_are_spoken_of_as_they_are() {
    let project = Project::new();
    let manifest = manifest_of(
        &project,
        "Fødselsnummer (11 siffer): ja;\"Sak \"\"A\"\": 'nr'\";2. navn;Navn;\"Språk #1\";E-post: privat;\"Linje\nto\";# c\\d;\"}} {% x\";Имя\n\
         07827199405;1;x;Kari;nb;a@example.no;y;z;w;v\n\
         26818099001;2;x;Ola;nn;;y;z;w;v\n",
    );
    for part in [
        "  key: 'Sak \"A\": ''nr'''  #",
        "  sendersReference: '{{ row[`Sak \"A\": ''nr''`] }}'\n",
        "#   {{ __c_d }}",
        "{{ row[\"Fødselsnummer (11 siffer): ja\"] }}",
        "#   {{ row[\"2. navn\"] }}",
        "#   {{ row[\"Linje to\"] }}",
        "#   {{ row[\"Имя\"] }}",
        "{ file: 'letter.{{ row[\"Språk #1\"] }}.md' }",
    ] {
        assert!(manifest.contains(part), "{part}\n{manifest}");
    }
    works(&project, "out", 2);
    // Every expression the comments offer can be used.
    let offered: Vec<_> = manifest
        .lines()
        .filter(|line| line.starts_with("#   {{"))
        .map(|line| line.trim_start_matches("#   "))
        .collect();
    assert_eq!(offered.len(), 5, "{offered:?}");
    let offered = offered.join("\n");
    for language in ["nb", "nn"] {
        let letter = project.read(&format!("out/letter.{language}.md"));
        project.write(
            &format!("out/letter.{language}.md"),
            letter + &offered + "\n",
        );
    }
    let rendered = project
        .run(&["render", "out/mailing.yaml"])
        .ends(0)
        .stdout();
    assert!(
        rendered.contains("\\nx\\n") && rendered.contains("z\\nw\\nv"),
        "{rendered}"
    );
}

#[test]
fn a_file_of_recipients_alone_is_enough() {
    let project = Project::new();
    let manifest = manifest_of(&project, "orgnr\n991825827\n310244007\n");
    assert!(manifest.contains("  # key: COLUMN"), "{manifest}");
    assert!(manifest.contains("language: nb\n"), "{manifest}");
    let (_, requests) = works(&project, "out", 2);
    assert!(
        member(&requests[0], "content/messageBody").starts_with("Hei {{recipientName}},"),
        "{}",
        requests[0]
    );
    assert!(!project.path("out/letter.en.md").exists());
}

#[test]
fn the_identity_numbers_of_others_are_no_key() {
    let project = Project::new();
    let manifest = manifest_of(
        &project,
        "Fnr;Ektefelle fnr;Navn\n11836533307;02829227447;Ola\n04867702925;17844204450;Kari\n",
    );
    assert!(manifest.contains("  # key: COLUMN"), "{manifest}");
    let (_, requests) = works(&project, "out", 2);
    assert!(
        !requests[0].to_string().contains("02829227447"),
        "{manifest}"
    );
}

#[test]
fn persons_and_organisations_may_stand_in_columns_of_their_own() {
    let project = Project::new();
    let manifest = manifest_of(
        &project,
        "Fnr,Orgnr,Navn,Nr\n07827199405,,Kari,1\n,310244007,Fjellheim,2\n26818099001,,Ola,3\n",
    );
    assert!(
        manifest.contains("{% if Fnr %}{{ Fnr }}{% else %}{{ Orgnr }}{% endif %}"),
        "{manifest}"
    );
    let (_, requests) = works(&project, "out", 3);
    assert_eq!(
        requests[1]["body"]["recipients"][0],
        "urn:altinn:organization:identifier-no:310244007"
    );
}

#[test]
fn rows_without_a_language_get_a_letter_too() {
    let project = Project::new();
    manifest_of(&project, "Fnr,Nr,lang\n07827199405,1,nn\n26818099001,2,\n");
    let (_, requests) = works(&project, "out", 2);
    assert_eq!(member(&requests[0], "content/language"), "nn");
    assert_eq!(member(&requests[1], "content/language"), "nb");
}

#[test]
fn a_damaged_file_is_recognised_and_validate_tells_the_damage() {
    let project = Project::new();
    project.write(
        "rows.csv",
        "Fødselsnummer;Nr;Navn\n7827199405;1;Kari\n26818099001;2;Ola\n13876698239;3\n",
    );
    let run = project.run(&["new", "out", "--from", "rows.csv"]).ends(0);
    assert!(
        run.stderr()
            .contains("warning: rows that cannot be read: 1"),
        "{run}"
    );
    let validated = project.run(&["validate", "out/mailing.yaml"]).ends(2);
    assert!(validated.stderr().contains("leading zero"), "{validated}");
}

#[test]
fn a_file_whose_rows_are_alike_is_warned_about() {
    let project = Project::new();
    project.write("rows.csv", "Orgnr,Nr\n991825827,1\n991825827,1\n");
    let run = project.run(&["new", "out", "--from", "rows.csv"]).ends(0);
    assert!(
        run.stderr()
            .contains("warning: no column tells all rows apart"),
        "{run}"
    );
    project.run(&["validate", "out/mailing.yaml"]).ends(2);
}

#[test]
fn a_file_in_the_folder_stays_where_it_is() {
    let project = Project::new();
    project.write("out/min liste.csv", "Orgnr,Nr\n991825827,1\n");
    let run = project
        .run(&["new", "out", "--from", "out/min liste.csv"])
        .ends(0);
    assert!(!project.path("out/recipients.csv").exists(), "{run}");
    assert!(
        project
            .read("out/.gitignore")
            .contains("\n/min\\ liste.csv\n")
    );
    works(&project, "out", 1);
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::new();
    project.write("out/letter.nb.md", "mine");
    project.write("out/.gitignore", "mine");
    project.write("out/notes.txt", "mine");
    let run = project.run(&["new", "out"]).ends(2);
    snapshot(|| assert_snapshot!("new_refused", run));
    assert_eq!(
        fs::read_dir(project.path("out")).unwrap().count(),
        3,
        "nothing was written"
    );
    assert_eq!(project.read("out/letter.nb.md"), "mine");

    fs::remove_file(project.path("out/letter.nb.md")).unwrap();
    fs::remove_file(project.path("out/.gitignore")).unwrap();
    project.run(&["new", "out"]).ends(0);
    project.run(&["new", "out"]).ends(2);
    project.run(&["new", "out/notes.txt"]).ends(2);
    assert_eq!(project.read("out/notes.txt"), "mine");
}

#[test]
fn a_file_no_mailing_can_be_made_of_is_refused() {
    let project = Project::new();
    for (name, content) in [
        ("no recipients", "Navn,Beløp\nKari,1\n"),
        ("no rows", "Orgnr,Navn\n"),
        ("no header", "07827199405,Kari\n"),
        ("names that collide", "Orgnr,E-post,E.post\n991825827,a,b\n"),
        ("nothing", ""),
        ("a workbook", "PK\u{3}\u{4}"),
        ("other numbers", "Faktura,Konto\n123456789,98765432109\n"),
    ] {
        project.write("rows.csv", content);
        let run = project.run(&["new", "out", "--from", "rows.csv"]).ends(2);
        assert!(run.stderr().contains("error"), "{name}: {run}");
        assert!(!project.path("out").exists(), "{name}");
        if name == "no recipients" {
            snapshot(|| assert_snapshot!("new_without_recipients", run));
        }
    }
    let run = project.run(&["new", "out", "--from", "none.csv"]).ends(2);
    assert!(run.stderr().contains("cannot read none.csv"), "{run}");
    project.run(&["new", "out", "--from", "."]).ends(2);
    project.run(&["new"]).ends(2);
}
