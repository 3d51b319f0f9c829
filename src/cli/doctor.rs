//! `token --check`: tries the connection to Altinn step by step, and names the step that fails.

use crate::altinn::{Access, Client, Environment};
use crate::http::{Reply, host, probe, proxy_advice, resolve};
use crate::maskinporten::{Token, TokenError};
use uuid::Uuid;

use super::CliError;
use super::auth::{Connection, OpenedSource};
use super::check_report::{Checks, Failure, clock};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Doctor<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) resource: Option<&'a str>,
}

/// The clock skew that Maskinporten allows, in seconds either way.
const SKEW: i64 = 10;
const BEFORE: &str = "a step before it has failed";
const NO_TOKEN: &str = "there is no token";
pub(crate) const A_TOKEN: &str = "an access token";

impl Doctor<'_> {
    /// Runs every check that earlier failures still allow, so that one run shows as many faults as possible.
    pub(crate) async fn check(
        self,
        connection: Result<Connection<'_>, CliError>,
        mut checks: Checks,
    ) -> Checks {
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                checks.fail("set-up", &error);
                checks.skip(&["token", "Altinn"], BEFORE);
                return checks;
            }
        };
        let opened = check_source(&connection, &mut checks);
        let has_key = connection.has_key();
        self.check_hosts(&connection, has_key, &mut checks).await;
        // The hosts are checked even without a token source, so that one run shows both kinds of faults.
        let Some(opened) = opened else {
            checks.skip(&["token", "access", "Altinn"], BEFORE);
            return checks;
        };
        let token = if has_key {
            self.check_bought_token(&connection, &opened, &mut checks)
                .await
        } else {
            check_token(&opened, &mut checks).await
        };
        let Some(token) = token else {
            checks.skip(&["access", "Altinn"], NO_TOKEN);
            return checks;
        };
        self.check_access(&token, &mut checks);
        self.check_altinn(&connection.client(opened.tokens), &token, &mut checks)
            .await;
        checks
    }

    /// Checks the hosts that are needed, and this machine's clock against their `Date` headers.
    async fn check_hosts(self, connection: &Connection<'_>, has_key: bool, checks: &mut Checks) {
        let (platform, maskinporten) =
            (self.environment.platform(), self.environment.maskinporten());
        let mut clock_ahead = None;
        // Maskinporten's metadata needs no token, and every grant needs its issuer.
        if has_key {
            let metadata = format!("{maskinporten}/.well-known/oauth-authorization-server");
            if let Some(answer) = self.connect(connection, &metadata, checks).await {
                check_metadata(&answer, checks);
                clock_ahead = answer.clock_ahead();
            } else {
                checks.skip(&["metadata"], "there is no connection");
            }
        }
        // A sandbox is platform and Maskinporten at one address: once is enough.
        if !has_key || platform != maskinporten {
            let answer = self.connect(connection, platform, checks).await;
            // Maskinporten's clock counts first, because it is the one that judges grants.
            clock_ahead = clock_ahead.or(answer.and_then(|answer| answer.clock_ahead()));
        }
        check_clock(clock_ahead, checks);
    }

    /// Looks up the host of `address` and connects to it; `None` when that fails.
    async fn connect(
        self,
        connection: &Connection<'_>,
        address: &str,
        checks: &mut Checks,
    ) -> Option<Reply> {
        let host = host(address);
        let proxy = self.environment.proxy_for(address);
        let name = format!("connection {host}");
        if !look_up(address, &host, proxy.as_deref(), checks).await {
            checks.skip(&[&name], "there is no address to connect to");
            return None;
        }
        let waited = format!("an answer of {host}");
        let probed = probe(&connection.http, address);
        match checks.wait(&waited, probed).await {
            Ok(answer) => {
                let by = match (address.starts_with("https://"), &proxy) {
                    (true, Some(_)) => "TLS, through the proxy",
                    (true, None) => "TLS, no proxy",
                    (false, _) => "on this machine, without TLS and proxy",
                };
                checks.ok(&name, by);
                Some(answer)
            }
            Err(error) => {
                let hint = self.environment.proxy_hint(address);
                // A certificate that is not trusted is the server's or the machine's fault, so the proxy hint would mislead.
                let failure = match hint.filter(|_| !error.is_about_trust()) {
                    Some(hint) => Failure::new(error.reason(), hint),
                    None => (&error).into(),
                };
                checks.fail(&name, failure);
                None
            }
        }
    }

    /// Requests a token with a key, and reports its two steps: Maskinporten's grant and Altinn's exchange.
    async fn check_bought_token(
        self,
        connection: &Connection<'_>,
        opened: &OpenedSource,
        checks: &mut Checks,
    ) -> Option<Token> {
        let auth = connection.auth;
        let result = checks.wait(A_TOKEN, opened.tokens.token()).await;
        let refused = result.as_ref().err();
        // Both steps give one error, and its host tells which of them failed.
        let in_grant = refused.filter(|error| !self.is_in_exchange(error));
        if let Some(error) = in_grant {
            checks.fail("grant", error);
        } else {
            let scopes = auth.scopes.join(" ");
            checks.ok("grant", format!("Maskinporten gives a token for {scopes}"));
        }
        match refused {
            _ if !auth.exchange => checks.skip(&["exchange"], "`auth.exchange` is false"),
            _ if in_grant.is_some() => checks.skip(&["exchange"], NO_TOKEN),
            Some(error) => checks.fail("exchange", error),
            None => checks.ok("exchange", "Altinn gives its own token for it"),
        }
        result.ok()
    }

    /// True when the failure was in the exchange: Maskinporten issued its token, but Altinn did not.
    fn is_in_exchange(self, error: &TokenError) -> bool {
        let at = match error {
            TokenError::Exchange { .. } => return true,
            TokenError::Transport(error) => &error.host,
            TokenError::Malformed { host, .. } => host,
            _ => return false,
        };
        let (platform, maskinporten) =
            (self.environment.platform(), self.environment.maskinporten());
        // With both on one host, as in a sandbox, the step cannot be told from the host: it counts as the grant's.
        *at == host(platform) && *at != host(maskinporten)
    }

    fn check_access(self, token: &Token, checks: &mut Checks) {
        let claims = token.claims();
        if claims.is_none() {
            checks.skip(
                &["access"],
                "the token cannot be read: it is not a JWT, as Altinn's and Maskinporten's tokens are",
            );
            return;
        }
        let access = Access::new(claims.as_ref(), self.environment);
        for problem in &access.problems {
            checks.fail("access", Failure::new(&problem.message, &problem.hint));
        }
        if access.problems.is_empty() {
            let consumer = access
                .consumer
                .unwrap_or_else(|| "an organisation that it does not name".to_owned());
            let name = self.environment.name();
            checks.ok(
                "access",
                format!("the token may send for {consumer} in {name}"),
            );
        }
    }

    /// Looks up a random idempotency key: a request that needs the same access as sending, finds nothing and changes nothing.
    async fn check_altinn(self, client: &Client, token: &Token, checks: &mut Checks) {
        let Some(resource) = self.resource else {
            checks.skip(
                &["Altinn"],
                "there is no manifest that says which resource to ask about",
            );
            return;
        };
        let asked = client.find(token, resource, Uuid::new_v4());
        let refusal = match checks.wait("Altinn's answer about letters", asked).await {
            Ok(Err(refusal)) => refusal,
            // The expected answer is an empty list.
            Ok(Ok(_)) => {
                let detail = format!("answers questions about letters of {resource}");
                return checks.ok("Altinn", detail);
            }
            Err(error) => return checks.fail("Altinn", &error),
        };
        let hint = match (refusal.status, refusal.code) {
            // Altinn answers 401 for missing rights too, with this code.
            (401, Some(4001)) | (403, _) => format!(
                "check that {resource} is a resource of the organisation the token stands for, and that its policy lets it send"
            ),
            (401, _) => format!(
                "Altinn does not take the token: check that it is for {}",
                self.environment.name()
            ),
            _ => "try again later; if it stays, tell Altinn: servicedesk@altinn.no".to_owned(),
        };
        let code = refusal
            .code
            .map_or(String::new(), |code| format!(", code {code}"));
        let message = format!(
            "answered with HTTP {}{code}: {}",
            refusal.status, refusal.message
        );
        checks.fail("Altinn", Failure::new(message, hint));
    }
}

