//! Answers that are lost, strange or late: what is not known is not called sent, and not failed either.

use std::fmt::Write as _;

use massebrev::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};

use crate::support::{LiveSandbox, Project, Run};

const GARBAGE: Action = answer(200);

const fn answer(status: u16) -> Action {
    Action::Answer {
        status,
        retry_after: None,
    }
}

fn on(endpoint: Endpoint, when: When, action: Action) -> Trouble {
    Trouble {
        endpoint,
        when,
        action,
    }
}

/// One letter through this trouble.
fn one_through(trouble: Vec<Trouble>) -> (LiveSandbox, Project, Run) {
    let sandbox = LiveSandbox::troubled(trouble);
    let project = Project::small().with_sandbox(&sandbox);
    project.write("recipients.csv", "org,name,case\n991825827,Ane,1\n");
    let run = project.run(&["send", "mailing.yaml"]);
    (sandbox, project, run)
}

#[test]
fn a_lost_answer_is_not_forgotten_over_a_later_refusal() {
    let lost = on(Endpoint::Initialize, When::Nth(1), Action::CutAfterCommit);
    for later in [
        Action::Refuse(1029),
        Action::Refuse(1036),
        answer(401),
        answer(403),
        answer(404),
        answer(413),
        answer(302),
    ] {
        let (sandbox, project, _) = one_through(vec![
            lost.clone(),
            on(Endpoint::Initialize, When::Always, later),
        ]);
        assert_eq!(sandbox.letters().len(), 1);
        assert_eq!(project.count("sent"), 1, "{later:?}");
    }
}

#[test]
fn a_letter_that_cannot_be_looked_up_is_unknown() {
    let lost = on(Endpoint::Initialize, When::Nth(1), Action::CutAfterCommit);
    for later in [answer(401), answer(413), answer(503), answer(429), GARBAGE] {
        for look_up in [answer(401), answer(404), answer(500), GARBAGE] {
            let (_sandbox, project, run) = one_through(vec![
                lost.clone(),
                on(Endpoint::Initialize, When::Always, later),
                on(Endpoint::Find, When::Always, look_up),
            ]);
            assert_eq!(project.count("unknown"), 1, "{later:?} {look_up:?} {run}");
            assert_ne!(run.status(), Some(0), "{run}");
        }
    }
}

#[test]
fn a_used_key_is_not_taken_on_trust_while_its_letter_cannot_be_seen() {
    for (endpoint, action) in [
        (Endpoint::Find, GARBAGE),
        (Endpoint::Find, answer(503)),
        (Endpoint::Overview, GARBAGE),
        (Endpoint::Overview, answer(503)),
    ] {
        // The look-ups of the second run fail, those of the third do not.
        let sandbox = LiveSandbox::troubled(vec![on(endpoint, When::First(60), action)]);
        let project = Project::small().with_sandbox(&sandbox);
        project.run(&["send", "mailing.yaml"]).ends(0);
        std::fs::remove_dir_all(project.path(".massebrev")).unwrap();
        project.run(&["send", "mailing.yaml"]).ends(1);
        assert_eq!(project.count("unknown"), 3, "{endpoint:?}");
        while sandbox.asked(endpoint) < 60 {
            project.run(&["send", "mailing.yaml"]);
        }
        project.run(&["send", "mailing.yaml"]).ends(0);
        let sent = project.count("sent") + project.count("already-sent");
        assert_eq!(sent, 3, "{endpoint:?}");
        assert_eq!(sandbox.letters().len(), 3);
    }
}

#[test]
fn a_key_that_belongs_to_another_letter_is_a_rejection() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    std::fs::remove_dir_all(project.path(".massebrev")).unwrap();
    project.replace("recipients.csv", "974760673", "991825827");
    let run = project.run(&["send", "mailing.yaml"]).ends(1);
    assert!(run.stdout().contains("another letter"), "{run}");
    assert_eq!(project.count("already-sent"), 2);
    assert_eq!(project.count("rejected"), 1);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_conflict_without_a_code_is_looked_into() {
    let (sandbox, project, run) =
        one_through(vec![on(Endpoint::Initialize, When::First(2), answer(409))]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 1);
    assert_eq!(project.count("sent"), 1);
}

#[test]
fn a_success_in_words_nobody_knows_is_tried_again() {
    let (sandbox, project, run) =
        one_through(vec![on(Endpoint::Initialize, When::Nth(1), GARBAGE)]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 1);
    assert_eq!(project.count("sent"), 1);
}

