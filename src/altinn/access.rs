//! The rights of a token in an environment, as far as its claims tell.

use serde_json::Value;

use super::Environment;
use crate::http::host;

/// The scope that sending requires.
const WRITE: &str = "altinn:correspondence.write";
/// The scope of service owners. With it Altinn lets the owner of a resource send without asking its policy.
const OWNER: &str = "altinn:serviceowner";

/// The claims of a token, checked against an environment. Only Altinn's own answer is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The `iss` claim.
    pub issuer: Option<String>,
    /// True for Altinn's own token, false for Maskinporten's.
    pub exchanged: Option<bool>,
    /// The client that the token was issued to.
    pub client: Option<String>,
    /// The organisation that the token stands for, with its register: `0192:991825827`.
    pub consumer: Option<String>,
    pub scopes: Vec<String>,
    /// The expiry, in seconds since 1970.
    pub expires: Option<i64>,
    /// The reasons why letters cannot be sent with the token; empty when none is known.
    pub problems: Vec<AccessProblem>,
}

/// A reason why letters cannot be sent with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessProblem {
    pub message: String,
    /// The command or setting that may solve the problem.
    pub hint: String,
}

impl Access {
    /// Checks the claims. `None` stands for a token that cannot be read, in which no problem is found.
    pub fn new(claims: Option<&Value>, environment: &Environment) -> Self {
        let text = |name: &str| claims?.get(name)?.as_str().map(str::to_owned);
        let issuer = text("iss");
        let consumer = claims
            .and_then(|claims| claims.get("consumer")?.get("ID")?.as_str())
            .map(str::to_owned);
        let mut access = Self {
            exchanged: issuer.as_deref().map(is_altinns),
            client: text("client_id"),
            consumer,
            scopes: scopes(claims),
            expires: claims.and_then(|claims| claims.get("exp")?.as_i64()),
            issuer,
            problems: Vec::new(),
        };
        // A token that cannot be read may be valid: nothing is held against it.
        if claims.is_some() {
            access.find_problems(environment);
        }
        access
    }

    fn find_problems(&mut self, environment: &Environment) {
        let allows = |name: &str| self.scopes.iter().any(|scope| scope == name);
        let mut problems = Vec::new();
        let mut found = |message: String, hint: String| {
            problems.push(AccessProblem { message, hint });
        };
        if !allows(WRITE) {
            found(
                format!("the token does not have the scope {WRITE}"),
                format!(
                    "add it to the client in Maskinporten's self-service and to `auth.scopes`: {WRITE}"
                ),
            );
        }
        // Altinn accepts a raw Maskinporten token only with this scope, and its own token without.
        if !allows(OWNER) && self.exchanged == Some(false) {
            found(
                format!("Altinn takes Maskinporten's own token only with the scope {OWNER}"),
                "ask for it in `auth.scopes`, or have the token exchanged: `auth.exchange: true`"
                    .to_owned(),
            );
        }
        if let Some(issuer) = &self.issuer
            && let Some(other) = foreign_environment(issuer, environment)
        {
            let ours = environment.name();
            found(
                format!("the token is for {other}, and the mailing goes to {ours}"),
                format!("get a token for {ours}, or correct `environment` in the manifest"),
            );
        }
        if self.consumer.is_none() {
            found(
                "the token does not say which organisation it stands for".to_owned(),
                "use a token from Maskinporten, exchanged at Altinn: other tokens cannot send"
                    .to_owned(),
            );
        }
        self.problems = problems;
    }

    /// True when Altinn asks the resource's policy for every letter, because the token lacks the scope of service owners.
    pub fn needs_policy(&self) -> bool {
        self.exchanged == Some(true) && !self.scopes.iter().any(|scope| scope == OWNER)
    }
}

/// True for the issuer of an Altinn token, which is an address below the platform's `/authentication`.
fn is_altinns(issuer: &str) -> bool {
    issuer.contains("altinn") || issuer.contains("/authentication/")
}

/// Reads the scopes, which are one string in most tokens and a list in some.
fn scopes(claims: Option<&Value>) -> Vec<String> {
    match claims.and_then(|claims| claims.get("scope")) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// The name of the issuer's environment, when it is not `environment`.
fn foreign_environment(issuer: &str, environment: &Environment) -> Option<String> {
    let issuer = host(issuer);
    let ours = [environment.platform(), environment.maskinporten()];
    if ours.iter().any(|address| host(address) == issuer) {
        return None;
    }
    // Behind a gateway of the user's own, hosts do not tell the environment; but production and test never mix.
    let is_known = Environment::named(environment.name()).is_some();
    match Environment::at_host(&issuer) {
        Some(owner) if is_known || owner.is_production() != environment.is_production() => {
            Some(owner.name().to_owned())
        }
        None if is_known || environment.is_local() => Some(issuer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(issuer: &str, scopes: &str, environment: &Environment) -> Vec<String> {
        let claims =
            json!({ "iss": issuer, "scope": scopes, "consumer": { "ID": "0192:991825827" } });
        let access = Access::new(Some(&claims), environment);
        access
            .problems
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    const BOTH: &str = "altinn:serviceowner altinn:correspondence.write";
    const TT02: &str = "https://platform.tt02.altinn.no/authentication/api/v1/openid/";
    const PROD: &str = "https://platform.altinn.no/authentication/api/v1/openid/";

    #[test]
    fn a_token_sends_where_it_is_from() {
        let (tt02, prod) = (Environment::tt02(), Environment::prod());
        for (issuer, environment) in [
            (TT02, &tt02),
            (PROD, &prod),
            ("https://test.maskinporten.no/", &tt02),
            ("https://maskinporten.no/", &prod),
        ] {
            assert!(problems(issuer, BOTH, environment).is_empty(), "{issuer}");
        }
        assert_eq!(
            problems(TT02, BOTH, &prod),
            ["the token is for tt02, and the mailing goes to prod"]
        );
        assert_eq!(
            problems("https://maskinporten.no/", BOTH, &tt02),
            ["the token is for prod, and the mailing goes to tt02"]
        );
        assert_eq!(
            problems("https://idporten.example/", BOTH, &tt02),
            ["the token is for idporten.example, and the mailing goes to tt02"]
        );
        let gateway = Environment::custom(
            "https://altinn.gateway.example",
            "https://test.maskinporten.no",
        )
        .unwrap();
        assert!(problems(TT02, BOTH, &gateway).is_empty());
        assert_eq!(problems(PROD, BOTH, &gateway).len(), 1);
    }

    #[test]
    fn the_scopes_are_exact_words_and_maskinportens_own_needs_both() {
        let tt02 = Environment::tt02();
        let write = "altinn:correspondence.write";
        assert!(problems(TT02, write, &tt02).is_empty());
        assert_eq!(
            problems("https://test.maskinporten.no/", write, &tt02).len(),
            1
        );
        for scopes in [
            "",
            "altinn:correspondence.read",
            "altinn:correspondence.writer",
        ] {
            assert_eq!(
                problems(TT02, scopes, &tt02),
                ["the token does not have the scope altinn:correspondence.write"]
            );
        }
        let access = Access::new(Some(&json!({ "iss": TT02, "scope": [write] })), &tt02);
        assert!(access.needs_policy());
        assert_eq!(access.scopes, [write]);
    }

    #[test]
    fn a_token_that_cannot_be_read_is_believed() {
        let access = Access::new(None, &Environment::prod());
        assert_eq!((access.problems.len(), access.exchanged), (0, None));
        assert!(
            !Access::new(Some(&json!({})), &Environment::prod())
                .problems
                .is_empty()
        );
    }
}
