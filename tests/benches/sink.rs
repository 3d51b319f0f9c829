//! A server that takes letters and keeps nothing of them: what is measured is the sender. It can be slow, refuse at random, and limit the rate.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use massebrev::sandbox::Registration;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

const TOKEN: &str =
    r#"{"access_token":"eyJ0eXAiOiJKV1QifQ.e30.c2ln","expires_in":3600,"token_type":"Bearer"}"#;
const WINDOW: Duration = Duration::from_secs(60);

/// What the server does with letters besides taking them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Behaviour {
    /// From the request to its answer.
    pub(crate) latency: Duration,
    /// Of a hundred letters, spread at random, are answered with 429.
    pub(crate) refused: u64,
    /// What a 429 says of when to come back, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// Letters that are taken in a window of a minute; the others get 429.
    pub(crate) per_minute: Option<u64>,
}

/// The server, on a thread of its own until the program ends.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

/// The letters since the last time that was asked.
#[derive(Default)]
struct Taken {
    asked: u64,
    letters: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    /// When the window of a minute began, and the letters in it.
    window: Option<(Instant, u64)>,
}

impl Sink {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let taken = Arc::new(Mutex::new(Taken::default()));
        let shared = Arc::clone(&taken);
        let serve = move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let routes = routes(behaviour, shared);
                axum::serve(listener, routes).await.unwrap();
            });
        };
        thread::Builder::new()
            .name("sink".to_owned())
            .spawn(serve)
            .unwrap();
        Self {
            address: told.recv().unwrap(),
            taken,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables with which the program signs in here; the key is written into `folder`.
    pub(crate) fn credentials(folder: &Path) -> [(&'static str, String); 2] {
        let registration = Registration::generate().unwrap();
        let key = folder.join("key.jwk.json");
        fs::write(&key, &registration.jwk).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        }
        [
            ("MASSEBREV_CLIENT_ID", registration.client_id.clone()),
            ("MASSEBREV_KEY_FILE", key.display().to_string()),
        ]
    }

    /// The letters that were taken since the last call, and the time between the first and the last of them.
    pub(crate) fn take(&self) -> (u64, Duration) {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        let time = taken.last.zip(taken.first);
        (
            taken.letters,
            time.map_or(Duration::ZERO, |(last, first)| last - first),
        )
    }
}

impl Taken {
    /// The number of a letter that is taken.
    fn letter(&mut self, behaviour: &Behaviour) -> Option<u64> {
        let now = Instant::now();
        self.asked += 1;
        // A multiplicative hash of the number: as good as random, and the same in every run.
        let random = self.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        if random % 100 < behaviour.refused {
            return None;
        }
        if let Some(limit) = behaviour.per_minute {
            let (began, letters) = self.window.get_or_insert((now, 0));
            if now - *began >= WINDOW {
                (*began, *letters) = (now, 0);
            }
            if *letters == limit {
                return None;
            }
            *letters += 1;
        }
        self.letters += 1;
        self.first.get_or_insert(now);
        self.last = Some(now);
        Some(self.letters)
    }

    /// Whole seconds until the window ends.
    fn until_next_window(&self) -> Option<u64> {
        let (began, _) = self.window?;
        Some(WINDOW.saturating_sub(began.elapsed()).as_secs() + 1)
    }
}

fn routes(behaviour: Behaviour, taken: Arc<Mutex<Taken>>) -> Router {
    let json = || [(CONTENT_TYPE, "application/json")];
    let letter = async move |body: Bytes| {
        let number = taken.lock().unwrap().letter(&behaviour);
        if !behaviour.latency.is_zero() {
            tokio::time::sleep(behaviour.latency).await;
        }
        match number {
            Some(number) => (json(), accepted(number, recipient(&body))).into_response(),
            None => refused(&behaviour, &taken.lock().unwrap()),
        }
    };
    Router::new()
        .route(
            "/correspondence/api/v1/correspondence",
            post(letter.clone()),
        )
        .route("/correspondence/api/v1/correspondence/upload", post(letter))
        .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
        .route("/token", post(async move || (json(), TOKEN)))
        .route(
            "/authentication/api/v1/exchange/maskinporten",
            get(async || "eyJ0eXAiOiJKV1QifQ.e30.c2ln"),
        )
}

fn accepted(number: u64, recipient: &str) -> String {
    format!(
        r#"{{"correspondences":[{{"correspondenceId":"01890a5d-ac96-774b-bcce-{number:012x}","status":"ReadyForPublish","recipient":"{recipient}"}}],"attachmentIds":[]}}"#
    )
}

fn refused(behaviour: &Behaviour, taken: &Taken) -> Response {
    let wait = taken.until_next_window().or(behaviour.retry_after);
    let mut answer = StatusCode::TOO_MANY_REQUESTS.into_response();
    if let Some(seconds) = wait {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// The first recipient of a letter, as JSON or as a form.
fn recipient(body: &[u8]) -> &str {
    let after = |mark: &[u8], body: &[u8]| {
        let at = body.windows(mark.len()).position(|window| window == mark);
        at.map(|at| at + mark.len())
    };
    let json = after(br#""recipients":[""#, body).map(|at| (at, b'"'));
    let form = || after(b"name=\"recipients[0]\"\r\n\r\n", body).map(|at| (at, b'\r'));
    let Some((begin, end)) = json.or_else(form) else {
        return "";
    };
    let value = &body[begin..];
    let length = value.iter().position(|byte| *byte == end).unwrap();
    std::str::from_utf8(&value[..length]).unwrap()
}
