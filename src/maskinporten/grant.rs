//! The grant: a short-lived signed statement of who asks for which scopes.

use jsonwebtoken::errors::Error;
use serde::Serialize;
use uuid::Uuid;

use super::SigningKey;

/// What is asked for. Maskinporten refuses claims it does not know, so there are no others (no `nbf`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) client_id: &'a str,
    /// Maskinporten's issuer, with its trailing slash.
    pub(super) audience: &'a str,
    pub(super) scopes: &'a [String],
    /// Seconds since 1970.
    pub(super) issued_at: u64,
}

impl Grant<'_> {
    /// Signs it under a new id: a grant can be used once.
    pub(super) fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        key.sign(&Claims {
            iss: self.client_id,
            aud: self.audience,
            scope: joined(self.scopes),
            iat: self.issued_at,
            exp: self.issued_at + LIFETIME,
            jti: Uuid::new_v4(),
        })
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    scope: String,
    iat: u64,
    exp: u64,
    jti: Uuid,
}

/// Seconds; the most Maskinporten allows.
const LIFETIME: u64 = 120;

/// Every scope once, in order.
fn joined(scopes: &[String]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in scopes.iter().flat_map(|scope| scope.split_whitespace()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};
    use serde_json::{Map, Value, json};

    use super::super::key::tests::{jwk, key};
    use super::*;

    #[test]
    fn scopes_are_joined_once_each_in_their_order() {
        let scopes = ["b a", "altinn:serviceowner", "a", " "].map(str::to_owned);
        assert_eq!(joined(&scopes), "b a altinn:serviceowner");
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
            issued_at: 1_800_000_000,
        };
        let signed = grant.sign(&key()).unwrap();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&["https://test.maskinporten.no/"]);
        rules.validate_exp = false;
        let (n, e) = (jwk()["n"].clone(), jwk()["e"].clone());
        let public =
            DecodingKey::from_rsa_components(n.as_str().unwrap(), e.as_str().unwrap()).unwrap();
        let token = jsonwebtoken::decode::<Map<String, Value>>(&signed, &public, &rules).unwrap();

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
