//! A local web page that lists runs, follows trainings and explores models. It only reads run folders and never writes
//! into them, so it is independent of the process that trains.
//!
//! The main thread runs the models, because it belongs to the thread pool (`models`). A second thread serves HTTP
//! and reads files on other threads, so that it never blocks.

mod assets;
mod body;
mod connections;
mod explore;
mod follow;
mod guard;
mod models;
mod reply;
mod restore;
mod runs;
mod study;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use burn::tensor::Device;

use body::Bodies;
use guard::Guard;
use hourglass::files::reason;
use models::{Models, Worker};
use reply::Refusal;
use runs::Runs;
use study::Studies;

/// The most bytes of a request: a picture of 1024 x 1024 pixels in colour as f32.
const LARGEST_BODY: usize = 12 << 20;

/// Threads that read files. Most files are small, but a slow disk must not block every request.
const READERS: usize = 8;

/// What to serve, and where.
pub struct Options {
    /// The folder of runs.
    pub runs: PathBuf,
    /// The address or name to listen on.
    pub host: String,
    /// The port; 0 picks a free one.
    pub port: u16,
    /// The device that models run on.
    pub device: Device,
    /// The backend as in a config; `None` for the best one.
    pub backend: Option<String>,
}

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Another program listens on the port.
    #[error(
        "{address}: the port is in use by another program; choose another with --port, or 0 for any free one"
    )]
    PortInUse {
        /// Host and port.
        address: String,
    },
    /// The port cannot be listened on.
    #[error("{address}: cannot listen: {reason}")]
    Listen {
        /// Host and port.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The system gives no thread or socket.
    #[error("the page cannot be served: {0}")]
    System(#[from] io::Error),
    /// The server stopped.
    #[error("the page can no longer be served")]
    Stopped,
}

/// The state shared by all requests.
struct Server {
    runs: Arc<Runs>,
    guard: Guard,
    models: Models,
    studies: Studies,
    bodies: Bodies,
}

/// Serves until the program ends; `ready` hears the page's URL once it can be opened, and the address that is
/// listened on.
///
/// # Errors
/// If the port cannot be listened on, or `ready` fails.
pub fn serve<E: From<ServeError>>(
    options: Options,
    ready: impl FnOnce(&str, SocketAddr) -> Result<(), E>,
) -> Result<(), E> {
    let (url, address, worker) = start(options)?;
    ready(&url, address)?;
    worker.work();
    Err(ServeError::Stopped.into())
}

/// Starts the thread that talks HTTP; the page's URL, its address, and what computes for it.
fn start(options: Options) -> Result<(String, SocketAddr, Worker), ServeError> {
    let listener = listen(&options.host, options.port)?;
    let address = listener.local_addr()?;
    let guard = Guard::new(&options.host, address.port());
    let url = guard.url();
    let (models, worker) = models::start(options.device);
    let server = Arc::new(Server {
        runs: Arc::new(Runs::new(options.runs)),
        guard,
        models,
        studies: Studies::new(options.backend),
        bodies: Bodies::new(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(READERS)
        .build()?;
    listener.set_nonblocking(true)?;
    std::thread::Builder::new()
        .name("http".into())
        .spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                connections::serve(listener, router(server)).await;
                io::Result::Ok(())
            })
        })?;
    Ok((url, address, worker))
}

fn listen(host: &str, port: u16) -> Result<TcpListener, ServeError> {
    let address = format!("{host}:{port}");
    TcpListener::bind((host, port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => ServeError::PortInUse { address },
        _ => ServeError::Listen {
            address,
            reason: reason(&error),
        },
    })
}

fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/{name}", get(assets::asset))
        .route("/report/{*run}", get(runs::report))
        .route("/api/runs", get(runs::list))
        .route("/api/sample/{name}/{*run}", get(runs::sample))
        .route("/api/events/{*run}", get(follow::events))
        .route("/api/details/{*run}", get(explore::details))
        .route("/api/study/{*run}", get(study::study))
        .route("/api/reconstruct/{*run}", post(explore::reconstruct))
        .route("/api/decode/{*run}", post(explore::decode))
        .route("/api/restore/{*run}", post(restore::restore))
        .fallback(|| async { Refusal::missing("no such page") })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&server), guard::check))
        .with_state(server)
}
