//! Where a problem is said to be: the member that was written, the row that has it, and the line of a text that a person can mend.

use crate::support::Project;

const CONTACTS: &str = r#"  notification:
    notificationTemplate: CustomMessage
    notificationChannel: EmailPreferred
    emailSubject: "News"
    emailBody: "Hello"
    smsBody: "Hello"
    customRecipients:
      - { emailAddress: "{{ mail }}" }
      - { mobileNumber: "{{ mobile }}" }
send:"#;

/// What `validate` says when it refuses.
fn refused(project: &Project) -> String {
    project.run(&["validate", "mailing.yaml"]).ends(2).stderr()
}

fn with_letter(members: &str) -> Project {
    let project = Project::small();
    project.replace("mailing.yaml", "send:", members);
    project
}

#[test]
fn a_contact_behind_one_that_is_left_out_has_its_own_place_and_row() {
    let project = with_letter(CONTACTS);
    project.write(
        "recipients.csv",
        "org,name,case,mail,mobile\n991825827,Ane,1,,91238863\n310244007,Bo,2,bo@example.no,91238863\n974760673,Cato,3,c@,\n",
    );
    let said = refused(&project);
    let mobile = "(2 rows, first at line 2)\n --> recipients.csv:2 (column mobile)";
    assert!(said.contains(mobile), "{said}");
    let mail = " --> recipients.csv:4 (column mail)";
    assert!(said.contains(mail), "{said}");
    assert!(said.contains("3 errors"), "{said}");
}

#[test]
fn a_literal_contact_behind_one_that_is_left_out_is_shown_at_its_line() {
    let project = with_letter(&CONTACTS.replace("{{ mobile }}", "91238863"));
    project.write(
        "recipients.csv",
        "org,name,case,mail\n991825827,Ane,1,\n310244007,Bo,2,bo@example.no\n",
    );
    let said = refused(&project);
    assert_eq!(said.matches("no country code").count(), 1, "{said}");
    assert!(
        said.contains("| ") && said.contains("mobileNumber: \"91238863\""),
        "{said}"
    );
    assert!(!said.contains("recipients.csv:2"), "{said}");
}

#[test]
fn replies_and_references_behind_others_have_their_own_places() {
    let project = with_letter(
        r#"  replyOptions:
    - { linkURL: "https://example.no", linkText: "Yes", when: "{{ name == 'Bo' }}" }
    - { linkURL: "{{ link }}", linkText: "No" }
  externalReferences:
    - { referenceType: AltinnAppInstance, referenceValue: "{{ name }}", when: "{{ name == 'Bo' }}" }
    - { referenceType: DialogportenTransmissionType, referenceValue: "{{ kind }}" }
send:"#,
    );
    project.write(
        "recipients.csv",
        "org,name,case,link,kind\n991825827,Ane,1,http://example.no,Nothing\n310244007,Bo,2,http://example.no,Nothing\n",
    );
    let said = refused(&project);
    for column in ["(column link)", "(column kind)"] {
        let place = format!("(2 rows, first at line 2)\n --> recipients.csv:2 {column}");
        assert!(said.contains(&place), "{column}: {said}");
    }
}

#[test]
fn an_attachment_behind_one_that_is_left_out_has_its_own_place() {
    let project = Project::small();
    project.write("a.pdf", "a");
    project.write("b.exe", "b");
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        r#"    attachments:
      - { file: a.pdf, sendersReference: a, when: "{{ name == 'Bo' }}" }
      - { file: b.exe, sendersReference: b }
    messageTitle"#,
    );
    let said = refused(&project);
    assert!(
        said.contains("{ file: b.exe") && !said.contains("{ file: a.pdf"),
        "{said}"
    );
    assert!(said.contains("1 error"), "{said}");
}

