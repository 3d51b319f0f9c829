//! Letters with files of their own, and how letters and attachments are deleted.

use std::fmt::Write as _;

use reqwest::Response;
use serde_json::{Value, json};

use super::client::{TestClient, body, letter};
use crate::correspondence::form_fields;
use crate::sandbox::AttachmentStatus;

/// The MD5 of `hei`.
const CHECKSUM: &str = "d5e2a2c9141206704cdace7df654ca7e";

/// A letter that tells of these files.
fn telling_of(names: &[&str]) -> Value {
    let mut letter = letter();
    let told = names
        .iter()
        .map(|name| json!({ "fileName": name, "sendersReference": "own", "checksum": CHECKSUM }));
    letter["correspondence"]["content"]["attachments"] = told.collect();
    letter
}

/// Sends it as a form with these files.
async fn post(client: &TestClient, letter: &Value, files: &[(&str, &str)]) -> Response {
    let fields = form_fields(&serde_json::from_value(letter.clone()).unwrap()).unwrap();
    let mut form = String::new();
    for (name, value) in fields {
        write!(
            form,
            "--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
        .unwrap();
    }
    for (name, content) in files {
        write!(
            form,
            "--B\r\nContent-Disposition: form-data; name=\"Attachments\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
        .unwrap();
    }
    send(
        client,
        "multipart/form-data; boundary=B",
        form + "--B--\r\n",
    )
    .await
}

async fn send(client: &TestClient, kind: &str, text: String) -> Response {
    let url = client.url("/correspondence/api/v1/correspondence/upload");
    let request = client.http.post(url).bearer_auth(&client.token);
    request
        .header("Content-Type", kind)
        .body(text)
        .send()
        .await
        .unwrap()
}

async fn delete(client: &TestClient, path: &str) -> Response {
    let url = client.url(&format!("/correspondence/api/v1{path}"));
    let request = client.http.delete(url).bearer_auth(&client.token);
    request.send().await.unwrap()
}

async fn code(response: Response) -> Value {
    body(response).await["errorCode"].clone()
}

#[tokio::test]
async fn a_letter_waits_for_the_scan_of_its_files() {
    let client = TestClient::calm().await;
    let letter = telling_of(&["vedtak.pdf"]);
    let answer = post(&client, &letter, &[("vedtak.pdf", "hei")]).await;
    assert_eq!(answer.status(), 200);
    let answer = body(answer).await;
    let first = &answer["correspondences"][0];
    assert_eq!(first["status"], "Initialized");
    let kept = client.sandbox.attachments().remove(0);
    assert_eq!(answer["attachmentIds"], json!([kept.id]));
    assert_eq!(kept.bytes.as_deref(), Some(&b"hei"[..]));
    let path = format!(
        "/correspondence/{}",
        first["correspondenceId"].as_str().unwrap()
    );
    for status in ["Initialized", "Published"] {
        assert_eq!(body(client.get(&path).await).await["status"], status);
    }
    let told = body(client.get(&path).await).await;
    let told = &told["content"]["attachments"];
    assert_eq!(told[0]["fileName"], "vedtak.pdf");
    let page = client
        .http
        .get(client.url(&format!("/letters/{}", kept.correspondences[0])));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("vedtak.pdf (3 bytes, Published)"), "{page}");
}

#[tokio::test]
async fn every_attachment_has_its_file_and_its_checksum() {
    let client = TestClient::calm().await;
    let two = telling_of(&["a.pdf", "b.pdf"]);
    for (files, expected) in [
        (&[("a.pdf", "hei")][..], json!(1005)),
        (&[("a.pdf", "hei"), ("c.pdf", "hei")], json!(1005)),
        (&[("a.pdf", "hei"), ("b.pdf", "")], json!(2004)),
        (&[("a.pdf", "hei"), ("b.pdf", "hallo")], json!(2008)),
        (&[("b.pdf", "hei"), ("a.pdf", "hei")], Value::Null),
    ] {
        assert_eq!(code(post(&client, &two, files).await).await, expected);
    }
    assert_eq!(client.sandbox.letters().len(), 1);
}

#[tokio::test]
async fn a_used_key_comes_before_what_is_wrong_with_the_files() {
    let client = TestClient::calm().await;
    let mut letter = telling_of(&["a.pdf"]);
    letter["idempotentKey"] = json!("5b0f3c1e-6a55-5d0e-9d6a-0c2f6f1f2a11");
    assert_eq!(
        post(&client, &letter, &[("a.pdf", "hei")]).await.status(),
        200
    );
    assert_eq!(code(post(&client, &letter, &[]).await).await, 1034);
    assert_eq!(
        client.sandbox.attachments().len(),
        1,
        "nothing is left behind"
    );
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let client = TestClient::calm().await;
    for (kind, status) in [("application/json", 415), ("multipart/form-data", 415)] {
        assert_eq!(send(&client, kind, "{}".to_owned()).await.status(), status);
    }
    let kind = "multipart/form-data; boundary=B";
    let cut = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_owned();
    assert_eq!(send(&client, kind, cut).await.status(), 400);
    let empty = body(send(&client, kind, "--B--\r\n".to_owned()).await).await;
    let keys: Vec<_> = empty["errors"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["Correspondence", "Recipients"]);
}

#[tokio::test]
async fn an_attachment_is_deleted_as_long_as_no_letter_has_it() {
    let client = TestClient::calm().await;
    let announced = json!({ "resourceId": "r", "fileName": "a.pdf", "sendersReference": "a" });
    let id = body(client.post("/attachment", &announced).await).await;
    let path = format!("/attachment/{}", id.as_str().unwrap());
    assert_eq!(delete(&client, &path).await.status(), 204);
    assert_eq!(code(delete(&client, &path).await).await, 2006);
    assert_eq!(body(client.get(&path).await).await["status"], "Purged");
    let letter = telling_of(&["a.pdf"]);
    let sent = body(post(&client, &letter, &[("a.pdf", "hei")]).await).await;
    let path = format!("/attachment/{}", sent["attachmentIds"][0].as_str().unwrap());
    assert_eq!(code(delete(&client, &path).await).await, 2007);
    let unknown = delete(&client, "/attachment/6f9619ff-8b86-4d01-b42d-00cf4fc964ff").await;
    assert_eq!(code(unknown).await, 2001);
}

#[tokio::test]
async fn a_letter_is_purged_before_anybody_can_see_it_and_its_files_with_it() {
    let client = TestClient::calm().await;
    let mut letter = telling_of(&["a.pdf"]);
    let later = jiff::Timestamp::now() + std::time::Duration::from_secs(3600);
    letter["correspondence"]["requestedPublishTime"] = json!(later.to_string());
    let sent = body(post(&client, &letter, &[("a.pdf", "hei")]).await).await;
    let id = sent["correspondences"][0]["correspondenceId"]
        .as_str()
        .unwrap();
    let path = format!("/correspondence/{id}");
    let purge = format!("{path}/purge");
    assert_eq!(body(delete(&client, &purge).await).await, json!(id));
    assert_eq!(code(delete(&client, &purge).await).await, 1014);
    assert_eq!(code(client.get(&path).await).await, 1001);
    let details = body(client.get(&format!("{path}/details")).await).await;
    assert_eq!(details["status"], "PurgedByAltinn");
    assert_eq!(
        client.sandbox.attachments()[0].status,
        AttachmentStatus::Purged
    );

    let calm = TestClient::calm().await;
    calm.post("/correspondence", &super::client::letter()).await;
    let id = calm.sandbox.letters()[0].id;
    let late = delete(&calm, &format!("/correspondence/{id}/purge")).await;
    assert_eq!(code(late).await, 1013);
}
