//! Grants, tokens, scopes and media types.

use serde_json::{Value, json};

use super::client::{PERSON, TestClient, WRITE, body, letter};
use crate::sandbox::{Options, Registration};

async fn client() -> TestClient {
    TestClient::without_token(Options::default()).await
}

#[tokio::test]
async fn a_valid_grant_buys_a_token() {
    let client = client().await;
    let response = client.grant(&client.claims(WRITE)).await;
    assert_eq!(response.status(), 200);
    let body = body(response).await;
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3600);
    assert_eq!(body["scope"], WRITE);
}

#[tokio::test]
async fn a_grant_is_refused_for_each_thing_that_is_wrong_with_it() {
    let client = client().await;
    let now = jiff::Timestamp::now().as_second();
    let cases = [
        ("iss", json!("nobody"), "MP-100"),
        ("aud", json!(client.sandbox.url()), "MP-110"),
        ("nbf", json!(now), "Unknown claim: nbf"),
        ("scope", json!("skatt:all"), "MP-200"),
        ("exp", json!(now - 1), "MP-130"),
        ("exp", json!(now + 600), "more than 120 seconds"),
        ("iat", json!(now - 60), "MP-130"),
        ("iat", json!(now + 60), "issue time is after now"),
        ("iat", Value::Null, "iat is missing"),
    ];
    for (claim, value, expected) in cases {
        let mut claims = client.claims(WRITE);
        claims[claim] = value;
        let (_, description) = client.refused_grant(&claims).await;
        assert!(description.contains(expected), "{claim}: {description}");
    }
}

#[tokio::test]
async fn a_grant_is_used_once() {
    let client = client().await;
    let claims = client.claims(WRITE);
    assert_eq!(client.grant(&claims).await.status(), 200);
    let (error, description) = client.refused_grant(&claims).await;
    assert_eq!(error, "invalid_grant");
    assert!(description.starts_with("MP-012: "), "{description}");
}

#[tokio::test]
async fn a_changed_assertion_is_not_signed() {
    let client = client().await;
    let other = client.claims("altinn:serviceowner");
    let [mine, changed] = [client.claims(WRITE), other].map(|claims| client.sign(&claims));
    let (head, _) = mine.split_once('.').unwrap();
    let (payload, _) = changed.split_once('.').unwrap().1.split_once('.').unwrap();
    let signature = mine.rsplit('.').next().unwrap();
    let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let forged = format!("{head}.{payload}.{signature}");
    let answer = body(client.ask(grant_type, &forged).await).await;
    let description = answer["error_description"].as_str().unwrap();
    assert!(description.starts_with("MP-124: "), "{description}");
    let answer = body(client.ask("password", &mine).await).await;
    assert_eq!(answer["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn a_client_may_bring_its_own_key() {
    let first = client().await;
    let registration = first.sandbox.registration();
    let mut public: Value = serde_json::from_str(&registration.jwk).unwrap();
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        public.as_object_mut().unwrap().remove(member);
    }
    let known_client = |jwk: &Value| Registration {
        client_id: "mine".to_owned(),
        jwk: jwk.to_string(),
    };
    let options = Options {
        clients: vec![known_client(&public)],
        ..Options::default()
    };
    let client = TestClient::without_token(options).await;
    let mut claims = client.claims(WRITE);
    claims["iss"] = json!("mine");
    assert_eq!(client.grant(&claims).await.status(), 200);
    let wrong = Options {
        clients: vec![known_client(&json!({ "kty": "EC" }))],
        registration: Some(registration.clone()),
        ..Options::default()
    };
    let error = crate::sandbox::Sandbox::start(wrong).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key of client `mine` is not an RSA JWK"
    );
}

#[tokio::test]
async fn the_exchange_gives_text_or_json() {
    let client = client().await;
    let token = client.maskinporten_token(WRITE).await;
    let url = client.url("/authentication/api/v1/exchange/maskinporten");
    let ask = |token: String| client.http.get(&url).bearer_auth(token);
    let bare = ask(token.clone())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(bare.starts_with("ey"), "{bare}");
    let quoted = ask(token).header("Accept", "application/json");
    let quoted = quoted.send().await.unwrap().text().await.unwrap();
    assert!(quoted.starts_with("\"ey") && quoted.ends_with('"'));
    // Altinn's token is not for exchange.
    let refused = ask(bare).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_token_needs_its_scopes() {
    let mut client = client().await;
    let unknown = client.post("/correspondence", &letter()).await;
    assert_eq!(unknown.status(), 401);
    assert!(unknown.headers().contains_key("WWW-Authenticate"));
    assert_eq!(unknown.text().await.unwrap(), "");

    let write = "altinn:correspondence.write";
    for (scope, altinn, maskinporten) in [
        (WRITE, 200, 200),
        (write, 200, 403),
        ("altinn:serviceowner altinn:correspondence.read", 403, 403),
    ] {
        client.token = client.altinn_token(scope).await;
        let status = client.post("/correspondence", &letter()).await.status();
        assert_eq!(status, altinn, "{scope}");
        client.token = client.maskinporten_token(scope).await;
        let status = client.post("/correspondence", &letter()).await.status();
        assert_eq!(status, maskinporten, "{scope}");
    }
    client.token = client.altinn_token("altinn:correspondence.read").await;
    let list = "/correspondence?resourceId=skd-mva-varsel&role=Sender";
    assert_eq!(client.get(list).await.status(), 200);
}

#[tokio::test]
async fn an_expired_token_is_worth_nothing() {
    let options = Options {
        altinn_token_lifetime: std::time::Duration::ZERO,
        ..Options::default()
    };
    let client = TestClient::new(options).await;
    assert_eq!(client.refused_status(&letter()).await, 401);
}

#[tokio::test]
async fn media_types_are_held_to() {
    let client = TestClient::calm().await;
    let url = client.url("/correspondence/api/v1/correspondence");
    let post = |kind: &str, accept: &str| {
        let request = client.http.post(&url).bearer_auth(&client.token);
        let request = request
            .header("Content-Type", kind)
            .header("Accept", accept);
        request.body(letter().to_string()).send()
    };
    let json = "application/json; charset=utf-8";
    assert_eq!(post(json, "*/*").await.unwrap().status(), 200);
    assert_eq!(
        post(json, "text/html, application/json;q=0.9")
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(post(json, "application/*").await.unwrap().status(), 406);
    assert_eq!(post("text/plain", "*/*").await.unwrap().status(), 415);
}

#[tokio::test]
async fn the_inbox_shows_letters_escaped_and_masked() {
    let client = TestClient::calm().await;
    let mut letter = letter();
    letter["correspondence"]["content"]["messageBody"] = json!("a <b> & </pre><script>");
    assert_eq!(client.post("/correspondence", &letter).await.status(), 200);
    let page = |path: String| async {
        client
            .http
            .get(path)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let list = page(client.url("/")).await;
    assert!(
        list.contains("Varsel") && list.contains("078271*****"),
        "{list}"
    );
    assert!(!list.contains(PERSON));
    let id = client.sandbox.letters()[0].id;
    let shown = page(client.url(&format!("/letters/{id}"))).await;
    assert!(shown.contains("a <strong>&amp;</strong>"), "{shown}");
    assert!(!shown.contains("<script>"));
}
