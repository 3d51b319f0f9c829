//! `send --proof-to`: real letters of a few rows to somebody who looks at them first.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use massebrev::sandbox::{Action, Endpoint, Letter, Options, Scenario, Trouble, When};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::journal::alter;
use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project, Run, snapshot};

/// Who looks at the proofs.
const AGENCY: &str = "310244007";
const AGENCY_URN: &str = "urn:altinn:organization:identifier-no:310244007";
const PERSON: &str = "07827199405";

/// A mailing that reaches others than its recipients too.
fn reaching(sandbox: &LiveSandbox) -> Project {
    let project = Project::small();
    project.write(
        "recipients.csv",
        "org,name,case,mail\n991825827,Ane,1,ane@example.no\n974760673,Bo Bakke,2,\n991825827,Cato,3,\n974760673,Dag,4,\n",
    );
    project.replace(
        "mailing.yaml",
        "send:\n",
        r#"  propertyList: { case: "{{ case }}" }
  externalReferences:
    - { referenceType: Generic, referenceValue: "{{ case }}" }
  notification:
    notificationChannel: Email
    emailSubject: "A letter for {{ name }}"
    emailBody: "Read it in Altinn."
    customRecipients:
      - { emailAddress: "{{ mail }}" }
send:
"#,
    );
    project.with_sandbox(sandbox)
}

fn prove(project: &Project, more: &[&str]) -> Run {
    let command = ["send", "mailing.yaml", "--proof-to", AGENCY];
    project.run(&[&command, more].concat())
}

/// The proofs' own files, by their endings, and what else lies there.
fn files(project: &Project) -> BTreeSet<String> {
    let folder = std::fs::read_dir(project.path(".massebrev")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// The report of the proofs, as it was written.
fn report(project: &Project) -> Value {
    let is_report = |name: &String| name.contains(".proof-") && name.contains(".json");
    let name = files(project).into_iter().find(is_report).unwrap();
    serde_json::from_str(&project.read(&format!(".massebrev/{name}"))).unwrap()
}

fn count(project: &Project, state: &str) -> u64 {
    let report = report(project);
    assert_eq!(report["adds_up"], true, "{}", report["counts"]);
    report["counts"][state].as_u64().unwrap()
}

fn cases(letters: &[Letter]) -> BTreeSet<&str> {
    let cases = letters.iter().map(|letter| &*letter.senders_reference);
    cases.collect()
}

fn keys(letters: &[Letter]) -> BTreeSet<Uuid> {
    let keys = letters.iter().map(|letter| letter.idempotent_key.unwrap());
    keys.collect()
}

/// The requests that `render` shows, by their references.
fn rendered(project: &Project) -> BTreeMap<String, Value> {
    let run = project.run(&["render", "mailing.yaml"]).ends(0);
    let requests = run.stdout();
    let requests = requests.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let reference = &line["body"]["correspondence"]["sendersReference"];
        (reference.as_str().unwrap().to_owned(), line["body"].clone())
    });
    requests.collect()
}

#[test]
fn proofs_are_their_letters_but_for_who_gets_them() {
    let sandbox = LiveSandbox::start();
    let project = reaching(&sandbox);
    let rendered = rendered(&project);
    let run = prove(&project, &[]).ends(0);
    let proofs = sandbox.letters();
    // First, last, longest and shortest; the row in between is no proof.
    let rows = BTreeSet::from(["case 1", "case 2", "case 4"]);
    assert_eq!((cases(&proofs), proofs.len()), (rows, 3), "{run}");
    for proof in &proofs {
        assert_eq!(proof.recipient, AGENCY_URN);
        let mut letter = rendered[&proof.senders_reference].clone();
        let sent: Value = serde_json::from_slice(&proof.body).unwrap();
        assert_ne!(letter["idempotentKey"], sent["idempotentKey"]);
        assert_ne!(letter["recipients"], sent["recipients"]);
        letter["idempotentKey"] = json!(proof.idempotent_key);
        letter["recipients"] = json!([AGENCY_URN]);
        let told = letter["correspondence"]["notification"].as_object_mut();
        told.unwrap().remove("customRecipients");
        assert_eq!(sent, letter);
    }
    snapshot(|| {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter("proof-[0-9a-f]{12}", "proof-[LABEL]");
        settings.add_filter(r"127\.0\.0\.1-\d+", "127.0.0.1-[PORT]");
        settings.bind(|| assert_snapshot!("proof", run));
    });
    assert_eq!(
        (count(&project, "sent"), count(&project, "pending")),
        (3, 0)
    );
    assert_eq!(report(&project)["rows_total"], 3);
}

