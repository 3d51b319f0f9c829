//! `massebrev token`.

use std::io::{self, IsTerminal as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use massebrev::altinn::{Access, DEFAULT_TIMEOUT};
use massebrev::manifest::{self, Auth};
use massebrev::maskinporten::Token;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::connect::{AuthArgs, Destination, sandbox_at};
use super::doctor::Doctor;
use super::own_sandbox::OwnSandbox;
use super::way::Caller;
use super::{CliError, ExitStatus, Printer};

/// Get an access token, and show what it allows; or find out why there is none.
///
/// The token itself is shown only with --raw. With --check the whole way to Altinn is tried, step by step: key or token source, name look-up, connection, proxy, metadata, clock,
/// grant, exchange, and a harmless question to Altinn. Nothing is sent.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The mailing the token is for; without it, --environment and the usual scopes
    #[arg(value_name = "MANIFEST")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    auth: AuthArgs,
    /// Try every step of the way to Altinn, and say what to do about those that fail
    #[arg(long, env = "MASSEBREV_CHECK")]
    check: bool,
    /// Where the token is for, when there is no manifest: prod, tt02, at22, at23 or yt01
    #[arg(long, value_name = "NAME", env = "MASSEBREV_ENVIRONMENT", conflicts_with = "manifest",
        value_parser = ["prod", "tt02", "at22", "at23", "yt01"], hide_possible_values = true)]
    environment: Option<String>,
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t = Format::Text, env = "MASSEBREV_TOKEN_FORMAT")]
    format: Format,
    /// Print the token, and nothing else: whoever has it can send letters until it expires
    #[arg(long, env = "MASSEBREV_RAW", conflicts_with = "check")]
    raw: bool,
    /// A local sandbox instead of the manifest's environment: nothing leaves this machine
    #[arg(long, env = "MASSEBREV_SANDBOX")]
    sandbox: bool,
}

/// How to tell what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One object, for programs; without the token
    Json,
    /// For people
    Text,
}

/// What the token is for.
struct Subject {
    auth: Auth,
    folder: PathBuf,
    destination: Destination,
    resource: Option<String>,
    timeout: Duration,
}

impl TokenArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let subject = self.subject()?;
        let runtime = Runtime::new().map_err(|source| CliError::Start {
            what: "the asynchronous runtime",
            source,
        })?;
        let Destination::Altinn(environment) = &subject.destination else {
            let own_sandbox = OwnSandbox::start(printer)?;
            let environment = sandbox_at(own_sandbox.url())?;
            let caller = Caller::Sandbox(own_sandbox.registration());
            let ended = runtime.block_on(self.look(&subject, caller, &environment, printer));
            own_sandbox.stop()?;
            return ended;
        };
        let caller = Caller::Person(&self.auth);
        runtime.block_on(self.look(&subject, caller, environment, printer))
    }

    fn subject(&self) -> Result<Subject, CliError> {
        if let Some(path) = &self.manifest {
            let loaded = manifest::load(path).map_err(CliError::Input)?;
            let resource = loaded.manifest.correspondence.get("resourceId");
            let fixed = |name: &&str| !name.contains("{{") && !name.contains("{%");
            return Ok(Subject {
                destination: Destination::of(&loaded.manifest, self.sandbox)?,
                resource: resource
                    .and_then(Value::as_str)
                    .filter(fixed)
                    .map(str::to_owned),
                timeout: loaded.manifest.send.timeout.duration(),
                auth: loaded.manifest.auth,
                folder: loaded.folder,
            });
        }
        let destination = match &self.environment {
            _ if self.sandbox => Destination::Sandbox,
            Some(name) => Destination::named(name).ok_or_else(|| {
                CliError::usage(
                    format!("there is no environment {name}"),
                    "take tt02 or prod",
                )
            })?,
            None => {
                return Err(CliError::usage(
                    "it is not said where the token is for",
                    "name a manifest, or an environment: massebrev token --environment tt02",
                ));
            }
        };
        Ok(Subject {
            auth: Auth::default(),
            folder: PathBuf::from("."),
            destination,
            resource: None,
            timeout: DEFAULT_TIMEOUT,
        })
    }

    /// What the token is wanted for.
    fn next(&self) -> Option<String> {
        let manifest = self.manifest.as_ref()?.display();
        let sandbox = if self.sandbox { " --sandbox" } else { "" };
        Some(format!("massebrev send {manifest}{sandbox}"))
    }

    async fn look(
        &self,
        subject: &Subject,
        caller: Caller<'_>,
        environment: &massebrev::altinn::Environment,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let folder: &Path = &subject.folder;
        let way = caller.way(
            &subject.auth,
            folder,
            environment,
            subject.timeout,
            NonZeroU32::MIN,
        );
        if self.check {
            let doctor = Doctor {
                environment,
                resource: subject.resource.as_deref(),
            };
            let steps = doctor.examine(way).await;
            return match self.format {
                Format::Text => steps.print(self.next().as_deref(), printer),
                Format::Json => steps.print_json(environment.name(), printer),
            };
        }
        let way = way?;
        let opened = way.open(&way.origin()?)?;
        for warning in &opened.warnings {
            printer.warn(format_args!("warning: {warning}"));
        }
        let token = opened.tokens.token().await?;
        if self.raw {
            if io::stdout().is_terminal() {
                printer.warn(
                    "warning: this is a secret: whoever has it can send letters until it expires",
                );
            }
            printer.out(token.expose())?;
            return Ok(ExitStatus::Success);
        }
        let shown = Shown {
            access: Access::new(token.claims().as_ref(), &way.environment),
            token,
            source: opened.name,
            environment: way.environment.name().to_owned(),
            resource: subject.resource.clone(),
        };
        match self.format {
            Format::Text => shown.print(printer)?,
            Format::Json => printer.out(shown.json())?,
        }
        Ok(if shown.access.problems.is_empty() {
            ExitStatus::Success
        } else {
            ExitStatus::Setup
        })
    }
}

