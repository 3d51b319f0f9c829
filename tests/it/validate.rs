//! What `validate` finds, and how it tells it: to people, to programs and to GitHub.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::people::spreadsheet;
use crate::support::{Project, Run, snapshot};

/// The small mailing with something wrong in the manifest, in some rows and in one row twice.
fn troubled() -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle: \"Hello\"\n",
        "    language: \"{{ name }}\"\n    messageTitle: \"{{ name }}, hello\"\n",
    );
    project.replace(
        "mailing.yaml",
        "  content:\n",
        "  notification:\n    notificationChannel: Sms\n  content:\n",
    );
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,nb,1\n310244007,xx,2\n974760673,<b>,3\n991825828,en,\n",
    );
    project
}

/// What is printed as JSON, which keeps its schema.
fn object(run: &Run) -> Value {
    let object: Value = serde_json::from_str(&run.stdout()).unwrap();
    let schema = include_str!("../../schema/validation.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let wrong: Vec<_> = validator
        .iter_errors(&object)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{object:#}");
    object
}

fn validated(project: &Project, status: i32) -> Value {
    object(
        &project
            .run(&["validate", "mailing.yaml", "--format", "json"])
            .ends(status),
    )
}

/// The messages of all problems.
fn messages(project: &Project, status: i32) -> Vec<String> {
    let object = validated(project, status);
    let problems = object["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| problem["message"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn problems_are_told_in_every_format() {
    let project = troubled();
    for format in ["text", "json", "github"] {
        let run = project
            .run(&["validate", "mailing.yaml", "--format", format])
            .ends(2);
        if format == "json" {
            object(&run);
        }
        snapshot(|| assert_snapshot!(format!("validate_{format}"), run));
    }
}

#[test]
fn a_valid_mailing_has_its_plan_in_every_format() {
    let project = Project::small();
    let valid = validated(&project, 0);
    let plan = valid["plan"].as_str().unwrap();
    for format in ["text", "github"] {
        let run = project
            .run(&["validate", "mailing.yaml", "--format", format])
            .ends(0);
        assert!(run.stdout().contains(&format!("plan {plan}")), "{run}");
    }
    let counts = ["valid", "rows", "letters", "skipped", "errors", "warnings"];
    let counts: Vec<_> = counts.iter().map(|name| valid[name].clone()).collect();
    assert_eq!(json!(counts), json!([true, 3, 3, 0, 0, 0]));
}

#[test]
fn a_manifest_that_cannot_be_read_is_told_as_json_too() {
    let project = Project::small();
    project.replace("mailing.yaml", "version: 1", "version: 2");
    let told = validated(&project, 2);
    assert_eq!(told["mailing"], Value::Null);
    assert_eq!(told["rows"], Value::Null);
    assert_eq!(told["problems"][0]["place"]["line"], 1);
    let run = project.run(&["validate", "mailing.yaml", "--format", "github"]);
    let line = run.ends(2).stdout();
    assert!(
        line.starts_with("::error file=mailing.yaml,line=1,col=10,title=massebrev::"),
        "{line}"
    );
}

#[test]
fn no_identity_number_is_in_what_is_told() {
    let project = Project::small();
    project.write("recipients.csv", "org,name,case\n07827199406,Ane,1\n");
    for format in ["text", "json", "github"] {
        let run = project.run(&["validate", "mailing.yaml", "--format", format]);
        assert!(!run.ends(2).to_string().contains("99406"));
    }
}

#[test]
fn rows_are_checked_also_when_the_letter_does_not_compile() {
    let project = Project::small();
    project.replace("mailing.yaml", "{{ name }}", "{{ row['nmae'] }}");
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n99182582,Bo,2\n974760673,Cato,1\n310244007,Dag\n",
    );
    let run = project.run(&["validate", "mailing.yaml"]).ends(2);
    snapshot(|| assert_snapshot!("validate_rows_of_a_broken_letter", run));
}

#[test]
fn rows_are_read_through_also_when_nobody_knows_who_gets_the_letter() {
    let project = Project::small();
    project.replace("mailing.yaml", "{{ org }}", "{{ orgno }}");
    project.write("recipients.csv", "org,name,case\n991825827,Ane\n1,Bo,2\n");
    assert_eq!(
        messages(&project, 2),
        [
            "there is no column or variable `orgno`",
            "the row has 2 values, but the header has 3 columns"
        ]
    );
}

#[test]
fn a_column_in_row_that_is_not_there_is_found_before_any_row() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "{{ name }}",
        "{{ row['Name'] }}{{ row.cas }}",
    );
    let told = validated(&project, 2);
    let problems = told["problems"].as_array().unwrap();
    let told: Vec<_> = problems
        .iter()
        .map(|problem| (problem["message"].as_str(), problem["hint"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                Some("there is no column `Name`"),
                Some("did you mean `name`? they differ in upper and lower case")
            ),
            (
                Some("there is no column `cas`"),
                Some("did you mean `case`?")
            ),
        ]
    );
}

