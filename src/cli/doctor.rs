//! The way to Altinn, tried step by step.

use massebrev::altinn::{
    Access, Answer, Client, Environment, ProbeAnswer, probe, proxy_for, resolve,
};
use massebrev::maskinporten::{Token, TokenError};
use uuid::Uuid;

use super::CliError;
use super::origin::Origin;
use super::steps::{End, Steps};
use super::token::clock;
use super::way::{Opened, Way};

/// Whom to examine the way for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doctor<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) resource: Option<&'a str>,
}

/// Maskinporten allows so many seconds either way.
const SKEW: i64 = 10;
const BEFORE: &str = "a step before it has failed";

impl Doctor<'_> {
    /// Tries everything that can be tried.
    pub(crate) async fn examine(self, way: Result<Way<'_>, CliError>) -> Steps {
        let mut steps = Steps::default();
        let way = match way {
            Ok(way) => way,
            Err(error) => {
                steps.failed("set-up", &error);
                steps.skip(&["token", "Altinn"], BEFORE);
                return steps;
            }
        };
        let opened = open(&way, &mut steps);
        let is_key = matches!(way.origin(), Ok(Origin::Key));
        let mut clocks = Vec::new();
        if is_key {
            let metadata = format!(
                "{}/.well-known/oauth-authorization-server",
                self.environment.maskinporten()
            );
            if let Some(reached) = self.connect(&way, &metadata, &mut steps).await {
                judge_metadata(&reached, &mut steps);
                clocks.push(reached.clock_ahead);
            } else {
                steps.skip(&["metadata"], "there is no connection");
            }
        }
        let platform = self.environment.platform();
        if !is_key || platform != self.environment.maskinporten() {
            let reached = self.connect(&way, platform, &mut steps).await;
            clocks.extend(reached.map(|reached| reached.clock_ahead));
        }
        judge_clock(clocks.into_iter().flatten().next(), &mut steps);
        let Some(opened) = opened else {
            steps.skip(&["token", "access", "Altinn"], BEFORE);
            return steps;
        };
        let Some(token) = self.token(&way, &opened, is_key, &mut steps).await else {
            steps.skip(&["access", "Altinn"], "there is no token");
            return steps;
        };
        self.judge_access(&token, &mut steps);
        self.ask(&way.client(opened.tokens), &token, &mut steps)
            .await;
        steps
    }

    /// Looks a host up and connects to it.
    async fn connect(self, way: &Way<'_>, address: &str, steps: &mut Steps) -> Option<ProbeAnswer> {
        let host = host(address);
        let proxy = proxy_for(self.environment, address);
        let name = format!("connection {host}");
        if !self.look_up(address, &host, proxy.as_deref(), steps).await {
            steps.skip(&[&name], "there is no address to connect to");
            return None;
        }
        match probe(&way.http, address).await {
            Ok(reached) => {
                let by = match (address.starts_with("https://"), &proxy) {
                    (true, Some(_)) => "TLS, through the proxy",
                    (true, None) => "TLS, no proxy",
                    (false, _) => "on this machine, without TLS and proxy",
                };
                steps.ok(&name, by.to_owned());
                Some(reached)
            }
            Err(error) => {
                let end = End::of_transport(&error);
                steps.push(&name, match proxy {
                    Some(proxy) if !error.is_about_trust() => end.hinting(format!(
                        "check the proxy {proxy}, which HTTPS_PROXY or ALL_PROXY names; NO_PROXY={host} goes past it"
                    )),
                    _ => end,
                });
                None
            }
        }
    }

    /// Whether a host is known: to this machine, or else to its proxy.
    async fn look_up(
        self,
        address: &str,
        host: &str,
        proxy: Option<&str>,
        steps: &mut Steps,
    ) -> bool {
        let name = format!("name {host}");
        if let Some(proxy) = proxy {
            steps.ok(
                "proxy",
                format!("{proxy} for {host}, as the environment says"),
            );
            steps.skip(&[&name], "the proxy looks it up");
            return true;
        }
        match resolve(address).await {
            Ok(found) => {
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                steps.ok(&name, found.join(", "));
                true
            }
            Err(error) => {
                let hint = "check the network and its DNS; behind a proxy, set HTTPS_PROXY";
                let end = End::Failed {
                    message: "the name cannot be looked up".to_owned(),
                    causes: vec![error.to_string()],
                    hint: Some(hint.to_owned()),
                };
                steps.push(&name, end);
                false
            }
        }
    }

    /// The token; for a key in the two steps it is made of.
    async fn token(
        self,
        way: &Way<'_>,
        opened: &Opened,
        is_key: bool,
        steps: &mut Steps,
    ) -> Option<Token> {
        let scopes = way.auth.scopes.join(" ");
        let result = opened.tokens.token().await;
        if !is_key {
            return match result {
                Ok(token) => {
                    steps.ok("token", format!("there is one from {}", opened.name));
                    Some(token)
                }
                Err(error) => {
                    steps.push("token", End::of_token(&error));
                    None
                }
            };
        }
        let wanted = way.auth.exchange;
        let in_exchange = |error: &TokenError| match error {
            TokenError::Exchange { .. } => true,
            TokenError::Unreachable { host: at, .. } | TokenError::Malformed { host: at, .. } => {
                *at == host(self.environment.platform())
                    && *at != host(self.environment.maskinporten())
            }
            _ => false,
        };
        let (granted, exchanged, token) = match result {
            Ok(token) => (Ok(()), Ok(()), Some(token)),
            Err(error) if in_exchange(&error) => (Ok(()), Err(error), None),
            Err(error) => (Err(error), Ok(()), None),
        };
        let refused = granted.is_err();
        match granted {
            Ok(()) => steps.ok("grant", format!("Maskinporten gives a token for {scopes}")),
            Err(error) => steps.push("grant", End::of_token(&error)),
        }
        match exchanged {
            _ if !wanted => steps.skip(&["exchange"], "`auth.exchange` is false"),
            _ if refused => steps.skip(&["exchange"], "there is no token"),
            Ok(()) => steps.ok("exchange", "Altinn gives its own token for it".to_owned()),
            Err(error) => steps.push("exchange", End::of_token(&error)),
        }
        token
    }

    fn judge_access(self, token: &Token, steps: &mut Steps) {
        let access = Access::new(token.claims().as_ref(), self.environment);
        for problem in &access.problems {
            steps.push(
                "access",
                End::Failed {
                    message: problem.message.clone(),
                    causes: Vec::new(),
                    hint: Some(problem.hint.clone()),
                },
            );
        }
        if access.problems.is_empty() {
            let consumer = access
                .consumer
                .unwrap_or_else(|| "an organisation that it does not name".to_owned());
            steps.ok(
                "access",
                format!(
                    "the token may send for {consumer} in {}",
                    self.environment.name()
                ),
            );
        }
    }

    /// A question that changes nothing: the letter with a key that no letter has.
    async fn ask(self, client: &Client, token: &Token, steps: &mut Steps) {
        let Some(resource) = self.resource else {
            steps.skip(
                &["Altinn"],
                "there is no manifest that says which resource to ask about",
            );
            return;
        };
        match client.find(token, resource, Uuid::new_v4()).await {
            Ok(Answer::Accepted(_)) => steps.ok(
                "Altinn",
                format!("answers questions about letters of {resource}"),
            ),
            Ok(Answer::Refused(refusal)) => {
                let hint = match refusal.status {
                    401 => format!(
                        "Altinn does not take the token: check that it is for {}",
                        self.environment.name()
                    ),
                    403 => format!(
                        "check that {resource} is a resource of the organisation the token stands for, and that its policy lets it send"
                    ),
                    _ => "try again later; if it stays, tell Altinn: servicedesk@altinn.no"
                        .to_owned(),
                };
                let code = refusal
                    .code
                    .map_or(String::new(), |code| format!(", code {code}"));
                steps.push(
                    "Altinn",
                    End::Failed {
                        message: format!(
                            "refused with HTTP {}{code}: {}",
                            refusal.status, refusal.message
                        ),
                        causes: Vec::new(),
                        hint: Some(hint),
                    },
                );
            }
            Err(error) => steps.push("Altinn", End::of_transport(&error)),
        }
    }
}

