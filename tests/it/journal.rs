//! What the journal is for: durable before a letter leaves, one process at a time, readable by all, of known formats, and no loss when it is lost.

use std::path::PathBuf;
use std::time::Duration;

use massebrev::sandbox::{Action, Endpoint, Trouble, When};

use crate::seal::seal;
use crate::support::{LiveSandbox, Project, Run};

const HOUR: Action = Action::Delay(Duration::from_secs(3600));

fn hanging() -> LiveSandbox {
    LiveSandbox::troubled(vec![Trouble {
        endpoint: Endpoint::Initialize,
        when: When::First(3),
        action: HOUR,
    }])
}

/// The one journal of a project.
pub(crate) fn journal(project: &Project) -> PathBuf {
    let folder = std::fs::read_dir(project.path(".massebrev")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|end| end == "journal");
    paths.into_iter().find(is_journal).unwrap()
}

/// Changes it from outside, as time and accidents do.
pub(crate) fn alter(project: &Project, sql: &str) {
    let file = rusqlite::Connection::open(journal(project)).unwrap();
    file.execute_batch(sql).unwrap();
    seal(&file);
}

fn damage(project: &Project) {
    let path = journal(project);
    let mut bytes = std::fs::read(&path).unwrap();
    // The header stays: `SQLite` opens it, and finds the pages to be nonsense.
    bytes[4096..].fill(0x5a);
    std::fs::write(path, bytes).unwrap();
}

/// Does what the hint tells to type.
fn obey(project: &Project, run: &Run) {
    let said = run.stderr();
    let command = said.split("again: ").last().unwrap().trim();
    assert!(command.starts_with("mv "), "{said}");
    let done = std::process::Command::new("sh")
        .args(["-c", command])
        .current_dir(project.path("."))
        .status();
    assert!(done.unwrap().success(), "{command}");
}

