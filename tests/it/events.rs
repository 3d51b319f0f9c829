//! `send --json`: the run as lines for programs.

use massebrev::sandbox::{Options, Scenario};
use serde_json::{Value, json};

use crate::support::{LiveSandbox, Project, Run};

const SEND: [&str; 3] = ["send", "mailing.yaml", "--json"];

/// Every line, parsed; the last one is the summary, and the only one.
fn events(run: &Run) -> Vec<Value> {
    let lines: Vec<Value> = run
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        assert!(line["type"].is_string(), "{line}");
        let time = line["time"].as_str().unwrap();
        time.parse::<jiff::Timestamp>().unwrap();
    }
    assert_eq!(of_type(&lines, "summary").len(), 1, "{run}");
    assert_eq!(lines.last().unwrap()["type"], "summary", "{run}");
    lines
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

fn total(summary: &Value) -> u64 {
    let counts = summary["counts"].as_object().unwrap();
    counts.values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn every_letter_is_told_once_and_the_summary_adds_up() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let run = project.run(&SEND).ends(0);
    let lines = events(&run);
    assert_eq!(lines[0]["type"], "began");
    assert_eq!(
        (&lines[0]["letters"], &lines[0]["settled"]),
        (&json!(3), &json!(0))
    );
    let mut told: Vec<_> = of_type(&lines, "delivered")
        .into_iter()
        .map(|line| (line["row"].as_u64(), line["line"].as_u64(), &line["state"]))
        .collect();
    told.sort_by_key(|(row, ..)| *row);
    let sent = json!("sent");
    assert_eq!(told, [1, 2, 3].map(|row| (Some(row), Some(row + 1), &sent)));
    let summary = lines.last().unwrap();
    assert_eq!(summary["exit_status"], 0);
    assert_eq!(summary["ending"], "finished");
    assert_eq!(summary["mailing"], "small");
    assert_eq!(
        (&summary["letters"], &summary["ended"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(summary["counts"]["sent"], 3);
    assert_eq!((total(summary), &summary["rows_total"]), (3, &json!(3)));
    assert_eq!(summary["adds_up"], true);
    assert_eq!(summary["error"], Value::Null);
    let plan = summary["plan"].as_str().unwrap();
    assert!(run.stderr().contains(&format!("plan {plan}")), "{run}");
    let reports = summary["reports"].as_array().unwrap();
    assert_eq!(reports.len(), 3);
    for report in reports {
        assert!(project.path(report.as_str().unwrap()).exists(), "{report}");
    }
}

#[test]
fn a_second_run_tells_what_was_settled_and_a_part_what_was_left_out() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("MASSEBREV_JSON", "true");
    let run = project
        .run(&["send", "mailing.yaml", "--limit", "1"])
        .ends(0);
    let summary = events(&run).pop().unwrap();
    assert_eq!(
        (&summary["ended"], &summary["left_out"]),
        (&json!(1), &json!(2))
    );
    project.run(&SEND).ends(0);
    let run = project.run(&SEND).ends(0);
    let lines = events(&run);
    assert!(of_type(&lines, "delivered").is_empty(), "{run}");
    assert_eq!(lines.last().unwrap()["settled"], 3);
    assert_eq!(lines.last().unwrap()["counts"]["sent"], 3);
}

#[test]
fn what_was_refused_is_told_without_whose_it_was() {
    let scenario = Scenario {
        unknown_recipients: ["urn:altinn:organization:identifier-no:310244007".to_owned()].into(),
        ..Scenario::default()
    };
    let sandbox = LiveSandbox::with(Options {
        scenario,
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    project.write(
        "recipients.csv",
        project.read("recipients.csv") + "08900499559,Eva,4\n",
    );
    let run = project.run(&SEND).ends(1);
    let lines = events(&run);
    let summary = lines.last().unwrap();
    assert_eq!(summary["exit_status"], 1);
    assert_eq!(summary["counts"]["rejected"], 1);
    assert_eq!(summary["counts"]["reserved"], 1);
    assert_eq!((of_type(&lines, "delivered").len(), total(summary)), (4, 4));
    let rejected = lines
        .iter()
        .find(|line| line["state"] == "rejected")
        .unwrap();
    assert_eq!(rejected["row"], 2);
    assert!(
        rejected["why"].as_str().unwrap().contains("1029"),
        "{rejected}"
    );
    // Altinn's own words may name an organisation.
    for number in ["08900499559", "991825827"] {
        assert!(!run.stdout().contains(number), "{run}");
    }
}

#[test]
fn a_run_that_stops_says_why_before_the_summary() {
    let scenario = Scenario {
        unknown_resources: ["example-advice".to_owned()].into(),
        ..Scenario::default()
    };
    let sandbox = LiveSandbox::with(Options {
        scenario,
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    let run = project.run(&SEND).ends(4);
    let lines = events(&run);
    let why = &of_type(&lines, "stopping")[0]["why"];
    let summary = lines.last().unwrap();
    assert!(why.as_str().unwrap().contains("1036"), "{run}");
    assert_eq!(
        (&summary["ending"], &summary["why"]),
        (&json!("stopped"), why)
    );
    assert_eq!(summary["exit_status"], 4);
}

#[test]
fn a_run_that_does_not_begin_has_a_summary_with_the_error() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let run = project
        .run(&["send", "mailing.yaml", "--json", "--expect", "4"])
        .ends(2);
    let lines = events(&run);
    assert_eq!(lines.len(), 1, "{run}");
    let error = &lines[0]["error"];
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("expected 4 letters"),
        "{run}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("--expect"),
        "{run}"
    );
    assert_eq!(lines[0]["ending"], "not-started");
    assert!(run.stderr().contains("error: expected 4 letters"), "{run}");

    project.replace("recipients.csv", "Bo,2", "Bo,");
    let run = project.run(&SEND).ends(2);
    let summary = events(&run).pop().unwrap();
    let problems = summary["error"]["problems"].as_array().unwrap();
    assert_eq!(problems[0]["place"]["row"], 2);
    assert_eq!(summary["exit_status"], 2);

    let keyless = Project::small().with_env("MASSEBREV_CLIENT_ID", "me");
    let run = keyless.run(&SEND).ends(3);
    let summary = events(&run).pop().unwrap();
    assert_eq!(summary["exit_status"], 3);
    assert_eq!(summary["letters"], 3, "it was checked");
    assert!(summary["error"]["message"].is_string());
}

#[test]
fn without_a_token_the_summary_says_so() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("MASSEBREV_CLIENT_ID", "somebody-else");
    let run = project.run(&SEND).ends(3);
    let summary = events(&run).pop().unwrap();
    assert_eq!(
        (&summary["ending"], &summary["exit_status"]),
        (&json!("no-token"), &json!(3))
    );
    assert!(summary["why"].is_string(), "{run}");
    assert_eq!(summary["counts"]["pending"], 3);
}
