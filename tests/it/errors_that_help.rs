//! What a first user meets: codes, next steps, placeholders, files that must not be lost, statuses whatever reads stdout.

use crate::support::{LiveSandbox, Project, Run};

fn stderr(run: &Run) -> String {
    run.stderr()
}

#[test]
fn codes_are_explained_by_a_command() {
    let project = Project::new();
    for (code, words) in [
        ("1023", "nb, nn or en"),
        ("error[3015]", "$recipientName$"),
        ("STD-00000", "model validation"),
        ("mp-100", "kid"),
        ("1062", "servicedesk@altinn.no"),
    ] {
        let run = project.run(&["explain", code]).ends(0);
        assert!(run.stdout().contains(words), "{code}: {}", run.stdout());
    }
    let all = project.run(&["explain"]).ends(0).stdout();
    for code in ["STD-00000", "1001", "4010", "MP-011", "MP-303"] {
        assert!(all.contains(code), "{code}");
    }
    let unknown = project.run(&["explain", "7777"]).ends(2);
    assert!(
        stderr(&unknown).contains("massebrev explain"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn a_code_is_explained_where_it_first_appears() {
    let project = Project::small();
    project.replace("mailing.yaml", "\"Hello\"", "\"{{ name }}\"");
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,<b>A</b>,1\n310244007,<b>B</b>,2\n",
    );
    let said = stderr(&project.run(&["validate", "mailing.yaml"]).ends(2));
    assert_eq!(said.matches("massebrev explain 1002").count(), 1, "{said}");
}

#[test]
fn every_row_of_a_problem_can_be_had() {
    let project = Project::small();
    project.replace("mailing.yaml", "\"Hello\"", "\"{{ name }}\"");
    let rows: String = (1..=20)
        .map(|case| format!("991825827,<b>{case}</b>,{case}\n"))
        .collect::<Vec<_>>()
        .concat();
    project.write("recipients.csv", format!("org,name,case\n{rows}"));
    let few = stderr(&project.run(&["validate", "mailing.yaml"]).ends(2));
    assert!(few.contains("(20 rows") && !few.contains("<b>20"), "{few}");
    let all = stderr(&project.run(&["validate", "mailing.yaml", "--all"]).ends(2));
    assert!(
        all.contains("line 21: ") && all.contains("<b>20</b>"),
        "{all}"
    );
    let csv = project
        .run(&["validate", "mailing.yaml", "--format", "csv"])
        .ends(2)
        .stdout();
    assert!(
        csv.starts_with("\u{feff}file;line;row;columns;severity;code;message;cause;hint\r\n"),
        "{csv}"
    );
    assert!(
        csv.contains("recipients.csv;21;20;name;error;1002;"),
        "{csv}"
    );
}

#[test]
fn placeholders_of_a_new_mailing_go_to_the_sandbox_only() {
    let project = Project::new();
    project.run(&["new", "demo"]).ends(0);
    project.run(&["validate", "demo/mailing.yaml"]).ends(0);
    project.replace(
        "demo/mailing.yaml",
        "environment: sandbox",
        "environment: tt02",
    );
    project.replace(
        "demo/mailing.yaml",
        "# auth:\n#   clientId: 00000000-0000-0000-0000-000000000000\n",
        "auth:\n  clientId: 00000000-0000-0000-0000-000000000000\n",
    );
    let refused = stderr(&project.run(&["validate", "demo/mailing.yaml"]).ends(2));
    assert!(
        refused.contains("only zeros") && refused.contains("example-letter"),
        "{refused}"
    );
    assert!(refused.contains("mailing.yaml:"), "{refused}");
    project
        .run(&["send", "demo/mailing.yaml", "--sandbox"])
        .ends(0);
}

#[test]
fn the_next_step_is_one_that_can_be_taken() {
    let project = Project::small();
    let next = stderr(&project.run(&["validate", "mailing.yaml"]).ends(0));
    assert!(
        next.contains("next: massebrev render mailing.yaml --html small-preview.html"),
        "{next}"
    );
    project
        .run(&["render", "mailing.yaml", "--html", "small-preview.html"])
        .ends(0);
    let next = stderr(&project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0));
    assert!(
        next.contains("next: massebrev send mailing.yaml --dry-run"),
        "{next}"
    );
    let hint = stderr(&project.run(&["report", "mailing.yaml"]).ends(2));
    assert!(
        hint.contains("there is a rehearsal: massebrev report mailing.yaml --sandbox"),
        "{hint}"
    );
}

#[test]
fn a_rehearsal_is_forgotten_and_nothing_else() {
    let project = Project::small();
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    let again = stderr(&project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0));
    assert!(
        again.contains("to rehearse again: massebrev send mailing.yaml --sandbox --afresh"),
        "{again}"
    );
    project.replace("mailing.yaml", "is open.", "is closed.");
    let changed = stderr(&project.run(&["send", "mailing.yaml", "--sandbox"]).ends(2));
    assert!(
        changed.contains("--sandbox --afresh") && !changed.contains("rm "),
        "{changed}"
    );
    let afresh = project
        .run(&["send", "mailing.yaml", "--sandbox", "--afresh"])
        .ends(0);
    assert!(afresh.stdout().contains("sent"), "{}", afresh.stdout());

    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let refused = stderr(&project.run(&["send", "mailing.yaml", "--afresh"]).ends(2));
    assert!(
        refused.contains("--afresh forgets rehearsals only"),
        "{refused}"
    );
    project.run(&["report", "mailing.yaml"]).ends(0);
}

