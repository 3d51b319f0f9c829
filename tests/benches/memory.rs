//! How much memory a check takes, row by row: `cargo bench --bench memory [-- ROWS]`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;

use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use mailing::{FULL, argument, open, write};

/// The child that checks is this program again, with a manifest after this word.
const CHECK: &str = "check";

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, word, path] = arguments.as_slice()
        && word == CHECK
    {
        check(Path::new(path));
        return;
    }
    let most = argument(5_000_000);
    println!("      rows  peak MB  bytes/row over the first");
    let first = 1_000;
    let base = peak(first);
    for rows in [first, 10_000, 1_000_000, 5_000_000] {
        if rows > most {
            continue;
        }
        let peak = peak(rows);
        let each = peak.saturating_sub(base) / rows as u64;
        println!("{rows:>10} {:>8} {each:>12}", peak / 1_000_000);
    }
}

/// The most memory, in bytes, that checking so many rows has taken in a process of its own.
fn peak(rows: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), FULL, rows);
    let itself = std::env::current_exe().unwrap();
    let child = Command::new(itself).arg(CHECK).arg(path).output().unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let printed = String::from_utf8(child.stdout).unwrap();
    printed.trim().parse::<u64>().unwrap() * 1024
}

/// Checks a mailing and prints the peak in KiB.
fn check(path: &Path) {
    let checked =
        massebrev::internals::plan::check(&open(path), Timestamp::now(), &mut |_| ()).unwrap();
    assert!(!checked.problems.has_errors(), "{:?}", checked.problems);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.unwrap().trim().trim_end_matches(" kB"));
}
