//! How fast rows become checked letters, on one core and on all: `cargo bench --bench validate [-- ROWS] [plain|full]`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

mod mailing;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use mailing::{FULL, Kind, PLAIN, argument, median, open, write};

use massebrev::internals::plan::{self, Deliveries, Planned};
use massebrev::internals::recipients::{Options, Row, Rows};

const KINDS: [Kind; 2] = [PLAIN, FULL];

fn main() {
    let rows = argument(50_000);
    println!("{rows} rows, processor time, median of 5");
    println!("letter  what                               ns/row    rows/s  x reading");
    let named = |kind: &Kind| std::env::args().any(|argument| argument == kind.name);
    let all = !KINDS.iter().any(named);
    for kind in KINDS.iter().filter(|kind| all || named(kind)) {
        measure(*kind, rows);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measurement")]
fn measure(kind: Kind, rows: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), kind, rows);
    let csv = folder.path().join("rows.csv");
    let read = median(rows, || {
        let mut rows = Rows::open(&csv, &csv, &Options::default()).unwrap();
        let mut row = Row::default();
        while let Some(read) = rows.read(&mut row) {
            read.unwrap();
            black_box(&row);
        }
    });
    let mailing = open(&path).with_threads(NonZeroUsize::MIN);
    let check = median(rows, || {
        let mut letters = 0;
        let report = plan::check(&mailing, Timestamp::now(), &mut |_| letters += 1);
        let checked = report.unwrap();
        assert!(!checked.problems.has_errors(), "{:?}", checked.problems);
        assert_eq!(letters, rows);
    });
    let checked = plan::check(&mailing, Timestamp::now(), &mut |_| ()).unwrap();
    let again = median(rows, || {
        let deliveries = Deliveries::new(&mailing, &checked).unwrap();
        let letters = deliveries.filter(|planned| matches!(planned, Ok(Planned::Delivery(_))));
        assert_eq!(letters.count(), rows);
    });
    for (what, time) in [
        ("reading rows", read),
        ("validate: read, render, every rule", check),
        ("send's second pass: read, render", again),
    ] {
        println!(
            "{:<7} {what:<34} {time:>6.0} {:>9.0} {:>10.1}",
            kind.name,
            1e9 / time,
            time / read
        );
    }
    let cores = thread::available_parallelism().unwrap();
    let mailing = open(&path).with_threads(cores);
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let began = Instant::now();
            plan::check(&mailing, Timestamp::now(), &mut |_| ()).unwrap();
            began.elapsed()
        })
        .collect();
    times.sort();
    let time = times[2].as_nanos() as f64 / rows as f64;
    println!(
        "{:<7} {:<34} {time:>6.0} {:>9.0}",
        kind.name,
        format!("validate, time of day, {cores} threads"),
        1e9 / time,
    );
}
