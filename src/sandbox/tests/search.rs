//! Letters found again.

use serde_json::{Value, json};

use super::client::{TestClient, body, letter};

const LIST: &str = "/correspondence?resourceId=skd-mva-varsel&role=sender";

async fn ids(client: &TestClient, query: &str) -> Value {
    let response = client.get(&format!("{LIST}{query}")).await;
    assert_eq!(response.status(), 200);
    body(response).await["ids"].clone()
}

#[tokio::test]
async fn letters_are_found_by_key_reference_and_status() {
    let client = TestClient::calm().await;
    let mut later = letter();
    later["correspondence"]["sendersReference"] = json!("2026/2");
    later["correspondence"]["requestedPublishTime"] = json!("2999-01-01T00:00:00+01:00");
    let first = letter();
    for letter in [&first, &later] {
        assert_eq!(client.refused_status(letter).await, 200);
    }
    let [one, two] = [0, 1].map(|at| json!(client.sandbox.letters()[at].id));
    let key = first["idempotentKey"].as_str().unwrap();
    assert_eq!(
        ids(&client, &format!("&IdempotentKey={key}")).await,
        json!([one])
    );
    assert_eq!(ids(&client, "&sendersReference=2026/2").await, json!([two]));
    assert_eq!(ids(&client, "&status=Published").await, json!([one]));
    assert_eq!(
        ids(&client, "&status=1&to=2900-01-01T00:00:00Z").await,
        json!([one])
    );
    assert_eq!(ids(&client, "").await, json!([two, one]));
    assert_eq!(
        ids(&client, "&role=Recipient&sendersReference=none").await,
        json!([])
    );
}

#[tokio::test]
async fn a_search_is_checked() {
    let client = TestClient::calm().await;
    let answer = body(
        client
            .get("/correspondence?status=Lost&idempotentKey=1")
            .await,
    )
    .await;
    let keys: Vec<_> = answer["errors"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["idempotentKey", "resourceId", "role", "status"]);
    let turned = format!("{LIST}&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z");
    assert_eq!(body(client.get(&turned).await).await["errorCode"], 1027);
}

#[tokio::test]
async fn details_tell_the_history_and_the_notifications() {
    let client = TestClient::calm().await;
    let mut letter = letter();
    letter["correspondence"]["notification"] = json!({ "notificationChannel": "EmailAndSms", "emailSubject": "a", "emailBody": "b", "smsBody": "c" });
    assert_eq!(client.refused_status(&letter).await, 200);
    let path = format!("/correspondence/{}", client.sandbox.letters()[0].id);
    let overview = body(client.get(&path).await).await;
    assert_eq!(overview["status"], "Published");
    assert_eq!(overview["content"]["messageBody"], "**Hei**");
    let details = body(client.get(&format!("{path}/details")).await).await;
    let statuses: Vec<_> = details["statusHistory"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["status"])
        .collect();
    assert_eq!(statuses, ["ReadyForPublish", "Published"]);
    let sent = &details["notifications"][0]["notificationStatusDetails"];
    assert_eq!(sent["email"]["sendStatus"]["status"], "Email_Delivered");
    assert_eq!(sent["smses"][0]["succeeded"], true);
    let unknown = client
        .get("/correspondence/6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
        .await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(body(unknown).await["errorCode"], 1001);
    assert_eq!(client.get("/correspondence/none").await.status(), 400);
}
