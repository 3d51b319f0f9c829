//! How long a mailing that is nearly done takes to its end, against checking it alone, and how much memory: `cargo bench --bench resume [-- ROWS]`.
//!
//! All but a thousandth of the rows are sent beforehand; the outstanding ones stand at the end.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on is none"
)]

#[expect(dead_code, reason = "shared with the other measurements")]
mod mailing;
#[expect(dead_code, reason = "shared with the other measurements")]
mod program;
#[expect(dead_code, reason = "shared with the other measurements")]
mod sink;

use std::fs;

use mailing::{PLAIN, argument, send_to, write};
use program::{Cost, median, programs};
use sink::{Behaviour, Sink};

const ROUNDS: usize = 3;

fn main() {
    let rows = argument(1_000_000);
    let done = rows - rows / 1000;
    let sink = Sink::start(Behaviour::default());
    println!("{rows} rows, {done} of them sent beforehand; median of {ROUNDS}");
    println!("program    check s  resumed s  ratio  MB more  journal B/row");
    for program in programs() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, PLAIN, rows);
        send_to(folder, &sink.url());
        let credentials = Sink::credentials(folder);
        let credentials: Vec<_> = credentials.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let all = [
            "send",
            "mailing.yaml",
            "--yes",
            "--expect",
            &rows.to_string(),
        ]
        .map(str::to_owned);
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        let limit = done.to_string();
        let part = ["send", "mailing.yaml", "--limit", &limit];
        // Older versions end with 1 while rows are left that were not asked for.
        program.run_to(&[0, 1], folder, &credentials, &part);
        let journal = folder.join(".massebrev");
        let kept = folder.join("kept");
        copy(&journal, &kept);
        let size: u64 = fs::read_dir(&journal)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        let seconds = |cost: &Cost| cost.time.as_secs_f64();
        let (mut checked, mut resumed) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            checked.push(program.run(folder, &[], &["validate", "mailing.yaml"]));
            fs::remove_dir_all(&journal).unwrap();
            copy(&kept, &journal);
            resumed.push(program.run(folder, &credentials, &all));
        }
        let (checked, resumed) = (median(checked, seconds), median(resumed, seconds));
        println!(
            "{:<9} {:>8.2} {:>10.2} {:>6.2} {:>8} {:>14}",
            program.name,
            seconds(&checked),
            seconds(&resumed),
            seconds(&resumed) / seconds(&checked),
            resumed.memory.saturating_sub(checked.memory) / 1_000_000,
            size / done as u64,
        );
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