/// The source of tokens, as far as it can be read without asking anybody.
fn open(way: &Way<'_>, steps: &mut Steps) -> Option<Opened> {
    match way.origin().and_then(|origin| way.open(&origin)) {
        Ok(opened) => {
            let mut said = opened.name.clone();
            for warning in &opened.warnings {
                said = format!("{said}; warning: {warning}");
            }
            steps.ok("source", said);
            Some(opened)
        }
        Err(error) => {
            steps.failed("source", &error);
            None
        }
    }
}

fn judge_metadata(reached: &ProbeAnswer, steps: &mut Steps) {
    match &reached.issuer {
        Some(issuer) => steps.ok("metadata", format!("the issuer is {issuer}")),
        None => steps.push("metadata", End::Failed {
            message: format!("HTTP {}, and no issuer in the answer", reached.status),
            causes: Vec::new(),
            hint: Some("check the address of Maskinporten in the manifest's `environment`, and that no login page of the network stands in between".to_owned()),
        }),
    }
}

fn judge_clock(ahead: Option<i64>, steps: &mut Steps) {
    match ahead {
        None => steps.skip(&["clock"], "nobody has told the time"),
        Some(ahead) if ahead.abs() > SKEW => steps.push("clock", End::Failed {
            message: clock(Some(ahead)),
            causes: Vec::new(),
            hint: Some(format!("set it: Maskinporten allows {SKEW} seconds; most often by turning on time synchronisation (timedatectl set-ntp true)")),
        }),
        Some(ahead) => steps.ok("clock", clock(Some(ahead))),
    }
}

/// What stands between `://` and the path.
fn host(address: &str) -> String {
    let rest = address.split("://").nth(1).unwrap_or(address);
    rest.split('/').next().unwrap_or_default().to_owned()
}
