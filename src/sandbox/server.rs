//! The sandbox as a running server: starting, inspecting and stopping it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::registration::Clients;
use super::state::{ServerState, SharedState};
use super::trouble::apply_scenario;
use super::{
    Endpoint, Letter, Options, ReceivedAttachment, Registration, attachments, deletion, inbox,
    letters, overview, search, token_endpoints,
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
        clients.register(registration.client_id(), registration.private_jwk())?;
        for client in &options.clients {
            clients.register(&client.client_id, &client.jwk)?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        // Otherwise small answers wait for the client's acknowledgements, and the sandbox appears slow.
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        let state = Arc::new(ServerState::new(options, url, clients));
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

    /// The number of accepted letters.
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
    // Every route of the API passes through the scenario; the pages of the inbox do not.
    let guard = |endpoint: Endpoint, method: MethodRouter<SharedState>| {
        method.route_layer(from_fn_with_state(
            (Arc::clone(state), endpoint),
            apply_scenario,
        ))
    };
    let correspondence = Router::new()
        .route(
            "/correspondence",
            guard(Endpoint::Initialize, post(letters::initialize))
                .merge(guard(Endpoint::Find, get(search::find))),
        )
        .route(
            "/correspondence/upload",
            guard(
                Endpoint::InitializeWithFiles,
                // Files are read in pieces and may be larger than memory.
                post(letters::initialize_with_files).layer(DefaultBodyLimit::disable()),
            ),
        )
        .route(
            "/correspondence/{id}",
            guard(Endpoint::Overview, get(overview::overview)),
        )
        .route(
            "/correspondence/{id}/details",
            guard(Endpoint::Details, get(overview::details)),
        )
        .route(
            "/correspondence/{id}/purge",
            guard(Endpoint::Purge, delete(deletion::purge)),
        )
        .route(
            "/attachment",
            guard(
                Endpoint::InitializeAttachment,
                post(attachments::initialize),
            ),
        )
        .route(
            "/attachment/{id}",
            guard(Endpoint::Attachment, get(attachments::overview)).merge(guard(
                Endpoint::DeleteAttachment,
                delete(deletion::delete_attachment),
            )),
        )
        .route(
            "/attachment/{id}/upload",
            guard(Endpoint::Upload, post(attachments::upload)),
        );
    Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(token_endpoints::metadata),
        )
        .route(
            "/token",
            guard(Endpoint::Token, post(token_endpoints::token)),
        )
        .route(
            "/authentication/api/v1/exchange/maskinporten",
            guard(Endpoint::Exchange, get(token_endpoints::exchange)),
        )
        .nest("/correspondence/api/v1", correspondence)
        .route("/", get(inbox::list))
        .route("/letters/{id}", get(inbox::letter))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::clone(state))
}
