//! Journals that were damaged by bits, pages and cuts: each ends in one clear error before anything leaves.

use super::*;

/// A mailing that has been sent, and the bytes of its journal.
fn sent(recipients: &[String]) -> (Server, Project, PathBuf, Vec<u8>) {
    let server = Server::honest();
    let project = mailing(&server, recipients);
    project.run(&["send", "mailing.yaml"]).ends(0);
    let inside = fs::read_dir(project.path(".massebrev")).unwrap();
    let mut files = inside.map(|file| file.unwrap().path());
    let journal = files
        .find(|path| path.extension().is_some_and(|end| end == "journal"))
        .unwrap();
    let bytes = fs::read(&journal).unwrap();
    (server, project, journal, bytes)
}

/// The program with this damage to its journal: the truth, or one clear error with the way out; never a hang, and never anything new at Altinn.
fn assert_damage_is_found(
    damaged: &[u8],
    what: &str,
    (server, project, journal): (&Server, &Project, &Path),
    recipients: &[String],
) -> bool {
    for side in ["-wal", "-shm"] {
        let mut name = journal.as_os_str().to_owned();
        name.push(side);
        let _ = fs::remove_file(name);
    }
    fs::write(journal, damaged).unwrap();
    let posted = server.count(What::Send);
    let report = project.run(&["report", "mailing.yaml", "--format", "json"]);
    let is_whole = report.status() == Some(0);
    if is_whole {
        assert_exactly_once(server, project, recipients);
    } else {
        assert!(report.stderr().contains("hint: "), "{what}: {report}");
    }
    let child = project.watch(&["send", "mailing.yaml"]);
    match child.status() {
        Some(0) => assert_exactly_once(server, project, recipients),
        status => {
            assert_eq!(status, Some(3), "{what}");
            let run = project.run(&["send", "mailing.yaml"]).ends(3);
            assert!(run.stderr().contains("mv '"), "{what}: {run}");
        }
    }
    assert_eq!(
        server.count(What::Send),
        posted,
        "{what}: nothing leaves over damage"
    );
    is_whole
}

#[test]
fn damage_to_a_journal_is_found_before_anything_leaves() {
    let recipients = organizations(60);
    let (server, project, journal, bytes) = sent(&recipients);
    let world = (&server, &project, journal.as_path());
    let mut unnoticed = 0;
    for seed in 0..from_environment("MASSEBREV_TEST_SEEDS", 5) * 8 {
        let mut numbers = Numbers(seed);
        let mut damaged = bytes.clone();
        let length = bytes.len() as u64;
        let what = match seed % 8 {
            0..=4 => {
                for _ in 0..=numbers.below(3) {
                    let at = numbers.below(length);
                    damaged[usize::try_from(at).unwrap()] ^= 1 << numbers.below(8);
                }
                "flipped bits"
            }
            5 => {
                damaged.truncate(usize::try_from(numbers.below(length)).unwrap());
                "cut off"
            }
            6 => {
                let page = usize::try_from(numbers.below(length / 4096)).unwrap() * 4096;
                damaged[page..page + 4096].fill(0);
                "a page of zeros"
            }
            _ => {
                let page = usize::try_from(numbers.below(length / 4096 - 2) + 1).unwrap() * 4096;
                let (one, other) = damaged.split_at_mut(page + 4096);
                one[page..].swap_with_slice(&mut other[..4096]);
                "pages that have changed places"
            }
        };
        unnoticed += u64::from(assert_damage_is_found(
            &damaged,
            &format!("{what}, seed {seed}"),
            world,
            &recipients,
        ));
    }
    // Bits that mean nothing, in free space, are the rest.
    assert!(unnoticed < seeds().end * 8 / 2, "{unnoticed}");
    // The way out: every letter is found again by its key, and the copy of before is not written over.
    fs::write(&journal, &bytes[..bytes.len() / 2]).unwrap();
    for copy in ["damaged", "damaged-2"] {
        let run = project.run(&["send", "mailing.yaml"]).ends(3);
        let name = format!("{}.{copy}", journal.file_name().unwrap().display());
        assert!(run.stderr().contains(&format!("{name}'")), "{run}");
        fs::copy(&journal, journal.with_file_name(name)).unwrap();
    }
    fs::remove_file(&journal).unwrap();
    project.run(&["send", "mailing.yaml"]).ends(0);
    assert_exactly_once(&server, &project, &recipients);
}

#[test]
fn a_row_number_that_has_lost_a_bit_hangs_nothing() {
    // The last row of a table, with its number changed to one that is smaller than the one before: SQLite reads it as it is.
    let recipients = organizations(400);
    let (server, project, journal, bytes) = sent(&recipients);
    let last = 400_u32;
    // The number as SQLite writes it, before the length of the record's header.
    let number = [
        0x80 | u8::try_from(last >> 7).unwrap(),
        u8::try_from(last & 0x7f).unwrap(),
    ];
    let mut tried = 0;
    for at in 0..bytes.len() - 3 {
        if bytes[at..at + 2] == number {
            let mut damaged = bytes.clone();
            damaged[at + 1] ^= 0x04;
            assert_damage_is_found(
                &damaged,
                &format!("byte {at}"),
                (&server, &project, &journal),
                &recipients,
            );
            tried += 1;
            if tried == 10 {
                break;
            }
        }
    }
    assert!(tried > 0);
}