#[test]
fn proofs_have_the_files_of_their_letters() {
    let sandbox = LiveSandbox::start();
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n      - { file: \"{{ case }}.pdf\", sendersReference: own }\n    messageTitle",
    );
    project.write("terms.pdf", "%PDF-1.4 terms");
    for case in 1..=3 {
        project.write(&format!("{case}.pdf"), format!("%PDF-1.4 {case}"));
    }
    let project = project.with_sandbox(&sandbox);
    prove(&project, &["--rows", "2,3"]).ends(0);
    let files: BTreeMap<_, _> = sandbox
        .attachments()
        .into_iter()
        .map(|file| (file.id, file.bytes.unwrap()))
        .collect();
    assert_eq!(files.len(), 3, "one for both, and one of each");
    for letter in sandbox.letters() {
        let case = letter.senders_reference.strip_prefix("case ").unwrap();
        let mut has: Vec<_> = letter.attachments.iter().map(|id| &files[id][..]).collect();
        has.sort_unstable();
        let own = format!("%PDF-1.4 {case}");
        assert_eq!(has, [own.as_bytes(), b"%PDF-1.4 terms"]);
    }
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 2 + 3);
}

#[test]
fn the_mailing_is_sent_afterwards_as_if_there_were_no_proofs() {
    let sandbox = LiveSandbox::start();
    let project = reaching(&sandbox);
    let run = prove(&project, &["--rate", "900/s"]).ends(0);
    assert!(
        files(&project)
            .iter()
            .all(|name| name.contains(".proof-") || name == ".gitignore"),
        "{:?}",
        files(&project)
    );
    let proofs = keys(&sandbox.letters());
    let told = run.stderr();
    let next = told.lines().last().unwrap();
    let next = next
        .strip_prefix("next: look at them, then massebrev ")
        .unwrap();
    let next: Vec<_> = next.split(' ').collect();
    assert!(next.contains(&"--plan"), "{run}");
    assert!(next.contains(&"--rate"), "the way to send stays: {run}");
    project.run(&next).ends(0);
    let letters = sandbox.letters();
    assert_eq!(letters.len(), 3 + 4);
    assert_eq!(keys(&letters).len(), 3 + 4, "keys of their own");
    let letters = &letters[3..];
    assert!(keys(letters).is_disjoint(&proofs));
    assert!(letters.iter().all(|letter| letter.recipient != AGENCY_URN));
    assert_eq!(project.count("sent"), 4);
    // And once more the other way round.
    let run = prove(&project, &[]).ends(0);
    assert!(run.stderr().contains("nothing was sent"), "{run}");
}

#[test]
fn a_plan_is_proven_once_to_each_and_another_plan_anew() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    prove(&project, &[]).ends(0);
    let asked = sandbox.requests();
    let again = prove(&project, &[]).ends(0);
    assert!(
        again
            .stderr()
            .contains("nothing was sent: earlier runs have sent these proofs to 310244007"),
        "{again}"
    );
    assert_eq!(sandbox.requests(), asked);
    let other = ["send", "mailing.yaml", "--proof-to", "991825827"];
    let all = project.run(&other).ends(0);
    let (before, now) = (report(&project)["rows_total"].clone(), sandbox.letters());
    assert!(all.stdout().contains("to 991825827"), "{all}");
    assert_eq!(json!(now.len()), json!(2 * before.as_u64().unwrap()));
    project.replace("mailing.yaml", "is open", "is closed");
    prove(&project, &[]).ends(0);
    let letters = sandbox.letters();
    assert_eq!(letters.len(), now.len() / 2 * 3);
    assert_eq!(keys(&letters).len(), letters.len());
    // A lost journal sends no proof twice.
    std::fs::remove_dir_all(project.path(".massebrev")).unwrap();
    prove(&project, &[]).ends(0);
    assert_eq!(sandbox.letters().len(), letters.len());
    assert_eq!(json!(count(&project, "already-sent")), before);
}

