//! `massebrev token`: requests an access token and shows its claims, or checks the connection.

use std::io::{self, IsTerminal as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::altinn::{Access, DEFAULT_TIMEOUT, Environment};
use crate::correspondence::local_time;
use crate::manifest::{self, Auth};
use crate::maskinporten::Token;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::auth::{AuthArgs, Connection, Credentials};
use super::check_report::{Checks, clock, duration};
use super::doctor::A_TOKEN;
use super::own_sandbox::OwnSandbox;
use super::target::{Destination, Target};
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
    #[arg(long)]
    check: bool,
    /// Where the token is for, when there is no manifest: prod, tt02, at22, at23 or yt01
    #[arg(long, value_name = "NAME", conflicts_with = "manifest",
        value_parser = ["prod", "tt02", "at22", "at23", "yt01"], hide_possible_values = true)]
    environment: Option<String>,
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t = Format::Text, env = "MASSEBREV_TOKEN_FORMAT")]
    format: Format,
    /// Print the token, and nothing else: whoever has it can send letters until it expires
    #[arg(long, conflicts_with = "check")]
    raw: bool,
    /// A local sandbox instead of the manifest's environment: nothing leaves this machine
    #[arg(long)]
    sandbox: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One object, for programs; without the token
    Json,
    /// For people
    Text,
}

impl TokenArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let loaded = self.manifest.as_deref().map(manifest::load).transpose();
        let loaded = loaded.map_err(CliError::Input)?;
        let manifest = loaded.as_ref().map(|loaded| &loaded.manifest);
        let destination = match manifest {
            Some(manifest) => Destination::from_manifest(manifest, self.sandbox)?,
            None => self.destination()?,
        };
        // Without a row a template cannot be rendered.
        let resource = manifest
            .and_then(|manifest| manifest.correspondence.get("resourceId")?.as_str())
            .filter(|name| !name.contains("{{") && !name.contains("{%"));
        let usual = Auth::default();
        let runtime = Runtime::new().map_err(CliError::start("the asynchronous runtime"))?;
        let run = |credentials: Credentials<'_>, environment: &Environment| {
            let connection = Connection::new(
                credentials,
                manifest.map_or(&usual, |manifest| &manifest.auth),
                loaded
                    .as_ref()
                    .map_or(Path::new("."), |loaded| &loaded.folder),
                environment,
                manifest.map_or(DEFAULT_TIMEOUT, |manifest| manifest.send.timeout.duration()),
                // Requests are made one after the other.
                NonZeroU32::MIN,
            );
            runtime.block_on(async {
                if self.check {
                    self.check(resource, environment, connection, printer).await
                } else {
                    self.show(resource, connection?, printer).await
                }
            })
        };
        let Destination::Altinn(environment) = &destination else {
            let own_sandbox = OwnSandbox::start(printer)?;
            let ended = run(own_sandbox.credentials(), &own_sandbox.environment);
            own_sandbox.stop()?;
            return ended;
        };
        run(Credentials::Given(&self.auth), environment)
    }

    /// The environment when there is no manifest.
    fn destination(&self) -> Result<Destination, CliError> {
        if self.sandbox {
            return Ok(Destination::Sandbox);
        }
        // clap takes no other names than those of environments.
        let environment = self.environment.as_deref().and_then(Environment::named);
        environment.map(Destination::Altinn).ok_or_else(|| {
            CliError::usage(
                "it is not said where the token is for",
                "name a manifest, or an environment: massebrev token --environment tt02",
            )
        })
    }

    async fn check(
        &self,
        resource: Option<&str>,
        environment: &Environment,
        connection: Result<Connection<'_>, CliError>,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let is_text = self.format == Format::Text;
        let mut checks = Checks::new(environment, resource, is_text, printer);
        checks.run(connection).await;
        match self.format {
            Format::Text => {
                let (manifest, sandbox) = (self.manifest.clone(), self.sandbox);
                let target = manifest.map(|manifest| Target { manifest, sandbox });
                checks.end(target.map(|target| target.command("send")).as_deref())
            }
            Format::Json => checks.end_as_json(),
        }
    }

    async fn show(
        &self,
        resource: Option<&str>,
        connection: Connection<'_>,
        printer: Printer,
    ) -> Result<ExitStatus, CliError> {
        let opened = connection.open()?;
        opened.warn(printer);
        let token = printer.wait(A_TOKEN, opened.tokens.token()).await?;
        if self.raw {
            // No warning in a pipe, where the token goes to a program; on a screen it is easily copied by mistake.
            if io::stdout().is_terminal() {
                printer.warn(
                    "warning: this is a secret: whoever has it can send letters until it expires",
                );
            }
            return printer.page(token.expose());
        }
        let environment = &connection.environment;
        let summary = Summary {
            access: Access::new(token.claims().as_ref(), environment),
            token,
            source: opened.name,
            environment: environment.name().to_owned(),
            resource: resource.map(str::to_owned),
        };
        match self.format {
            Format::Text => {
                for (name, text) in summary.lines() {
                    printer.out(format_args!("{name:<10}{text}"))?;
                }
            }
            Format::Json => printer.out(summary.json())?,
        }
        // There is a token, but it cannot send, which a script must notice.
        Ok(if summary.access.problems.is_empty() {
            ExitStatus::Success
        } else {
            ExitStatus::Setup
        })
    }
}

struct Summary {
    token: Token,
    access: Access,
    source: String,
    environment: String,
    resource: Option<String>,
}

impl Summary {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let access = &self.access;
        let or_unknown = |text: Option<&String>| text.map_or("not said", String::as_str).to_owned();
        let kind = match access.exchanged {
            Some(true) => " (Altinn's own token)",
            Some(false) => " (not exchanged at Altinn)",
            None => "",
        };
        let mut lines = vec![
            (
                "source",
                format!("{}, for {}", self.source, self.environment),
            ),
            (
                "issuer",
                format!("{}{kind}", or_unknown(access.issuer.as_ref())),
            ),
            ("client", or_unknown(access.client.as_ref())),
            ("consumer", or_unknown(access.consumer.as_ref())),
            ("scopes", access.scopes.join(" ")),
            ("expires", or_unknown(self.expiry().as_ref())),
            ("clock", clock(self.token.clock_ahead())),
        ];
        if access.needs_policy() {
            let note = "without the scope altinn:serviceowner Altinn asks its rules of access for every letter";
            lines.push(("note", note.to_owned()));
        }
        for problem in &access.problems {
            lines.push(("sends", format!("no: {}", problem.message)));
            lines.push(("hint", problem.hint.clone()));
        }
        let letters = self
            .resource
            .as_ref()
            .map_or("letters".to_owned(), |name| format!("letters of {name}"));
        match self.can_send() {
            None => lines.push((
                "sends",
                "not known: the token cannot be read, and Altinn decides".to_owned(),
            )),
            Some(true) => lines.push(("sends", format!("yes: {letters}, to {}", self.environment))),
            Some(false) => {}
        }
        lines
    }

    /// True when the claims allow sending; `None` for a token that cannot be read.
    fn can_send(&self) -> Option<bool> {
        let is_readable = self.token.claims().is_some();
        is_readable.then_some(self.access.problems.is_empty())
    }

    /// The expiry in local time and as a distance from now.
    fn expiry(&self) -> Option<String> {
        let end = self.end()?;
        let left = duration(self.token.time_left()?);
        Some(format!("{}, in {left}", local_time(end)))
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
            "can_send": self.can_send(),
            "problems": problems,
        })
    }
}