#[test]
fn columns_and_variables_that_nothing_uses_are_warnings() {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case,phone,language,country\n991825827,Ane,1,,nb,NO\n310244007,Bo,2,,en,NO\n974760673,Cato,3,,en,SE\n",
    );
    project.replace(
        "mailing.yaml",
        "correspondence:",
        "variables: { used: 1, unused: 2 }\ncorrespondence:",
    );
    project.replace("mailing.yaml", "\"Hello\"", "\"Hello {{ used }}\"");
    project.replace(
        "mailing.yaml",
        "recipients:",
        "recipients:\n  where: \"{{ country == 'NO' }}\"",
    );
    let run = project.run(&["validate", "mailing.yaml"]).ends(0);
    snapshot(|| assert_snapshot!("validate_unused", run));
    // What a file speaks of that a row chooses is used.
    project.replace(
        "mailing.yaml",
        "\"Dear {{ name }}, case {{ case }} is open.\"",
        "{ file: \"{{ language }}.md\" }",
    );
    project.write("nb.md", "Hei {{ name }}");
    project.write("en.md", "Call {{ phone }}");
    assert_eq!(
        messages(&project, 0),
        [
            "`phone` is empty, and the letter shows it",
            "no template uses the variable `unused`"
        ]
    );
}

#[test]
fn more_warnings_than_anybody_reads_stop_nothing() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "\"Hello\"",
        "\"Hello\"\n    messageSummary: \"{{ note }}\"",
    );
    let mut rows = "org,name,case,note\n".to_owned();
    for row in 1..=10_010 {
        rows += &["991825827,Ane,", &row.to_string(), ",x^2^\n"].concat();
    }
    project.write("recipients.csv", rows);
    let told = validated(&project, 0);
    assert_eq!(told["letters"], 10_010);
    let problems = told["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 10_002);
    let last = problems.last().unwrap();
    assert_eq!(
        last["message"],
        "the summary is not plain text: 10 more times"
    );
    assert_eq!(last["code"], "1004");
}

#[test]
fn a_finding_that_rows_decide_is_told_with_its_rows() {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case,confirm,due\n991825827,Ane,1,true,\n310244007,Bo,2,false,\n974760673,Cato,3,true,2999-01-01\n",
    );
    project.replace(
        "mailing.yaml",
        "  content:\n",
        "  isConfirmationNeeded: \"{{ confirm }}\"\n  dueDateTime: \"{{ due }}\"\n  content:\n",
    );
    let told = validated(&project, 2);
    assert_eq!(
        told["problems"],
        json!([{
            "severity": "error",
            "code": "1016",
            "first": true,
            "message": "a letter to be confirmed needs a due date",
            "place": { "file": "recipients.csv", "line": 2, "row": 1, "columns": ["due", "confirm"] },
            "hint": "set `dueDateTime`, or leave out `isConfirmationNeeded`"
        }])
    );
}