#[test]
fn other_rows_may_be_chosen_and_the_counts_add_up_over_all_proofs() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    prove(&project, &["--limit", "1"]).ends(0);
    prove(&project, &["--limit", "1"]).ends(0);
    assert_eq!(cases(&sandbox.letters()), ["case 1"].into());
    assert_eq!(report(&project)["rows_total"], 1);
    let run = prove(&project, &["--rows", "3"]).ends(0);
    assert_eq!(cases(&sandbox.letters()), ["case 1", "case 3"].into());
    assert!(
        run.stderr().contains("and to nobody else, of row 3\n"),
        "{run}"
    );
    assert_eq!(report(&project)["rows_total"], 2);
    assert_eq!(count(&project, "sent"), 2);
    let run = prove(&project, &["--rows", "2-4"]).ends(2);
    assert!(run.stderr().contains("not in the file: row 4"), "{run}");
    assert_eq!(sandbox.letters().len(), 2);
}

/// A mailing with a day that counts from `now()`.
fn due(sandbox: &LiveSandbox) -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "send:\n",
        "  dueDateTime: \"{{ now() | plus(days=14) }}\"\nsend:\n",
    );
    project.with_sandbox(sandbox)
}

/// Makes the one journal a day older.
fn age(project: &Project, more: &str) {
    let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let sql = format!("UPDATE meta SET value = '{yesterday}' WHERE name = 'began'; {more}");
    alter(project, &sql);
}

/// Whether the second letter is due a day before the first one.
fn is_a_day_earlier(letters: &[Letter]) -> bool {
    let due = |letter: &Letter| {
        let due = letter.request().correspondence.due_date_time;
        due.unwrap().timestamp()
    };
    let earlier = due(&letters[0]).duration_since(due(&letters[1]));
    (86_100..=86_500).contains(&earlier.as_secs())
}

#[test]
fn now_is_what_it_was_in_the_first_proof() {
    let sandbox = LiveSandbox::start();
    let project = due(&sandbox);
    prove(&project, &["--rows", "1"]).ends(0);
    age(&project, "DELETE FROM deliveries;");
    prove(&project, &["--rows", "2"]).ends(0);
    assert!(is_a_day_earlier(&sandbox.letters()));
}

#[test]
fn now_is_what_it_is_in_a_mailing_that_has_begun() {
    let sandbox = LiveSandbox::start();
    let project = due(&sandbox);
    project.run(&["send", "mailing.yaml", "--row", "1"]).ends(0);
    age(&project, "");
    prove(&project, &["--row", "1"]).ends(0);
    assert!(is_a_day_earlier(&sandbox.letters()));
    let again = prove(&project, &["--row", "1"]).ends(0);
    assert!(again.stderr().contains("nothing was sent"), "{again}");
}

#[test]
fn a_day_that_has_passed_since_the_first_send_is_explained() {
    let sandbox = LiveSandbox::start();
    let project = due(&sandbox);
    project.run(&["send", "mailing.yaml", "--row", "1"]).ends(0);
    alter(
        &project,
        "UPDATE meta SET value = '2026-01-07T12:00:00Z' WHERE name = 'began'",
    );
    let run = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(
        run.stderr()
            .contains("`now()` is the time of the mailing's first send, 2026-01-07 13:00+01:00"),
        "{run}"
    );
}

