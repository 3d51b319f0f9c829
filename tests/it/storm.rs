//! Everything goes wrong at once, and in the end every letter is there exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use massebrev::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};

use crate::support::{LiveSandbox, Project};

const ENDPOINTS: [Endpoint; 10] = [
    Endpoint::Token,
    Endpoint::Exchange,
    Endpoint::Initialize,
    Endpoint::InitializeWithFiles,
    Endpoint::Find,
    Endpoint::Overview,
    Endpoint::InitializeAttachment,
    Endpoint::Upload,
    Endpoint::Attachment,
    Endpoint::DeleteAttachment,
];

/// Always the same numbers for a seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn action(&mut self) -> Action {
        let answer = |status, retry_after| Action::Answer {
            status,
            retry_after,
        };
        match self.below(12) {
            0 | 1 => Action::CutBeforeCommit,
            11 => Action::CutMidway,
            2..=4 => Action::CutAfterCommit,
            5 => answer(503, None),
            6 => answer(429, Some(0)),
            7 => answer(500, None),
            8 => answer(504, None),
            9 => answer(200, None),
            _ => Action::Delay(Duration::from_millis(self.below(30))),
        }
    }

    fn storm(&mut self) -> Vec<Trouble> {
        let mut trouble: Vec<_> = (0..30)
            .map(|number| Trouble {
                endpoint: ENDPOINTS[number % ENDPOINTS.len()],
                when: When::Every(4 + self.below(12)),
                action: self.action(),
            })
            .collect();
        trouble.push(Trouble {
            endpoint: Endpoint::Initialize,
            when: When::Every(97),
            action: Action::ExpireTokens,
        });
        trouble
    }
}

/// What is in the files of a letter: one that all have, one that ten have, and for every other letter one of its own.
fn files_of(case: usize) -> Vec<String> {
    let own = if case.is_multiple_of(2) { case } else { 0 };
    [
        "terms".to_owned(),
        format!("ten {}", case / 10),
        format!("own {own}"),
    ]
    .map(|text| format!("%PDF-1.4 {text}"))
    .to_vec()
}

/// A mailing of `count` letters with files of all kinds.
fn mailing(count: usize, sandbox: &LiveSandbox) -> Project {
    let project = Project::small();
    project.replace(
        "mailing.yaml",
        "    messageTitle",
        "    attachments:\n      - { file: terms.pdf, sendersReference: terms }\n      - { file: \"{{ ten }}\", sendersReference: ten }\n      - { file: \"{{ own }}\", sendersReference: own }\n    messageTitle",
    );
    project.replace("mailing.yaml", "attempts: 4", "attempts: 12");
    let mut rows = "org,name,case,ten,own\n".to_owned();
    for case in 1..=count {
        let names = [
            "terms.pdf".to_owned(),
            format!("ten-{}.pdf", case / 10),
            format!("own-{}.pdf", if case.is_multiple_of(2) { case } else { 0 }),
        ];
        writeln!(rows, "991825827,Ane,{case},{},{}", names[1], names[2]).unwrap();
        for (name, content) in names.iter().zip(files_of(case)) {
            project.write(name, content);
        }
    }
    project.write("recipients.csv", rows);
    project.with_sandbox(sandbox)
}

fn all_arrive_once(sandbox: &LiveSandbox, project: &Project, count: usize) {
    let letters = sandbox.letters();
    let references: BTreeSet<_> = letters.iter().map(|l| &l.senders_reference).collect();
    assert_eq!(letters.len(), count, "no letter twice");
    assert_eq!(references.len(), count, "every row has its letter");
    let files: BTreeMap<_, _> = sandbox
        .attachments()
        .into_iter()
        .map(|file| (file.id, file.bytes.unwrap_or_default()))
        .collect();
    for letter in &letters {
        let case = letter.senders_reference.strip_prefix("case ").unwrap();
        let wanted = files_of(case.parse().unwrap());
        let has = letter.attachments.iter().map(|id| files[id].clone());
        let has: Vec<_> = has.collect();
        assert_eq!(has, wanted, "{case}");
    }
    let report = project.report();
    let counted = |state: &str| report["counts"][state].as_u64().unwrap();
    assert_eq!(counted("sent") + counted("already-sent"), count as u64);
    assert_eq!(report["rows_total"], count);
    assert_eq!(report["adds_up"], true);
    // The report names the letters that are there.
    let ids: BTreeSet<_> = letters.iter().map(|letter| letter.id.to_string()).collect();
    for row in report["rows"].as_array().unwrap() {
        assert!(
            ids.contains(row["correspondence_id"].as_str().unwrap()),
            "{row}"
        );
    }
}

#[test]
fn a_storm_with_kills_in_it_ends_with_every_letter_once() {
    const LETTERS: usize = 300;
    for seed in [101, 102, 109] {
        let trouble = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)).storm();
        let sandbox = LiveSandbox::troubled(trouble.clone());
        let project = mailing(LETTERS, &sandbox);
        for letters in [40, 150] {
            let mut child = project.start(&["send", "mailing.yaml"]);
            while sandbox.letters().len() < letters && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let mut runs = 0;
        loop {
            let run = project.run(&["send", "mailing.yaml"]);
            let report = project.report();
            assert_eq!(report["adds_up"], true, "seed {seed} {trouble:?} {run}");
            if run.status() == Some(0) {
                break;
            }
            runs += 1;
            assert!(runs < 20, "seed {seed} {trouble:?} {run}");
        }
        all_arrive_once(&sandbox, &project, LETTERS);
    }
}

#[test]
fn the_flaky_and_the_busy_rehearsal_end_well_in_one_run() {
    for (name, count) in [("flaky", 300), ("busy", 60)] {
        let sandbox = LiveSandbox::with(Options {
            scenario: Scenario::named(name).unwrap(),
            ..Options::default()
        });
        let project = mailing(count, &sandbox);
        project.run(&["send", "mailing.yaml"]).ends(0);
        all_arrive_once(&sandbox, &project, count);
    }
}
