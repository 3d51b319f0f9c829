//! `token --check`: tries the connection to Altinn step by step, and names the step that fails.

use crate::altinn::{Access, Client};
use crate::http::{Reply, host, probe, proxy_advice, resolve};
use crate::maskinporten::{Token, TokenError};
use uuid::Uuid;

use super::CliError;
use super::auth::{Connection, OpenedSource};
use super::check_report::{Checks, clock};

/// The clock skew that Maskinporten allows, in seconds either way.
const SKEW: i64 = 10;
const BEFORE: &str = "a step before it has failed";
const NO_TOKEN: &str = "there is no token";
pub(crate) const A_TOKEN: &str = "an access token";

impl Checks<'_> {
    /// Runs every check that earlier failures still allow, so that one run shows as many faults as possible.
    pub(crate) async fn run(&mut self, connection: Result<Connection<'_>, CliError>) {
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                self.fail("set-up", &error);
                return self.skip(&["token", "Altinn"], BEFORE);
            }
        };
        let opened = self.check_source(&connection);
        let has_key = connection.has_key();
        self.check_hosts(&connection, has_key).await;
        // The hosts are checked even without a token source, so that one run shows both kinds of faults.
        let Some(opened) = opened else {
            return self.skip(&["token", "access", "Altinn"], BEFORE);
        };
        let result = self.printer.wait(A_TOKEN, opened.tokens.token()).await;
        match &result {
            _ if has_key => self.report_bought_token(&connection, result.as_ref().err()),
            Ok(_) => self.ok("token", format!("there is one from {}", opened.name)),
            Err(error) => self.fail_token("token", error),
        }
        let Ok(token) = result else {
            return self.skip(&["access", "Altinn"], NO_TOKEN);
        };
        self.check_access(&token);
        let client = connection.client(opened.tokens);
        self.check_altinn(&client, &token).await;
    }

    fn fail_token(&mut self, name: &str, error: &TokenError) {
        let retry_hint = || "it may pass: try again in some minutes".to_owned();
        let retry_hint = error.is_transient().then(retry_hint);
        self.fail_with(
            name,
            error.reason(),
            Vec::new(),
            error.hint().or(retry_hint),
        );
    }

    /// Opens the token source: reads its key, but requests no token yet.
    fn check_source(&mut self, connection: &Connection<'_>) -> Option<OpenedSource> {
        match connection.open() {
            Ok(opened) => {
                let mut detail = opened.name.clone();
                for warning in &opened.warnings {
                    detail = format!("{detail}; warning: {warning}");
                }
                self.ok("source", detail);
                Some(opened)
            }
            Err(error) => {
                self.fail("source", &error);
                None
            }
        }
    }

    /// Checks the hosts that are needed, and this machine's clock against their `Date` headers.
    async fn check_hosts(&mut self, connection: &Connection<'_>, has_key: bool) {
        let (platform, maskinporten) =
            (self.environment.platform(), self.environment.maskinporten());
        let mut clock_ahead = None;
        // Maskinporten's metadata needs no token, and every grant needs its issuer.
        if has_key {
            let metadata = format!("{maskinporten}/.well-known/oauth-authorization-server");
            if let Some(answer) = self.connect(connection, &metadata).await {
                // Before a line is printed, for which the terminal may be in no hurry.
                clock_ahead = answer.clock_ahead();
                self.check_metadata(&answer);
            } else {
                self.skip(&["metadata"], "there is no connection");
            }
        }
        // A sandbox is platform and Maskinporten at one address: once is enough.
        if !has_key || platform != maskinporten {
            let answer = self.connect(connection, platform).await;
            // Maskinporten's clock counts first, because it is the one that judges grants.
            clock_ahead = clock_ahead.or(answer.and_then(|answer| answer.clock_ahead()));
        }
        self.check_clock(clock_ahead);
    }

    /// Looks up the host of `address` and connects to it; `None` when that fails.
    async fn connect(&mut self, connection: &Connection<'_>, address: &str) -> Option<Reply> {
        let host = host(address);
        let proxy = self.environment.proxy_for(address);
        let name = format!("connection {host}");
        if !self.look_up(address, &host, proxy.as_deref()).await {
            self.skip(&[&name], "there is no address to connect to");
            return None;
        }
        let waited = format!("an answer of {host}");
        let probed = probe(&connection.http, address);
        match self.printer.wait(&waited, probed).await {
            Ok(answer) => {
                let by = match (address.starts_with("https://"), &proxy) {
                    (true, Some(_)) => "TLS, through the proxy",
                    (true, None) => "TLS, no proxy",
                    (false, _) => "on this machine, without TLS and proxy",
                };
                self.ok(&name, by);
                Some(answer)
            }
            Err(error) => {
                // A certificate that is not trusted is the server's or the machine's fault, so the proxy hint would mislead.
                let hint = self.environment.proxy_hint(address);
                let hint = hint.filter(|_| !error.is_about_trust());
                let hint = hint.or_else(|| error.hint());
                self.fail_with(&name, error.reason(), Vec::new(), hint);
                None
            }
        }
    }

    /// Reports the two steps of a token that is requested with a key: Maskinporten's grant and Altinn's exchange.
    fn report_bought_token(&mut self, connection: &Connection<'_>, refused: Option<&TokenError>) {
        let auth = connection.auth;
        // Both steps give one error, and its host tells which of them failed.
        let in_grant = refused.filter(|error| !self.is_in_exchange(error));
        if let Some(error) = in_grant {
            self.fail_token("grant", error);
        } else {
            let scopes = auth.scopes.join(" ");
            self.ok("grant", format!("Maskinporten gives a token for {scopes}"));
        }
        match refused {
            _ if !auth.exchange => self.skip(&["exchange"], "`auth.exchange` is false"),
            _ if in_grant.is_some() => self.skip(&["exchange"], NO_TOKEN),
            Some(error) => self.fail_token("exchange", error),
            None => self.ok("exchange", "Altinn gives its own token for it"),
        }
    }

    /// True when the failure was in the exchange: Maskinporten issued its token, but Altinn did not.
    fn is_in_exchange(&self, error: &TokenError) -> bool {
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

    fn check_access(&mut self, token: &Token) {
        let claims = token.claims();
        if claims.is_none() {
            self.skip(
                &["access"],
                "the token cannot be read: it is not a JWT, as Altinn's and Maskinporten's tokens are",
            );
            return;
        }
        let access = Access::new(claims.as_ref(), self.environment);
        for problem in &access.problems {
            let hint = Some(problem.hint.clone());
            self.fail_with("access", problem.message.clone(), Vec::new(), hint);
        }
        if access.problems.is_empty() {
            let consumer = access
                .consumer
                .unwrap_or_else(|| "an organisation that it does not name".to_owned());
            let name = self.environment.name();
            self.ok(
                "access",
                format!("the token may send for {consumer} in {name}"),
            );
        }
    }

    /// Looks up a random idempotency key: a request that needs the same access as sending, finds nothing and changes nothing.
    async fn check_altinn(&mut self, client: &Client, token: &Token) {
        let Some(resource) = self.resource else {
            self.skip(
                &["Altinn"],
                "there is no manifest that says which resource to ask about",
            );
            return;
        };
        let asked = client.find(token, resource, Uuid::new_v4());
        let refusal = match self
            .printer
            .wait("Altinn's answer about letters", asked)
            .await
        {
            Ok(Err(refusal)) => refusal,
            // The expected answer is an empty list.
            Ok(Ok(_)) => {
                let detail = format!("answers questions about letters of {resource}");
                return self.ok("Altinn", detail);
            }
            Err(error) => {
                return self.fail_with("Altinn", error.reason(), Vec::new(), error.hint());
            }
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
        self.fail_with("Altinn", message, Vec::new(), Some(hint));
    }

    /// True when the host name resolves, or when a proxy resolves it instead.
    async fn look_up(&mut self, address: &str, host: &str, proxy: Option<&str>) -> bool {
        let name = format!("name {host}");
        if let Some(proxy) = proxy {
            let detail = format!("{proxy} for {host}, as the environment says");
            self.ok("proxy", detail);
            self.skip(&[&name], "the proxy looks it up");
            return true;
        }
        let waited = format!("the address of {host}");
        match self.printer.wait(&waited, resolve(address)).await {
            Ok(found) => {
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                self.ok(&name, found.join(", "));
                true
            }
            Err(error) => {
                let hint = format!("check the network and its DNS; {}", proxy_advice());
                let message = "the name cannot be looked up".to_owned();
                let causes = vec![error.to_string()];
                self.fail_with(&name, message, causes, Some(hint));
                false
            }
        }
    }

    fn check_metadata(&mut self, answer: &Reply) {
        match answer.issuer() {
        Ok(issuer) => self.ok("metadata", format!("the issuer is {issuer}")),
        Err(_) => self.fail("metadata", &CliError::setup(
            format!("HTTP {}, and no issuer in the answer", answer.status),
            "check the address of Maskinporten in the manifest's `environment`, and that no login page of the network stands in between",
        )),
    }
    }

    fn check_clock(&mut self, ahead: Option<i64>) {
        match ahead {
        None => self.skip(&["clock"], "no answer had a date"),
        Some(ahead) if ahead.abs() > SKEW => self.fail("clock", &CliError::setup(
            clock(Some(ahead)),
            format!("set it: Maskinporten allows {SKEW} seconds; most often by turning on time synchronisation (timedatectl set-ntp true)"),
        )),
        Some(ahead) => self.ok("clock", clock(Some(ahead))),
    }
    }
}