#[test]
fn text_of_the_manifest_is_shown_at_its_line_once() {
    for (from, to, member) in [
        ("\"Hello\"", "\"<b>Hello</b>\"", "messageTitle"),
        ("\"Hello\"", "\"<b>Hello</b> {{ name }}\"", "messageTitle"),
        (
            "send:",
            "  messageSender: \"<i>{{ name }}</i>\"\nsend:",
            "messageSender",
        ),
    ] {
        let project = Project::small();
        project.replace("mailing.yaml", from, to);
        let said = refused(&project);
        assert!(said.contains(&format!("{member}: ")), "{to}: {said}");
        assert!(said.contains("--> mailing.yaml:"), "{to}: {said}");
        assert!(!said.contains("recipients.csv:2"), "{to}: {said}");
        assert!(said.ends_with("1 error\n"), "{to}: {said}");
    }
}

#[test]
fn a_long_text_of_the_manifest_is_not_the_fault_of_a_row() {
    let project = Project::small();
    let title = format!("\"{} {{{{ case }}}}\"", "x ".repeat(150));
    project.replace("mailing.yaml", "\"Hello\"", &title);
    let said = refused(&project);
    assert!(said.contains("too long\n  --> mailing.yaml:"), "{said}");
    // A long value is.
    let project = Project::small();
    project.replace("mailing.yaml", "\"Hello\"", "\"To {{ name }}\"");
    let name = "x".repeat(300);
    project.write(
        "recipients.csv",
        format!("org,name,case\n991825827,{name},1\n310244007,Bo,2\n"),
    );
    let said = refused(&project);
    assert!(
        said.contains("--> recipients.csv:2 (column name)"),
        "{said}"
    );
}

#[test]
fn a_name_that_does_not_go_with_contacts_is_shown_where_it_is_written() {
    let letter = CONTACTS.replace(
        "emailBody: \"Hello\"",
        "emailBody: \"Hello $recipientName$, {{ name }}\"",
    );
    let project = with_letter(&letter);
    project.write(
        "recipients.csv",
        "org,name,case,mail,mobile\n991825827,Ane,1,a@example.no,+4791238863\n310244007,Bo,2,bo@example.no,+4791238863\n",
    );
    let said = refused(&project);
    assert!(
        said.contains("emailBody: \"Hello $recipientName$"),
        "{said}"
    );
    assert!(said.contains("1 error"), "{said}");
}

#[test]
fn counts_are_rows_in_every_format() {
    let project = with_letter(&CONTACTS.replace(
        "mobileNumber: \"{{ mobile }}\"",
        "emailAddress: \"{{ name }}\"",
    ));
    project.write(
        "recipients.csv",
        "org,name,case,mail\n991825827,Ane,1,x\n310244007,Bo,2,y\n974760673,Cato,3,c@example.no\n",
    );
    let said = refused(&project);
    for group in [
        "(3 rows, first at line 2)\n --> recipients.csv:2 (column name)",
        "(2 rows, first at line 2)\n --> recipients.csv:2 (column mail)",
    ] {
        assert!(said.contains(group), "{said}");
    }
    assert!(said.ends_with("\n5 errors in 3 rows\n"), "{said}");
    let json = project
        .run(&["validate", "mailing.yaml", "--format", "json"])
        .ends(2);
    let json: serde_json::Value = serde_json::from_str(&json.stdout()).unwrap();
    assert_eq!(json["errors"], 5);
    assert_eq!(json["rows_with_errors"], 3);
    for format in ["github", "csv"] {
        let run = project
            .run(&["validate", "mailing.yaml", "--format", format])
            .ends(2);
        assert!(
            run.stderr().ends_with("\n5 errors in 3 rows\n"),
            "{format}: {run}"
        );
    }
}

#[test]
fn a_hint_of_an_annotation_is_true_for_all_its_rows() {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case\nNO 991825827 MVA,Ane,1\n12345 67,Bo,2\n",
    );
    let run = project
        .run(&["validate", "mailing.yaml", "--format", "github"])
        .ends(2);
    let out = run.stdout();
    assert!(
        !out.contains("(2 rows") || !out.contains("hint: without"),
        "{out}"
    );
}

