//! Files that letters share: uploaded once, renewed when they are lost, deleted when nobody comes to have them.

use std::collections::BTreeSet;

use massebrev::sandbox::{Action, AttachmentStatus, Endpoint, Options, Scenario, Trouble, When};

use crate::support::{LiveSandbox, Project};

fn on(endpoint: Endpoint, when: When, action: Action) -> Trouble {
    Trouble {
        endpoint,
        when,
        action,
    }
}

fn busy(when: When) -> Trouble {
    let action = Action::Answer {
        status: 503,
        retry_after: None,
    };
    on(Endpoint::Initialize, when, action)
}

/// Three letters with these attachments.
fn project(sandbox: &LiveSandbox, attachments: &str) -> Project {
    let project = Project::small();
    let entry = format!("    attachments: [{attachments}]\n    messageTitle");
    project.replace("mailing.yaml", "    messageTitle", &entry);
    project.write("terms.pdf", "%PDF-1.4");
    project.write("prices.pdf", "%PDF-1.5");
    project.with_sandbox(sandbox)
}

/// Three letters with the same file.
fn shared_file(sandbox: &LiveSandbox) -> Project {
    project(sandbox, "{ file: terms.pdf, sendersReference: terms }")
}

/// Every letter is done with before the next one begins.
fn one_by_one(project: &Project) {
    project.replace("mailing.yaml", "canary: 0", "canary: 3");
}

fn statuses(sandbox: &LiveSandbox) -> Vec<AttachmentStatus> {
    let mut all: Vec<_> = sandbox.attachments().iter().map(|a| a.status).collect();
    all.sort_by_key(|status| format!("{status:?}"));
    all
}

#[test]
fn a_letter_is_one_request_and_a_shared_file_three() {
    for (scan_polls, looks) in [(0, 0), (1, 2)] {
        let sandbox = LiveSandbox::with(Options {
            scan_polls,
            ..Options::default()
        });
        let project = project(
            &sandbox,
            "{ file: terms.pdf, sendersReference: terms }, { file: prices.pdf, sendersReference: prices }",
        );
        project.run(&["send", "mailing.yaml"]).ends(0);
        let asked = |endpoint| sandbox.asked(endpoint);
        assert_eq!(asked(Endpoint::InitializeAttachment), 2);
        assert_eq!(asked(Endpoint::Upload), 2);
        assert_eq!(asked(Endpoint::Attachment), 2 * looks, "until published");
        assert_eq!(asked(Endpoint::Initialize), 3);
        let all: u64 = sandbox.requests().values().sum();
        // Before the first upload it is asked whether the first letter is there already.
        assert_eq!(all, 2 + 1 + 2 * (2 + looks) + 3, "{:?}", sandbox.requests());
        for letter in sandbox.letters() {
            assert_eq!(letter.attachments.len(), 2);
        }
        assert!(
            sandbox
                .attachments()
                .iter()
                .all(|file| !file.correspondences.is_empty())
        );
    }
}

#[test]
fn an_upload_that_dies_is_begun_again_and_leaves_nothing_behind() {
    for action in [
        Action::CutBeforeCommit,
        Action::CutMidway,
        Action::CutAfterCommit,
        Action::Refuse(2002),
        Action::Refuse(2008),
        Action::Answer {
            status: 200,
            retry_after: None,
        },
    ] {
        let sandbox = LiveSandbox::troubled(vec![on(Endpoint::Upload, When::Nth(1), action)]);
        let project = shared_file(&sandbox);
        project.run(&["send", "mailing.yaml"]).ends(0);
        assert_eq!(sandbox.letters().len(), 3, "{action:?}");
        for file in sandbox.attachments() {
            let wanted = if file.correspondences.is_empty() {
                AttachmentStatus::Purged
            } else {
                AttachmentStatus::Published
            };
            assert_eq!(file.status, wanted, "{action:?}");
        }
    }
}

#[test]
fn a_file_that_altinn_will_not_have_any_more_is_uploaded_again_in_the_same_run() {
    for code in [1007, 1017, 1018, 1055] {
        let refused = on(Endpoint::Initialize, When::Nth(2), Action::Refuse(code));
        let sandbox = LiveSandbox::troubled(vec![refused]);
        let project = shared_file(&sandbox);
        one_by_one(&project);
        project.run(&["send", "mailing.yaml"]).ends(0);
        assert_eq!(sandbox.letters().len(), 3, "{code}");
        assert_eq!(sandbox.attachments().len(), 2, "{code}");
    }
}

#[test]
fn a_file_that_is_refused_anew_as_well_stops_the_run_and_the_next_one_begins_afresh() {
    let refused = on(Endpoint::Initialize, When::First(2), Action::Refuse(1018));
    let sandbox = LiveSandbox::troubled(vec![refused]);
    let project = shared_file(&sandbox);
    one_by_one(&project);
    let run = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(run.stderr().contains("1018"), "{run}");
    assert_eq!(sandbox.letters().len(), 0);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(sandbox.attachments().len(), 3);
}

#[test]
fn an_attachment_that_takes_long_is_waited_for() {
    let sandbox = LiveSandbox::with(Options {
        scan_polls: 4,
        ..Options::default()
    });
    let project = shared_file(&sandbox);
    let often = "send:\n  attachments: { pollInterval: 1ms, scanLimit: 1m, parallel: 1 }";
    project.replace("mailing.yaml", "send:", often);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Published]);
}

