//! The engine against a server by another hand (`server`), which keeps its own ledger and lies in every way an answer can.
//!
//! The oracle is always the same: one letter for every row under its own key, no other key, and a report that says what the ledger says. `MASSEBREV_TEST_KILLS`
//! and `MASSEBREV_TEST_SEEDS` make it long.

mod damage;
mod server;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use uuid::Uuid;

use self::server::{Asked, Fault, Server, What};
use crate::journal::alter;
use crate::support::Project;

/// The namespace of the keys, as the README has it.
const NAMESPACE: Uuid = Uuid::from_u128(0x3b6d_0b8e_5f0c_4d4e_9a3c_7e1f_62c8_51d7);

/// Always the same numbers for a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// One request in three goes wrong.
    fn fault(&mut self, asked: &Asked) -> Fault {
        let wait = self.below(120);
        let sending = asked.what == What::Send;
        match self.below(36) {
            0 => Fault::CutBefore,
            1 => Fault::CutAfter,
            2 => Fault::CutMidway,
            3 if sending => Fault::LateAfterCut(wait),
            4 if sending => Fault::LateAfterTimeout(wait),
            5 if sending => Fault::Twice,
            6 if sending => Fault::Stale,
            7 if sending => Fault::OtherRecipient,
            8 if sending => Fault::FirstId,
            9 => Fault::Bare(503),
            10 => Fault::Later(429),
            11 => Fault::Bare(500),
            12 => Fault::Garbage,
            13 if sending => Fault::Code(500, 1032),
            14 => Fault::Slow(wait / 4),
            _ => Fault::None,
        }
    }
}

fn from_environment(name: &str, usual: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(usual, |value| value.parse().unwrap())
}

fn seeds() -> std::ops::Range<u64> {
    0..from_environment("MASSEBREV_TEST_SEEDS", 5)
}

/// An organisation number whose control digit fits; some numbers have none.
fn organization(number: u64) -> Option<String> {
    let text = format!("9{number:07}");
    let weights = [3, 2, 7, 6, 5, 4, 3, 2];
    let sum: u32 = text
        .bytes()
        .zip(weights)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    match 11 - sum % 11 {
        11 => Some(format!("{text}0")),
        10 => None,
        control => Some(format!("{text}{control}")),
    }
}

