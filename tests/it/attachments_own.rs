//! Files of one letter only go with it, in the same request.

use std::collections::BTreeMap;
use std::time::Duration;

use massebrev::correspondence::Request;
use massebrev::sandbox::{
    Action, AttachmentStatus, Endpoint, LetterStatus, Options, Trouble, When,
};

use uuid::Uuid;

use crate::support::{LiveSandbox, Project};

fn troubled(when: When, action: Action) -> LiveSandbox {
    LiveSandbox::troubled(vec![Trouble {
        endpoint: Endpoint::InitializeWithFiles,
        when,
        action,
    }])
}

/// Three letters, each with a file of its own.
fn own_files(sandbox: &LiveSandbox) -> Project {
    with_files(
        sandbox,
        "[{ file: \"{{ case }}.pdf\", sendersReference: \"{{ case }}\" }]",
    )
}

fn with_files(sandbox: &LiveSandbox, attachments: &str) -> Project {
    let project = Project::small();
    let entry = format!("    attachments: {attachments}\n    messageTitle");
    project.replace("mailing.yaml", "    messageTitle", &entry);
    for case in 1..=3 {
        project.write(&format!("{case}.pdf"), format!("%PDF-1.4 {case}"));
    }
    project.write("terms.pdf", "%PDF-1.4 terms");
    project.with_sandbox(sandbox)
}

/// What each letter has, by its reference: the files' contents, in order.
fn contents(sandbox: &LiveSandbox) -> BTreeMap<String, Vec<String>> {
    let files: BTreeMap<_, _> = sandbox
        .attachments()
        .into_iter()
        .map(|file| (file.id, file.bytes))
        .collect();
    let text = |id: &Uuid| {
        let bytes = files[id].clone().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    sandbox
        .letters()
        .into_iter()
        .map(|letter| {
            let files = letter.attachments.iter().map(&text).collect();
            (letter.senders_reference, files)
        })
        .collect()
}

fn asked(sandbox: &LiveSandbox) -> BTreeMap<Endpoint, u64> {
    let mut requests = sandbox.requests();
    requests.retain(|endpoint, _| !matches!(endpoint, Endpoint::Token | Endpoint::Exchange));
    requests
}

#[test]
fn a_letter_and_its_own_file_are_one_request() {
    let sandbox = LiveSandbox::start();
    let project = own_files(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(
        asked(&sandbox),
        BTreeMap::from([(Endpoint::InitializeWithFiles, 3)])
    );
    for (reference, files) in contents(&sandbox) {
        let case = reference.strip_prefix("case ").unwrap();
        assert_eq!(files, [format!("%PDF-1.4 {case}")]);
    }
    for letter in sandbox.letters() {
        let status = letter.status(letter.accepted_at);
        assert_eq!(status, LetterStatus::Initialized, "until it is scanned");
    }
}

#[test]
fn shared_and_own_files_of_a_letter_keep_apart_and_in_order() {
    let sandbox = LiveSandbox::start();
    let project = with_files(
        &sandbox,
        "[{ file: \"{{ case }}.pdf\", sendersReference: own, displayName: \"{{ name }} æøå\", expirationInDays: 30 }, \
          { file: terms.pdf, sendersReference: terms }, { file: \"{{ name }}.pdf\", sendersReference: second }]",
    );
    for name in ["Ane", "Bo", "Cato"] {
        project.write(&format!("{name}.pdf"), name);
    }
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.asked(Endpoint::Upload), 1);
    assert_eq!(sandbox.asked(Endpoint::InitializeWithFiles), 3);
    let contents = contents(&sandbox);
    assert_eq!(
        contents["case 2"],
        ["%PDF-1.4 terms", "%PDF-1.4 2", "Bo"],
        "what was uploaded before comes first"
    );
    let own = sandbox
        .attachments()
        .into_iter()
        .find(|file| file.attachment.file_name == "2.pdf");
    let said = own.unwrap().attachment;
    assert_eq!(said.display_name.unwrap(), "Bo æøå");
    assert_eq!(said.expiration_in_days, Some(30));
    assert!(said.checksum.is_some());
}

#[test]
fn a_file_that_two_rows_name_is_uploaded_once() {
    let sandbox = LiveSandbox::start();
    let project = with_files(
        &sandbox,
        "[{ file: \"{{ case }}.pdf\", sendersReference: own }]",
    );
    project.write(
        "recipients.csv",
        "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n974760673,Cato,2\n",
    );
    project.replace("mailing.yaml", "key: case", "key: name");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.asked(Endpoint::Upload), 1);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 2);
    assert_eq!(sandbox.asked(Endpoint::InitializeWithFiles), 1);
    assert_eq!(sandbox.attachments().len(), 2);
}

