//! The program run as a person runs it, and what that takes: time, processor, memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Other builds to measure in the same run: `MASSEBREV_BINARIES=old=/path/massebrev:other=/path/massebrev`.
const BINARIES: &str = "MASSEBREV_BINARIES";

/// A build of the program.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) name: String,
    path: PathBuf,
}

/// What a process took.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// User and system time of all threads, in hundredths of a second.
    pub(crate) processor: Duration,
    /// The most memory, in bytes; read every 5 ms, so that a short peak may be missed.
    pub(crate) memory: u64,
}

/// The build of this run, and the others that were asked for.
pub(crate) fn programs() -> Vec<Program> {
    let others = std::env::var(BINARIES).unwrap_or_default();
    let others = others.split(':').filter_map(|other| other.split_once('='));
    let mut programs: Vec<_> = others
        .map(|(name, path)| Program {
            name: name.to_owned(),
            path: path.into(),
        })
        .collect();
    programs.push(Program {
        name: "now".to_owned(),
        path: env!("CARGO_BIN_EXE_massebrev").into(),
    });
    programs
}

impl Program {
    /// Runs to the end in `folder`; nothing of the developer's own settings reaches it.
    pub(crate) fn run(
        &self,
        folder: &Path,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Cost {
        self.run_to(&[0], folder, environment, arguments)
    }

    /// The same, with one of these exit statuses.
    pub(crate) fn run_to(
        &self,
        expected: &[i32],
        folder: &Path,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Cost {
        let mut command = Command::new(&self.path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MASSEBREV_") {
                command.env_remove(name);
            }
        }
        let log = folder.join("stderr");
        command
            .args(arguments)
            .current_dir(folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap());
        let (before, began) = (processor_of_children(), Instant::now());
        let mut child = command.spawn().unwrap();
        let memory = peak_of(&mut child);
        let (time, status) = (began.elapsed(), child.wait().unwrap());
        let words = fs::read_to_string(log).unwrap();
        let is_expected = status.code().is_some_and(|code| expected.contains(&code));
        assert!(is_expected, "{arguments:?}: {status}\n{words}");
        Cost {
            time,
            processor: processor_of_children().saturating_sub(before),
            memory,
        }
    }
}

/// Waits for the end; the most memory until then.
fn peak_of(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kilobytes.unwrap_or(peak);
        thread::sleep(Duration::from_millis(5));
    }
    peak * 1024
}

/// What the children that have ended took: the 16th and 17th field of `/proc/self/stat`.
fn processor_of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ');
    let ticks = fields.skip(13).take(2).map(|n| n.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// The middle one by `value`.
pub(crate) fn median<T: Copy>(mut all: Vec<T>, value: impl Fn(&T) -> f64) -> T {
    all.sort_by(|a, b| value(a).total_cmp(&value(b)));
    all[all.len() / 2]
}
