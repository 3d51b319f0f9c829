//! The token source that runs a program of the user's, which prints a token.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{SourceError, Token, TokenError, TokenSource, from_fn, static_token};
use crate::http::presentable;
use crate::secret::conceal_output;

/// A program that is run for every token: without a shell or a terminal, one run at a time, for at most a minute.
pub struct TokenCommand {
    program: String,
    arguments: Vec<String>,
    folder: PathBuf,
    variables: Vec<(String, String)>,
    timeout: Duration,
}

/// The time limit of one run: enough for a request to another service, too short for a program that waits for a person.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The number of bytes of the output that are kept.
const OUTPUT_LIMIT: u64 = 1_000_000;
const STDERR_LIMIT: usize = 600;

/// Variables that are removed from the program's environment: massebrev's own secrets.
pub(crate) const SECRET_VARIABLES: [&str; 5] = [
    "MASSEBREV_KEY",
    "MASSEBREV_KEY_PASSWORD",
    "MASSEBREV_TOKEN",
    "MASSEBREV_SUBSCRIPTION_KEY",
    "MASSEBREV_GENERATOR_PASSWORD",
];

impl TokenCommand {
    /// A command that runs in `folder`. Runs nothing yet.
    ///
    /// The first item is the program: a name with a `/` is a path from the folder, any other is looked up in `PATH`.
    pub fn new(command: &[String], folder: &Path) -> Self {
        Self {
            program: command.first().cloned().unwrap_or_default(),
            arguments: command.iter().skip(1).cloned().collect(),
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            variables: Vec::new(),
            timeout: TIMEOUT,
        }
    }

    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    async fn run(&self) -> Result<Token, TokenError> {
        let ran = tokio::time::timeout(self.timeout, self.output()).await;
        let output = match ran {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(self.failure(&format!("cannot be run: {error}"), &[])),
            Err(_) => {
                let seconds = self.timeout.as_secs();
                return Err(self.failure(&format!("did not end within {seconds} s"), &[]));
            }
        };
        if !output.status.success() {
            let failure = match output.status.code() {
                Some(code) => format!("ended with status {code}"),
                None => "was killed".to_owned(),
            };
            return Err(self.failure(&failure, &output.stderr));
        }
        let place = format!("the token command `{}`", self.program);
        let Ok(text) = str::from_utf8(&output.stdout) else {
            return Err(SourceError::not_a_token(&place, "it is not text").into());
        };
        if text.trim().is_empty() {
            return Err(self.failure("printed nothing to stdout", &output.stderr));
        }
        let token = static_token::read_token(text, &place)?;
        tracing::debug!(program = self.program, "the token command gave a token");
        Ok(static_token::unexpired(
            &token,
            &place,
            "the command gave a token that had already expired: let it fetch a new one",
        )?)
    }

    /// Runs the program to its end. When the future is dropped, the program is killed together with all processes it has started.
    async fn output(&self) -> std::io::Result<Output> {
        let mut command = Command::new(self.path());
        for name in SECRET_VARIABLES {
            // The program comes from elsewhere and needs none of massebrev's own secrets.
            command.env_remove(name);
        }
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            // A program that asks for a password fails at once instead of waiting until the time limit.
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A process group, or a job on Windows, holds the children too, so that they can be killed with their parent.
        let mut command = CommandWrap::from(command);
        command.wrap(KillOnDrop);
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        let mut running = Running {
            child: command.spawn()?,
            ended: false,
        };
        let child = &mut running.child;
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        // Read while the program runs: a full pipe would block it for ever.
        let (stdout, stderr, status) =
            tokio::try_join!(read_limited(stdout), read_limited(stderr), child.wait())?;
        running.ended = true;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// The program's path, made absolute: on some systems a relative one would be looked up from massebrev's own folder.
    fn path(&self) -> PathBuf {
        let program = Path::new(&self.program);
        if program.components().count() > 1 || self.program.starts_with('.') {
            self.folder.join(program)
        } else {
            program.to_owned()
        }
    }

    fn failure(&self, failure: &str, stderr: &[u8]) -> TokenError {
        let message = format!("the token command `{}` {failure}", self.program);
        let mut hint = "run the command by hand in the manifest's folder: it must print a token, and nothing else, to stdout".to_owned();
        let stderr = conceal_output(&String::from_utf8_lossy(stderr));
        let stderr = presentable(&stderr, STDERR_LIMIT);
        // Shown, but never kept: the message goes into the journal and the reports, and the hint does not.
        if !stderr.is_empty() {
            hint.extend(["; it says: ", &stderr]);
        }
        SourceError::new(message, hint).into()
    }
}

/// Makes a source that runs a program for its tokens. Runs nothing yet.
pub fn from_command(command: TokenCommand) -> Arc<dyn TokenSource> {
    let command = Arc::new(command);
    from_fn(move || {
        let command = Arc::clone(&command);
        async move { command.run().await }
    })
}

impl fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments may hold secrets, though they should not.
        f.debug_struct("TokenCommand")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// A running program; dropping it kills the program and its children.
struct Running {
    child: Box<dyn ChildWrapper>,
    /// True when it has ended: its process id may belong to another program by now, so it must not be killed.
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // Fails when the program ends at this very moment, which is as good.
            let _ = self.child.start_kill();
        }
    }
}