#[test]
fn killed_proofs_go_on_to_exactly_all() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", spreadsheet(1500));
    let command = [
        "send",
        "mailing.yaml",
        "--proof-to",
        AGENCY,
        "--rows",
        "2-1201",
    ];
    for letters in [1, 500] {
        let mut child = project.start(&[&command[..], &["--rate", "1500/s"]].concat());
        sandbox.wait_for(letters);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(sandbox.letters().len() < 1200, "killed in the middle");
    }
    let last = project.run(&command).ends(0);
    let letters = sandbox.letters();
    assert_eq!(letters.len(), 1200, "{last}");
    assert_eq!(keys(&letters).len(), 1200);
    assert!(letters.iter().all(|letter| letter.recipient == AGENCY_URN));
    assert_eq!(
        count(&project, "sent") + count(&project, "already-sent"),
        1200
    );
    assert_eq!(report(&project)["rows_total"], 1200);
}

#[test]
fn proofs_go_beside_a_mailing_that_is_being_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let mut mailing = project.start(&["send", "mailing.yaml", "--rate", "1/h"]);
    sandbox.wait_for(1);
    let proofs = prove(&project, &["--rows", "1-3"]).ends(0);
    mailing.kill().unwrap();
    mailing.wait().unwrap();
    assert_eq!(sandbox.letters().len(), 1 + 3, "{proofs}");
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3 + 3);
}

#[test]
fn refused_proofs_are_tried_again() {
    let sandbox = LiveSandbox::with(Options {
        scenario: Scenario {
            unknown_recipients: [AGENCY_URN.to_owned()].into(),
            ..Scenario::default()
        },
        ..Options::default()
    });
    let project = Project::small().with_sandbox(&sandbox);
    let run = prove(&project, &["--rows", "1"]).ends(1);
    assert!(run.stdout().contains("rejected"), "{run}");
    assert!(!run.stderr().contains("look at them"), "{run}");
    let asked = sandbox.asked(Endpoint::Initialize);
    prove(&project, &["--rows", "1"]).ends(1);
    assert_eq!(sandbox.asked(Endpoint::Initialize), asked + 1);
    let run = prove(&project, &["--rows", "2"]).ends(1);
    assert!(run.stderr().contains("1 proof of other rows"), "{run}");
    assert_eq!(
        (count(&project, "rejected"), count(&project, "pending")),
        (2, 0)
    );
    // On paper proofs are of no use, whatever is said of letters.
    let reserved = ["send", "mailing.yaml", "--proof-to", "08900499559"];
    for _ in 0..2 {
        let run = project.run(&reserved).ends(1);
        let next = "next: choose another --proof-to: 089004***** has reserved";
        assert!(run.stderr().contains(next), "{run}");
    }
}

#[test]
fn failed_proofs_go_on_with_the_same_command() {
    for (to, next) in [
        (PERSON, "next: run the same command again\n"),
        (
            AGENCY,
            "next: massebrev send mailing.yaml --proof-to 310244007 --row 1\n",
        ),
    ] {
        let sandbox = LiveSandbox::troubled(vec![Trouble {
            endpoint: Endpoint::Initialize,
            when: When::First(4),
            action: Action::Answer {
                status: 429,
                retry_after: None,
            },
        }]);
        let project = Project::small().with_sandbox(&sandbox);
        let command = ["send", "mailing.yaml", "--proof-to", to, "--row", "1"];
        let run = project.run(&command).ends(1);
        assert!(run.stderr().ends_with(next), "{run}");
        assert_eq!(count(&project, "failed"), 1);
        project.run(&command).ends(0);
        assert_eq!(sandbox.letters().len(), 1);
    }
}