#[test]
fn an_attachment_that_not_every_row_has_asks_for_when() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: \"decisions/{{ pdf }}\", sendersReference: a }\n    messageTitle",
    );
    project.write("decisions/a.pdf", "a");
    project.write(
        "recipients.csv",
        "org,name,case,pdf\n991825827,Ane,1,a.pdf\n310244007,Bo,2,\n974760673,Cato,3,b.pdf\n",
    );
    let said = refused(&project);
    assert_eq!(
        said.matches("`when: \"{{ pdf != '' }}\"`").count(),
        2,
        "{said}"
    );
    project.write(
        "recipients.csv",
        "org,name,case,pdf\n991825827,Ane,1,A.PDF\n",
    );
    let said = refused(&project);
    assert!(said.contains("did you mean `decisions/a.pdf`?"), "{said}");
}

#[test]
fn a_wrong_language_in_a_files_name_is_called_so() {
    for language in ["no", "NO", "nb-NO", "bokmål", ""] {
        let project = Project::small();
        for code in ["nb", "nn"] {
            project.write(&format!("letter.{code}.md"), "Hello {{ name }}");
        }
        project.replace(
            "mailing.yaml",
            "\"Dear {{ name }}, case {{ case }} is open.\"",
            "{ file: \"letter.{{ language }}.md\" }",
        );
        project.write(
            "recipients.csv",
            format!("org,name,case,language\n991825827,Ane,1,nb\n310244007,Bo,2,{language}\n"),
        );
        let said = refused(&project);
        assert!(
            said.contains("a language is `nb`, `nn` or `en`"),
            "{language}: {said}"
        );
        assert!(said.contains("recipients.csv:3"), "{language}: {said}");
    }
}

