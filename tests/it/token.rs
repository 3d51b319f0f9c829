//! `massebrev token`: what it shows, what it explains, and what it never shows.

use insta::assert_snapshot;
use massebrev::sandbox::{Action, Endpoint, Trouble, When};
use serde_json::Value;

use crate::support::{LiveSandbox, Project, Run, snapshot};

fn on(endpoint: Endpoint, action: Action) -> Vec<Trouble> {
    vec![Trouble {
        endpoint,
        when: When::Always,
        action,
    }]
}

fn refusing(status: u16) -> Action {
    Action::Answer {
        status,
        retry_after: None,
    }
}

/// The token, by itself.
fn raw(project: &Project) -> String {
    let run = project.run(&["token", "mailing.yaml", "--raw"]).ends(0);
    assert_eq!(run.stderr(), "");
    run.stdout().trim_end().to_owned()
}

fn shown(run: &Run, name: &str) {
    // What is left of a token's life differs by a second now and then.
    let lines = run.to_string();
    let lines = lines.lines().map(|line| match line.split_once(", in ") {
        Some((start, _)) if start.starts_with("expires") => format!("{start}, in [TIME]\n"),
        _ => format!("{line}\n"),
    });
    let text: String = lines.collect();
    assert!(!text.contains("eyJ"), "a token is shown: {text}");
    snapshot(|| assert_snapshot!(name, text));
}

#[test]
fn a_token_is_shown_by_what_it_allows() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("TZ", "UTC");
    shown(
        &project.run(&["token", "mailing.yaml"]).ends(0),
        "token_text",
    );
    let run = project
        .run(&["token", "mailing.yaml", "--format", "json"])
        .ends(0);
    let told: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(told["can_send"], true, "{told}");
    assert_eq!(told["exchanged"], true);
    assert_eq!(told["consumer"], "0192:991825827");
    assert_eq!(told["client_id"], sandbox.client_id());
    let seconds = told["expires_in"].as_u64().unwrap();
    assert!((1700..=1800).contains(&seconds), "{seconds}");
    assert!(!run.stdout().contains("eyJ"));
    assert_eq!(sandbox.letters().len(), 0);
}

#[test]
fn the_raw_token_is_alone_on_stdout() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let token = raw(&project);
    assert_eq!(token.split('.').count(), 3, "{token}");
    // It is good for a send of its own.
    let other = Project::small();
    other.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!(
            "environment: {{ platform: \"{0}\", maskinporten: \"{0}\" }}",
            sandbox.url()
        ),
    );
    let other = other.with_env("MASSEBREV_TOKEN", &token);
    other.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_rehearsal_needs_nothing() {
    let project = Project::small();
    for arguments in [
        &["token", "--sandbox"][..],
        &["token", "mailing.yaml", "--sandbox"],
        &["token", "mailing.yaml", "--sandbox", "--check"],
        &["token", "--sandbox", "--check"],
    ] {
        project.run(arguments).ends(0);
    }
    let run = project.run(&["token"]).ends(2);
    assert!(
        run.stderr().contains("massebrev token --environment tt02"),
        "{run}"
    );
    let run = project
        .run(&["token", "mailing.yaml", "--environment", "tt02"])
        .ends(2);
    assert!(run.stderr().contains("cannot be used with"), "{run}");
    project.run(&["token", "--environment", "prd"]).ends(2);
    project
        .run(&["token", "--sandbox", "--raw", "--check"])
        .ends(2);
}

#[test]
fn a_token_that_cannot_send_says_why() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "recipients:\n",
        "auth: { scopes: [altinn:serviceowner], exchange: false }\nrecipients:\n",
    );
    shown(
        &project.run(&["token", "mailing.yaml"]).ends(3),
        "token_cannot_send",
    );
    let run = project
        .run(&["token", "mailing.yaml", "--format", "json"])
        .ends(3);
    let told: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(
        (&told["can_send"], &told["exchanged"]),
        (&false.into(), &false.into())
    );
    assert!(
        told["problems"][0]["message"]
            .as_str()
            .unwrap()
            .contains("correspondence.write")
    );
}

