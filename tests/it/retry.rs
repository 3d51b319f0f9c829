//! Trouble at Altinn costs neither a letter nor a duplicate.

use massebrev::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};
use serde_json::Value;

use crate::support::{LiveSandbox, Project, Run};

const UNAVAILABLE: Action = Action::Answer {
    status: 503,
    retry_after: None,
};

fn sandbox(trouble: Vec<Trouble>) -> LiveSandbox {
    LiveSandbox::with(Options {
        scenario: Scenario {
            trouble,
            ..Scenario::default()
        },
        ..Options::default()
    })
}

fn on_letters(when: When, action: Action) -> Trouble {
    Trouble {
        endpoint: Endpoint::Initialize,
        when,
        action,
    }
}

fn report(project: &Project) -> Value {
    serde_json::from_str(
        &project
            .run(&["report", "mailing.yaml", "--format", "json"])
            .ends(0)
            .stdout(),
    )
    .unwrap()
}

fn send_through(trouble: Vec<Trouble>) -> (LiveSandbox, Project, Run) {
    let sandbox = sandbox(trouble);
    let project = Project::small().with_sandbox(&sandbox);
    let run = project.run(&["send", "mailing.yaml"]);
    (sandbox, project, run)
}

#[test]
fn a_busy_server_is_asked_again() {
    let (sandbox, project, run) = send_through(vec![on_letters(When::First(2), UNAVAILABLE)]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(report(&project)["counts"]["sent"], 3);
}

#[test]
fn a_request_that_was_cut_off_before_it_took_effect_is_sent_again() {
    let (sandbox, project, run) =
        send_through(vec![on_letters(When::First(2), Action::CutBeforeCommit)]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(report(&project)["counts"]["sent"], 3);
}

#[test]
fn an_answer_that_was_lost_is_looked_up_and_no_letter_is_doubled() {
    let (sandbox, project, run) =
        send_through(vec![on_letters(When::Every(2), Action::CutAfterCommit)]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    let report = report(&project);
    assert_eq!(report["counts"]["sent"], 3);
    for row in report["rows"].as_array().unwrap() {
        let id = row["correspondence_id"].as_str().unwrap();
        assert!(
            sandbox
                .letters()
                .iter()
                .any(|letter| letter.id.to_string() == id)
        );
    }
}

#[test]
fn expired_tokens_are_replaced_in_the_middle_of_a_run() {
    let (sandbox, _, run) = send_through(vec![on_letters(When::Nth(2), Action::ExpireTokens)]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_server_that_stays_away_leaves_the_letters_outstanding() {
    // A limit is told before anything is done; behind a gateway's 503 something may have been.
    for (status, state) in [(429, "failed"), (503, "unknown")] {
        let away = Action::Answer {
            status,
            retry_after: None,
        };
        let (sandbox, project, run) = send_through(vec![on_letters(When::Every(1), away)]);
        let run = run.ends(1);
        assert!(
            run.stderr().contains("next: massebrev send mailing.yaml"),
            "{run}"
        );
        assert_eq!(sandbox.letters().len(), 0);
        assert_eq!(project.count(state), 3);
    }
}

#[test]
fn a_server_that_wants_a_long_pause_is_left_alone() {
    let later = Action::Answer {
        status: 503,
        retry_after: Some(3600),
    };
    let sandbox = sandbox(vec![on_letters(When::Nth(2), later)]);
    let project = Project::small().with_sandbox(&sandbox);
    let arguments = ["send", "mailing.yaml", "--concurrency", "1"];
    let run = project.run(&arguments).ends(4);
    assert!(
        run.stderr()
            .contains("asks for a pause of 1h, longer than `retry.deadline` (1m): "),
        "{run}"
    );
    assert_eq!(sandbox.letters().len(), 1);
    assert_eq!(project.count("pending"), 1);
    project.run(&arguments).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn explain_is_advised_for_the_code_of_the_stop_and_for_known_ones_only() {
    for (stop, advised) in [(1017, Some("explain 1017")), (1099, None)] {
        let sandbox = sandbox(vec![
            on_letters(When::Nth(1), Action::Refuse(1099)),
            on_letters(When::Nth(2), Action::Refuse(stop)),
        ]);
        let project = Project::small().with_sandbox(&sandbox);
        let run = project.run(&["send", "mailing.yaml", "--concurrency", "1"]);
        let advice = run.stderr().split("massebrev ").find_map(|words| {
            let words = words.lines().next().unwrap();
            words.starts_with("explain").then(|| words.to_owned())
        });
        assert_eq!(advice.as_deref(), advised, "{run}");
    }
}

#[test]
fn a_short_retry_after_is_honoured() {
    let busy = Action::Answer {
        status: 429,
        retry_after: Some(0),
    };
    let (sandbox, _, run) = send_through(vec![on_letters(When::First(3), busy)]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn without_a_network_the_run_ends_at_once_and_nothing_is_lost() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "attempts: 4, deadline: 1m",
        "attempts: 100, deadline: 9h",
    );
    let url = sandbox.url();
    // Nobody listens on port 1. First nothing answers, then only Altinn is away.
    for manifest in [
        "platform: \"http://127.0.0.1:1\", maskinporten: \"http://127.0.0.1:1\"".to_owned(),
        format!("platform: \"http://127.0.0.1:1\", maskinporten: \"{url}\""),
    ] {
        let here = format!("platform: \"{url}\", maskinporten: \"{url}\"");
        project.replace("mailing.yaml", &here, &manifest);
        if manifest.contains(url.as_str()) {
            project.replace(
                "mailing.yaml",
                "recipients:\n",
                "auth: { exchange: false }\nrecipients:\n",
            );
        }
        let run = project.run(&["send", "mailing.yaml"]).ends(3);
        let what = "no connection to `127.0.0.1:1`";
        assert!(run.stderr().contains(what), "{run}");
        assert!(
            run.stderr().contains("next: massebrev send mailing.yaml"),
            "{run}"
        );
        project.replace("mailing.yaml", &manifest, &here);
    }
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}