#[test]
fn a_column_that_is_not_there_is_shown_in_the_letter() {
    for (body, file) in [
        ("{ file: letter.en.md }", "letter.en.md:3:8"),
        ("{ file: \"letter.{{ language }}.md\" }", "letter.en.md:3:8"),
        (
            "|\n      Hello\n\n      To {{ nam }}, today.",
            "mailing.yaml:16:13",
        ),
    ] {
        let project = Project::small();
        project.write("letter.en.md", "Hello\n\n To {{ nam }}, today.\n");
        project.replace(
            "mailing.yaml",
            "\"Dear {{ name }}, case {{ case }} is open.\"",
            body,
        );
        project.write(
            "recipients.csv",
            "org,name,case,language\n991825827,Ane,1,en\n310244007,Bo,2,en\n",
        );
        let said = refused(&project);
        assert!(said.contains("To {{ nam }}, today."), "{body}: {said}");
        assert!(said.contains("did you mean `name`?"), "{body}: {said}");
        assert!(said.contains("1 error"), "{body}: {said}");
        assert!(said.contains(file), "{body}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_and_what_is_no_file_are_refused() {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    let outside = Project::small();
    outside.write("secret.pdf", "secret");
    let project = Project::small();
    symlink(outside.path("secret.pdf"), project.path("link.pdf")).unwrap();
    symlink(outside.path("."), project.path("folder")).unwrap();
    symlink("/dev/zero", project.path("zero")).unwrap();
    let made = Command::new("mkfifo").arg(project.path("pipe")).status();
    assert!(made.unwrap().success());
    let manifest = project.read("mailing.yaml");
    let attach = |file: &str| {
        let list = format!(
            "    attachments:\n      - {{ file: {file}, sendersReference: a }}\n    messageTitle"
        );
        project.write("mailing.yaml", manifest.replace("    messageTitle", &list));
        refused(&project)
    };
    for file in ["link.pdf", "folder/secret.pdf", "zero"] {
        let said = attach(file);
        assert!(
            said.contains("is a link out of the manifest's folder"),
            "{file}: {said}"
        );
    }
    for file in ["pipe", "."] {
        assert!(attach(file).contains("is not a file"), "{file}");
    }
    for (from, to) in [
        ("file: recipients.csv", "file: /dev/zero"),
        ("file: recipients.csv", "file: pipe"),
        ("file: recipients.csv", "file: ."),
        (
            "file: recipients.csv",
            "file: recipients.csv\n  exclude: /dev/zero",
        ),
        (
            "file: recipients.csv",
            "file: recipients.csv\n  exclude: pipe",
        ),
    ] {
        project.write("mailing.yaml", manifest.replace(from, to));
        let said = refused(&project);
        assert!(said.contains("it is not a plain file"), "{to}: {said}");
    }
    for file in ["pipe", "/dev/zero", "zero", "/dev/stdin"] {
        let run = project.run(&["validate", file]).ends(2);
        assert!(
            run.stderr().contains("it is not a plain file"),
            "{file}: {run}"
        );
    }
    project.write(
        "mailing.yaml",
        manifest.replace(
            "\"Dear {{ name }}, case {{ case }} is open.\"",
            "{ file: pipe }",
        ),
    );
    assert!(refused(&project).contains("it is not a file"));
}

#[test]
fn a_due_date_is_the_day_that_is_written() {
    let project = with_letter("  dueDateTime: \"2099-12-15T23:59:59Z\"\nsend:");
    let run = project.run(&["validate", "mailing.yaml"]).ends(0);
    assert!(run.stderr().contains("another day in Norway"), "{run}");
    assert!(
        run.stderr().contains("2099-12-16 00:59+01:00 in Norway"),
        "{run}"
    );
    assert!(run.stderr().contains("write `2099-12-15`"), "{run}");
    assert!(
        run.stdout().contains("due 2099-12-16 00:59+01:00\n"),
        "{run}"
    );

    let project = with_letter("  dueDateTime: \"2099-12-15\"\nsend:");
    let run = project.run(&["validate", "mailing.yaml"]).ends(0);
    let due = "due the end of 2099-12-15 in Norway\n";
    assert!(run.stdout().contains(due), "{run}");
    assert!(!run.stderr().contains("another day"), "{run}");
    let json = project
        .run(&["render", "mailing.yaml", "--limit", "1"])
        .ends(0)
        .stdout();
    assert!(
        json.contains("\"dueDateTime\":\"2099-12-15T23:59:59+01:00\""),
        "{json}"
    );
    let text = project.run(&["render", "mailing.yaml", "--text"]).ends(0);
    assert!(
        text.stdout().contains("15. desember 2099 kl. 23.59"),
        "{text}"
    );
    assert!(text.stderr().contains(due), "{text}");
    project
        .run(&["render", "mailing.yaml", "--html", "page.html"])
        .ends(0);
    assert!(
        project
            .read("page.html")
            .contains("<dt>Due</dt><dd>the end of 2099-12-15 in Norway</dd>")
    );
    let sent = project
        .run(&["send", "mailing.yaml", "--sandbox", "--dry-run"])
        .ends(0);
    assert!(sent.stderr().contains(due), "{sent}");

    let project = with_letter("  dueDateTime: \"{{ frist | date(form='iso') }}\"\nsend:");
    project.write(
        "recipients.csv",
        "org,name,case,frist\n991825827,Ane,1,15.07.2099\n310244007,Bo,2,16.12.2099\n",
    );
    let run = project.run(&["validate", "mailing.yaml"]).ends(0);
    let due = "due from the end of 2099-07-15 in Norway to the end of 2099-12-16 in Norway\n";
    assert!(run.stdout().contains(due), "{run}");
}

#[test]
fn text_of_a_file_that_rows_choose_is_shown_as_that_file() {
    let project = Project::small();
    let long = "too long ".repeat(4000);
    project.write("letter.nb.md", format!("Hei {{{{ name }}}}\n{long}"));
    project.write("letter.nn.md", &long);
    project.write("letter.en.md", b"Hello {{ name }}, \xe6\xf8\xe5");
    project.replace(
        "mailing.yaml",
        "\"Dear {{ name }}, case {{ case }} is open.\"",
        "{ file: \"letter.{{ language }}.md\" }",
    );
    let rows = |languages: [&str; 3]| {
        let [one, two, three] = languages;
        format!(
            "org,name,case,language\n991825827,Ane,1,{one}\n310244007,Bo,2,{two}\n974760673,Cato,3,{three}\n"
        )
    };
    project.write("recipients.csv", rows(["nb", "nn", "nb"]));
    let said = refused(&project);
    for file in ["letter.nb.md", "letter.nn.md"] {
        let place = format!("the body is too long\n --> {file}\n");
        assert!(said.contains(&place), "{said}");
    }
    assert!(said.contains("2 errors"), "{said}");
    project.write("recipients.csv", rows(["en", "en", "en"]));
    let said = refused(&project);
    let place = "error: the file is not UTF-8 text\n --> letter.en.md\n";
    assert!(said.contains(place), "{said}");
    assert!(said.contains("1 error"), "{said}");
}

#[test]
fn a_template_that_takes_texts_for_numbers_is_shown_once_where_it_is_written() {
    for body in [
        "{ file: \"letter.{{ language }}.md\" }",
        "{ file: letter.en.md }",
    ] {
        let project = Project::small();
        project.write(
            "letter.en.md",
            "Hello {{ name }}\n\n{{ case * 2 }} kroner\n",
        );
        project.replace(
            "mailing.yaml",
            "\"Dear {{ name }}, case {{ case }} is open.\"",
            body,
        );
        project.write(
            "recipients.csv",
            "org,name,case,language\n991825827,Ane,1,en\n310244007,Bo,2,en\n",
        );
        let said = refused(&project);
        assert!(said.contains(" --> letter.en.md:3:4\n"), "{said}");
        assert!(
            said.contains("times(by=2)") && said.contains("1 error"),
            "{said}"
        );
    }
}

#[test]
fn a_value_that_does_not_fit_names_its_column_and_its_tag() {
    let project = with_letter("  dueDateTime: \"{{ due | date(form='iso') }}\"\nsend:");
    project.write(
        "recipients.csv",
        "org,name,case,due\n991825827,Ane,1,2099-12-15\n310244007,Bo,2,\n",
    );
    let said = refused(&project);
    assert!(
        said.contains(" --> recipients.csv:3 (column due)\n"),
        "{said}"
    );
    assert!(said.contains("in mailing.yaml:14:26"), "{said}");
    assert!(
        said.contains(
            "the value is empty
  = hint: ask first"
        ),
        "{said}"
    );
}

#[test]
fn a_variable_with_the_name_of_a_column_is_shown_in_the_manifest() {
    let project = with_letter("variables: { name: x }\nsend:");
    let said = refused(&project);
    assert!(said.contains("variables: { name: x }"), "{said}");
}

#[test]
fn a_property_is_placed_by_itself() {
    let long = "k".repeat(51);
    let project = with_letter(&format!(
        "  propertyList:\n    one: \"{{{{ name }}}}\"\n    two: \"{{{{ note }}}}\"\n    {long}: \"{{{{ name }}}}\"\nsend:"
    ));
    let note = "n".repeat(301);
    project.write(
        "recipients.csv",
        format!("org,name,case,note\n991825827,Ane,1,\n310244007,Bo,2,{note}\n"),
    );
    let said = refused(&project);
    assert!(
        said.contains("the key of a property is too long\n  --> mailing.yaml:"),
        "{said}"
    );
    assert!(
        said.contains("the value of a property is too long\n --> recipients.csv:3 (column note)"),
        "{said}"
    );
    assert!(said.contains("2 errors"), "{said}");
}

#[test]
fn files_have_a_limit() {
    let grow = |project: &Project, name: &str, bytes: u64| {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(project.path(name));
        file.unwrap().set_len(bytes).unwrap();
    };
    let project = Project::small();
    grow(&project, "recipients.csv", 10_000_000_001);
    assert!(refused(&project).contains("the file is larger than 10 GB"));
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "  key: case",
        "  exclude: stop.csv\n  key: case",
    );
    grow(&project, "stop.csv", 1_000_000_001);
    assert!(refused(&project).contains("the file is larger than 1 GB"));
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: large.pdf, sendersReference: a }\n    messageTitle",
    );
    grow(&project, "large.pdf", 50_000_000_001);
    assert!(refused(&project).contains("error[2004]"));
}

