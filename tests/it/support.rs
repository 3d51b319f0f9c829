//! What the tests share: a folder with a mailing, a sandbox beside the program, and the program's own ending as one text.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use massebrev::sandbox::{
    Endpoint, Letter, Options, ReceivedAttachment, Sandbox, Scenario, Trouble,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A folder with a mailing in it.
pub(crate) struct Project {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Project {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            environment: Vec::new(),
        }
    }

    /// A copy of one of the examples.
    pub(crate) fn example(name: &str) -> Self {
        let project = Self::new();
        let example = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name);
        for entry in fs::read_dir(example).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(
                    &path,
                    project.path(path.file_name().unwrap().to_str().unwrap()),
                )
                .unwrap();
            }
        }
        project
    }

    /// The smallest mailing: three organisations, one line of text.
    pub(crate) fn small() -> Self {
        let project = Self::new();
        project.write("mailing.yaml", SMALL);
        project.write(
            "recipients.csv",
            "org,name,case\n991825827,Ane,1\n310244007,Bo,2\n974760673,Cato,3\n",
        );
        project
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Lets nobody else read a file of the folder, as is proper for keys.
    #[cfg(unix)]
    pub(crate) fn keep_private(&self, name: &str) {
        use std::os::unix::fs::PermissionsExt as _;

        let permissions = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.path(name), permissions).unwrap();
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Changes a file of the folder; what is replaced must be there.
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain {from}");
        self.write(name, text.replace(from, to));
    }

    /// Sets a variable for the program.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    /// The last of several values counts.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Points the mailing at a sandbox that outlives the program.
    pub(crate) fn with_sandbox(self, sandbox: &LiveSandbox) -> Self {
        let url = sandbox.url();
        self.replace(
            "mailing.yaml",
            "environment: tt02",
            &format!("environment: {{ platform: \"{url}\", maskinporten: \"{url}\" }}"),
        );
        self.write("key.jwk.json", sandbox.private_jwk());
        #[cfg(unix)]
        self.keep_private("key.jwk.json");
        let key = self.path("key.jwk.json").display().to_string();
        let client = sandbox.client_id();
        self.with_env("MASSEBREV_CLIENT_ID", &client)
            .with_env("MASSEBREV_KEY_FILE", &key)
    }

    /// Runs the program in the folder until it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            output,
            folder: self.folder.path().to_owned(),
        }
    }

    /// Starts the program in the folder.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Runs the program with a stdout that nobody reads any more, as behind `head`; gives its exit status.
    pub(crate) fn run_with_closed_stdout(&self, arguments: &[&str]) -> Option<i32> {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait().unwrap().code()
    }

    /// Starts the program in the folder, to be interrupted. Its stdout goes to the file `stdout`.
    pub(crate) fn watch(&self, arguments: &[&str]) -> Watched {
        let mut child = self
            .command(arguments)
            .stdout(fs::File::create(self.path("stdout")).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Watched { child, stderr }
    }

    /// Runs the program with this stdout, and does not wait for it.
    #[cfg(target_os = "linux")]
    pub(crate) fn begin(&self, arguments: &[&str], stdout: impl Into<Stdio>) -> Child {
        let mut command = self.command(arguments);
        let command = command.stdout(stdout).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs the program with files that cannot become larger than so many kilobytes: a full disk.
    #[cfg(unix)]
    pub(crate) fn run_on_a_small_disk(&self, kilobytes: u32, arguments: &[&str]) -> Run {
        let program = env!("CARGO_BIN_EXE_massebrev");
        let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"{program}\" \"$@\"");
        let mut command = self.prepared(Command::new("bash"));
        let output = command
            .args(["-c", &script, "massebrev"])
            .args(arguments)
            .output()
            .unwrap();
        Run {
            output,
            folder: self.folder.path().to_owned(),
        }
    }

    /// Runs the program where the journal's folder has this mode, which forbids writing; root could, and becomes nobody.
    #[cfg(unix)]
    pub(crate) fn run_barred(&self, mode: u32, arguments: &[&str]) -> Run {
        use std::os::unix::fs::PermissionsExt as _;

        let bar = |folder: PathBuf, mode| {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        };
        let inside = self.path(".massebrev");
        for file in fs::read_dir(&inside).unwrap() {
            bar(file.unwrap().path(), 0o444);
        }
        bar(self.path("."), 0o755);
        bar(self.path("key.jwk.json"), 0o644);
        bar(inside.clone(), mode);
        let probe = inside.join("probe");
        let program = env!("CARGO_BIN_EXE_massebrev");
        let mut command = if fs::write(&probe, "").is_ok() {
            fs::remove_file(probe).unwrap();
            let mut nobody = self.prepared(Command::new("setpriv"));
            nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
            nobody
        } else {
            self.prepared(Command::new(program))
        };
        let output = command.args(arguments).output().unwrap();
        bar(inside, 0o755);
        Run {
            output,
            folder: self.folder.path().to_owned(),
        }
    }

    /// The report as data.
    pub(crate) fn report(&self) -> Value {
        let run = self.run(&["report", "mailing.yaml", "--format", "json"]);
        serde_json::from_str(&run.ends(0).stdout()).unwrap()
    }

    /// How many rows stand in a state.
    pub(crate) fn count(&self, state: &str) -> u64 {
        let report = self.report();
        assert_eq!(report["adds_up"], true, "{}", report["counts"]);
        report["counts"][state].as_u64().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.prepared(Command::new(env!("CARGO_BIN_EXE_massebrev")));
        command.args(arguments);
        command
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        // Nothing of the developer's own environment reaches the program.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MASSEBREV_"))
        {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The program while it runs.
pub(crate) struct Watched {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Watched {
    /// Sends it Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it says something.
    pub(crate) fn wait_for_line(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without saying `{part}`");
        }
    }

    /// Its exit status. One that does not end is killed, and has failed.
    pub(crate) fn status(mut self) -> Option<i32> {
        let (said, heard) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut rest = String::new();
            let _ = self.stderr.read_to_string(&mut rest);
            let _ = said.send(());
            rest
        });
        let hangs = heard.recv_timeout(Duration::from_secs(60)).is_err();
        if hangs {
            self.child.kill().unwrap();
        }
        let status = self.child.wait().unwrap();
        let rest = reader.join().unwrap();
        assert!(!hangs, "it did not end: {rest}");
        status.code()
    }
}

/// How the program ended: exit status, stdout and stderr.
pub(crate) struct Run {
    output: Output,
    folder: PathBuf,
}

impl Run {
    /// The exit status; a signal is none.
    pub(crate) fn status(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// What was printed to stdout.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// What was printed to stderr.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// The run, when it ended with this status.
    pub(crate) fn ends(self, status: i32) -> Self {
        assert_eq!(self.status(), Some(status), "{self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self
            .status()
            .map_or("signal".to_owned(), |status| status.to_string());
        let folder = self.folder.display().to_string();
        let text = format!(
            "status: {status}\n--- stdout\n{}--- stderr\n{}",
            self.stdout(),
            self.stderr()
        );
        f.write_str(&text.replace(&folder, "[FOLDER]"))
    }
}

/// A sandbox in the test's own process: it outlives the program, and knows what it has received.
pub(crate) struct LiveSandbox {
    runtime: Runtime,
    sandbox: Arc<Sandbox>,
}

impl LiveSandbox {
    pub(crate) fn start() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = Arc::new(runtime.block_on(Sandbox::start(options)).unwrap());
        Self { runtime, sandbox }
    }

    /// One in which these things go wrong.
    pub(crate) fn troubled(trouble: Vec<Trouble>) -> Self {
        Self::with(Options {
            scenario: Scenario {
                trouble,
                ..Scenario::default()
            },
            ..Options::default()
        })
    }

    pub(crate) fn url(&self) -> String {
        self.sandbox.url().to_owned()
    }

    pub(crate) fn client_id(&self) -> String {
        self.sandbox.registration().client_id.clone()
    }

    pub(crate) fn private_jwk(&self) -> String {
        self.sandbox.registration().jwk.clone()
    }

    /// What it has received.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.sandbox.letters()
    }

    /// The attachments it has received.
    pub(crate) fn attachments(&self) -> Vec<ReceivedAttachment> {
        self.sandbox.attachments()
    }

    /// How many requests each endpoint has had.
    pub(crate) fn requests(&self) -> BTreeMap<Endpoint, u64> {
        self.sandbox.requests()
    }

    /// How many requests one endpoint has had.
    pub(crate) fn asked(&self, endpoint: Endpoint) -> u64 {
        self.requests().get(&endpoint).copied().unwrap_or_default()
    }

    /// Waits until an endpoint has been asked so often.
    pub(crate) fn wait_for_requests(&self, endpoint: Endpoint, count: u64) {
        while self.asked(endpoint) < count {
            thread::yield_now();
        }
    }

    /// Waits until it has received so many letters.
    pub(crate) fn wait_for(&self, letters: usize) {
        self.runtime.block_on(self.sandbox.wait_for(letters));
    }
}

const SMALL: &str = r#"version: 1
mailing: small
environment: tt02
recipients:
  file: recipients.csv
  key: case
  recipient: "{{ org }}"
correspondence:
  resourceId: example-advice
  sendersReference: "case {{ case }}"
  content:
    messageTitle: "Hello"
    messageBody: "Dear {{ name }}, case {{ case }} is open."
send:
  canary: 0
  retry: { attempts: 4, deadline: 1m, firstDelay: 1ms, maxDelay: 5ms }
"#;

/// Compares a run with what it said last time, without what changes from run to run.
pub(crate) fn snapshot(assert: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    for (pattern, stable) in [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
        (r"127\.0\.0\.1_\d+", "127.0.0.1_[PORT]"),
        (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[ID]",
        ),
        (
            r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?",
            "[TIME]",
        ),
    ] {
        settings.add_filter(pattern, stable);
    }
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(assert);
}
