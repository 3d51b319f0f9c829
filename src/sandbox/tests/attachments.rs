//! Attachments from announcement to use.

use reqwest::Response;
use serde_json::{Value, json};

use super::client::{TestClient, body, letter};

/// The MD5 of `hei`.
const CHECKSUM: &str = "d5e2a2c9141206704cdace7df654ca7e";

fn announced() -> Value {
    json!({ "resourceId": "skd-mva-varsel", "fileName": "vilkår.pdf", "sendersReference": "terms" })
}

async fn announce(client: &TestClient, attachment: &Value) -> String {
    let response = client.post("/attachment", attachment).await;
    assert_eq!(response.status(), 200);
    body(response).await.as_str().unwrap().to_owned()
}

async fn upload(client: &TestClient, id: &str, bytes: &'static str) -> Response {
    let url = client.url(&format!("/correspondence/api/v1/attachment/{id}/upload"));
    let request = client.http.post(url).bearer_auth(&client.token);
    let request = request.header("Content-Type", "application/octet-stream");
    request.body(bytes).send().await.unwrap()
}

async fn code(response: Response) -> Value {
    body(response).await["errorCode"].clone()
}

#[tokio::test]
async fn an_attachment_is_uploaded_scanned_published_and_used() {
    let client = TestClient::calm().await;
    let id = announce(&client, &announced()).await;
    let mut letter = letter();
    letter["existingAttachments"] = json!([id]);
    assert_eq!(client.refused(&letter).await, (400, json!(1018)));
    let uploaded = body(upload(&client, &id, "hei").await).await;
    assert_eq!(uploaded["status"], "UploadProcessing");
    assert_eq!(uploaded["checksum"], CHECKSUM);
    let path = format!("/attachment/{id}");
    let statuses = [(); 2].map(|()| client.get(&path));
    for (asked, expected) in statuses.into_iter().zip(["UploadProcessing", "Published"]) {
        assert_eq!(body(asked.await).await["status"], expected);
    }
    let answer = body(client.post("/correspondence", &letter).await).await;
    assert_eq!(answer["attachmentIds"], json!([id]));
    let kept = client.sandbox.attachments().remove(0);
    assert_eq!(kept.bytes.as_deref(), Some(&b"hei"[..]));
    assert_eq!(kept.correspondences, [client.sandbox.letters()[0].id]);
}

#[tokio::test]
async fn an_id_is_uploaded_to_once() {
    let client = TestClient::calm().await;
    let id = announce(&client, &announced()).await;
    assert_eq!(code(upload(&client, &id, "").await).await, 2004);
    assert_eq!(upload(&client, &id, "hei").await.status(), 200);
    assert_eq!(code(upload(&client, &id, "hei").await).await, 2005);
    let unknown = upload(&client, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "hei").await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(code(unknown).await, 2001);
}

#[tokio::test]
async fn a_checksum_must_fit() {
    let client = TestClient::calm().await;
    let mut attachment = announced();
    attachment["checksum"] = json!(CHECKSUM);
    let good = announce(&client, &attachment).await;
    assert_eq!(upload(&client, &good, "hei").await.status(), 200);
    let bad = announce(&client, &attachment).await;
    assert_eq!(code(upload(&client, &bad, "hallo").await).await, 2008);
    let told = body(client.get(&format!("/attachment/{bad}")).await).await;
    assert_eq!(told["status"], "Failed");
}

#[tokio::test]
async fn an_announcement_is_checked() {
    let client = TestClient::calm().await;
    let answer = body(
        client
            .post("/attachment", &json!({ "fileName": "a.pdf" }))
            .await,
    )
    .await;
    let keys: Vec<_> = answer["errors"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ResourceId", "SendersReference"]);
    let answer = body(client.post("/attachment", &json!({ "fileName": 1 })).await).await;
    let keys: Vec<_> = answer["errors"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["$.fileName", "InitializeAttachmentExt"]);
    let mut attachment = announced();
    attachment["fileName"] = json!("movie.mp4");
    assert_eq!(
        code(client.post("/attachment", &attachment).await).await,
        2013
    );
}