#[test]
fn what_a_spreadsheet_has_done_to_columns_is_named() {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case,frist,when,sum,postnr,unused\n\
         991825827,Ane,102600,2026-12-15,2026-12-15,43164,0150,45991\n\
         310244007,K\u{c3}\u{a5}re,12600,45991,45992,\"1,2E+7\",150,\"1,2E+7\"\n\
         974760673,\u{a0}Cato, 302600,46000,15.12.2026,7,7003,\n\
         991825827,Dag,302601,2026-12-16,2026-12-15,7,7003,\n\
         310244007,Eva,302602,2026-12-16,2026-12-15,7,7003,\n",
    );
    project.replace(
        "mailing.yaml",
        "{{ name }}",
        "{{ name }}{{ frist }}{{ when }}{{ sum }}{{ postnr }}",
    );
    // A key with a blank is no number, so it is looked at by itself.
    let run = project.run(&["validate", "mailing.yaml"]).ends(0);
    snapshot(|| assert_snapshot!("validate_damage", run));
    project.replace("recipients.csv", " 302600", "302600");
    let messages = messages(&project, 0);
    let short = |message: &String| message.starts_with("the key `case` is shorter");
    assert!(messages.iter().any(short), "{messages:?}");
}

#[test]
fn sound_lists_raise_no_alarm() {
    let project = Project::example("spreadsheet");
    project.write("mottakere.csv", spreadsheet(2000));
    assert_eq!(messages(&project, 0), [""; 0]);
    let project = Project::small();
    let mut rows = "org,name,case\n".to_owned();
    for row in 99_900..100_500 {
        rows += &["991825827,Ane,", &row.to_string(), "\n"].concat();
    }
    project.write("recipients.csv", rows);
    assert_eq!(
        messages(&project, 0),
        ["599 letters go to a recipient who gets another one too"]
    );
}

#[test]
fn a_manifest_of_any_size_has_an_end() {
    let project = Project::small();
    let small = project.read("mailing.yaml");
    let padded = |filling: &str, length: usize| {
        let times = length.saturating_sub(small.len()) / filling.len();
        [&small, filling.repeat(times).as_str()].concat()
    };
    let aliases = |level: u32| {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{inner}]\n")
    };
    let bomb: String = (1..10).map(aliases).collect();
    for (manifest, status, said) in [
        (padded("# filling\n", 10_000_000), 0, "plan sha256:"),
        (
            padded("#\n", 10_000_004),
            2,
            "the manifest is larger than 10 MB",
        ),
        (padded("send: {}\n", 10_000_000), 2, "`send` is there twice"),
        ("[{".repeat(4_999_999), 2, "nested"),
        (
            format!("a0: &a0 [x]\n{bomb}{small}"),
            2,
            "the aliases make the file too large",
        ),
    ] {
        project.write("mailing.yaml", manifest);
        let run = project.run(&["validate", "mailing.yaml"]).ends(status);
        assert!(run.to_string().contains(said), "{said}: {run}");
        assert!(run.to_string().len() < 40_000, "{said}");
    }
}

#[test]
fn a_thousand_variables_that_nothing_uses_are_not_a_thousand_warnings() {
    let project = Project::small();
    let mut variables = "variables:\n".to_owned();
    for number in 0..1000 {
        variables += &["  v", &number.to_string(), ": 1\n"].concat();
    }
    let manifest = project.read("mailing.yaml") + &variables;
    project.write("mailing.yaml", manifest);
    let messages = messages(&project, 0);
    assert_eq!(messages.len(), 21);
    assert_eq!(messages[20], "980 more variables that no template uses");
}

#[test]
fn a_files_own_errors_come_before_those_of_its_letter() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle: \"Hello\"",
        "    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n    messageTitle: \"# Hello\"",
    );
    project.write("terms.pdf", "");
    let told = validated(&project, 2);
    let problems = told["problems"].as_array().unwrap();
    let turns: Vec<_> = problems
        .iter()
        .map(|problem| json!([problem["code"], problem["first"], problem["place"]["line"]]))
        .collect();
    assert_eq!(
        json!(turns),
        json!([["2004", true, 13], ["1002", false, 14]])
    );
}