#[test]
fn a_person_who_gets_proofs_is_named_nowhere() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let project = project
        .with_env("MASSEBREV_LOG", "trace")
        .with_env("MASSEBREV_PROOF_TO", PERSON);
    for arguments in [
        &["send", "mailing.yaml", "--dry-run"][..],
        &["send", "mailing.yaml", "--json"],
        &["send", "mailing.yaml", "--proof-to", PERSON],
        &["send", "mailing.yaml", "--proof-to", PERSON, "--dry-run"],
    ] {
        let run = project.run(arguments).ends(0);
        assert!(!run.to_string().contains(PERSON), "{run}");
        assert!(run.to_string().contains("078271*****"), "{run}");
    }
    let urn = format!("urn:altinn:person:identifier-no:{PERSON}");
    let letters = sandbox.letters();
    assert!(!letters.is_empty() && letters.iter().all(|letter| letter.recipient == urn));
    for name in files(&project) {
        assert!(!name.contains(PERSON), "{name}");
        let bytes = std::fs::read(project.path(".massebrev").join(&name)).unwrap();
        let named = bytes
            .windows(PERSON.len())
            .any(|part| part == PERSON.as_bytes());
        assert!(!named, "{name}");
    }
    // The command that follows is one of the mailing, though the variable is set.
    let run = project.run(&["send", "mailing.yaml"]).ends(0);
    let next =
        "next: look at them, then env -u MASSEBREV_PROOF_TO massebrev send mailing.yaml --plan";
    assert!(run.stderr().contains(next), "{run}");
}

#[test]
fn who_is_nobody_gets_no_proofs() {
    let project = Project::small();
    let refused = |to: &str| {
        let run = project.run(&["send", "no-such.yaml", "--proof-to", to]);
        let run = run.ends(2);
        assert!(!run.stderr().contains("no-such"), "first of all: {run}");
        run.stderr()
    };
    snapshot(|| {
        assert_snapshot!(
            "proof_to_nobody",
            [
                "07827199406",
                "7827199405",
                "9918 25827",
                "kari@example.no",
                "somebody",
                ""
            ]
            .map(refused)
            .concat()
        );
    });
    assert!(!refused("07827199406").contains("07827199406"));
    project.replace("mailing.yaml", "environment: tt02", "environment: prod");
    let run = project
        .run(&["send", "mailing.yaml", "--proof-to", PERSON])
        .ends(2);
    let words = "--proof-to 078271*****: a synthetic person cannot get a letter in production";
    assert!(run.stderr().contains(words), "{run}");
    assert!(!project.path(".massebrev").exists());
}

#[test]
fn proofs_do_not_go_with_what_is_about_letters_that_were_sent() {
    let project = Project::small();
    for flag in ["--retry-failed", "--accept-changes"] {
        let run = prove(&project, &[flag]).ends(2);
        assert!(run.stderr().contains("cannot be used with"), "{run}");
    }
}

#[test]
fn prod_needs_the_number_of_proofs() {
    let project = Project::small();
    project.replace("mailing.yaml", "environment: tt02", "environment: prod");
    let run = prove(&project, &["--rows", "1-2"]).ends(2);
    assert!(run.stderr().contains("--yes --expect 2"), "{run}");
    let run = prove(&project, &["--rows", "1-2", "--yes", "--expect", "3"]).ends(2);
    let words = "expected 3 proofs, but the rows asked for have 2; nothing was sent";
    assert!(run.stderr().contains(words), "{run}");
    let run = prove(&project, &["--rows", "1-2", "--dry-run"]).ends(0);
    let asks =
        "2 proofs go to 310244007. Type the number of proofs to send them; Ctrl-C sends nothing:";
    assert!(run.stdout().contains(asks), "{run}");
    let other = [
        "--plan",
        "sha256:e96822cd2f7b4bd35ad048caa9f213384e5026074d44385c398b24ac1aa1c5a0",
    ];
    let run = prove(&project, &other).ends(2);
    assert!(run.stderr().contains("not what was approved"), "{run}");
}