/// Reads a stream to its end and keeps [`OUTPUT_LIMIT`] bytes. The rest is read and dropped, so that the program can end.
async fn read_limited(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream)
            .take(OUTPUT_LIMIT)
            .read_to_end(&mut read)
            .await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(read)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(folder: &Path, script: &str) -> TokenCommand {
        let command = ["sh", "-c", script].map(str::to_owned);
        TokenCommand::new(&command, folder)
    }

    async fn error(script: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let error = shell(folder.path(), script).run().await.unwrap_err();
        assert!(!error.is_transient());
        let hint = error.hint().unwrap();
        let says = hint.find("; it says").map_or("", |at| &hint[at..]);
        format!("{error}{says}")
    }

    #[tokio::test]
    async fn a_hundred_callers_run_it_once_and_a_refusal_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            r#"echo run >> runs; echo "{\"token\": \"t$(wc -l < runs)\", \"expires_in\": 600}""#;
        let source = from_command(shell(folder.path(), script));
        let all = futures::future::join_all((0..100).map(|_| source.token())).await;
        let first = all[0].clone().unwrap();
        assert!(
            all.iter()
                .all(|token| token.as_ref().unwrap().is_same(&first))
        );
        assert_eq!(first.lifetime(), Duration::from_secs(600));
        source.reject(&first);
        source.token().await.unwrap();
        source.reject(&first);
        source.token().await.unwrap();
        let runs = std::fs::read_to_string(folder.path().join("runs")).unwrap();
        assert_eq!(runs.lines().count(), 2);
    }

    #[tokio::test]
    async fn it_runs_in_the_folder_without_our_secrets_and_is_told_what_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("here"), "token-from-a-file").unwrap();
        let source =
            shell(folder.path(), "test $SCOPES = a && cat here").with_variable("SCOPES", "a");
        assert_eq!(source.run().await.unwrap().expose(), "token-from-a-file");

        let script = folder.path().join("give");
        std::fs::write(&script, "#!/bin/sh\necho \"$1\"\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        // No shell: what is special to one stays as it is.
        let command = ["./give", "$HOME;a*"].map(str::to_owned);
        let source = TokenCommand::new(&command, folder.path());
        assert_eq!(source.run().await.unwrap().expose(), "$HOME;a*");
        assert!(!format!("{source:?}").contains("HOME"));
    }

    #[tokio::test]
    async fn every_failure_is_told_with_what_the_program_says() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImEifQ.c2lnbmF0dXJl";
        assert_eq!(
            error(&format!(
                "echo 'no, {token}' >&2; echo ' log in first ' >&2; exit 7"
            ))
            .await,
            "the token command `sh` ended with status 7; it says: no, ***** log in first"
        );
        assert_eq!(
            error("echo 'where?' >&2").await,
            "the token command `sh` printed nothing to stdout; it says: where?"
        );
        assert_eq!(
            error("echo one; echo two").await,
            "what comes from the token command `sh` is not a token: it has more than one line"
        );
        assert!(
            error(r#"echo '{"token": "t", "expires_in": 0}'"#)
                .await
                .contains("expired")
        );
        assert_eq!(
            error("kill -9 $$").await,
            "the token command `sh` was killed"
        );
        // More than fits in a pipe, on both sides.
        assert!(
            error("yes | head -c 3000000; yes | head -c 3000000 >&2; exit 1")
                .await
                .contains("status 1")
        );

        let nothing = TokenCommand::new(&["massebrev-no-such".to_owned()], Path::new("."));
        let error = nothing.run().await.unwrap_err().to_string();
        assert!(
            error.starts_with("the token command `massebrev-no-such` cannot be run: No such file"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_it_has_started_is_killed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join("pipe"))
            .status();
        assert!(made.unwrap().success());
        let pipe = folder.path().join("pipe");
        let (up, is_up) = tokio::sync::oneshot::channel();
        let reader = std::thread::spawn(move || {
            use std::io::{BufRead as _, BufReader, Read as _};

            let mut lines = BufReader::new(std::fs::File::open(pipe).unwrap());
            let mut text = String::new();
            lines.read_line(&mut text).unwrap();
            up.send(()).unwrap();
            // Ends when all have gone who could write.
            lines.read_to_string(&mut text).unwrap();
            text
        });
        let source = shell(
            folder.path(),
            "exec 3>pipe; (echo up >&3; sleep 30; echo survived >&3) & wait",
        );
        tokio::select! {
            _ = source.run() => panic!("it does not end"),
            up = is_up => up.unwrap(),
        }
        assert_eq!(reader.join().unwrap(), "up\n");
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = shell(folder.path(), "exec sleep 1000");
        source.timeout = Duration::from_millis(20);
        let error = source.run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token command `sh` did not end within 0 s"
        );
    }
}
