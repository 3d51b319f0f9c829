//! Rows checked a second, and against reading the CSV: `cargo bench --bench validate [-- ROWS] [plain|full]`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;
#[expect(dead_code, reason = "shared with the other measurements")]
mod program;

use std::hint::black_box;

use mailing::{FULL, Kind, PLAIN, argument, write};
use program::{median as middle, programs};

const KINDS: [Kind; 2] = [PLAIN, FULL];
const ROUNDS: usize = 5;

fn main() {
    let rows = argument(100_000);
    println!(
        "{rows} rows, median of {ROUNDS}; processor time of all threads; rows a second by the clock"
    );
    println!("letter  program      ns/row  x csv crate   rows/s");
    let named = |kind: &Kind| std::env::args().any(|argument| argument == kind.name);
    let all = !KINDS.iter().any(named);
    for kind in KINDS.iter().filter(|kind| all || named(kind)) {
        measure(*kind, rows);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measurement")]
fn measure(kind: Kind, rows: usize) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), kind, rows);
    let csv = folder.path().join("rows.csv");
    let read = mailing::median(rows, || {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b';')
            .from_path(&csv)
            .unwrap();
        let mut row = csv::StringRecord::new();
        while reader.read_record(&mut row).unwrap() {
            black_box(&row);
        }
    });
    println!("{:<7} {:<9} {read:>9.0}", kind.name, "csv crate");
    let programs = programs();
    let mut costs = vec![Vec::new(); programs.len()];
    for _ in 0..ROUNDS {
        for (program, costs) in programs.iter().zip(&mut costs) {
            costs.push(program.run(folder.path(), &[], &["validate", "mailing.yaml"]));
        }
    }
    for (program, costs) in programs.iter().zip(costs) {
        let processor = middle(costs.clone(), |cost| cost.processor.as_secs_f64()).processor;
        let time = middle(costs, |cost| cost.time.as_secs_f64()).time;
        let each = processor.as_nanos() as f64 / rows as f64;
        let rate = rows as f64 / time.as_secs_f64();
        println!(
            "{:<7} {:<9} {each:>9.0} {:>12.1} {rate:>8.0}",
            kind.name,
            program.name,
            each / read
        );
    }
}
