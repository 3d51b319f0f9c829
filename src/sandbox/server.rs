//! The sandbox as a whole: starts, tells what it has received, stops.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::registration::Clients;
use super::state::{Shared, World};
use super::trouble::stand_before;
use super::wire::{Scissors, Wires};
use super::{
    Endpoint, KnownClient, Letter, ReceivedAttachment, Registration, Scenario, attachments,
    disposal, exchange, inbox, letters, overview, search, token,
};

/// The largest JSON body that is read, in bytes.
const LARGEST_BODY: usize = 64 << 20;

/// How a sandbox behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// What goes wrong.
    pub scenario: Scenario,
    /// The client the sandbox gives out; a new one when there is none. Making a key takes time, so many sandboxes may share one.
    pub registration: Option<Registration>,
    /// Clients that have their keys already.
    pub clients: Vec<KnownClient>,
    /// The organisation all clients belong to, as nine digits.
    pub organization: String,
    /// How long a Maskinporten token is valid.
    pub token_lifetime: Duration,
    /// How long an Altinn token is valid, whatever it was exchanged for.
    pub altinn_token_lifetime: Duration,
    /// Whether letters and small files are kept whole. Without, a letter takes some hundred bytes.
    pub keep_bodies: bool,
    /// How many times an uploaded attachment is seen being scanned before it is published.
    pub scan_polls: u32,
    /// How long after its time a letter is published.
    pub publish_after: Duration,
    /// Whether production's stricter limits hold.
    pub production: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            scenario: Scenario::default(),
            registration: None,
            clients: Vec::new(),
            organization: "991825827".to_owned(),
            token_lifetime: Duration::from_secs(3600),
            altinn_token_lifetime: Duration::from_secs(1800),
            keep_bodies: true,
            scan_polls: 1,
            publish_after: Duration::ZERO,
            production: false,
        }
    }
}

/// A running sandbox. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Sandbox {
    world: Shared,
    registration: Registration,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Binds 127.0.0.1 and serves on the current tokio runtime.
    pub async fn start(mut options: Options) -> io::Result<Self> {
        let registration = match options.registration.take() {
            Some(registration) => registration,
            None => tokio::task::spawn_blocking(Registration::generate)
                .await?
                .map_err(io::Error::other)?,
        };
        let mut clients = Clients::default();
        clients
            .register(registration.client_id(), registration.private_jwk())
            .map_err(invalid)?;
        for client in &options.clients {
            clients
                .register(&client.client_id, &client.jwk)
                .map_err(invalid)?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let world = Arc::new(World::new(options, url, clients));
        let service = routes(&world).into_make_service_with_connect_info::<Scissors>();
        let (stop, stopped) = oneshot::channel();
        let served = axum::serve(Wires(listener), service).with_graceful_shutdown(async {
            // An error means that the sandbox was dropped.
            let _ = stopped.await;
        });
        Ok(Self {
            world,
            registration,
            stop,
            served: tokio::spawn(served.into_future()),
        })
    }

    /// The address of both Maskinporten and Altinn's platform, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.world.url
    }

    /// The client to send as.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// The letters held, in the order they came.
    pub fn letters(&self) -> Vec<Letter> {
        self.world.received().letters.clone()
    }

    /// How many letters are held.
    pub fn letter_count(&self) -> usize {
        *self.world.held.borrow()
    }

    /// The attachments announced, in no order.
    pub fn attachments(&self) -> Vec<ReceivedAttachment> {
        self.world
            .received()
            .attachments
            .values()
            .cloned()
            .collect()
    }

    /// Waits until at least `count` letters are held.
    pub async fn wait_for(&self, count: usize) {
        let mut held = self.world.held.subscribe();
        // The sender lives as long as `self`.
        let _ = held.wait_for(|held| *held >= count).await;
    }

    /// How many requests each endpoint has had, refused ones and those cut off included.
    pub fn requests(&self) -> BTreeMap<Endpoint, u64> {
        self.world.received().requests.clone()
    }

    /// Takes no more connections, answers what is under way, and ends.
    pub async fn stop(self) -> io::Result<()> {
        // An error means that it has ended already.
        let _ = self.stop.send(());
        self.served.await?
    }
}

fn invalid(error: super::RegistrationError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

fn routes(world: &Shared) -> Router {
    let guard = |endpoint: Endpoint, method: MethodRouter<Shared>| {
        method.route_layer(from_fn_with_state(
            (Arc::clone(world), endpoint),
            stand_before,
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
                // Files may be of any size.
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
            guard(Endpoint::Purge, delete(disposal::purge)),
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
                delete(disposal::delete_attachment),
            )),
        )
        .route(
            "/attachment/{id}/upload",
            guard(Endpoint::Upload, post(attachments::upload)),
        );
    Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(token::metadata),
        )
        .route("/token", guard(Endpoint::Token, post(token::token)))
        .route(
            "/authentication/api/v1/exchange/maskinporten",
            guard(Endpoint::Exchange, get(exchange::exchange)),
        )
        .nest("/correspondence/api/v1", correspondence)
        .route("/", get(inbox::list))
        .route("/letters/{id}", get(inbox::letter))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::clone(world))
}
