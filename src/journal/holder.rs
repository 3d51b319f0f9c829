//! The process that holds a journal, as it describes itself in the lock's file.

use std::fmt;

use jiff::Timestamp;

/// A process that holds a journal. Without `process` the holder is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LockHolder {
    pub process: Option<u32>,
    /// The name of its machine, when known.
    pub host: Option<String>,
    /// Time at which it took the lock.
    pub since: Option<Timestamp>,
}

impl LockHolder {
    /// This process, holding since `now`.
    pub(super) fn this(now: Timestamp) -> Self {
        Self {
            process: Some(std::process::id()),
            host: host(),
            since: Some(now),
        }
    }

    /// Parses the `Display` form. Unreadable parts are `None`.
    pub(super) fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let mut holder = Self::default();
        while let Some(word) = words.next() {
            match word {
                "process" => holder.process = words.next().and_then(|word| word.parse().ok()),
                "on" => holder.host = words.next().map(str::to_owned),
                "since" => holder.since = words.next().and_then(|word| word.parse().ok()),
                // Unknown words are skipped, so that later versions may add some.
                _ => {}
            }
        }
        holder
    }

    /// The shell command that shows the process.
    pub(crate) fn command(&self) -> String {
        let look = match self.process {
            Some(process) if cfg!(windows) => format!("tasklist /FI \"PID eq {process}\""),
            Some(process) => format!("ps -fp {process}"),
            None if cfg!(windows) => "tasklist /FI \"IMAGENAME eq massebrev.exe\"".to_owned(),
            None => "pgrep -a massebrev".to_owned(),
        };
        match &self.host {
            // The folder may be on a network share and the process on another machine.
            Some(there) if host().as_ref() != Some(there) => format!("{look} (on {there})"),
            _ => look,
        }
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(process) = self.process else {
            return f.write_str("another process");
        };
        write!(f, "process {process}")?;
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        match self.since {
            Some(since) => write!(f, " since {since:.0}"),
            None => Ok(()),
        }
    }
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())?;
    let name = name.trim();
    let one_word = !name.is_empty() && !name.contains(char::is_whitespace);
    one_word.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::LockHolder;

    #[test]
    fn a_process_is_read_as_it_describes_itself() {
        let this = LockHolder::this("2026-11-03T12:00:00Z".parse().unwrap());
        assert_eq!(LockHolder::read(&this.to_string()), this);
        let process = std::process::id().to_string();
        assert!(this.command().contains(&process), "{}", this.command());
        assert!(!this.command().contains("(on"), "{}", this.command());
    }

    #[test]
    fn a_process_on_another_machine_is_looked_for_there() {
        let there = LockHolder::read("process 7 on elsewhere since 2026-11-03T12:00:00Z");
        assert_eq!(there.process, Some(7));
        assert!(there.command().ends_with("(on elsewhere)"));
    }

    #[test]
    fn what_says_nothing_is_another_process() {
        for text in ["", "process", "since process on", "process x on"] {
            let holder = LockHolder::read(text);
            assert_eq!(holder.to_string(), "another process", "{text}");
            assert!(!holder.command().is_empty());
        }
    }
}
