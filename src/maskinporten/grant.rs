//! The JWT grant (RFC 7523): a short-lived signed request for a token with certain scopes.

use jsonwebtoken::errors::Error;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ClientSettings, SystemUser};

/// Signs a grant for `audience`, Maskinporten's issuer with its trailing slash. Each one has a new `jti`, so that it is a grant of its own. `issued_at` is in seconds
/// since 1970.
pub(super) fn sign(
    settings: &ClientSettings,
    audience: &str,
    issued_at: u64,
) -> Result<String, Error> {
    let delegation = &settings.delegation;
    settings.key.sign(&Claims {
        iss: &settings.client_id,
        aud: audience,
        scope: unique(&settings.scopes).join(" "),
        iat: issued_at,
        exp: issued_at + LIFETIME,
        // Maskinporten refuses a `jti` that it has seen before (MP-012).
        jti: Uuid::new_v4(),
        resource: &delegation.resource,
        consumer_org: delegation.consumer_org.as_deref(),
        authorization_details: delegation.system_user.iter().map(details).collect(),
    })
}

/// The scopes in order, each one once. An item of the list may hold several, separated by blanks.
pub(super) fn unique(scopes: &[String]) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    for word in scopes.iter().flat_map(|scope| scope.split_whitespace()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The content of a grant. Maskinporten refuses unknown claims, so there are no others (no `nbf`).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    scope: String,
    iat: u64,
    exp: u64,
    jti: Uuid,
    /// A list even for a single value: Maskinporten accepts no other form.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    resource: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_org: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<Value>,
}

/// The lifetime of a grant in seconds; the longest that Maskinporten allows.
const LIFETIME: u64 = 120;

/// A rich authorization request (RFC 9396) for a system user.
fn details(user: &SystemUser) -> Value {
    // 0192 is the ISO 6523 code of the Norwegian register of organisations.
    let id = format!("0192:{}", user.organization);
    let mut details = json!({
        "type": "urn:altinn:systemuser",
        "systemuser_org": { "authority": "iso6523-actorid-upis", "ID": id },
    });
    if let Some(reference) = &user.external_ref {
        details["externalRef"] = json!(reference);
    }
    details
}

#[cfg(test)]
pub(crate) mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation};
    use serde_json::Map;

    use super::super::key::tests::{jwk, key};
    use super::super::{Delegation, KeyFile, KeyOptions};
    use super::*;

    fn settings(scopes: &[&str], delegation: &Delegation) -> ClientSettings {
        ClientSettings {
            client_id: "client-1".to_owned(),
            key: key(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            delegation: delegation.clone(),
            maskinporten: String::new(),
            exchange: None,
            subscription_key: None,
        }
    }

    fn signed(settings: &ClientSettings) -> String {
        sign(settings, "https://test.maskinporten.no/", 1_800_000_000).unwrap()
    }

    #[test]
    fn scopes_are_joined_once_each_in_their_order() {
        let scopes = ["b a", "altinn:serviceowner", "a", " "].map(str::to_owned);
        assert_eq!(unique(&scopes), ["b", "a", "altinn:serviceowner"]);
    }

    /// The grant, when its signature is that of the key.
    pub(crate) fn verified(signed: &str, algorithm: Algorithm) -> TokenData<Map<String, Value>> {
        let mut rules = Validation::new(algorithm);
        rules.set_audience(&["https://test.maskinporten.no/"]);
        rules.validate_exp = false;
        let (n, e) = (jwk()["n"].clone(), jwk()["e"].clone());
        let public =
            DecodingKey::from_rsa_components(n.as_str().unwrap(), e.as_str().unwrap()).unwrap();
        jsonwebtoken::decode(signed, &public, &rules).unwrap()
    }

    #[test]
    fn a_grant_says_on_whose_behalf_it_asks() {
        let grant = |delegation: &Delegation| {
            let settings = settings(&["altinn:correspondence.write"], delegation);
            verified(&signed(&settings), Algorithm::RS256).claims
        };
        let user = |external_ref: Option<&str>| Delegation {
            system_user: Some(SystemUser {
                organization: "310244007".into(),
                external_ref: external_ref.map(str::to_owned),
            }),
            ..Delegation::default()
        };
        let org = json!({"authority": "iso6523-actorid-upis", "ID": "0192:310244007"});
        for (delegation, claim, expected) in [
            (
                Delegation {
                    resource: vec!["https://platform.tt02.altinn.no/".into()],
                    ..Delegation::default()
                },
                "resource",
                json!(["https://platform.tt02.altinn.no/"]),
            ),
            (
                Delegation {
                    consumer_org: Some("310244007".into()),
                    ..Delegation::default()
                },
                "consumer_org",
                json!("310244007"),
            ),
            (
                user(None),
                "authorization_details",
                json!([{"type": "urn:altinn:systemuser", "systemuser_org": org}]),
            ),
            (
                user(Some("ref-1")),
                "authorization_details",
                json!([{"type": "urn:altinn:systemuser", "systemuser_org": org, "externalRef": "ref-1"}]),
            ),
        ] {
            let claims = grant(&delegation);
            assert_eq!(claims[claim], expected);
            assert_eq!(claims.len(), 7, "{claims:?}");
        }
    }

    #[test]
    fn a_grant_is_signed_with_the_algorithm_that_was_asked_for() {
        for (asked, found) in [
            (super::super::Algorithm::Rs256, Algorithm::RS256),
            (super::super::Algorithm::Rs384, Algorithm::RS384),
            (super::super::Algorithm::Rs512, Algorithm::RS512),
        ] {
            let options = KeyOptions {
                algorithm: Some(asked),
                ..KeyOptions::default()
            };
            let file = KeyFile::read(jwk().to_string().as_bytes(), &options).unwrap();
            let claims = json!({"aud": "https://test.maskinporten.no/", "exp": 1});
            let grant = verified(&file.key.sign(&claims).unwrap(), found);
            assert_eq!(grant.header.kid.as_deref(), Some("key-1"));
        }
    }

    #[test]
    fn a_grant_is_signed_and_says_what_maskinporten_allows_and_nothing_more() {
        let scopes = ["altinn:serviceowner", "altinn:correspondence.write"];
        let settings = settings(&scopes, &Delegation::default());
        let grant = signed(&settings);
        let token = verified(&grant, Algorithm::RS256);

        assert_eq!(token.header.kid.as_deref(), Some("key-1"));
        assert_eq!(token.header.typ.as_deref(), Some("JWT"));
        let mut claims = token.claims;
        let id = claims.remove("jti").unwrap();
        assert_eq!(
            id.as_str()
                .unwrap()
                .parse::<Uuid>()
                .unwrap()
                .get_version_num(),
            4
        );
        let expected = json!({
            "iss": "client-1", "aud": "https://test.maskinporten.no/", "scope": "altinn:serviceowner altinn:correspondence.write",
            "iat": 1_800_000_000, "exp": 1_800_000_120,
        });
        assert_eq!(Value::Object(claims), expected);
        assert_ne!(grant, signed(&settings), "each grant has its own id");
    }
}