#[test]
fn what_is_on_its_way_is_on_the_disk_before_it_leaves() {
    let sandbox = hanging();
    let project = Project::small().with_sandbox(&sandbox);
    let mut run = project.start(&["send", "mailing.yaml"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(project.count("in-flight"), 3);
    let told = project.run(&["report", "mailing.yaml"]).ends(0).stdout();
    assert!(!told.contains("being sent now"), "{told}");
    assert_eq!(told.matches("cut off").count(), 2, "{told}");
    // The lock of a killed process is no obstacle, though its file still names the process.
    let id = run.id().to_string();
    let lock = journal(&project).with_extension("journal.lock");
    assert!(std::fs::read_to_string(lock).unwrap().contains(&id));
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_second_process_says_who_has_the_journal_and_reports_are_there_meanwhile() {
    let sandbox = hanging();
    let project = Project::small().with_sandbox(&sandbox);
    let mut first = project.start(&["send", "mailing.yaml"]);
    sandbox.wait_for_requests(Endpoint::Initialize, 3);
    let second = project.run(&["send", "mailing.yaml"]).ends(3);
    let said = second.stderr();
    let id = first.id();
    assert!(
        said.contains(&format!("is in use by process {id}")),
        "{said}"
    );
    assert!(said.contains(" since 20"), "{said}");
    if cfg!(unix) {
        assert!(
            said.contains(&format!("to look at it: ps -fp {id}")),
            "{said}"
        );
    }
    for format in ["text", "json", "csv", "html"] {
        let report = project.run(&["report", "mailing.yaml", "--format", format]);
        let told = report.ends(0).stdout();
        assert!(told.contains("in-flight"), "{format}");
        assert!(!told.contains("cut off"), "{told}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
}

/// Only Unix gives up a process's locks when it closes a file.
#[cfg(unix)]
#[test]
fn other_programs_that_look_into_the_journal_of_a_run_take_nothing_from_it() {
    let sandbox = hanging();
    let project = Project::small().with_sandbox(&sandbox);
    // A first run, and two after one that was cut off.
    for row in [1, 2, 3] {
        let mut run = project.start(&["send", "mailing.yaml", "--row", &row.to_string()]);
        sandbox.wait_for_requests(Endpoint::Initialize, row);
        let path = journal(&project);
        let file = rusqlite::Connection::open(&path).unwrap();
        let rows = "SELECT count(*) FROM deliveries";
        let rows: u64 = file.query_row(rows, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, row - 1);
        // The last to close the file, as far as it knows.
        drop(file);
        let log = path.with_extension("journal-wal");
        assert!(log.exists(), "what the run writes is lost with its log");
        run.kill().unwrap();
        run.wait().unwrap();
    }
}

#[test]
fn a_journal_of_a_newer_format_names_the_version_that_reads_it() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    alter(
        &project,
        "UPDATE meta SET value = '99' WHERE name = 'format'; UPDATE meta SET value = '9.8.7' WHERE name = 'program'",
    );
    for command in ["send", "report"] {
        let refused = project.run(&[command, "mailing.yaml"]).ends(3);
        let said = refused.stderr();
        assert!(said.contains("has format 99"), "{said}");
        assert!(said.contains("use massebrev 9.8.7"), "{said}");
    }
    assert_eq!(sandbox.letters().len(), 3);
}

/// A mailing whose journal was written in format 1: the first letter sent, the second rejected, the third failed.
fn of_format_1(sandbox: &LiveSandbox) -> Project {
    let project = Project::small().with_sandbox(sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let path = journal(&project);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(
        "UPDATE meta SET value = '1' WHERE name = 'format'; DELETE FROM meta WHERE name = 'program';
        DROP TABLE inputs; DROP TABLE blocks; DROP INDEX deliveries_by_correspondence;
        ALTER TABLE deliveries DROP COLUMN accepted; ALTER TABLE deliveries DROP COLUMN lost_at; ALTER TABLE deliveries DROP COLUMN asked_at;
        ALTER TABLE deliveries DROP COLUMN delivery; ALTER TABLE deliveries DROP COLUMN listed_at; ALTER TABLE deliveries DROP COLUMN sum;
        ALTER TABLE runs DROP COLUMN alive_at; ALTER TABLE runs DROP COLUMN sum; ALTER TABLE attachments DROP COLUMN sum;
        ALTER TABLE meta DROP COLUMN sum;",
    )
    .unwrap();
    project
}

#[test]
fn a_journal_of_an_older_format_is_brought_up_and_a_copy_kept() {
    let sandbox = LiveSandbox::start();
    let project = of_format_1(&sandbox);
    assert_eq!(project.count("sent"), 3, "reports read it as it is");
    project.replace("mailing.yaml", "is open", "is closed");
    let refused = project.run(&["send", "mailing.yaml"]).ends(2);
    assert!(refused.stderr().contains("as it was: "), "{refused}");
    assert!(
        refused
            .stderr()
            .contains("an older massebrev did not write it down"),
        "{refused}"
    );
    let copy = journal(&project).with_extension("journal.format-1");
    assert!(copy.exists());
    project.replace("mailing.yaml", "is closed", "is open");
    let again = project.run(&["send", "mailing.yaml"]).ends(0);
    assert!(!again.stderr().contains("as it was: "), "{again}");
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn who_stops_before_sending_changes_no_journal_and_begins_none() {
    let sandbox = LiveSandbox::start();
    let new = Project::small().with_sandbox(&sandbox);
    let older = of_format_1(&sandbox);
    let before = std::fs::read(journal(&older)).unwrap();
    let plan = format!("sha256:{}", "0".repeat(64));
    for (arguments, status) in [
        (&["validate", "mailing.yaml"][..], 0),
        (&["render", "mailing.yaml"], 0),
        (&["send", "mailing.yaml", "--dry-run"], 0),
        (&["send", "mailing.yaml", "--expect", "7"], 2),
        (&["send", "mailing.yaml", "--plan", &plan], 2),
        (&["send", "mailing.yaml", "--rows", "1", "--expect", "2"], 2),
    ] {
        new.run(arguments).ends(status);
        assert!(!new.path(".massebrev").exists(), "{arguments:?}");
        older.run(arguments).ends(status);
        let after = std::fs::read(journal(&older)).unwrap();
        assert!(after == before, "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_an_older_journal_as_it_was() {
    let sandbox = LiveSandbox::start();
    let project = of_format_1(&sandbox);
    // Too large for another one to have room.
    let file = rusqlite::Connection::open(journal(&project)).unwrap();
    file.execute_batch("UPDATE runs SET reason = hex(zeroblob(100000))")
        .unwrap();
    drop(file);
    let run = project
        .run_on_a_small_disk(64, &["send", "mailing.yaml"])
        .ends(3);
    assert!(run.stderr().contains("disk space"), "{run}");
    for entry in std::fs::read_dir(project.path(".massebrev")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_string_lossy().contains("format-1"), "{name:?}");
    }
    assert_eq!(project.count("sent"), 3);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_damaged_journal_is_moved_away_and_loses_nothing() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    damage(&project);
    let report = project.run(&["report", "mailing.yaml"]).ends(3);
    assert!(report.stderr().contains("is damaged"), "{report}");
    let refused = project.run(&["send", "mailing.yaml"]).ends(3);
    let said = refused.stderr();
    assert!(said.contains("is damaged"), "{said}");
    let kept = "nothing is lost with it as long as the keys stay as they are";
    assert!(said.contains(kept), "{said}");
    obey(&project, &refused);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("already-sent"), 3);
}

#[test]
fn a_journal_without_content_is_told_and_the_letters_are_found_by_key() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    std::fs::write(journal(&project), "").unwrap();
    for more in [&["--dry-run"][..], &[]] {
        let arguments = [&["send", "mailing.yaml"], more].concat();
        let run = project.run(&arguments).ends(0);
        assert!(run.stderr().contains(" is empty: "), "{run}");
        assert!(run.stderr().contains("do not change the keys"), "{run}");
    }
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("already-sent"), 3);
}

#[test]
fn the_journal_of_another_mailing_is_neither_reported_nor_sent_with() {
    let project = Project::small();
    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    let copy = project.path(".massebrev/other@sandbox.journal");
    std::fs::copy(journal(&project), copy).unwrap();
    project.replace("mailing.yaml", "mailing: small", "mailing: other");
    for command in [&["report"][..], &["send"], &["send", "--dry-run"]] {
        let arguments = [command, &["mailing.yaml", "--sandbox"]].concat();
        let refused = project.run(&arguments).ends(3);
        let said = refused.stderr();
        assert!(said.contains("belongs to mailing `small`"), "{refused}");
    }
}

#[test]
fn a_journal_that_does_not_fit_leads_to_no_second_letter() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let real = journal(&project);
    project.replace("mailing.yaml", "example-advice", "example-other");
    let refused = project.run(&["send", "mailing.yaml"]).ends(3);
    let said = refused.stderr();
    let differs = "belongs to resource `example-advice`, not `example-other`";
    assert!(said.contains(differs), "{said}");
    assert!(said.contains("change its resource back"), "{said}");
    assert!(said.contains("sends every letter once more"), "{said}");
    project.replace("mailing.yaml", "example-other", "example-advice");

    project.run(&["send", "mailing.yaml", "--sandbox"]).ends(0);
    std::fs::copy(project.path(".massebrev/small@sandbox.journal"), real).unwrap();
    let refused = project.run(&["send", "mailing.yaml"]).ends(3);
    let said = refused.stderr();
    assert!(said.contains("environment `sandbox`, not `127"), "{said}");
    assert!(!said.contains(".damaged"), "{said}");
    obey(&project, &refused);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
    assert_eq!(project.count("already-sent"), 3);
}

/// Another run holds the lock, and is about to write the file.
#[test]
fn what_another_run_is_just_beginning_is_in_use_and_neither_empty_nor_foreign() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let path = journal(&project);
    let lock = std::fs::File::open(path.with_extension("journal.lock")).unwrap();
    lock.lock().unwrap();
    for content in ["", &"half of a page\n".repeat(100)] {
        std::fs::write(&path, content).unwrap();
        for command in ["send", "report"] {
            let refused = project.run(&[command, "mailing.yaml"]).ends(3);
            let said = refused.stderr();
            assert!(said.contains("is in use by process"), "{said}");
            assert!(!said.contains("is empty"), "{said}");
            assert!(!said.contains("mv "), "{said}");
        }
    }
    drop(lock);
    let refused = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(refused.stderr().contains("is not a journal"), "{refused}");
}

#[test]
fn a_file_that_is_no_journal_is_not_touched() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    std::fs::write(
        journal(&project),
        "my own notes, not to be lost\n".repeat(50),
    )
    .unwrap();
    let refused = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(refused.stderr().contains("is not a journal"), "{refused}");
    obey(&project, &refused);
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_eq!(sandbox.letters().len(), 3);
}

#[test]
fn a_folder_that_cannot_be_made_sends_nothing() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.write(".massebrev", "a file where the folder should be");
    let refused = project.run(&["send", "mailing.yaml"]).ends(3);
    assert!(refused.stderr().contains("cannot look at"), "{refused}");
    assert!(
        refused.stderr().contains("is a file: move it away"),
        "{refused}"
    );
    assert_eq!(sandbox.letters().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_sends_nothing_and_is_reported_all_the_same() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let refused = project.run_barred(0o555, &["send", "mailing.yaml"]).ends(3);
    assert!(refused.stderr().contains("journal"), "{refused}");
    assert!(refused.stderr().contains("hint: "), "{refused}");
    let report = project
        .run_barred(0o555, &["report", "mailing.yaml"])
        .ends(0);
    let said = report.stdout();
    assert!(said.contains("every row is accounted for"), "{said}");
    assert_eq!(sandbox.letters().len(), 3);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_not_taken_for_a_mailing_that_was_never_sent() {
    let sandbox = LiveSandbox::start();
    let project = Project::small().with_sandbox(&sandbox);
    project.run(&["send", "mailing.yaml"]).ends(0);
    for command in [
        &["report", "mailing.yaml"][..],
        &["report", "mailing.yaml", "--proof-to", "991825827"],
        &["send", "mailing.yaml"],
        &["send", "mailing.yaml", "--dry-run"],
        &["validate", "mailing.yaml"],
        &["render", "mailing.yaml"],
    ] {
        let refused = project.run_barred(0o000, command).ends(3);
        let said = refused.stderr();
        assert!(said.contains("Permission denied"), "{said}");
        assert!(said.contains("hint: "), "{said}");
    }
}