/// A token and what it says.
struct Shown {
    token: Token,
    access: Access,
    source: String,
    environment: String,
    resource: Option<String>,
}

impl Shown {
    fn print(&self, printer: Printer) -> Result<(), CliError> {
        let access = &self.access;
        let unknown = || "not said".to_owned();
        let line = |name: &str, text: &str| printer.out(format_args!("{name:<10}{text}"));
        line(
            "source",
            &format!("{}, for {}", self.source, self.environment),
        )?;
        let kind = match access.exchanged {
            Some(true) => " (Altinn's own token)",
            Some(false) => " (not exchanged at Altinn)",
            None => "",
        };
        let issuer = access.issuer.clone().unwrap_or_else(unknown);
        line("issuer", &format!("{issuer}{kind}"))?;
        line("client", &access.client.clone().unwrap_or_else(unknown))?;
        line("consumer", &access.consumer.clone().unwrap_or_else(unknown))?;
        line("scopes", &access.scopes.join(" "))?;
        line("expires", &self.expiry().unwrap_or_else(unknown))?;
        line("clock", &clock(self.token.clock_ahead()))?;
        if access.needs_policy() {
            line(
                "note",
                "without the scope altinn:serviceowner Altinn asks its rules of access for every letter",
            )?;
        }
        if access.issuer.is_none() && access.scopes.is_empty() {
            return line(
                "sends",
                "not known: the token cannot be read, and Altinn decides",
            );
        }
        for problem in &access.problems {
            line("sends", &format!("no: {}", problem.message))?;
            line("hint", &problem.hint)?;
        }
        if access.problems.is_empty() {
            let what = self
                .resource
                .as_ref()
                .map_or("letters".to_owned(), |name| format!("letters of {name}"));
            line("sends", &format!("yes: {what}, to {}", self.environment))?;
        }
        Ok(())
    }

    /// Local time, and how long from now.
    fn expiry(&self) -> Option<String> {
        let end = self.end()?.to_zoned(TimeZone::system());
        let left = words(self.token.time_left()?);
        Some(format!(
            "{}, in {left}",
            end.strftime("%Y-%m-%d %H:%M:%S %Z")
        ))
    }

    fn end(&self) -> Option<Timestamp> {
        let left = jiff::SignedDuration::try_from(self.token.time_left()?).ok()?;
        Timestamp::now().checked_add(left).ok()
    }

    fn json(&self) -> Value {
        let access = &self.access;
        let problems: Vec<_> = access
            .problems
            .iter()
            .map(|problem| json!({ "message": problem.message, "hint": problem.hint }))
            .collect();
        let seconds = self.token.time_left().map(|left| left.as_secs());
        json!({
            "environment": self.environment,
            "source": self.source,
            "issuer": access.issuer,
            "exchanged": access.exchanged,
            "client_id": access.client,
            "consumer": access.consumer,
            "scopes": access.scopes,
            "expires_at": self.end().map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            "expires_in": seconds,
            "clock_ahead": self.token.clock_ahead(),
            "resource": self.resource,
            "can_send": problems.is_empty(),
            "problems": problems,
        })
    }
}

/// How this machine's clock stands to the other side's.
pub(super) fn clock(ahead: Option<i64>) -> String {
    match ahead {
        None => "not known: the answer had no date".to_owned(),
        Some(-1..=1) => "this machine's is right".to_owned(),
        Some(ahead) => {
            let side = if ahead > 0 { "ahead" } else { "behind" };
            format!(
                "this machine's is {} {side}",
                words(Duration::from_secs(ahead.unsigned_abs()))
            )
        }
    }
}

/// A length of time, as `29 min 58 s`.
fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (1798, "29 min 58 s"),
            (3600, "1 h 0 min"),
            (200_000, "2 days"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(clock(Some(-1)), "this machine's is right");
        assert_eq!(clock(Some(-75)), "this machine's is 1 min 15 s behind");
        assert_eq!(clock(Some(2)), "this machine's is 2 s ahead");
    }
}
