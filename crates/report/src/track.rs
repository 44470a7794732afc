//! Tracking on an MLflow server: parameters, figures by epoch, report and pictures, as an observer of a training.
//!
//! A thread of its own talks to the server, so a training never waits for it, and a server that is away stops nothing.

mod mlflow;
mod sender;

use std::time::{SystemTime, UNIX_EPOCH};

use hourglass::config::{TrackConfig, WORDS, flat};
use hourglass::measure::metrics::metric::METRICS;
use hourglass::pictures::samples;
use hourglass::run::Run;
use hourglass::setup::Setup;
use hourglass::train::observer::{End, Epoch, Observer};
use hourglass::train::row::{self, Row};

use self::mlflow::{Metric, Start};
use self::sender::{Content, Job, Sender};

/// Files of a finished run that are kept with it.
const FILES: [&str; 3] = ["config.json", row::METRICS, crate::FILE];

/// Sends what happens in a training to an MLflow server. `warn` tells people, in one line, that the server cannot be
/// reached or refuses something.
pub struct Tracker<'a> {
    config: TrackConfig,
    sender: Option<Sender>,
    warn: Box<dyn FnMut(&str) + 'a>,
}

impl<'a> Tracker<'a> {
    /// Nothing is sent before the training starts.
    pub fn new(config: TrackConfig, warn: impl FnMut(&str) + 'a) -> Self {
        Self {
            config,
            sender: None,
            warn: Box::new(warn),
        }
    }

    fn send(&mut self, job: Job) {
        if let Some(sender) = &mut self.sender {
            sender.send(job);
        }
        self.tell();
    }

    /// Passes on what the thread has to say.
    fn tell(&mut self) {
        let told = self.sender.as_ref().map(Sender::told);
        for text in told.unwrap_or_default() {
            (self.warn)(&text);
        }
    }

    /// Waits for what is left to be sent, but not for long.
    fn finish(&mut self, status: &'static str) {
        if let Some(sender) = self.sender.take() {
            for text in sender.finish(Job::End { status, at: now() }) {
                (self.warn)(&text);
            }
        }
    }
}

impl Observer for Tracker<'_> {
    fn start(&mut self, setup: &Setup, run: &Run, step: usize) -> hourglass::Result<()> {
        let name = run.folder().file_name();
        let config = serde_json::to_value(&setup.config).unwrap_or_default();
        let leaves = flat(&config).into_iter();
        let leaves = leaves.filter(|(key, _)| !WORDS.contains(&key.as_str()));
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        let mut parameters: Vec<(String, String)> =
            leaves.map(|(key, value)| (key, text(value))).collect();
        parameters.push((
            "model.parameters".into(),
            setup.layers.parameters().to_string(),
        ));
        self.sender = Some(Sender::new(
            &self.config.mlflow,
            Start {
                experiment: self.config.experiment.clone(),
                name: name.unwrap_or_default().to_string_lossy().into_owned(),
                at: now(),
                parameters,
                // A run that goes on does so under the same number on the server.
                kept: run.path(mlflow::FILE),
                goes_on: step > 0,
            },
        ));
        Ok(())
    }

    fn epoch(&mut self, epoch: &Epoch<'_>) -> hourglass::Result<()> {
        self.send(Job::Metrics(of_epoch(epoch.row)));
        let path = samples::path(epoch.run, epoch.row.epoch);
        self.send(Job::file(path, "samples/"));
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> hourglass::Result<()> {
        let (step, at) = (end.summary.steps, now());
        let figures = &end.evaluation.figures;
        let figures = METRICS
            .iter()
            .map(|it| (format!("test/{}", it.name), (it.of)(figures)));
        let metrics = figures.filter_map(|(key, value)| Metric::new(key, value, step, at));
        self.send(Job::Metrics(metrics.collect()));
        for file in FILES {
            self.send(Job::file(end.run.path(file), ""));
        }
        // Its file is written when nobody has anything against the end.
        let summary = serde_json::to_vec_pretty(end.summary).unwrap_or_default();
        self.send(Job::Artifact {
            name: "summary.json".into(),
            content: Content::Bytes(summary),
        });
        self.finish("FINISHED");
        Ok(())
    }

    fn diverged(&mut self, _message: &str) {
        self.finish("FAILED");
    }
}

/// A training that ended in another way was stopped.
impl Drop for Tracker<'_> {
    fn drop(&mut self) {
        self.finish("KILLED");
    }
}

fn of_epoch(row: &Row) -> Vec<Metric> {
    let (step, at) = (row.step, now());
    let figures = row.figures().into_iter();
    figures
        .filter_map(|(key, value)| Metric::new(key, value, step, at))
        .collect()
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| it.as_millis() as u64)
}