#[test]
fn no_identity_number_in_a_files_name_is_told() {
    let number = "19874602976";
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: \"pdf/{{ who }}.PDF\", sendersReference: a }\n    messageTitle",
    );
    project.write(&format!("pdf/{number}.pdf"), "a");
    project.write(
        "recipients.csv",
        format!("org,name,case,who\n991825827,Ane,1,{number}\n"),
    );
    let said = refused(&project);
    assert!(
        said.contains("did you mean `pdf/198746*****.pdf`?"),
        "{said}"
    );
    assert!(!said.contains(number), "{said}");
    for text in [&b"{{ nam }}"[..], b"\xe5", &b"x".repeat(30_001)] {
        let project = Project::small();
        project.replace(
            "mailing.yaml",
            "\"Dear {{ name }}, case {{ case }} is open.\"",
            "{ file: \"{{ who }}.md\" }",
        );
        project.write(&format!("{number}.md"), text);
        project.write(
            "recipients.csv",
            format!("org,name,case,who\n991825827,Ane,1,{number}\n"),
        );
        let said = refused(&project);
        assert!(said.contains("198746*****.md"), "{said}");
        assert!(!said.contains(number), "{said}");
    }
}

/// What `validate` says of the small mailing with other files and other text in its manifest.
pub(crate) fn said_of(files: &[(&str, &[u8])], from: &str, to: &str) -> String {
    let project = Project::small();
    for (name, content) in files {
        project.write(name, content);
    }
    project.replace("mailing.yaml", from, to);
    project.run(&["validate", "mailing.yaml"]).stderr()
}

