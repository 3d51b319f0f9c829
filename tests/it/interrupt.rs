//! Ctrl-C finishes what is in flight, waits for nothing else, and ends with 130; the same command goes on.
#![cfg(unix)]

use std::io::Write as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use massebrev::sandbox::{Action, Endpoint, Trouble, When};

use crate::journal::alter;
use crate::people::spreadsheet;
use crate::support::{LiveSandbox, Project};

const HOUR: Action = Action::Delay(Duration::from_secs(3600));
const LATER: Action = Action::Answer {
    status: 429,
    retry_after: Some(3600),
};

fn on(endpoint: Endpoint, when: When, action: Action) -> Trouble {
    Trouble {
        endpoint,
        when,
        action,
    }
}

/// Three letters that may be tried for hours.
fn patient(sandbox: &LiveSandbox) -> Project {
    let project = Project::small().with_sandbox(sandbox);
    project.replace("mailing.yaml", "deadline: 1m", "deadline: 9h");
    project
}

fn goes_on(project: &Project, sandbox: &LiveSandbox) {
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("sent") + project.count("already-sent"), 3);
}

#[test]
fn an_interrupted_run_ends_with_130_and_goes_on() {
    let sandbox = LiveSandbox::start();
    let project = Project::example("spreadsheet").with_sandbox(&sandbox);
    project.write("mottakere.csv", spreadsheet(2000));
    let run = project.watch(&["send", "mailing.yaml", "--concurrency", "2"]);
    sandbox.wait_for(20);
    run.interrupt();
    assert_eq!(run.status(), Some(130));
    let sent = sandbox.letters().len() as u64;
    assert!(sent < 2000, "interrupted in the middle");
    assert_eq!(
        project.count("sent"),
        sent,
        "what was in flight was finished and written down"
    );
    assert_eq!(project.count("pending"), 2000 - sent);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 2000);
}

#[test]
fn letters_that_wait_for_their_turn_stay_pending() {
    let sandbox = LiveSandbox::start();
    let project = patient(&sandbox);
    let run = project.watch(&["send", "mailing.yaml", "--rate", "1/h"]);
    sandbox.wait_for(1);
    run.interrupt();
    assert_eq!(run.status(), Some(130));
    assert_eq!(project.count("sent"), 1);
    assert_eq!(project.count("pending"), 2);
    goes_on(&project, &sandbox);
}

#[test]
fn a_letter_that_has_no_place_in_flight_yet_stays_where_it_stood() {
    let slow = Action::Delay(Duration::from_secs(4));
    for before in ["pending", "unknown"] {
        let sandbox = LiveSandbox::troubled(vec![on(Endpoint::Initialize, When::First(3), slow)]);
        let project = patient(&sandbox);
        if before == "unknown" {
            project
                .run(&["send", "mailing.yaml", "--rows", "3"])
                .ends(0);
            alter(&project, "UPDATE deliveries SET state = 'unknown'");
        }
        let asked = sandbox.asked(Endpoint::Initialize);
        let run = project.watch(&["send", "mailing.yaml", "--concurrency", "2"]);
        sandbox.wait_for_requests(Endpoint::Initialize, asked + 2);
        // The third is in a block, or about to be, while the first two are on their way.
        run.interrupt();
        assert_eq!(run.status(), Some(130), "{before}");
        assert_eq!(project.count("sent"), 2, "{before}");
        assert_eq!(project.count(before), 1);
        goes_on(&project, &sandbox);
    }
}

#[test]
fn a_letter_that_waits_to_be_tried_again_is_tried_by_the_next_run() {
    for canary in ["canary: 0", "canary: 1", "canary: 0\n  maxFailures: 0"] {
        let sandbox = LiveSandbox::troubled(vec![on(Endpoint::Initialize, When::Nth(1), LATER)]);
        let project = patient(&sandbox);
        project.replace("mailing.yaml", "canary: 0", canary);
        let run = project.watch(&["send", "mailing.yaml", "--concurrency", "1"]);
        sandbox.wait_for_requests(Endpoint::Initialize, 1);
        run.interrupt();
        assert_eq!(run.status(), Some(130), "{canary}");
        assert_eq!(project.count("failed"), 1);
        assert_eq!(project.count("pending"), 2);
        let report = project.report();
        let reason = report["rows"][0].to_string();
        assert!(
            reason.contains("429") && reason.contains("Rate limit"),
            "{reason}"
        );
        goes_on(&project, &sandbox);
    }
}

