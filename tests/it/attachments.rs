//! Files that do not get there cost no letter and double none.

use massebrev::sandbox::{Action, AttachmentStatus, Endpoint, Options, Trouble, When};

use crate::support::{LiveSandbox, Project};

fn on(endpoint: Endpoint, when: When, action: Action) -> Trouble {
    Trouble {
        endpoint,
        when,
        action,
    }
}

/// Three letters, each with a file of its own.
fn own_files(sandbox: &LiveSandbox) -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: \"{{ case }}.pdf\", sendersReference: \"{{ case }}\" }]\n    messageTitle",
    );
    for case in 1..=3 {
        project.write(&format!("{case}.pdf"), format!("%PDF-1.4 {case}"));
    }
    project.with_sandbox(sandbox)
}

/// Three letters with the same file.
fn shared_file(sandbox: &LiveSandbox) -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: terms.pdf, sendersReference: terms }]\n    messageTitle",
    );
    project.write("terms.pdf", "%PDF-1.4");
    project.with_sandbox(sandbox)
}

#[test]
fn a_file_that_is_refused_costs_its_own_letter_only() {
    let refused = on(
        Endpoint::InitializeAttachment,
        When::Nth(2),
        Action::Refuse(2013),
    );
    let sandbox = LiveSandbox::troubled(vec![refused]);
    let project = own_files(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(1);
    assert_eq!(sandbox.letters().len(), 2);
    assert_eq!(project.count("sent"), 2);
    assert_eq!(project.count("rejected"), 1);
}

#[test]
fn an_upload_that_dies_is_begun_again() {
    for action in [
        Action::CutBeforeCommit,
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
    }
}

#[test]
fn a_file_that_was_uploaded_is_uploaded_again_when_altinn_will_not_have_it_any_more() {
    for code in [1007, 1018, 1055] {
        let refused = on(Endpoint::Initialize, When::Nth(1), Action::Refuse(code));
        let sandbox = LiveSandbox::troubled(vec![refused]);
        let project = shared_file(&sandbox);
        let run = project
            .run(&["send", "mailing.yaml", "--concurrency", "1"])
            .ends(4);
        assert!(run.stderr().contains(&code.to_string()), "{run}");
        assert_eq!(sandbox.letters().len(), 0);
        project.run(&["send", "mailing.yaml"]).ends(0);
        assert_eq!(sandbox.letters().len(), 3);
        assert_eq!(sandbox.attachments().len(), 2, "{code}");
    }
}

#[test]
fn an_attachment_that_takes_long_is_waited_for() {
    let sandbox = LiveSandbox::with(Options {
        scan_polls: 4,
        ..Options::default()
    });
    let project = shared_file(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let attachments = sandbox.attachments();
    assert_eq!(attachments.len(), 1);
    assert_eq!(attachments[0].status, AttachmentStatus::Published);
}

#[cfg(unix)]
#[test]
fn ctrl_c_does_not_wait_for_an_upload_or_a_scan() {
    let hour = Action::Delay(std::time::Duration::from_secs(3600));
    for endpoint in [Endpoint::Upload, Endpoint::Attachment] {
        for project in [shared_file, own_files] {
            let sandbox = LiveSandbox::troubled(vec![on(endpoint, When::Always, hour)]);
            let project = project(&sandbox);
            let run = project.watch(&["send", "mailing.yaml"]);
            sandbox.wait_for_requests(endpoint, 1);
            run.interrupt();
            assert_eq!(run.status(), Some(130));
            assert_eq!(project.count("pending"), 3);
            assert_eq!(sandbox.letters().len(), 0);
        }
    }
}
