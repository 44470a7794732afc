//! A local web page that lists runs, follows trainings and explores models. It only reads run folders and never writes
//! into them, so it is independent of the process that trains.
//!
//! The main thread runs the models, because it belongs to the thread pool ([`models`]). A second thread serves HTTP
//! and reads files on other threads, so that it never blocks.

mod assets;
mod explore;
mod follow;
mod guard;
mod models;
mod reply;
mod runs;
mod study;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use burn::tensor::Device;

use crate::cli::BackendArg;
use crate::{interrupt, terminal};
use guard::Guard;
use models::Models;
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
    /// How the device was chosen.
    pub backend: BackendArg,
}

/// The state shared by all requests.
struct Server {
    runs: Arc<Runs>,
    guard: Guard,
    models: Models,
    studies: Studies,
}

/// Serves until a signal ends the program. The first line of stdout is the page's address.
///
/// # Errors
/// If the port is not available.
pub fn serve(options: Options) -> Result<()> {
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
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(READERS)
        .build()
        .context("the page cannot be served")?;
    interrupt::ends_program();
    listener.set_nonblocking(true)?;
    std::thread::Builder::new()
        .name("http".into())
        .spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, router(server)).await
            })
        })
        .context("the page cannot be served")?;
    if !address.ip().is_loopback() {
        terminal::note(&format!(
            "note: anyone who can reach {address} can see these runs and use their models"
        ));
    }
    terminal::print(&url)?;
    worker.work();
    Err(anyhow!("the page can no longer be served"))
}

fn listen(host: &str, port: u16) -> Result<TcpListener> {
    TcpListener::bind((host, port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{host}:{port}: the port is in use by another program; choose another with --port, or 0 for any free one"
        ),
        _ => {
            let text = error.to_string();
            let reason = text.split(" (os error").next().unwrap_or(&text);
            anyhow!("{host}:{port}: cannot listen: {reason}")
        }
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
        .fallback(|| async { Refusal::missing("no such page") })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&server), guard::check))
        .with_state(server)
}
