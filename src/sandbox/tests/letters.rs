//! Letters: accepted, refused, and what is told of them.

use serde_json::{Value, json};

use super::client::{PERSON, TestClient, body, letter};
use crate::sandbox::{LetterStatus, Options, Scenario};

#[tokio::test]
async fn a_letter_is_accepted_and_kept_byte_for_byte() {
    let client = TestClient::calm().await;
    let letter = letter();
    let response = client.post("/correspondence", &letter).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["Content-Type"],
        "application/json; charset=utf-8"
    );
    let answer = body(response).await;
    client.sandbox.wait_for(1).await;
    let kept = &client.sandbox.letters()[0];
    let expected = json!({
        "correspondences": [{ "correspondenceId": kept.id, "status": "ReadyForPublish", "recipient": PERSON, "notifications": null }],
        "attachmentIds": [],
    });
    assert_eq!(answer, expected);
    assert_eq!(kept.body, letter.to_string());
    let request = kept.request();
    assert_eq!(request.correspondence.content.message_title, "Varsel");
    assert_eq!(client.sandbox.letter_count(), 1);
}

#[tokio::test]
async fn a_key_is_used_once() {
    let client = TestClient::calm().await;
    let mut letter = letter();
    assert_eq!(client.post("/correspondence", &letter).await.status(), 200);
    // Even before what is otherwise wrong with it.
    letter["correspondence"]["content"]["messageTitle"] = json!("# x");
    let response = client.post("/correspondence", &letter).await;
    assert_eq!(response.status(), 409);
    let text = response.text().await.unwrap();
    assert_eq!(text.matches("\"traceId\"").count(), 2);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["errorCode"], 1034);
    assert_eq!(answer["code"], "CORR-01034");
    assert_eq!(answer["title"], "Conflict");
    assert_eq!(client.sandbox.letter_count(), 1);
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    let client = TestClient::calm().await;
    let letter = letter();
    let (one, other) = tokio::join!(
        client.refused_status(&letter),
        client.refused_status(&letter)
    );
    assert_eq!(one.min(other), 200);
    assert_eq!(one.max(other), 409);
}

#[tokio::test]
async fn what_only_a_server_knows_is_refused() {
    let scenario = Scenario {
        unknown_recipients: ["26818099001".to_owned()].into(),
        unknown_resources: ["nowhere".to_owned()].into(),
        forbidden_resources: ["theirs".to_owned()].into(),
        ..Scenario::default()
    };
    let client = TestClient::new(Options {
        scenario,
        ..Options::default()
    })
    .await;
    let to = |number: &str| {
        let mut letter = letter();
        letter["recipients"] = json!([format!("urn:altinn:person:identifier-no:{number}")]);
        letter
    };
    let of = |resource: &str| {
        let mut letter = letter();
        letter["correspondence"]["resourceId"] = json!(resource);
        letter
    };
    assert_eq!(client.refused(&to("26818099001")).await, (404, json!(1029)));
    assert_eq!(client.refused(&to("08900499559")).await, (422, json!(1030)));
    assert_eq!(client.refused(&of("nowhere")).await, (400, json!(1036)));
    assert_eq!(
        client.refused(&of("urn:altinn:resource:theirs")).await,
        (401, json!(4001))
    );
    let mut reserved = to("08900499559");
    reserved["correspondence"]["ignoreReservation"] = json!(true);
    assert_eq!(client.refused_status(&reserved).await, 200);
    assert_eq!(client.sandbox.letter_count(), 1);
}

#[tokio::test]
async fn a_rule_is_answered_with_its_code() {
    let client = TestClient::calm().await;
    let mut titled = letter();
    titled["correspondence"]["content"]["messageTitle"] = json!("# Varsel");
    assert_eq!(client.refused(&titled).await, (400, json!(1002)));
    let mut filed = letter();
    filed["correspondence"]["content"]["attachments"] =
        json!([{ "fileName": "a.pdf", "sendersReference": "a" }]);
    assert_eq!(client.refused(&filed).await, (400, json!(1005)));
    let mut many = letter();
    many["recipients"] = json!([PERSON, "0192:991825827"]);
    assert_eq!(client.refused(&many).await, (400, json!(1047)));
    let mut both = letter();
    both["correspondence"]["isConfirmationNeeded"] = json!(true);
    both["recipients"] = json!(["08900499559"]);
    // Altinn asks for the due date before it asks the register.
    assert_eq!(client.refused(&both).await, (400, json!(1016)));
}

#[tokio::test]
async fn a_wrong_model_is_told_with_all_its_entries() {
    let client = TestClient::calm().await;
    let mut letter = letter();
    letter["correspondence"]["sendersReference"] = json!("");
    letter["correspondence"]["content"]["messageTitle"] = json!(" ");
    letter["idempotentKey"] = json!("00000000-0000-0000-0000-000000000000");
    let response = client.post("/correspondence", &letter).await;
    assert_eq!(response.status(), 400);
    let answer = body(response).await;
    assert_eq!(answer["code"], "STD-00000");
    assert_eq!(answer.get("errorCode"), None);
    let keys = answer["errors"].as_object().unwrap().keys();
    let expected = [
        "Correspondence.Content.MessageTitle",
        "Correspondence.SendersReference",
        "IdempotentKey",
    ];
    assert_eq!(keys.collect::<Vec<_>>(), expected);
    let entry = &answer["validationErrors"][0];
    assert_eq!(entry["code"], "CORR.VLD-00000");
    assert!(entry["title"].is_string() && entry["paths"][0].is_string());
}

#[tokio::test]
async fn what_is_not_the_expected_json_is_told_by_its_path() {
    let client = TestClient::calm().await;
    let mut letter = letter();
    letter["correspondence"]["dueDateTime"] = json!("tomorrow");
    let answer = body(client.post("/correspondence", &letter).await).await;
    let keys: Vec<_> = answer["errors"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["$.correspondence.dueDateTime", "request"]);
    letter["correspondence"]["dueDateTime"] = Value::Null;
    letter["correspondence"]["notification"] = json!({ "notificationTemplate": 5 });
    let response = client.post("/correspondence", &letter).await;
    assert_eq!(response.status(), 400);
    assert_eq!(
        response.text().await.unwrap(),
        "\"Invalid notification template\""
    );
    letter["correspondence"]["notification"] = Value::Null;
    letter["correspondence"]["propertyList"] = json!({ "case": null });
    let response = client.post("/correspondence", &letter).await;
    assert_eq!(response.status(), 500);
    assert_eq!(
        response.headers()["Content-Type"],
        "application/problem+json"
    );
}

#[tokio::test]
async fn several_recipients_get_a_letter_each_except_the_reserved() {
    let client = TestClient::calm().await;
    let mut letter = letter();
    letter["idempotentKey"] = Value::Null;
    letter["recipients"] = json!(["0192:991825827", "08900499559"]);
    let answer = body(client.post("/correspondence", &letter).await).await;
    let statuses = [0, 1].map(|at| answer["correspondences"][at]["status"].clone());
    assert_eq!(statuses, ["ReadyForPublish", "Reserved"]);
    let letters = client.sandbox.letters();
    assert_eq!(
        letters[0].recipient,
        "urn:altinn:organization:identifier-no:991825827"
    );
    let status = letters[1].status(letters[1].publish_at);
    assert_eq!(status, LetterStatus::Failed);
}