/// Opens the token source: reads its key, but requests no token yet.
fn check_source(connection: &Connection<'_>, checks: &mut Checks) -> Option<OpenedSource> {
    match connection.open() {
        Ok(opened) => {
            let mut detail = opened.name.clone();
            for warning in &opened.warnings {
                detail = format!("{detail}; warning: {warning}");
            }
            checks.ok("source", detail);
            Some(opened)
        }
        Err(error) => {
            checks.fail("source", &error);
            None
        }
    }
}

/// True when the host name resolves, or when a proxy resolves it instead.
async fn look_up(address: &str, host: &str, proxy: Option<&str>, checks: &mut Checks) -> bool {
    let name = format!("name {host}");
    if let Some(proxy) = proxy {
        let detail = format!("{proxy} for {host}, as the environment says");
        checks.ok("proxy", detail);
        checks.skip(&[&name], "the proxy looks it up");
        return true;
    }
    let waited = format!("the address of {host}");
    match checks.wait(&waited, resolve(address)).await {
        Ok(found) => {
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            checks.ok(&name, found.join(", "));
            true
        }
        Err(error) => {
            let hint = format!("check the network and its DNS; {}", proxy_advice());
            let failure = Failure::new("the name cannot be looked up", hint);
            checks.fail(&name, failure.with_cause(&error));
            false
        }
    }
}

async fn check_token(opened: &OpenedSource, checks: &mut Checks) -> Option<Token> {
    let result = checks.wait(A_TOKEN, opened.tokens.token()).await;
    match &result {
        Ok(_) => checks.ok("token", format!("there is one from {}", opened.name)),
        Err(error) => checks.fail("token", error),
    }
    result.ok()
}

fn check_metadata(answer: &Reply, checks: &mut Checks) {
    match answer.issuer() {
        Ok(issuer) => checks.ok("metadata", format!("the issuer is {issuer}")),
        Err(_) => checks.fail("metadata", Failure::new(
            format!("HTTP {}, and no issuer in the answer", answer.status),
            "check the address of Maskinporten in the manifest's `environment`, and that no login page of the network stands in between",
        )),
    }
}

fn check_clock(ahead: Option<i64>, checks: &mut Checks) {
    match ahead {
        None => checks.skip(&["clock"], "no answer had a date"),
        Some(ahead) if ahead.abs() > SKEW => checks.fail("clock", Failure::new(
            clock(Some(ahead)),
            format!("set it: Maskinporten allows {SKEW} seconds; most often by turning on time synchronisation (timedatectl set-ntp true)"),
        )),
        Some(ahead) => checks.ok("clock", clock(Some(ahead))),
    }
}
