//! The sandbox as a running server: starting, inspecting and stopping it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::attachments::upload;
use super::overview::{details, purge};
use super::registration::Clients;
use super::state::{ServerState, SharedState};
use super::trouble::apply_scenario;
use super::{
    Endpoint, Letter, Options, ReceivedAttachment, Registration, attachments, inbox, letters,
    overview, search, token_endpoints,
};

/// The largest JSON body that is read, in bytes. Altinn has no limit; this one protects the machine from a mistake.
const BODY_LIMIT: usize = 64 << 20;

/// A running sandbox. Dropping it stops the server without waiting for requests in flight.
#[derive(Debug)]
pub struct Sandbox {
    state: SharedState,
    registration: Registration,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Binds 127.0.0.1 and serves on the current tokio runtime. Never binds another address: the pages of the inbox show letters without asking who reads them.
    pub async fn start(mut options: Options) -> io::Result<Self> {
        let registration = match options.registration.take() {
            Some(registration) => registration,
            // Generating an RSA key takes long enough to hold up other tasks of the runtime.
            None => tokio::task::spawn_blocking(Registration::generate).await??,
        };
        let mut clients = Clients::default();
        for client in [&registration].into_iter().chain(&options.clients) {
            clients.register(client)?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        // Otherwise small answers wait for the client's acknowledgements, and the sandbox appears slow.
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        let state = Arc::new(ServerState {
            options,
            url,
            clients,
            letter_count: watch::Sender::new(0),
            store: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let served = axum::serve(listener, routes(&state)).with_graceful_shutdown(async {
            // An error means that the sandbox was dropped.
            let _ = stopped.await;
        });
        Ok(Self {
            state,
            registration,
            stop,
            served: tokio::spawn(served.into_future()),
        })
    }

    /// The address of both Maskinporten and Altinn's platform, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// The client to send as.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// The accepted letters in order of acceptance.
    pub fn letters(&self) -> Vec<Letter> {
        self.state.store().letters.clone()
    }

    pub fn letter_count(&self) -> usize {
        *self.state.letter_count.borrow()
    }

    /// The announced attachments, in no order.
    pub fn attachments(&self) -> Vec<ReceivedAttachment> {
        self.state.store().attachments.values().cloned().collect()
    }

    /// Waits until at least `count` letters are accepted.
    pub async fn wait_for(&self, count: usize) {
        let mut letter_count = self.state.letter_count.subscribe();
        // The sender lives as long as `self`.
        let _ = letter_count
            .wait_for(|letter_count| *letter_count >= count)
            .await;
    }

    /// The number of requests to each endpoint, refused and disconnected ones included.
    pub fn requests(&self) -> BTreeMap<Endpoint, u64> {
        self.state.store().requests.clone()
    }

    /// Accepts no more connections, answers the requests in flight, and stops.
    pub async fn stop(self) -> io::Result<()> {
        // An error means that the server has stopped already.
        let _ = self.stop.send(());
        self.served.await?
    }
}

fn routes(state: &SharedState) -> Router {
    use Endpoint as E;

    // Every route of the API passes through the scenario; metadata and the pages of the inbox do not.
    let guarded = |router: Router<SharedState>,
                   (endpoint, path, method): (E, _, MethodRouter<_>)| {
        let scenario = from_fn_with_state((Arc::clone(state), endpoint), apply_scenario);
        router.route(path, method.route_layer(scenario))
    };
    // Files are read in pieces and may be larger than memory.
    let with_files = post(letters::initialize_with_files).layer(DefaultBodyLimit::disable());
    let file = "/attachment/{id}";
    let exchange = "/authentication/api/v1/exchange/maskinporten";
    let correspondence = [
        (E::Initialize, "/correspondence", post(letters::initialize)),
        (E::Find, "/correspondence", get(search::find)),
        (E::InitializeWithFiles, "/correspondence/upload", with_files),
        (E::Overview, "/correspondence/{id}", get(overview::overview)),
        (E::Details, "/correspondence/{id}/details", get(details)),
        (E::Purge, "/correspondence/{id}/purge", delete(purge)),
        (
            E::InitializeAttachment,
            "/attachment",
            post(attachments::initialize),
        ),
        (E::Attachment, file, get(attachments::overview)),
        (E::DeleteAttachment, file, delete(attachments::delete)),
        (E::Upload, "/attachment/{id}/upload", post(upload)),
    ];
    let tokens = [
        (E::Token, "/token", post(token_endpoints::token)),
        (E::Exchange, exchange, get(token_endpoints::exchange)),
    ];
    let correspondence = correspondence.into_iter().fold(Router::new(), guarded);
    let tokens = tokens.into_iter().fold(Router::new(), guarded);
    let metadata = "/.well-known/oauth-authorization-server";
    tokens
        .nest("/correspondence/api/v1", correspondence)
        .route(metadata, get(token_endpoints::metadata))
        .route("/", get(inbox::list))
        .route("/letters/{id}", get(inbox::letter))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::clone(state))
}