/// A made-up person, born on 7 February 1971 by the number; there are many.
fn person(number: usize) -> String {
    let control = |digits: &str, weights: &[u32]| {
        let sum: u32 = digits
            .bytes()
            .zip(weights)
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        (11 - sum % 11) % 11
    };
    let mut persons = (0..1000).filter_map(|individual| {
        let nine = format!("078271{individual:03}");
        let first = control(&nine, &[3, 7, 6, 1, 8, 9, 4, 5, 2]);
        let ten = format!("{nine}{first}");
        let second = control(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        (first < 10 && second < 10).then(|| format!("{ten}{second}"))
    });
    persons.nth(number).unwrap()
}

fn key(case: &str) -> Uuid {
    let name = ["example-advice", "small", case].join("\u{1f}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// The small mailing with these recipients, one a case from 1 on.
fn mailing(server: &Server, recipients: &[String]) -> Project {
    let rows: Vec<_> = recipients
        .iter()
        .zip(1..)
        .map(|(recipient, case)| (recipient.clone(), format!("{case}")))
        .collect();
    let project = Project::small();
    let url = server.url();
    project.replace(
        "mailing.yaml",
        "environment: tt02",
        &format!("environment: {{ platform: \"{url}\", maskinporten: \"{url}\" }}"),
    );
    write_rows(&project, &rows);
    project.with_env("MASSEBREV_TOKEN", "opaque-token-4f1c9d7e2b8a6035")
}

fn write_rows(project: &Project, rows: &[(String, String)]) {
    let mut text = "org,name,case\n".to_owned();
    for (recipient, case) in rows {
        writeln!(text, "{recipient},Ane,{case}").unwrap();
    }
    project.write("recipients.csv", text);
}

fn organizations(count: usize) -> Vec<String> {
    (1_000_000..).filter_map(organization).take(count).collect()
}

/// Runs until everything is sent.
fn send_until_done(project: &Project, arguments: &[&str]) -> u64 {
    let mut last = String::new();
    for run in 1..=40 {
        let all = [&["send", "mailing.yaml"], arguments].concat();
        let ended = project.run(&all);
        if ended.status() == Some(0) {
            return run;
        }
        last = ended.to_string();
        assert!(!last.contains("panicked at"), "{last}");
    }
    panic!("it does not come to an end: {last}");
}

/// As Altinn writes it.
fn urn(recipient: &str) -> String {
    let kind = if recipient.len() == 9 {
        "organization"
    } else {
        "person"
    };
    format!("urn:altinn:{kind}:identifier-no:{recipient}")
}

/// The oracle: the ledger has these letters and no others, and the report says the same.
fn assert_exactly_once(server: &Server, project: &Project, recipients: &[String]) {
    let letters = server.letters();
    assert_eq!(letters.len(), recipients.len(), "letters in the ledger");
    for (recipient, case) in recipients.iter().zip(1..) {
        let letter = letters.get(&key(&format!("{case}")));
        let letter = letter.unwrap_or_else(|| panic!("case {case} is lost"));
        assert_eq!(letter.reference, format!("case {case}"));
        assert_eq!(letter.recipient, urn(recipient));
    }
    let report = project.report();
    assert_eq!(report["adds_up"], true);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), recipients.len());
    for row in rows {
        let state = row["state"].as_str().unwrap();
        assert!(["sent", "already-sent"].contains(&state), "{row}");
        let key: Uuid = row["idempotency_key"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            row["correspondence_id"],
            letters[&key].id.to_string(),
            "{row}"
        );
    }
}

#[test]
fn everything_goes_wrong_at_once_and_every_letter_is_there_once() {
    for seed in seeds() {
        let mut numbers = Numbers(seed);
        let server = Server::start(move |asked| numbers.fault(asked));
        let recipients = organizations(150);
        let project = mailing(&server, &recipients);
        send_until_done(&project, &["--retry-failed"]);
        assert_exactly_once(&server, &project, &recipients);
    }
}

#[test]
fn killed_at_random_moments_every_letter_is_there_once() {
    let kills = from_environment("MASSEBREV_TEST_KILLS", 20);
    let mut numbers = Numbers(7);
    let mut left = kills;
    while left > 0 {
        let mut faults = Numbers(left);
        let server = Server::start(move |asked| match faults.fault(asked) {
            Fault::None => Fault::Slow(3),
            fault => fault,
        });
        let recipients = organizations(300);
        let project = mailing(&server, &recipients);
        for kill in 0..left.min(20) {
            let mut child = project.start(&["send", "mailing.yaml", "--retry-failed"]);
            sleep(Duration::from_millis(numbers.below(400)));
            child.kill().unwrap();
            child.wait().unwrap();
            if kill % 7 == 6 {
                // A lost journal loses nothing.
                let _ = fs::remove_dir_all(project.path(".massebrev"));
            }
        }
        left -= left.min(20);
        send_until_done(&project, &["--retry-failed"]);
        assert_exactly_once(&server, &project, &recipients);
    }
}

#[test]
fn two_folders_at_once_send_every_letter_once() {
    for seed in seeds() {
        let mut numbers = Numbers(seed);
        let server = Server::start(move |asked| numbers.fault(asked));
        let recipients = organizations(80);
        let projects = [mailing(&server, &recipients), mailing(&server, &recipients)];
        std::thread::scope(|scope| {
            for project in &projects {
                scope.spawn(|| send_until_done(project, &["--retry-failed"]));
            }
        });
        for project in &projects {
            assert_exactly_once(&server, project, &recipients);
        }
    }
}

/// The first answer to every letter, or to the letter about this.
fn first(about: &'static str, fault: Fault) -> impl FnMut(&Asked) -> Fault + Send + 'static {
    move |asked| {
        let meant = asked.what == What::Send && asked.about.contains(about) && asked.nth == 1;
        if meant { fault } else { Fault::None }
    }
}

#[test]
fn an_answer_belongs_to_its_letter() {
    for fault in [
        Fault::Twice,
        Fault::Stale,
        Fault::OtherRecipient,
        Fault::FirstId,
        Fault::Garbage,
    ] {
        for recipients in [organizations(40), vec![organizations(1).remove(0); 40]] {
            let server = Server::start(first("case", fault));
            let project = mailing(&server, &recipients);
            send_until_done(&project, &[]);
            assert_exactly_once(&server, &project, &recipients);
        }
    }
}

#[test]
fn what_is_accepted_and_will_not_be_delivered_is_not_sent() {
    for (status, state) in [("Failed", "rejected"), ("Reserved", "reserved")] {
        let server = Server::start(first("case 2", Fault::Status(status)));
        let project = mailing(&server, &organizations(3));
        project.run(&["send", "mailing.yaml"]).ends(1);
        assert_eq!((project.count("sent"), project.count(state)), (2, 1));
        // The key is used: nothing else comes of it, with or without a journal.
        server.set_status("case 2", status);
        for _ in 0..2 {
            project
                .run(&["send", "mailing.yaml", "--retry-reserved"])
                .ends(1);
            assert_eq!(project.count(state), 1);
            fs::remove_dir_all(project.path(".massebrev")).unwrap();
        }
        assert_eq!(server.letters().len(), 3);
    }
}

#[test]
fn a_lost_journal_costs_look_ups_and_says_what_could_not_be_compared() {
    let server = Server::honest();
    let recipients = organizations(4);
    let project = mailing(&server, &recipients);
    project.run(&["send", "mailing.yaml"]).ends(0);
    server.set_status("case 2", "PurgedByAltinn");
    server.set_status("case 3", "PurgedByRecipient");
    fs::remove_dir_all(project.path(".massebrev")).unwrap();
    project.replace(
        "mailing.yaml",
        "messageTitle: \"Hello\"",
        "messageTitle: \"Good day\"",
    );
    let run = project.run(&["send", "mailing.yaml"]).ends(1);
    assert_eq!(project.count("already-sent"), 3, "{run}");
    assert_eq!(project.count("withdrawn"), 1, "{run}");
    assert_eq!(server.letters().len(), 4);
    let said = run.stderr();
    assert!(said.contains("4 letters found at Altinn by key"), "{run}");
    assert!(
        said.contains("4 of them with another title than now (line 2, 3, 4, 5)"),
        "{run}"
    );
    // Settled: a withdrawn letter is not sent again.
    let asked = server.count(What::Send);
    let run = project.run(&["send", "mailing.yaml"]).ends(1);
    assert_eq!(server.count(What::Send), asked);
    assert!(
        run.stdout()
            .contains("recalled before its recipient could read it (line 3)"),
        "{run}"
    );
    let said = run.stderr();
    assert!(
        said.contains("earlier runs sent 3 letters, 1 was withdrawn"),
        "{run}"
    );
    assert!(!said.contains("what was refused"), "{run}");
}

#[test]
fn no_refusal_is_final_while_a_lost_request_may_still_take_effect() {
    for (status, code) in [
        (422, 1030),
        (404, 1029),
        (400, 1008),
        (400, 1036),
        (401, 4001),
    ] {
        for late in [Fault::LateAfterTimeout(600), Fault::LateAfterCut(600)] {
            let server = Server::start(move |asked| match (asked.what, asked.nth) {
                (What::Send, 1) => late,
                (What::Send, _) => Fault::Code(status, code),
                _ => Fault::None,
            });
            let recipients = organizations(1);
            let project = mailing(&server, &recipients);
            let run = project.run(&["send", "mailing.yaml"]);
            assert_ne!(run.status(), Some(0), "{run}");
            // A slow machine may see the letter arrive within the run.
            let open = project.count("unknown") + project.count("sent");
            assert_eq!(open, 1, "{code}: {run}");
            // What was reserved, rejected or failed without a look would stay so.
            send_until_done(&project, &[]);
            assert_exactly_once(&server, &project, &recipients);
        }
    }
}

#[test]
fn a_look_up_that_is_answered_with_another_rows_letter_rejects_nothing() {
    let server = Server::start(|asked| match asked.what {
        What::Send if asked.nth == 1 => Fault::CutAfter,
        What::Find => Fault::FirstId,
        _ => Fault::None,
    });
    let recipients = organizations(4);
    let project = mailing(&server, &recipients);
    project
        .run(&["send", "mailing.yaml", "--concurrency", "1"])
        .ends(1);
    assert_eq!(project.count("rejected"), 0);
    assert_eq!(project.count("unknown"), 3);
    server.now(|_| Fault::None);
    send_until_done(&project, &[]);
    assert_exactly_once(&server, &project, &recipients);
}

#[test]
fn a_refusal_that_is_not_altinns_says_nothing_of_a_letter_that_is_there() {
    for status in [400, 403, 413, 401, 302] {
        let server = Server::honest();
        let recipients = organizations(3);
        let project = mailing(&server, &recipients);
        project.run(&["send", "mailing.yaml"]).ends(0);
        fs::remove_dir_all(project.path(".massebrev")).unwrap();
        server.now(move |asked| match asked.what {
            What::Send => Fault::Bare(status),
            _ => Fault::None,
        });
        project.run(&["send", "mailing.yaml", "--concurrency", "1"]);
        for state in ["failed", "rejected"] {
            assert_eq!(project.count(state), 0, "{status}");
        }
        server.now(|_| Fault::None);
        send_until_done(&project, &[]);
        assert_exactly_once(&server, &project, &recipients);
    }
}

/// Sends rows, then the same recipients under other keys.
fn respelled(recipients: &[String], keys: &[&str], now: &[&str]) -> (Server, Project) {
    let server = Server::honest();
    let project = mailing(&server, recipients);
    let rows = |keys: &[&str]| -> Vec<_> {
        let keys = keys.iter().map(|key| (*key).to_owned());
        recipients.iter().cloned().zip(keys).collect()
    };
    write_rows(&project, &rows(keys));
    project.run(&["send", "mailing.yaml"]).ends(0);
    write_rows(&project, &rows(now));
    (server, project)
}

#[test]
fn a_person_is_not_the_spelling_of_a_key() {
    let persons: Vec<_> = (0..3).map(person).collect();
    for recipients in [organizations(3), persons] {
        for (keys, now, cause) in [
            (["00123", "00124", "00125"], ["123", "124", "125"], "zeros"),
            (
                ["\u{c5}s-1", "\u{c5}s-2", "\u{c5}s-3"],
                ["A\u{30a}s-1", "A\u{30a}s-2", "A\u{30a}s-3"],
                "Unicode",
            ),
            (["A1", "A2", "A3"], ["a1", "a2", "a3"], "case"),
            (
                ["1-2", "1-3", "1-4"],
                ["02.jan", "03.jan", "04.jan"],
                "date",
            ),
            (["17", "18", "19"], ["x", "y", "z"], "(x), earlier `17`"),
        ] {
            if cause == "Unicode" {
                // Keys that differ in their normal form alone may be one key.
                continue;
            }
            let (server, project) = respelled(&recipients, &keys, &now);
            let dry = project.run(&["send", "mailing.yaml", "--dry-run"]);
            let run = project.run(&["send", "mailing.yaml"]).ends(2);
            let said = run.stderr();
            assert_eq!(server.letters().len(), 3, "{run}");
            assert!(said.contains("3 letters would be second letters"), "{run}");
            assert!(said.contains(now[0]) && said.contains(keys[0]), "{run}");
            assert!(said.contains(cause), "{cause}: {run}");
            assert!(said.contains("--second-letters 3"), "{run}");
            assert!(dry.stderr().contains("second letters"), "{dry}");
            let is_person = recipients[0].len() == 11;
            assert_eq!(dry.stderr().contains("possibly"), is_person, "{dry}");
            // Accepting changed texts is something else, and so is another number.
            for other in [&["--accept-changes"][..], &["--second-letters", "2"]] {
                let all = [&["send", "mailing.yaml"], other].concat();
                project.run(&all).ends(2);
                assert_eq!(server.letters().len(), 3);
            }
            project
                .run(&["send", "mailing.yaml", "--second-letters", "3"])
                .ends(0);
            assert_eq!(server.letters().len(), 6);
            project.run(&["send", "mailing.yaml"]).ends(0);
            assert_eq!(server.letters().len(), 6);
        }
    }
}

#[test]
fn another_person_who_looks_the_same_when_masked_gets_a_letter() {
    let (server, project) = respelled(&[person(0), person(1)], &["1", "2"], &["1", "2"]);
    // Two who were sent have left the file; two others, born on the same day, have come.
    let rows: Vec<_> = [(2, "3"), (3, "4")]
        .map(|(number, key)| (person(number), key.to_owned()))
        .into();
    write_rows(&project, &rows);
    let dry = project.run(&["send", "mailing.yaml", "--dry-run"]).ends(0);
    assert!(
        dry.stderr()
            .contains("2 letters would possibly be second letters"),
        "{dry}"
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(server.letters().len(), 4);
    // One of them under another key, and one new: the first is counted alone.
    let rows: Vec<_> = [(2, "003"), (4, "5")]
        .map(|(number, key)| (person(number), key.to_owned()))
        .into();
    write_rows(&project, &rows);
    let run = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(run.stderr().contains("--second-letters 1"), "{run}");
    assert!(run.stderr().contains("(003), earlier `3`"), "{run}");
    assert_eq!(server.letters().len(), 4);
}

#[test]
fn a_person_may_have_several_letters_under_keys_of_the_file() {
    let server = Server::honest();
    let project = mailing(&server, &[]);
    let one = (person(0), "1".to_owned());
    let two = (person(0), "2".to_owned());
    write_rows(&project, std::slice::from_ref(&one));
    project.run(&["send", "mailing.yaml"]).ends(0);
    write_rows(&project, &[one, two]);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(server.letters().len(), 2);
}

#[test]
fn a_key_column_that_is_another_one_is_named() {
    let server = Server::honest();
    let project = mailing(&server, &organizations(2));
    project.run(&["send", "mailing.yaml"]).ends(0);
    project.replace("mailing.yaml", "key: case", "key: org");
    let run = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(run.stderr().contains("`recipients.key`"), "{run}");
    assert_eq!(server.letters().len(), 2);
}

#[test]
fn a_replay_without_a_journal_uploads_no_file_again() {
    let server = Server::honest();
    let recipients = organizations(10);
    let project = mailing(&server, &recipients);
    project.write("terms.pdf", "%PDF-1.4 terms");
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments: [{ file: terms.pdf, sendersReference: terms }]\n    messageTitle",
    );
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!((server.count(What::Announce), server.attachments()), (1, 1));
    assert_eq!(server.count(What::Find), 1, "a first run asks once");
    fs::remove_dir_all(project.path(".massebrev")).unwrap();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!((server.count(What::Announce), server.attachments()), (1, 1));
    assert_eq!(project.count("already-sent"), 10);
    // One is missing: now the file is needed.
    let more = organizations(11);
    let rows: Vec<_> = more
        .iter()
        .zip(1..)
        .map(|(org, case)| (org.clone(), format!("{case}")))
        .collect();
    write_rows(&project, &rows);
    fs::remove_dir_all(project.path(".massebrev")).unwrap();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(server.count(What::Announce), 2);
    assert_exactly_once(&server, &project, &more);
}

#[test]
fn a_reservation_that_was_lifted_is_tried_again_when_asked_for() {
    let server = Server::honest();
    let recipients = organizations(2);
    server.reserve(&urn(&recipients[1]), true);
    let project = mailing(&server, &recipients);
    project.run(&["send", "mailing.yaml"]).ends(1);
    assert_eq!(project.count("reserved"), 1);
    project
        .run(&["send", "mailing.yaml", "--retry-reserved"])
        .ends(1);
    server.reserve(&urn(&recipients[1]), false);
    project
        .run(&["send", "mailing.yaml", "--retry-failed"])
        .ends(1);
    assert_eq!(project.count("reserved"), 1);
    // On a paper list the letter has gone another way.
    alter(
        &project,
        "UPDATE deliveries SET listed_at = 1793700000000 WHERE state = 'reserved'",
    );
    project
        .run(&["send", "mailing.yaml", "--retry-reserved"])
        .ends(1);
    assert_eq!(project.count("reserved"), 1);
    alter(&project, "UPDATE deliveries SET listed_at = NULL");
    project
        .run(&["send", "mailing.yaml", "--retry-reserved"])
        .ends(0);
    assert_exactly_once(&server, &project, &recipients);
}

#[test]
fn an_outage_of_the_network_ends_with_3() {
    let server = Server::start(|_| Fault::Slow(20));
    let recipients = organizations(200);
    let project = mailing(&server, &recipients);
    let mut child = project.start(&["send", "mailing.yaml", "--concurrency", "4"]);
    while server.count(What::Send) < 20 {
        sleep(Duration::from_millis(1));
    }
    server.close();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(project.count("pending") > 0);
}

/// A clock that is so many seconds wrong, for the program alone: a library that is loaded before others.
#[cfg(target_os = "linux")]
fn wrong_clock(project: Project, seconds: i64) -> Project {
    const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *wrong = getenv("TEST_CLOCK");
    if (clock == CLOCK_REALTIME && wrong) now->tv_sec += atol(wrong);
    return result;
}
"#;
    project.write("clock.c", SOURCE);
    let (source, library) = (project.path("clock.c"), project.path("clock.so"));
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(built.unwrap().success());
    let library = library.display().to_string();
    project
        .with_env("LD_PRELOAD", &library)
        .with_env("TEST_CLOCK", &seconds.to_string())
}

#[cfg(target_os = "linux")]
#[test]
fn a_wrong_clock_doubles_and_loses_nothing() {
    const DAY: i64 = 24 * 3600;
    let mut numbers = Numbers(3);
    let server = Server::start(move |asked| numbers.fault(asked));
    let recipients = organizations(60);
    let mut project = mailing(&server, &recipients);
    for seconds in [-3 * 365 * DAY, 40 * DAY, -26 * 3600, 2 * 3600] {
        project = wrong_clock(project, seconds);
        let mut child = project.start(&["send", "mailing.yaml", "--retry-failed"]);
        sleep(Duration::from_millis(80));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    send_until_done(&project, &["--retry-failed"]);
    assert_exactly_once(&server, &project, &recipients);
}