#[test]
fn a_scan_that_takes_too_long_is_given_up() {
    let sandbox = LiveSandbox::with(Options {
        scan_polls: 1_000_000,
        ..Options::default()
    });
    let project = shared_file(&sandbox);
    let short = "send:\n  attachments: { pollInterval: 1ms, scanLimit: 20ms }";
    project.replace("mailing.yaml", "send:", short);
    let run = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(
        run.stderr()
            .contains("terms.pdf was not published: after 20ms: UploadProcessing"),
        "{run}"
    );
    assert_eq!(sandbox.letters().len(), 0);
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Purged]);
}

#[test]
fn malware_is_final_and_said() {
    let sandbox = LiveSandbox::with(Options {
        scenario: Scenario {
            infected_files: BTreeSet::from(["terms.pdf".to_owned()]),
            ..Scenario::default()
        },
        ..Options::default()
    });
    let project = shared_file(&sandbox);
    let run = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(
        run.stderr().contains(
            "terms.pdf was not published: Failed (Malware was found): Altinn found malware in the file or could not process it; replace the file"
        ),
        "{run}"
    );
    assert_eq!(sandbox.asked(Endpoint::Upload), 1, "not tried again");
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Purged]);
    assert_eq!(project.count("pending"), 3);
}

#[test]
fn a_code_against_a_shared_file_can_be_explained() {
    let refused = on(
        Endpoint::InitializeAttachment,
        When::Nth(1),
        Action::Refuse(2013),
    );
    let sandbox = LiveSandbox::troubled(vec![refused]);
    let run = shared_file(&sandbox).run(&["send", "mailing.yaml"]).ends(4);
    let explained = "what a code means: massebrev explain 2013";
    assert!(run.stderr().contains(explained), "{run}");
}

#[test]
fn what_no_letter_has_is_deleted_when_the_run_is_given_up() {
    let refused = on(Endpoint::Initialize, When::Nth(1), Action::Refuse(1039));
    let sandbox = LiveSandbox::troubled(vec![refused]);
    let project = shared_file(&sandbox);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    project.run(&["send", "mailing.yaml"]).ends(4);
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Purged]);
    // The next run does without it.
    project.replace("mailing.yaml", "\"Hello\"", "\"Hello you\"");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(
        statuses(&sandbox),
        [AttachmentStatus::Published, AttachmentStatus::Purged]
    );
}

#[test]
fn what_a_letter_has_is_not_deleted_when_the_run_is_given_up() {
    let refused = on(Endpoint::Initialize, When::Nth(2), Action::Refuse(1036));
    let sandbox = LiveSandbox::troubled(vec![refused]);
    let project = shared_file(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(4);
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Published]);
    assert_eq!(sandbox.asked(Endpoint::DeleteAttachment), 0);
    // What an earlier run's letters have, Altinn keeps by itself.
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    assert!(
        run.stderr()
            .contains("attachment terms.pdf: uploaded earlier"),
        "{run}"
    );
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Published]);
}

#[test]
fn what_will_be_used_when_altinn_is_well_again_is_kept() {
    let sandbox = LiveSandbox::troubled(vec![busy(When::First(4))]);
    let project = shared_file(&sandbox);
    project.replace("mailing.yaml", "canary: 0", "canary: 1");
    project.run(&["send", "mailing.yaml"]).ends(4);
    assert_eq!(statuses(&sandbox), [AttachmentStatus::Published]);
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    assert!(
        run.stderr()
            .contains("attachment terms.pdf: uploaded earlier"),
        "{run}"
    );
    assert_eq!(sandbox.asked(Endpoint::Upload), 1);
}

#[test]
fn the_same_content_under_another_name_or_reference_is_another_attachment() {
    let sandbox = LiveSandbox::start();
    let project = project(
        &sandbox,
        "{ file: terms.pdf, sendersReference: a }, { file: terms.pdf, sendersReference: b }, { file: copy.pdf, fileName: terms.pdf, sendersReference: a }",
    );
    project.write("copy.pdf", "%PDF-1.4");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(
        sandbox.attachments().len(),
        2,
        "the copy is the first one again"
    );
    assert!(sandbox.letters().iter().all(|l| l.attachments.len() == 3));
}

#[cfg(unix)]
#[test]
fn ctrl_c_does_not_wait_for_an_upload_or_a_scan() {
    let hour = Action::Delay(std::time::Duration::from_secs(3600));
    for endpoint in [Endpoint::Upload, Endpoint::Attachment] {
        let sandbox = LiveSandbox::troubled(vec![on(endpoint, When::Always, hour)]);
        let project = shared_file(&sandbox);
        let run = project.watch(&["send", "mailing.yaml"]);
        sandbox.wait_for_requests(endpoint, 1);
        run.interrupt();
        assert_eq!(run.status(), Some(130));
        assert_eq!(project.count("pending"), 3);
        assert_eq!(sandbox.letters().len(), 0);
    }
}

#[test]
fn a_mailing_with_attachments_that_are_at_altinn_can_be_rehearsed() {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "correspondence:",
        "existingAttachments: [0196e2c8-5b1f-7d31-9a53-1f0c2d3e4b5a]\ncorrespondence:",
    );
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    // What is sent to an Altinn has to be there.
    let sandbox = LiveSandbox::start();
    let project = project.with_sandbox(&sandbox);
    let refused = project.run(&["send", "mailing.yaml"]).ends(4);
    assert!(refused.stderr().contains("1007"), "{refused}");
}