#[test]
fn a_dry_run_shows_proofs_as_they_would_be_read() {
    let sandbox = LiveSandbox::start();
    let project = reaching(&sandbox);
    let run = prove(&project, &["--dry-run", "--rows", "1"]).ends(0);
    snapshot(|| assert_snapshot!("proof_dry_run", run));
    assert!(!project.path(".massebrev").exists());
    assert_eq!(sandbox.requests(), BTreeMap::new());
}

#[test]
fn letters_that_tell_custom_recipients_only_have_no_proof() {
    let sandbox = LiveSandbox::start();
    let project = reaching(&sandbox);
    project.replace(
        "mailing.yaml",
        "    customRecipients:",
        "    overrideRegisteredContactInformation: \"{{ mail != '' }}\"\n    customRecipients:",
    );
    let run = prove(&project, &["--rows", "1"]).ends(2);
    snapshot(|| assert_snapshot!("proof_of_custom_recipients_only", run));
    prove(&project, &["--rows", "2"]).ends(0);
    assert_eq!(cases(&sandbox.letters()), ["case 2"].into());
}

#[test]
fn a_mailing_with_errors_has_no_proofs() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let rows = project.read("recipients.csv") + "1,Dag,4\n";
    project.write("recipients.csv", rows);
    prove(&project, &["--rows", "1"]).ends(2);
    assert!(sandbox.letters().is_empty());
}

#[test]
fn the_summary_for_programs_counts_the_proofs() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let run = prove(&project, &["--rows", "1-2", "--json"]).ends(0);
    let last = run.stdout();
    let summary: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(summary["proof_to"], AGENCY);
    assert_eq!(summary["letters"], 2);
    assert_eq!(summary["counts"]["sent"], 2);
    assert_eq!(summary["rows_total"], 2);
    let plain = project.run(&["send", "mailing.yaml", "--json"]).ends(0);
    assert!(!plain.stdout().contains("proof_to"), "{plain}");
}

#[test]
fn the_report_of_proofs_is_told_again() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    let again = |to: &str, more: &[&str]| {
        project.run(&[&["report", "mailing.yaml", "--proof-to", to], more].concat())
    };
    let none = again(AGENCY, &[]).ends(2);
    assert!(none.stderr().contains("no proofs of small"), "{none}");
    assert!(
        none.stderr()
            .ends_with("hint: massebrev send mailing.yaml --proof-to 310244007\n"),
        "{none}"
    );
    prove(&project, &["--rows", "1"]).ends(0);
    let urn = format!("urn:altinn:person:identifier-no:{PERSON}");
    let person = ["send", "mailing.yaml", "--proof-to", &urn, "--rows", "1-2"];
    project.run(&person).ends(0);
    project.replace("mailing.yaml", "is open", "is closed");
    prove(&project, &["--rows", "1-3"]).ends(0);
    project.run(&["send", "mailing.yaml", "--row", "2"]).ends(0);
    // Nothing of the mailing is needed but its name, and the latest plan counts.
    project.write("recipients.csv", "nothing\n");
    for (to, proofs) in [(AGENCY, 3), (AGENCY_URN, 3), (PERSON, 2), (&*urn, 2)] {
        let run = again(to, &["--format", "json"]).ends(0);
        let report: Value = serde_json::from_str(&run.stdout()).unwrap();
        assert_eq!(report["counts"]["sent"], proofs, "{run}");
        let plan = report["plan"].as_str().unwrap();
        assert!(run.stderr().contains(plan), "{run}");
        assert!(!run.to_string().contains(PERSON), "{run}");
    }
    let other = again("991825827", &[]).ends(2);
    assert!(other.stderr().contains("to 991825827 in "), "{other}");
    let nobody = again("07827199406", &[]).ends(2);
    assert!(!nobody.stderr().contains("07827199406"), "{nobody}");
    // The mailing's own report is what it was, whatever is set for its proofs.
    let run = project.run(&["report", "mailing.yaml"]).ends(0);
    assert!(run.stdout().starts_with("small in "), "{run}");
    let project = project.with_env("MASSEBREV_PROOF_TO", AGENCY);
    assert_eq!(project.count("sent"), 1);
}