#[test]
fn the_last_letters_cut_short_are_an_interruption_too() {
    // All of them have left before the first is told to wait.
    let slow = Action::Delay(Duration::from_secs(1));
    let sandbox = LiveSandbox::troubled(vec![
        on(Endpoint::Initialize, When::First(3), slow),
        on(Endpoint::Initialize, When::First(3), LATER),
    ]);
    let project = patient(&sandbox);
    let run = project.watch(&["send", "mailing.yaml"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    run.interrupt();
    assert_eq!(run.status(), Some(130));
    assert_eq!(project.count("failed"), 3);
    goes_on(&project, &sandbox);
}

#[test]
fn nobody_waits_for_a_token() {
    for endpoint in [Endpoint::Token, Endpoint::Exchange] {
        let sandbox = LiveSandbox::troubled(vec![on(endpoint, When::Nth(1), HOUR)]);
        let project = patient(&sandbox);
        let run = project.watch(&["send", "mailing.yaml"]);
        sandbox.wait_for_requests(endpoint, 1);
        run.interrupt();
        assert_eq!(run.status(), Some(130));
        assert_eq!(project.count("pending"), 3);
        goes_on(&project, &sandbox);
    }
}

#[test]
fn a_letter_whose_token_was_refused_has_left() {
    let sandbox = LiveSandbox::troubled(vec![
        on(Endpoint::Initialize, When::Nth(1), Action::ExpireTokens),
        on(Endpoint::Token, When::Nth(2), HOUR),
    ]);
    let project = patient(&sandbox);
    let run = project.watch(&["send", "mailing.yaml", "--concurrency", "1"]);
    sandbox.wait_for_requests(Endpoint::Token, 2);
    run.interrupt();
    assert_eq!(run.status(), Some(130));
    assert_eq!((project.count("failed"), project.count("pending")), (1, 2));
    goes_on(&project, &sandbox);
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_the_next_run_finds_out() {
    let sandbox = LiveSandbox::troubled(vec![
        on(Endpoint::Initialize, When::Nth(2), HOUR),
        on(Endpoint::Initialize, When::Nth(3), HOUR),
    ]);
    let project = patient(&sandbox);
    let mut run = project.watch(&["send", "mailing.yaml", "--json"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    while !project.read("stdout").contains("delivered") {
        thread::yield_now();
    }
    run.interrupt();
    run.wait_for_line("interrupted: finishing");
    run.interrupt();
    assert_eq!(run.status(), Some(130));
    assert_eq!(project.count("in-flight"), 2);
    let told = project.read("stdout");
    let summary = told.lines().last().unwrap();
    assert!(summary.contains(r#""ended":1,"#), "{summary}");
    goes_on(&project, &sandbox);
}

/// Its first event waits for ever: nobody reads, and the pipe is full.
#[test]
#[cfg(target_os = "linux")]
fn a_run_that_waits_for_its_reader_stops_too() {
    const PIPE: usize = 64 << 10;
    let sandbox = LiveSandbox::start();
    let project = patient(&sandbox);
    let (_reader, mut stdout) = std::io::pipe().unwrap();
    stdout.write_all(&vec![b'\n'; PIPE]).unwrap();
    let mut run = project.begin(&["send", "mailing.yaml", "--json"], stdout);
    // From then on it waits for interrupts.
    let threads = format!("/proc/{}/task", run.id());
    let is_there = |task: std::fs::DirEntry| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim() == "interrupts")
    };
    while !std::fs::read_dir(&threads).unwrap().flatten().any(is_there) {
        thread::yield_now();
    }
    let began = Instant::now();
    let status = loop {
        // Two at once could be one; a third changes nothing.
        let id = run.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        if let Some(status) = run.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it did not end");
        thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(status.code(), Some(130));
    assert_eq!(sandbox.letters().len(), 0);
    goes_on(&project, &sandbox);
}

#[test]
fn two_runs_at_once_are_one() {
    let sandbox = LiveSandbox::troubled(vec![on(Endpoint::Initialize, When::First(3), HOUR)]);
    let project = patient(&sandbox);
    let mut first = project.watch(&["send", "mailing.yaml"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    let second = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(second.stderr().contains("is in use by process"), "{second}");
    first.interrupt();
    first.wait_for_line("interrupted: finishing");
    first.interrupt();
    assert_eq!(first.status(), Some(130));
    goes_on(&project, &sandbox);
}
