//! How fast rows become checked letters, on one core: `cargo bench --bench validate [-- ROWS] [plain|full]`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

mod mailing;

use std::hint::black_box;

use jiff::Timestamp;
use mailing::{FULL, Kind, PLAIN, argument, median, open, write};

use massebrev::plan::Planned;
use massebrev::recipients::{Options, Row, Rows};

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
    let mut mailing = open(&path);
    let check = median(rows, || {
        let mut letters = 0;
        let checked = mailing
            .check(Timestamp::now(), &mut |_| letters += 1)
            .unwrap();
        assert!(!checked.problems.has_errors(), "{:?}", checked.problems);
        assert_eq!(letters, rows);
    });
    let checked = mailing.check(Timestamp::now(), &mut |_| ()).unwrap();
    let again = median(rows, || {
        let deliveries = mailing.deliveries(&checked).unwrap();
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
}
