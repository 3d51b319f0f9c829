//! The JWT grant (RFC 7523): a short-lived signed request for a token with certain scopes.

use jsonwebtoken::errors::Error;
use serde::Serialize;
use uuid::Uuid;

use super::{Delegation, SigningKey, SystemUser};

/// The content of a grant. Maskinporten refuses unknown claims, so there are no others (no `nbf`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) client_id: &'a str,
    /// Maskinporten's issuer, with its trailing slash.
    pub(super) audience: &'a str,
    pub(super) scopes: &'a [String],
    pub(super) delegation: &'a Delegation,
    /// The time of issue, in seconds since 1970.
    pub(super) issued_at: u64,
}

impl Grant<'_> {
    /// Signs the grant with a new `jti`, so that each one is a grant of its own.
    pub(super) fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        key.sign(&Claims {
            iss: self.client_id,
            aud: self.audience,
            scope: unique(self.scopes).join(" "),
            iat: self.issued_at,
            exp: self.issued_at + LIFETIME,
            // Maskinporten refuses a `jti` that it has seen before (MP-012).
            jti: Uuid::new_v4(),
            resource: &self.delegation.resource,
            consumer_org: self.delegation.consumer_org.as_deref(),
            authorization_details: self.delegation.system_user.iter().map(details).collect(),
        })
    }
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
    authorization_details: Vec<Details<'a>>,
}

/// A rich authorization request (RFC 9396) for a system user.
#[derive(Serialize)]
struct Details<'a> {
    r#type: &'static str,
    systemuser_org: Organization,
    #[serde(rename = "externalRef", skip_serializing_if = "Option::is_none")]
    external_ref: Option<&'a str>,
}

#[derive(Serialize)]
struct Organization {
    authority: &'static str,
    #[serde(rename = "ID")]
    id: String,
}

/// The lifetime of a grant in seconds; the longest that Maskinporten allows.
const LIFETIME: u64 = 120;

fn details(user: &SystemUser) -> Details<'_> {
    Details {
        r#type: "urn:altinn:systemuser",
        systemuser_org: Organization {
            authority: "iso6523-actorid-upis",
            // 0192 is the ISO 6523 code of the Norwegian register of organisations.
            id: format!("0192:{}", user.organization),
        },
        external_ref: user.external_ref.as_deref(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation};
    use serde_json::{Map, Value, json};

    use super::super::key::tests::{jwk, key};
    use super::super::{KeyFile, KeyOptions};
    use super::*;

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
            let grant = Grant {
                client_id: "client-1",
                audience: "https://test.maskinporten.no/",
                scopes: &["altinn:correspondence.write".to_owned()],
                delegation,
                issued_at: 1_800_000_000,
            };
            verified(&grant.sign(&key()).unwrap(), Algorithm::RS256).claims
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
        let scopes = [
            "altinn:serviceowner".to_owned(),
            "altinn:correspondence.write".to_owned(),
        ];
        let grant = Grant {
            client_id: "client-1",
            audience: "https://test.maskinporten.no/",
            scopes: &scopes,
            delegation: &Delegation::default(),
            issued_at: 1_800_000_000,
        };
        let signed = grant.sign(&key()).unwrap();
        let token = verified(&signed, Algorithm::RS256);

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
        assert_ne!(
            signed,
            grant.sign(&key()).unwrap(),
            "each grant has its own id"
        );
    }
}