#[test]
fn a_row_with_another_error_is_a_duplicate_too() {
    let rows = b"org,name,case\n991825827,Ane,1\n31024400,Bo,1\n,Cato,3\n,Cato,3\n";
    let said = said_of(&[("recipients.csv", rows)], "\"Hello\"", "\"Hi\"");
    assert!(said.contains("`1` also stands on line 2"), "{said}");
    assert!(said.contains("`3` also stands on line 4"), "{said}");
}

#[test]
fn what_is_wrong_in_the_manifest_is_told_once_at_its_line() {
    for (from, to, told) in [
        ("version: 1", "version: '1'", "`version` must be 1"),
        (
            "send:",
            "  dueDateTime: 2026-13-45\nsend:",
            "rendered `2026-13-45`",
        ),
        (
            "\"Hello\"",
            "\"{{ name | truncate(length='a') }}\"",
            "this needs a whole number",
        ),
    ] {
        let said = said_of(&[], from, to);
        assert_eq!(said.matches(told).count(), 1, "{told}: {said}");
        assert!(said.contains("\n1 error\n"), "{told}: {said}");
        assert!(said.contains("--> mailing.yaml:"), "{told}: {said}");
    }
}

#[test]
fn a_file_with_another_spelling_of_its_name_is_hinted_at() {
    // As a Mac writes it: the ring is a character of its own.
    let (decomposed, composed) = ("mottakera\u{30a}.csv", "mottaker\u{e5}.csv");
    for (from, to) in [
        ("file: recipients.csv", format!("file: {composed}")),
        (
            "file: recipients.csv",
            format!("file: recipients.csv\n  exclude: {composed}"),
        ),
        (
            "\"Hello\"",
            format!("\"Hi\"\n    attachments: [{{ file: {composed}, sendersReference: a }}]"),
        ),
    ] {
        let said = said_of(&[(decomposed, b"case\n")], from, &to);
        let hint = format!("did you mean `{decomposed}`?");
        assert!(said.contains(&hint), "{to}: {said}");
        assert!(said.contains("a letter with a mark after it"), "{said}");
    }
}
