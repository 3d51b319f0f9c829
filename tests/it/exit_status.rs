//! Every way to end has its own number.

use std::net::TcpListener;

use massebrev::sandbox::{Options, Scenario};

use crate::support::{LiveSandbox, Project};

#[test]
fn rejected_and_reserved_rows_end_with_one() {
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
    let run = project.run(&["send", "mailing.yaml"]).ends(1);
    assert!(run.stdout().contains("rejected"), "{run}");
    assert!(run.stdout().contains("reserved"), "{run}");
    assert!(run.stdout().contains("1029"), "{run}");
    assert!(!run.to_string().contains("08900499559"), "{run}");
    assert_eq!(sandbox.letters().len(), 2);
}

#[test]
fn a_resource_nobody_knows_stops_the_run_with_four_and_can_go_on() {
    let scenario = Scenario {
        unknown_resources: ["example-advice".to_owned()].into(),
        ..Scenario::default()
    };
    let sandbox = LiveSandbox::with(Options {
        scenario,
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    let run = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(run.stderr().contains("1036"), "{run}");
    assert!(
        run.stderr().contains("next: massebrev send mailing.yaml"),
        "{run}"
    );
    assert_eq!(sandbox.letters().len(), 0);
}

#[test]
fn a_client_that_maskinporten_does_not_know_ends_with_three() {
    let sandbox = LiveSandbox::start();
    let project = Project::small()
        .with_sandbox(&sandbox)
        .with_env("MASSEBREV_CLIENT_ID", "somebody-else");
    let run = project.run(&["send", "mailing.yaml", "--kid", "other"]);
    let run = run.ends(3);
    assert!(run.stderr().contains("MP-"), "{run}");
    // The same command would fail again.
    let next = "next: massebrev token mailing.yaml --kid other --check\n";
    assert!(run.stderr().ends_with(next), "{run}");
    assert_eq!(sandbox.letters().len(), 0);
}

#[test]
fn a_missing_key_ends_before_anything_is_asked() {
    let project = Project::small().with_env("MASSEBREV_CLIENT_ID", "me");
    let run = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(run.stderr().contains("MASSEBREV_KEY"), "{run}");
    assert!(!project.path(".massebrev").exists(), "nothing was begun");
}

#[test]
fn prod_needs_the_number_of_letters() {
    let project = Project::small();
    project.replace("mailing.yaml", "environment: tt02", "environment: prod");
    let run = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(run.stderr().contains("--yes --expect 3"), "{run}");
    let run = project
        .run(&["send", "mailing.yaml", "--yes", "--expect", "4"])
        .ends(2);
    assert!(
        run.stderr()
            .contains("expected 4 letters, but the mailing has 3"),
        "{run}"
    );
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn where_nobody_listens_the_run_ends_with_three_and_can_go_on() {
    let sandbox = LiveSandbox::start();
    let all = &["platform", "maskinporten"][..];
    for away in [&all[..1], &all[1..], all] {
        // The token comes from Maskinporten, and then from the platform; when it is not exchanged, the letter or its file is the first to go there.
        let ways = [
            (true, 1, false),
            (false, 0, false),
            (false, 1, false),
            (false, 1, true),
        ];
        let ways = if away == [all[0]] {
            &ways[..]
        } else {
            &ways[..1]
        };
        for &(exchange, canary, file) in ways {
            let project = Project::small().with_sandbox(&sandbox);
            let nobody = nobody();
            for server in away {
                let there = format!("{server}: \"{}\"", sandbox.url());
                project.replace("mailing.yaml", &there, &format!("{server}: \"{nobody}\""));
            }
            let auth = format!("auth: {{ exchange: {exchange} }}\ncorrespondence:");
            project.replace("mailing.yaml", "correspondence:", &auth);
            project.replace("mailing.yaml", "canary: 0", &format!("canary: {canary}"));
            if file {
                project.write("terms.pdf", "%PDF-1.4 terms");
                let listed =
                    "  content:\n    attachments: [{ file: terms.pdf, sendersReference: terms }]\n";
                project.replace("mailing.yaml", "  content:\n", listed);
            }
            let run = project.run(&["send", "mailing.yaml"]).ends(3);
            let host = nobody.trim_start_matches("http://");
            for said in [
                &format!("`{host}`: Connection refused"),
                "   hint: check the network",
                "next: massebrev send mailing.yaml",
            ] {
                assert!(run.stderr().contains(said), "{said}: {run}");
            }
            assert_eq!(project.count("sent") + project.count("unknown"), 0, "{run}");
        }
    }
    assert_eq!(sandbox.letters().len(), 0);
}

#[test]
fn a_switch_that_is_set_to_false_stands_in_no_others_way() {
    let project = Project::small()
        .with_env("MASSEBREV_YES", "false")
        .with_env("MASSEBREV_ACCEPT_CHANGES", "false")
        .with_env("MASSEBREV_JSON", "false");
    let proof = ["send", "mailing.yaml", "--proof-to", "310244007"];
    project.run(&[&proof[..], &["--dry-run"]].concat()).ends(0);
    let project = project.with_env("MASSEBREV_JSON", "true");
    let run = project.run(&["send", "mailing.yaml", "--dry-run"]).ends(2);
    assert!(run.stderr().contains("cannot be used with"), "{run}");
}