#[test]
fn a_letter_is_the_same_with_and_without_a_file_of_its_own() {
    let rich = "  messageSender: Skatteetaten
  dueDateTime: \"{{ now() | plus(days=14) }}\"
  isConfirmationNeeded: true
  propertyList: { caseNumber: \"{{ case }}\", \"with.dots\": \"æ\" }
  replyOptions: [{ linkURL: \"https://example.no/{{ case }}\", linkText: Svar }]
  externalReferences: [{ referenceType: Generic, referenceValue: \"{{ case }}\" }]
  notification:
    notificationChannel: EmailPreferred
    emailSubject: s
    emailBody: \"b\\n\\nc\"
    smsBody: x
    customRecipients: [{ emailAddress: a@example.no }]
  content:";
    let requests = [own_files, |sandbox: &LiveSandbox| with_files(sandbox, "[]")].map(|project| {
        let sandbox = LiveSandbox::start();
        let project = project(&sandbox);
        project.replace("mailing.yaml", "  content:", rich);
        project.run(&["send", "mailing.yaml"]).ends(0);
        let letters = sandbox.letters().into_iter().map(|letter| {
            let mut request: Request = letter.request();
            // The two runs are not of the same instant.
            request.correspondence.due_date_time = None;
            request.correspondence.content.attachments.clear();
            (letter.idempotent_key, request)
        });
        letters.collect::<BTreeMap<_, _>>()
    });
    assert_eq!(requests[0].len(), 3);
    assert_eq!(requests[0], requests[1]);
}

#[test]
fn a_letter_that_a_form_cannot_say_goes_as_json_with_its_file_before_it() {
    let sandbox = LiveSandbox::start();
    let project = own_files(&sandbox);
    let odd = "  propertyList: { \"a[0]\": x }\n  content:";
    project.replace("mailing.yaml", "  content:", odd);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.asked(Endpoint::InitializeWithFiles), 0);
    assert_eq!(sandbox.asked(Endpoint::Initialize), 3);
    assert_eq!(contents(&sandbox)["case 3"], ["%PDF-1.4 3"]);
}

#[test]
fn a_file_that_is_refused_costs_its_own_letter_only() {
    let sandbox = troubled(When::Nth(2), Action::Refuse(2013));
    let project = own_files(&sandbox);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(1);
    assert_eq!(sandbox.letters().len(), 2);
    assert_eq!(project.count("sent"), 2);
    assert_eq!(project.count("rejected"), 1);
}

#[test]
fn a_request_that_is_lost_is_sent_again_whole_and_no_letter_is_there_twice() {
    let answer = |status| Action::Answer {
        status,
        retry_after: None,
    };
    for action in [
        Action::CutBeforeCommit,
        Action::CutMidway,
        Action::CutAfterCommit,
        Action::Refuse(2002),
        Action::ExpireTokens,
        answer(503),
        answer(200),
    ] {
        let sandbox = troubled(When::Nth(2), action);
        let project = own_files(&sandbox);
        // More than what fits into the buffers of a connection.
        for case in 1..=3 {
            project.write(&format!("{case}.pdf"), case.to_string().repeat(700_000));
        }
        project.run(&["send", "mailing.yaml"]).ends(0);
        let contents = contents(&sandbox);
        assert_eq!((sandbox.letters().len(), contents.len()), (3, 3));
        for (reference, files) in contents {
            let case = reference.strip_prefix("case ").unwrap();
            assert!(files == [case.repeat(700_000)], "{action:?} {reference}");
        }
        assert_eq!(project.count("sent"), 3, "{action:?}");
    }
}

#[test]
fn a_file_that_has_changed_since_the_check_is_not_sent() {
    let delay = Trouble {
        endpoint: Endpoint::Token,
        when: When::Nth(1),
        action: Action::Delay(Duration::from_secs(2)),
    };
    let sandbox = LiveSandbox::troubled(vec![delay]);
    let project = own_files(&sandbox);
    let run = project.watch(&["send", "mailing.yaml"]);
    // Everything has been checked when a token is asked for.
    sandbox.wait_for_requests(Endpoint::Token, 1);
    project.write("2.pdf", "%PDF-1.4 X");
    assert_eq!(run.status(), Some(1));
    assert_eq!(sandbox.letters().len(), 2);
    assert_eq!(project.count("failed"), 1);
    let report = project.report();
    let rows = report["rows"].as_array().unwrap();
    let failed = rows.iter().find(|row| row["state"] == "failed").unwrap();
    let text = failed.to_string();
    assert!(
        text.contains("`2.pdf` is no longer what was checked"),
        "{text}"
    );
    // What is checked anew is sent.
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(contents(&sandbox)["case 2"], ["%PDF-1.4 X"]);
}

#[test]
fn a_letter_is_published_when_its_files_have_been_scanned() {
    let sandbox = LiveSandbox::with(Options {
        scan_polls: 0,
        ..Options::default()
    });
    let project = own_files(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let files = sandbox.attachments();
    assert!(
        files
            .iter()
            .all(|file| file.status == AttachmentStatus::Published)
    );
    assert!(files.iter().all(|file| !file.correspondences.is_empty()));
}