#[test]
fn a_file_of_the_user_is_not_overwritten() {
    let project = Project::small();
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    let rows = project.read("recipients.csv");
    for format in ["csv", "json", "html", "text"] {
        let report = [
            "report",
            "mailing.yaml",
            "--sandbox",
            "--format",
            format,
            "-o",
        ];
        let onto = |file: &str| project.run(&[&report[..], &[file]].concat());
        let refused = stderr(&onto("recipients.csv").ends(2));
        assert!(
            refused.contains("is there already and is no report"),
            "{refused}"
        );
        assert_eq!(project.read("recipients.csv"), rows);
        let own = format!("out.{format}");
        onto(&own).ends(0);
        onto(&own).ends(0);
    }
    assert!(!project.path("recipients.csv.part").exists());
}

#[test]
fn a_command_ends_with_its_own_status_whatever_became_of_stdout() {
    let project = Project::small();
    project.replace("mailing.yaml", "\"Hello\"", "\"<b>{{ name }}</b>\"");
    for format in ["json", "github", "csv", "text"] {
        assert_eq!(
            project.run_with_closed_stdout(&["validate", "mailing.yaml", "--format", format]),
            Some(2),
            "{format}"
        );
    }
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n08900499559,Bo,2\n",
    );
    // The second recipient has reserved against digital letters.
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(1);
    assert_eq!(
        project.run_with_closed_stdout(&["send", "mailing.yaml", "--sandbox", "--afresh"]),
        Some(1)
    );
    assert_eq!(
        project.run_with_closed_stdout(&["validate", "mailing.yaml"]),
        Some(0)
    );

    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox).with_env(
        "MASSEBREV_CLIENT_ID",
        "5f2c0000-0000-4000-8000-000000000001",
    );
    let check = ["token", "mailing.yaml", "--check"];
    assert_eq!(project.run_with_closed_stdout(&check), Some(3));
}

#[test]
fn a_manifest_that_is_not_there_is_looked_for() {
    let project = Project::small();
    for wrong in ["maling.yaml", "."] {
        let said = stderr(&project.run(&["validate", wrong]).ends(2));
        assert!(
            said.contains("did you mean mailing.yaml?"),
            "{wrong}: {said}"
        );
    }
}

#[test]
fn a_wrong_variable_is_named_and_a_misspelt_one_too() {
    let project = Project::small().with_env("MASSEBREV_SANDBOX", "1");
    let said = stderr(&project.run(&["send", "mailing.yaml", "--dry-run"]).ends(2));
    assert!(said.contains("the variable MASSEBREV_SANDBOX"), "{said}");
    let project = Project::small()
        .with_env("MASSEBREV_CONCURENCY", "not-to-be-shown")
        .with_env("MASSEBREV_KEY_PROD", "not-to-be-shown");
    let said = stderr(&project.run(&["validate", "mailing.yaml"]).ends(0));
    assert!(
        said.contains("did you mean MASSEBREV_CONCURRENCY?"),
        "{said}"
    );
    assert!(
        !said.contains("KEY_PROD") && !said.contains("not-to-be"),
        "{said}"
    );
    for (wrong, right) in [
        ("LIMITT", "LIMIT"),
        ("LIMITS", "LIMIT"),
        ("EXPECTED", "EXPECT"),
        ("ROW", "ROWS"),
        ("KEY_FIL", "KEY_FILE"),
    ] {
        let project = Project::small().with_env(&format!("MASSEBREV_{wrong}"), "1");
        for arguments in [
            &["send", "mailing.yaml", "--sandbox"][..],
            &["send", "mailing.yaml", "--dry-run"],
        ] {
            let said = stderr(&project.run(arguments).ends(2));
            assert!(
                said.contains(&format!(
                    "MASSEBREV_{wrong}: did you mean MASSEBREV_{right}?"
                )) && said.contains(&format!("unset MASSEBREV_{wrong}")),
                "{said}"
            );
        }
        let said = stderr(&project.run(&["validate", "mailing.yaml"]).ends(0));
        assert!(said.contains(right), "{said}");
    }
    // A manifest may name them, so `send` goes on.
    for own in ["KEY2", "PROD_KEY", "TOKEN_TT02", "KEYS"] {
        let project = Project::small().with_env(&format!("MASSEBREV_{own}"), "1");
        let run = project.run(&["send", "mailing.yaml", "--dry-run"]).ends(0);
        assert!(!stderr(&run).contains(own), "{run}");
    }
    let project = Project::small().with_env("MASSEBREV_TOKN", "1");
    let said = stderr(&project.run(&["send", "mailing.yaml", "--dry-run"]).ends(0));
    assert!(said.contains("did you mean MASSEBREV_TOKEN?"), "{said}");
    let project = Project::small().with_env("MASSEBREV_SHARD", "1");
    let said = stderr(&project.run(&["send", "mailing.yaml", "--dry-run"]).ends(0));
    assert!(
        said.contains("reads the variable MASSEBREV_SHARD"),
        "{said}"
    );
    let project = Project::small().with_env("MASSEBREV_LIMIT", "x");
    let typed = ["send", "mailing.yaml", "--dry-run", "--limit", "y"];
    let said = stderr(&project.run(&typed).ends(2));
    assert!(!said.contains("MASSEBREV_LIMIT"), "{said}");
}

#[test]
fn a_manifest_that_may_not_be_read_is_the_one_that_was_meant() {
    let project = Project::small();
    project.write("other/mailing.yaml", "");
    let said = stderr(&project.run(&["validate", "other"]).ends(2));
    assert!(said.contains("did you mean other/mailing.yaml?"), "{said}");
    project.write("other/mailing.yaml", vec![b'#'; 11 << 20]);
    let said = stderr(&project.run(&["validate", "other/mailing.yaml"]).ends(2));
    assert!(!said.contains("did you mean"), "{said}");
}
