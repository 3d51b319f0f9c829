//! The client of the Correspondence API: one request and its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;
use uuid::Uuid;

use super::{Environment, Refusal, TransportError, TransportKind};
use crate::correspondence::path::{API, INITIALIZE};
use crate::http::{DEFAULT_TIMEOUT, Reply};
use crate::maskinporten::{SubscriptionKey, Token, TokenSource};

/// A client for the sender's calls of the Correspondence API. It never repeats a call. The caller passes the token, and after a 401 rejects it and tries with the next one.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The root of the API, without a trailing slash.
    api: String,
    /// The address of letters. Parsed once: that takes a tenth of the processor time of a request.
    initialize: Option<Url>,
    host: String,
    tokens: Arc<dyn TokenSource>,
    subscription_key: Option<SubscriptionKey>,
    pub(super) timeout: Duration,
}

/// Altinn's answer to a request that reached it: the value of one with a status 2xx, or else the refusal.
pub type Answer<T> = Result<T, Refusal>;

impl Client {
    /// Makes a client for `environment` with the default timeout.
    pub fn new(
        http: reqwest::Client,
        environment: &Environment,
        tokens: Arc<dyn TokenSource>,
    ) -> Self {
        let platform = environment.platform();
        let host = platform.split("://").nth(1).unwrap_or(platform);
        let api = format!("{platform}{API}");
        Self {
            http,
            initialize: Url::parse(&format!("{api}/{INITIALIZE}")).ok(),
            api,
            host: host.to_owned(),
            tokens,
            subscription_key: environment.subscription_key().cloned(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Sets the timeout of a request. Requests with files get more by their size.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The source of this client's tokens.
    pub fn tokens(&self) -> &dyn TokenSource {
        &*self.tokens
    }

    /// Begins a request to a path below the root of the API.
    pub(super) fn request(&self, method: Method, path: &str, token: &Token) -> RequestBuilder {
        let request = match &self.initialize {
            Some(url) if path == INITIALIZE => self.http.request(method, url.clone()),
            _ => self.http.request(method, format!("{}/{path}", self.api)),
        };
        let request = request
            // Altinn answers 406 to `application/*` or an empty value.
            .header(ACCEPT, "application/json")
            .bearer_auth(token.expose());
        match &self.subscription_key {
            Some(key) => key.add_to(request),
            None => request,
        }
    }

    /// Sends a request. A success must be JSON from which `read` can take its value.
    pub(super) async fn call<T>(
        &self,
        request: RequestBuilder,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Answer<T>, TransportError> {
        let reply = Reply::to(request).await?;
        if !reply.is_success() {
            return Ok(Err(Refusal::from_reply(&reply)));
        }
        // A login page with status 200 is no success: the letter may or may not be stored.
        let value = serde_json::from_slice(&reply.body)
            .map_err(|error| self.transport_error(TransportKind::Malformed, Some(error.into())))?;
        match read(value) {
            Some(answer) => Ok(Ok(answer)),
            None => Err(self.transport_error(TransportKind::Malformed, None)),
        }
    }

    /// Sends a request whose success needs no body: deletions answer 200 with one or 204 without.
    pub(super) async fn call_without_body(
        &self,
        request: RequestBuilder,
    ) -> Result<Answer<()>, TransportError> {
        let reply = Reply::to(request).await?;
        let refused = || Refusal::from_reply(&reply);
        Ok(reply.is_success().then_some(()).ok_or_else(refused))
    }

    pub(super) fn transport_error(
        &self,
        kind: TransportKind,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> TransportError {
        TransportError::new(kind, &self.host, source)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}

/// Reads a member that is an id; a nil UUID counts as missing.
pub(super) fn id(value: &Value, name: &str) -> Option<Uuid> {
    let id: Uuid = value.get(name)?.as_str()?.parse().ok()?;
    (!id.is_nil()).then_some(id)
}

/// Reads a member that is text; a blank one counts as missing.
pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// The items of a list; none when it is missing or null.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::super::{AttachmentStatus, Enclosure, HttpOptions};
    use super::*;
    use crate::correspondence::Attachment;
    use crate::http::listener::{Listener, answer};
    use crate::http::on_disk;
    use crate::maskinporten::{ClientSettings, Delegation, from_key, key_for_tests};

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const TIMEOUT: Duration = Duration::from_secs(20);

    fn client(base: &str, timeout: Duration) -> Client {
        let key = SubscriptionKey::new(&"api-key".into()).unwrap();
        let environment = Environment::sandbox(base, base)
            .unwrap()
            .with_subscription_key(key);
        let options = HttpOptions {
            timeout,
            ..HttpOptions::default()
        };
        let http = environment.http_client(&options).unwrap();
        let settings = ClientSettings {
            client_id: "c".into(),
            key: key_for_tests(),
            scopes: Vec::new(),
            delegation: Delegation::default(),
            maskinporten: base.into(),
            exchange: None,
            subscription_key: None,
        };
        let tokens = from_key(http.clone(), settings);
        Client::new(http, &environment, tokens)
    }

    fn token() -> Token {
        Token::new("token-1".into(), Duration::from_secs(60), Instant::now())
    }

    fn id() -> Uuid {
        ID.parse().unwrap()
    }

    async fn answering(status: &'static str, body: impl Into<String>) -> Listener {
        let body = body.into();
        Listener::start(move |_| answer(status, "", &body)).await
    }

    async fn overview(
        listener: &Listener,
    ) -> Result<Answer<super::super::Overview>, TransportError> {
        client(&listener.base, TIMEOUT)
            .overview(&token(), id())
            .await
    }

    #[tokio::test]
    async fn a_letter_is_posted_byte_for_byte() {
        let body = format!(
            r#"{{"correspondences": [{{"correspondenceId": "{ID}", "status": "ReadyForPublish"}}], "attachmentIds": ["{ID}"]}}"#
        );
        let listener = answering("201 Created", body).await;
        let client = client(&listener.base, TIMEOUT);
        let sent = "{\"æ\": 1 }".as_bytes().to_vec();
        let answer = client
            .initialize(&token(), sent.clone().into())
            .await
            .unwrap();
        let letter = answer.unwrap();
        assert_eq!((letter.id, letter.attachments), (id(), vec![id()]));

        let seen = &listener.seen("POST /correspondence/api/v1/correspondence HTTP/1.1")[0];
        assert_eq!(seen.body, sent);
        for (name, value) in [
            ("authorization", "Bearer token-1"),
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("content-length", "10"),
            ("ocp-apim-subscription-key", "api-key"),
            (
                "user-agent",
                concat!("massebrev/", env!("CARGO_PKG_VERSION")),
            ),
        ] {
            assert_eq!(seen.header(name), Some(value), "{name}");
        }
        assert!(!format!("{client:?}").contains("api-key"));
    }

    #[tokio::test]
    async fn a_letter_is_found_by_its_key_under_the_bare_resource() {
        let listener = answering("200 OK", format!(r#"{{"ids": ["{ID}"]}}"#)).await;
        let client = client(&listener.base, TIMEOUT);
        let found = client
            .find(&token(), "urn:altinn:resource:skd-mva", id())
            .await
            .unwrap();
        assert_eq!(found, Ok(vec![id()]));
        let line = format!(
            "GET /correspondence/api/v1/correspondence?resourceId=skd-mva&role=Sender&idempotentKey={ID} "
        );
        assert_eq!(listener.seen(&line).len(), 1);
    }

    #[tokio::test]
    async fn a_list_without_ids_is_not_an_empty_one() {
        for body in ["{}", "[]", r#"{"ids": null}"#, r#"{"ids": ["x"]}"#] {
            let listener = answering("200 OK", body).await;
            let client = client(&listener.base, TIMEOUT);
            let error = client.find(&token(), "r", id()).await.unwrap_err();
            assert_eq!(error.kind, TransportKind::Malformed, "{body}");
        }
    }

    #[tokio::test]
    async fn an_attachment_is_announced_uploaded_from_disk_and_looked_at() {
        let listener = Listener::start(|seen| {
            if seen.is("POST /correspondence/api/v1/attachment HTTP") {
                answer("200 OK", "", &format!("\"{ID}\""))
            } else if seen.is("POST") {
                answer("200 OK", "", r#"{"status": "UploadProcessing"}"#)
            } else {
                answer("200 OK", "", r#"{"status": "Published", "checksum": "ab"}"#)
            }
        })
        .await;
        let client = client(&listener.base, TIMEOUT);
        let announced = client
            .initialize_attachment(&token(), "r", &Attachment::default())
            .await;
        assert_eq!(announced.unwrap(), Ok(id()));

        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|byte| (byte % 251) as u8).collect();
        let content = on_disk(folder.path(), "large.pdf", &bytes);
        let uploaded = client.upload(&token(), id(), &content).await.unwrap();
        assert_eq!(uploaded.unwrap().status, AttachmentStatus::UploadProcessing);
        let seen = &listener.seen(&format!(
            "POST /correspondence/api/v1/attachment/{ID}/upload "
        ))[0];
        assert_eq!(seen.header("content-length"), Some("200000"));
        assert_eq!(seen.header("transfer-encoding"), None);
        assert_eq!(
            seen.header("content-type"),
            Some("application/octet-stream")
        );
        assert!(seen.body == bytes, "the file arrives as it is");

        let looked = client.attachment(&token(), id()).await.unwrap().unwrap();
        assert_eq!(
            (looked.status, looked.checksum.as_deref()),
            (AttachmentStatus::Published, Some("ab"))
        );

        std::fs::remove_file(&content.path).unwrap();
        let gone = client.upload(&token(), id(), &content).await.unwrap_err();
        assert_eq!(gone.kind, TransportKind::File);
        assert!(!gone.may_have_arrived());
    }

    #[tokio::test]
    async fn a_letter_and_its_files_are_one_request_of_known_length() {
        let body = format!(
            r#"{{"correspondences": [{{"correspondenceId": "{ID}", "status": "Initialized"}}], "attachmentIds": ["{ID}"]}}"#
        );
        let listener = answering("200 OK", body).await;
        let client = client(&listener.base, TIMEOUT);
        let folder = tempfile::tempdir().unwrap();
        let file = Enclosure {
            file_name: "a.pdf".to_owned(),
            content: on_disk(folder.path(), "a.pdf", &vec![7; 300_000]),
        };
        let fields = [("recipients[0]".to_owned(), "x".to_owned())];
        // The second time the same streams are built anew.
        for _ in 0..2 {
            let (token, files) = (token(), std::slice::from_ref(&file));
            let sent = client.initialize_with_files(&token, &fields, files);
            let letter = sent.await.unwrap().unwrap();
            assert_eq!(letter.status, "Initialized");
        }
        let seen = listener.seen("POST /correspondence/api/v1/correspondence/upload ");
        assert_eq!(seen.len(), 2);
        for seen in seen {
            let length = seen.header("content-length").unwrap();
            assert_eq!(length, seen.body.len().to_string());
            assert_eq!(seen.header("transfer-encoding"), None);
            let kind = seen.header("content-type").unwrap();
            assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
        }
    }

    #[tokio::test]
    async fn a_file_that_has_changed_is_told_by_its_name_and_never_sent_whole() {
        let listener = answering("200 OK", "{}").await;
        let client = client(&listener.base, TIMEOUT);
        let folder = tempfile::tempdir().unwrap();
        let content = on_disk(folder.path(), "a.pdf", &vec![7; 300_000]);
        std::fs::write(&content.path, vec![8; 300_000]).unwrap();
        let file = Enclosure {
            file_name: "a.pdf".to_owned(),
            content: content.clone(),
        };
        let files = std::slice::from_ref(&file);
        let errors = [
            client.upload(&token(), id(), &content).await.unwrap_err(),
            client
                .initialize_with_files(&token(), &[], files)
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_about_a_file() && !error.may_have_arrived());
            assert_eq!(
                error.reason(),
                "a file cannot be sent: `a.pdf` is no longer what was checked"
            );
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer_and_a_redirect_is_not_followed() {
        let limit = "retry-after: 3\r\nlocation: http://127.0.0.1:1/\r\n";
        let listener = Listener::start(move |_| answer("307 Temporary Redirect", limit, "")).await;
        let Err(refusal) = overview(&listener).await.unwrap() else {
            panic!("accepted");
        };
        assert_eq!(
            (refusal.status, refusal.message.as_str()),
            (307, "Temporary Redirect")
        );
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(listener.seen("GET").len(), 1);
    }

    #[tokio::test]
    async fn a_success_in_other_words_is_garbled() {
        let page = "<html>please log in</html>".to_owned();
        for body in [
            page,
            String::new(),
            "{\"status\"".into(),
            format!("\"{}\"", "x".repeat(1_500_000)),
        ] {
            let listener = answering("200 OK", body).await;
            let error = overview(&listener).await.unwrap_err();
            assert_eq!(error.kind, TransportKind::Malformed);
            assert!(error.may_have_arrived());
        }
    }

    #[tokio::test]
    async fn a_refusal_of_any_length_is_cut() {
        let listener = answering("500 Internal Server Error", "x ".repeat(1_000_000)).await;
        let refusal = overview(&listener).await.unwrap().unwrap_err();
        assert_eq!(refusal.message.chars().count(), 200);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_lost() {
        let started = "HTTP/1.1 409 Conflict\r\ncontent-length: 500\r\n\r\n{\"errorCode\"";
        for sent in ["", "HTTP/1.1 200", started] {
            let listener = Listener::start(|_| sent.to_owned()).await;
            let error = overview(&listener).await.unwrap_err();
            assert_eq!(error.kind, TransportKind::Lost, "{sent}");
            assert!(error.may_have_arrived());
            assert_eq!(listener.seen("GET").len(), 1, "it is not asked again");
        }
    }

    #[tokio::test]
    async fn no_answer_in_time_is_a_timeout() {
        // A listener that never accepts: connected, but silent.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let client = client(&base, Duration::from_millis(50));
        let error = client
            .initialize(&token(), Bytes::from_static(b"{}"))
            .await
            .unwrap_err();
        assert_eq!(error.kind, TransportKind::Timeout);
        assert!(error.may_have_arrived());
    }

    #[tokio::test]
    async fn without_a_connection_nothing_was_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        drop(listener);
        let client = client(&format!("http://{host}"), TIMEOUT);
        let error = client
            .find(&token(), "secret-resource", id())
            .await
            .unwrap_err();
        assert_eq!(error.kind, TransportKind::Connect);
        assert!(!error.may_have_arrived());
        let reason = error.reason();
        assert!(
            reason.starts_with(&format!("no connection to `{host}`: Connection refused")),
            "{reason}"
        );
        assert!(error.hint().unwrap().contains(&host));
        assert!(!format!("{error:?}").contains("secret-resource"));
    }
}
