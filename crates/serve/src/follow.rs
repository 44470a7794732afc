//! Following a run: server-sent events made from its files, so that it does not matter which process trains it, or
//! whether it is still training.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use axum::extract::{self, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Serialize;

use super::Server;
use super::reply::{Refusal, aside};
use super::runs::{changed, samples, seconds, weights};
use hourglass::config::Config;
use hourglass::measure::summary::Summary;
use hourglass::run::{Run, State as RunState};
use hourglass::train::row::Row;
use report::curves::curves;

/// Time between two looks at a run's files.
const INTERVAL: Duration = Duration::from_millis(500);

/// Files whose change triggers an event.
const WATCHED: [&str; 6] = [
    "state.json",
    "metrics.jsonl",
    "summary.json",
    report::FILE,
    "samples",
    "checkpoints",
];

/// When each of these files was written, its length, and whether a process is training the run.
type Seen = ([Option<(SystemTime, u64)>; WATCHED.len()], bool);

/// The status of a run, as the page shows it.
#[derive(Serialize)]
struct News {
    #[serde(flatten)]
    state: RunState,
    /// Total number of epochs.
    epochs: usize,
    kind: String,
    /// The time of the last figure, and the time now, in seconds since 1970.
    changed: u64,
    now: u64,
    /// The last epoch's figures.
    last: Option<Row>,
    /// The curves as HTML.
    curves: String,
    /// The names of the sample pictures of epochs.
    samples: Vec<String>,
    /// How the result compares with the baselines.
    verdict: Option<String>,
    report: bool,
    /// Which weights can be explored, if any.
    weights: Option<u64>,
}

/// Sends a run's status, and sends it again whenever it changes.
pub async fn events(
    State(server): State<Arc<Server>>,
    extract::Path(run): extract::Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let folder = server.runs.find(run).await?;
    let events = stream::unfold((folder, None), |(folder, seen)| async move {
        let (event, seen) = next(&folder, seen).await;
        Some((Ok(event), (folder, Some(seen))))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// The next event about a run after the state `seen`.
async fn next(folder: &Path, seen: Option<Seen>) -> (Event, Seen) {
    loop {
        let folder = PathBuf::from(folder);
        let found = aside(move || {
            let now = look(&folder);
            let event = (seen != Some(now)).then(|| event(&folder));
            Ok((event, now))
        });
        if let Ok((Some(event), now)) = found.await {
            return (event, now);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn look(folder: &Path) -> Seen {
    let files = WATCHED.map(|name| {
        let found = folder.join(name).metadata().ok()?;
        Some((found.modified().ok()?, found.len()))
    });
    let trains = Run::open(folder, Path::new("")).is_ok_and(|run| run.is_locked());
    (files, trains)
}

/// The run's status, or what is wrong with its folder.
fn event(folder: &Path) -> Event {
    match news(folder) {
        Ok(text) => Event::default().event("news").data(text),
        Err(error) => {
            let text = format!("{error:#}").replace(['\r', '\n'], " ");
            Event::default().event("problem").data(text)
        }
    }
}

fn news(folder: &Path) -> Result<String> {
    let run = Run::open(folder, Path::new(""))?;
    let config: Config = run.config()?;
    let rows: Vec<Row> = run.lines("metrics.jsonl")?;
    let summary: Option<Summary> = run.read_if_there("summary.json")?;
    let found = summary.as_ref();
    let pca = found.and_then(|summary| summary.measured().yardstick());
    let news = News {
        state: run.watched_state()?,
        epochs: config.train.epochs,
        kind: config.model.kind(),
        changed: changed(&run.path("state.json")),
        now: seconds(SystemTime::now()),
        curves: curves(&rows, config.loss(), pca),
        last: rows.into_iter().last(),
        samples: samples(folder),
        verdict: found.and_then(|summary| summary.measured().verdict()),
        report: run.path(report::FILE).is_file(),
        weights: weights(folder),
    };
    Ok(serde_json::to_string(&news)?)
}