#[test]
fn a_letter_that_is_too_large_for_the_gateway_is_rejected_alone() {
    let large = on(Endpoint::Initialize, When::Nth(2), answer(413));
    let sandbox = LiveSandbox::troubled(vec![large]);
    let project = Project::small().with_sandbox(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(1);
    assert_eq!(project.count("rejected"), 1);
    assert_eq!(project.count("sent"), 2);
}

#[test]
fn a_detour_stops_the_run() {
    let (sandbox, project, run) =
        one_through(vec![on(Endpoint::Initialize, When::Always, answer(302))]);
    run.ends(4);
    assert_eq!(sandbox.letters().len(), 0);
    assert_eq!(project.count("failed"), 1);
}

#[test]
fn tokens_may_expire_more_than_once_while_a_letter_is_tried() {
    let (sandbox, _, run) = one_through(vec![
        on(Endpoint::Initialize, When::Nth(1), answer(401)),
        on(Endpoint::Initialize, When::Nth(2), answer(429)),
        on(Endpoint::Initialize, When::Nth(3), answer(401)),
    ]);
    run.ends(0);
    assert_eq!(sandbox.letters().len(), 1);
}

#[test]
fn a_token_server_that_gives_out_in_the_middle_leaves_the_rest_for_later() {
    let sandbox = LiveSandbox::troubled(vec![
        on(Endpoint::Initialize, When::Nth(2), Action::ExpireTokens),
        on(Endpoint::Token, When::Nth(2), answer(400)),
    ]);
    let project = Project::small().with_sandbox(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(3);
    assert_eq!(project.count("sent"), 1);
    assert_eq!(project.count("failed"), 1);
    assert_eq!(project.count("pending"), 1);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("sent"), 3);
}

#[test]
fn ten_letters_in_a_row_that_do_not_get_through_stop_the_run() {
    let sandbox = LiveSandbox::troubled(vec![on(Endpoint::Initialize, When::Always, answer(503))]);
    let project = Project::small().with_sandbox(&sandbox);
    let mut rows = "org,name,case\n".to_owned();
    for case in 1..=300 {
        writeln!(rows, "991825827,Ane,{case}").unwrap();
    }
    project.write("recipients.csv", rows);
    let run = project
        .run(&["send", "mailing.yaml", "--concurrency", "4"])
        .ends(4);
    assert!(run.stderr().contains("10 letters in a row"), "{run}");
    // Ten, and those that had begun meanwhile: more where the disk is slow, since others begin while an outcome is written.
    assert!(project.count("pending") >= 200, "{run}");
}

#[test]
fn a_wall_that_dislikes_one_letter_stops_that_letter_alone() {
    // The last letter, and the same again with a fresh token.
    let wall = |nth| on(Endpoint::Initialize, When::Nth(nth), answer(403));
    let sandbox = LiveSandbox::troubled(vec![wall(3), wall(4)]);
    let project = Project::small().with_sandbox(&sandbox);
    let run = project.run(&["send", "mailing.yaml", "--concurrency", "1"]);
    run.ends(1);
    assert_eq!(project.count("failed"), 1);
    assert_eq!(project.count("sent"), 2);
    project.run(&["send", "mailing.yaml"]).ends(0);

    // It lets nothing through: there is nothing to go on with.
    let (_sandbox, project, run) =
        one_through(vec![on(Endpoint::Initialize, When::Always, answer(403))]);
    run.ends(4);
    assert_eq!(project.count("failed"), 1);
}

#[test]
fn a_resource_that_is_refused_does_not_keep_the_others_waiting() {
    for canary in ["canary: 0", "canary: 1"] {
        let sandbox = LiveSandbox::with(Options {
            scenario: Scenario {
                unknown_resources: ["unknown".to_owned()].into(),
                ..Scenario::default()
            },
            ..Options::default()
        });
        let project = Project::small().with_sandbox(&sandbox);
        project.replace(
            "mailing.yaml",
            "resourceId: example-advice",
            "resourceId: \"{{ resource }}\"",
        );
        project.replace("mailing.yaml", "canary: 0", canary);
        let mut rows = "org,name,case,resource\n".to_owned();
        for case in 1..=60 {
            let resource = ["unknown", "one", "two"][case % 3];
            writeln!(rows, "991825827,Ane,{case},{resource}").unwrap();
        }
        project.write("recipients.csv", rows);
        for _ in 0..2 {
            let run = project
                .run(&["send", "mailing.yaml", "--concurrency", "4"])
                .ends(4);
            assert!(run.stderr().contains("the resource unknown: "), "{run}");
            assert_eq!(project.count("sent"), 40, "{run}");
            let failed = project.count("failed");
            assert!((1..=8).contains(&failed), "{run}");
            assert_eq!(project.count("pending"), 20 - failed, "{run}");
        }
        assert_eq!(sandbox.letters().len(), 40);
    }
}

#[test]
fn a_resource_that_will_not_have_a_file_again_does_not_keep_the_others_waiting() {
    let sandbox = LiveSandbox::troubled(vec![
        on(Endpoint::Initialize, When::Nth(1), Action::Refuse(1007)),
        on(
            Endpoint::InitializeAttachment,
            When::Nth(2),
            Action::Refuse(1036),
        ),
    ]);
    let project = Project::small().with_sandbox(&sandbox);
    project.replace(
        "mailing.yaml",
        "resourceId: example-advice",
        "resourceId: \"{{ resource }}\"",
    );
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: terms.pdf, sendersReference: terms }]\n    messageTitle",
    );
    project.write("terms.pdf", "%PDF-1.4 terms");
    project.write(
        "recipients.csv",
        "org,name,case,resource\n991825827,Ane,1,one\n991825827,Ane,2,two\n991825827,Ane,3,one\n",
    );
    let run = project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(4);
    assert!(run.stderr().contains("the resource one: "), "{run}");
    assert_eq!(project.count("failed"), 1, "{run}");
    assert_eq!(project.count("sent"), 1, "{run}");
    assert_eq!(project.count("pending"), 1, "{run}");
}
