//! How much memory a check takes, row by row: `cargo bench --bench memory [-- ROWS]`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;
#[expect(dead_code, reason = "shared with the other measurements")]
mod program;

use mailing::{FULL, argument, write};
use program::{Program, programs};

fn main() {
    let most = argument(5_000_000);
    println!("program        rows  peak MB  bytes/row over the first");
    let first = 1_000;
    for program in programs() {
        let base = peak(&program, first);
        for rows in [first, 10_000, 1_000_000, 5_000_000] {
            if rows <= most {
                let peak = peak(&program, rows);
                let each = peak.saturating_sub(base) / rows as u64;
                println!(
                    "{:<9} {rows:>9} {:>8} {each:>12}",
                    program.name,
                    peak / 1_000_000
                );
            }
        }
    }
}

/// The most memory, in bytes, that checking so many rows has taken.
fn peak(program: &Program, rows: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), FULL, rows);
    program
        .run(folder.path(), &[], &["validate", "mailing.yaml"])
        .memory
}
