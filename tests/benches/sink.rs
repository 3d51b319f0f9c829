//! A server that takes letters and does nothing with them: what is measured is the sender.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

const TAKEN: &str = r#"{"correspondences":[{"correspondenceId":"01890a5d-ac96-774b-bcce-b302099a8057","status":"ReadyForPublish"}],"attachmentIds":[]}"#;
const TOKEN: &str =
    r#"{"access_token":"eyJ0eXAiOiJKV1QifQ.e30.c2ln","expires_in":3600,"token_type":"Bearer"}"#;

/// Serves on a thread of its own until the program ends; every letter is answered after `latency`.
pub(crate) fn start(latency: Duration) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    thread::Builder::new()
        .name("sink".to_owned())
        .spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, routes(latency)).await.unwrap();
            });
        })
        .unwrap();
    told.recv().unwrap()
}

fn routes(latency: Duration) -> Router {
    let json = || [(CONTENT_TYPE, "application/json")];
    let letter = async move |body: Bytes| {
        assert!(!body.is_empty());
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        (json(), TAKEN)
    };
    Router::new()
        .route("/correspondence/api/v1/correspondence", post(letter))
        .route("/token", post(async move || (json(), TOKEN)))
        .route(
            "/authentication/api/v1/exchange/maskinporten",
            get(async || "eyJ0eXAiOiJKV1QifQ.e30.c2ln"),
        )
}
