//! Scripted trouble, as a client meets it.

use std::time::Duration;

use super::client::{TestClient, body, letter};
use crate::sandbox::{Action, Endpoint, Options, Scenario, Trouble, When};

async fn client(when: When, action: Action) -> TestClient {
    let trouble = Trouble {
        endpoint: Endpoint::Initialize,
        when,
        action,
    };
    let scenario = Scenario {
        trouble: vec![trouble],
        ..Scenario::default()
    };
    TestClient::new(Options {
        scenario,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_cut_after_commit_loses_the_answer_and_keeps_the_letter() {
    let client = client(When::Nth(2), Action::CutAfterCommit).await;
    // The second request goes over a connection that has been used.
    assert_eq!(client.refused_status(&letter()).await, 200);
    let letter = letter();
    let error = client
        .try_post("/correspondence", &letter)
        .await
        .unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(client.sandbox.letter_count(), 2);
    assert_eq!(client.refused_status(&letter).await, 409);
    assert_eq!(client.sandbox.requests()[&Endpoint::Initialize], 3);
}

#[tokio::test]
async fn a_cut_before_commit_loses_both() {
    let client = client(When::First(1), Action::CutBeforeCommit).await;
    let letter = letter();
    assert!(client.try_post("/correspondence", &letter).await.is_err());
    assert_eq!(client.sandbox.letter_count(), 0);
    assert_eq!(client.refused_status(&letter).await, 200);
    assert_eq!(client.sandbox.requests()[&Endpoint::Initialize], 2);
}

#[tokio::test]
async fn a_busy_gateway_says_when_to_come_again() {
    let busy = Action::Answer {
        status: 503,
        retry_after: Some(2),
    };
    let client = client(When::First(1), busy).await;
    let response = client.post("/correspondence", &letter()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["Retry-After"], "2");
    assert_eq!(response.headers()["Content-Type"], "text/html");
    assert_eq!(client.refused_status(&letter()).await, 200);
}

#[tokio::test]
async fn tokens_expire_when_the_scenario_says_so() {
    let mut client = client(When::Nth(2), Action::ExpireTokens).await;
    assert_eq!(client.refused_status(&letter()).await, 200);
    assert_eq!(client.refused_status(&letter()).await, 401);
    assert_eq!(client.refused_status(&letter()).await, 401);
    client.token = client.altinn_token(super::client::WRITE).await;
    assert_eq!(client.refused_status(&letter()).await, 200);
}

#[tokio::test]
async fn a_code_can_be_scripted() {
    let client = client(When::Always, Action::Refuse(1032)).await;
    let response = client.post("/correspondence", &letter()).await;
    assert_eq!(response.status(), 500);
    assert_eq!(body(response).await["errorCode"], 1032);
}

#[tokio::test]
async fn a_delayed_letter_is_still_a_letter() {
    let delay = Action::Delay(Duration::from_millis(1));
    let client = client(When::Always, delay).await;
    assert_eq!(client.refused_status(&letter()).await, 200);
}

#[tokio::test]
async fn above_the_rate_it_is_429() {
    let scenario = Scenario::named("strict-rate:2/h").unwrap();
    let client = TestClient::new(Options {
        scenario,
        ..Options::default()
    })
    .await;
    assert_eq!(client.refused_status(&letter()).await, 200);
    assert_eq!(client.refused_status(&letter()).await, 200);
    let response = client.post("/correspondence", &letter()).await;
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["Retry-After"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((3590..=3600).contains(&wait), "{wait}");
    assert_eq!(body(response).await["statusCode"], 429);
}

#[tokio::test]
async fn a_stopped_sandbox_ends() {
    let client = TestClient::calm().await;
    assert_eq!(client.refused_status(&letter()).await, 200);
    client.sandbox.stop().await.unwrap();
}