#[test]
fn a_token_for_elsewhere_is_known_by_its_issuer() {
    let sandbox = LiveSandbox::start();
    let token = raw(&Project::small().with_sandbox(&sandbox));
    let project = Project::small().with_env("MASSEBREV_TOKEN", &token);
    let run = project.run(&["token", "mailing.yaml"]).ends(3);
    assert!(
        run.stdout().contains("and the mailing goes to tt02"),
        "{run}"
    );
    assert!(
        run.stdout()
            .contains("the token in MASSEBREV_TOKEN, for tt02"),
        "{run}"
    );
}

#[test]
fn every_step_of_the_way_is_named() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("TZ", "UTC");
    shown(
        &project.run(&["token", "mailing.yaml", "--check"]).ends(0),
        "check_ok",
    );
    assert_eq!(sandbox.asked(Endpoint::Find), 1);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 0);
    let run = project
        .run(&["token", "mailing.yaml", "--check", "--format", "json"])
        .ends(0);
    let told: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(told["failed"], 0);
    let steps = told["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["state"] == "ok"), "{told}");
}

#[test]
fn the_step_that_fails_says_what_to_do() {
    for (endpoint, action, name) in [
        (Endpoint::Token, refusing(503), "check_grant"),
        (Endpoint::Exchange, refusing(401), "check_exchange"),
        (Endpoint::Exchange, refusing(500), "check_exchange_outage"),
        (Endpoint::Find, refusing(403), "check_altinn"),
    ] {
        let sandbox = LiveSandbox::troubled(on(endpoint, action));
        let project = Project::small().with_sandbox(&sandbox);
        shown(
            &project.run(&["token", "mailing.yaml", "--check"]).ends(3),
            name,
        );
    }
}

#[test]
fn missing_rights_are_not_taken_for_a_wrong_token() {
    let sandbox = LiveSandbox::troubled(on(Endpoint::Find, Action::Refuse(4001)));
    let project = Project::small().with_sandbox(&sandbox);
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    assert!(run.stdout().contains("HTTP 401, code 4001"), "{run}");
    assert!(run.stdout().contains("its policy lets it send"), "{run}");
}

#[test]
fn a_key_that_is_not_there_does_not_hide_the_network() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("MASSEBREV_KEY_FILE", "gone.json");
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    let text = run.stdout();
    assert!(
        text.contains("failed   source: cannot read the key gone.json"),
        "{run}"
    );
    assert!(text.contains("ok       connection 127.0.0.1"), "{run}");
    assert!(
        text.contains("skipped  token: a step before it has failed"),
        "{run}"
    );
}

#[test]
fn nobody_at_home_is_told_at_each_step() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let project = Project::small().with_env("MASSEBREV_TOKEN", "opaque-token");
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!("environment: {{ platform: \"{address}\", maskinporten: \"{address}\" }}"),
    );
    let run = project.run(&["token", "mailing.yaml", "--check"]).ends(3);
    assert!(run.stdout().contains("Connection refused"), "{run}");
    assert!(!run.to_string().contains("opaque-token"), "{run}");
    // The token itself is there, and nobody is asked about it.
    let run = project.run(&["token", "mailing.yaml"]).ends(0);
    assert!(
        run.stdout()
            .contains("the token cannot be read, and Altinn decides"),
        "{run}"
    );
}

#[test]
fn a_server_that_never_answers_is_named_while_it_is_waited_for() {
    // Connections are accepted by the system, and nobody reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!("environment: {{ platform: \"http://{at}\", maskinporten: \"http://{at}\" }}"),
    );
    let sandbox = LiveSandbox::start();
    project.write("key.jwk.json", sandbox.private_jwk());
    let key = ["--key-file", "key.jwk.json", "--client-id", "5f2c"];
    for (command, waited) in [
        (
            &["token", "mailing.yaml"][..],
            "waiting for an access token",
        ),
        (
            &["token", "mailing.yaml", "--check"],
            &format!("waiting for an answer of {at}"),
        ),
        (
            &["token", "mailing.yaml", "--check", "--format", "json"],
            &format!("waiting for an answer of {at}"),
        ),
    ] {
        let mut run = project.watch(&[command, &key].concat());
        run.wait_for_line(waited);
        run.interrupt();
        assert_eq!(run.status(), None);
    }
}
