//! A sandbox with an HTTP client and its tokens.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pkcs1::RsaPrivateKeyRef;
use pkcs1::der::Encode;
use pkcs1::der::asn1::UintRef;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::{Options, Registration, Sandbox};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const WRITE: &str = "altinn:serviceowner altinn:correspondence.write";
pub(super) const PERSON: &str = "urn:altinn:person:identifier-no:07827199405";

/// One key for all tests: making one is slow.
static REGISTRATION: LazyLock<Registration> = LazyLock::new(|| Registration::generate().unwrap());

pub(super) struct TestClient {
    pub(super) sandbox: Sandbox,
    pub(super) http: Client,
    pub(super) token: String,
}

impl TestClient {
    pub(super) async fn new(options: Options) -> Self {
        let mut client = Self::without_token(options).await;
        client.token = client.altinn_token(WRITE).await;
        client
    }

    pub(super) async fn calm() -> Self {
        Self::new(Options::default()).await
    }

    pub(super) async fn without_token(options: Options) -> Self {
        let options = Options {
            registration: Some(REGISTRATION.clone()),
            ..options
        };
        Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            http: Client::new(),
            token: String::new(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    /// The claims of a valid grant.
    pub(super) fn claims(&self, scope: &str) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({
            "iss": self.sandbox.registration().client_id,
            "aud": self.url("/"), "scope": scope, "iat": now, "exp": now + 100, "jti": Uuid::new_v4(),
        })
    }

    pub(super) async fn grant(&self, claims: &Value) -> Response {
        self.ask(GRANT_TYPE, &self.sign(claims)).await
    }

    pub(super) async fn ask(&self, grant_type: &str, assertion: &str) -> Response {
        let form = [("grant_type", grant_type), ("assertion", assertion)];
        let request = self.http.post(self.url("/token")).form(&form);
        request.send().await.unwrap()
    }

    /// The error and its description.
    pub(super) async fn refused_grant(&self, claims: &Value) -> (String, String) {
        let response = self.grant(claims).await;
        assert_eq!(response.status(), 400);
        let body = body(response).await;
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("error"), text("error_description"))
    }

    pub(super) async fn maskinporten_token(&self, scope: &str) -> String {
        let response = self.grant(&self.claims(scope)).await;
        assert_eq!(response.status(), 200);
        body(response).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(super) async fn altinn_token(&self, scope: &str) -> String {
        let token = self.maskinporten_token(scope).await;
        let url = self.url("/authentication/api/v1/exchange/maskinporten");
        let response = self.http.get(url).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Response {
        self.try_post(path, body).await.unwrap()
    }

    pub(super) async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Response> {
        let url = self.url(&format!("/correspondence/api/v1{path}"));
        let request = self.http.post(url).bearer_auth(&self.token);
        let request = request.header("Content-Type", "application/json");
        request.body(body.to_string()).send().await
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        let url = self.url(&format!("/correspondence/api/v1{path}"));
        self.http
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
    }

    /// The status and the code a letter is refused with.
    pub(super) async fn refused(&self, letter: &Value) -> (u16, Value) {
        let response = self.post("/correspondence", letter).await;
        let status = response.status().as_u16();
        (status, body(response).await["errorCode"].clone())
    }

    pub(super) async fn refused_status(&self, letter: &Value) -> u16 {
        let response = self.post("/correspondence", letter).await;
        response.status().as_u16()
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let jwk: Value = serde_json::from_str(&self.sandbox.registration().jwk).unwrap();
        let mut header = Header::new(Algorithm::RS256);
        header.kid = jwk["kid"].as_str().map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &encoding_key(&jwk)).unwrap()
    }
}

/// A letter that nothing speaks against.
pub(super) fn letter() -> Value {
    json!({
        "correspondence": {
            "resourceId": "skd-mva-varsel",
            "sendersReference": "2026/1",
            "content": { "language": "nb", "messageTitle": "Varsel", "messageBody": "**Hei**" },
        },
        "recipients": [PERSON],
        "idempotentKey": Uuid::new_v4(),
    })
}

pub(super) async fn body(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// The private key as it is written in a JWK: all eight numbers have to fit each other.
fn encoding_key(jwk: &Value) -> EncodingKey {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let numbers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(bytes);
    let number = |at: usize| UintRef::new(&numbers[at]).unwrap();
    let key = RsaPrivateKeyRef {
        modulus: number(0),
        public_exponent: number(1),
        private_exponent: number(2),
        prime1: number(3),
        prime2: number(4),
        exponent1: number(5),
        exponent2: number(6),
        coefficient: number(7),
        other_prime_infos: None,
    };
    EncodingKey::from_rsa_der(&key.to_der().unwrap())
}
