//! The thread that talks to the server, and what it still has to send.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as Channel, channel};
use std::thread;
use std::time::{Duration, Instant};

use hourglass::files;

use super::mlflow::{Failure, Metric, Server, Start};

/// How long a training that ended waits for what is left to be sent.
const AT_THE_END: Duration = Duration::from_secs(10);

/// How long to wait before a server that was away is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// The same where the training has ended.
const SHORT_PAUSE: Duration = Duration::from_millis(500);

/// The most bytes of a file that is sent: a report with many pictures has a few million.
const LARGEST_FILE: u64 = 256 << 20;

/// Something to send.
#[derive(Debug)]
pub enum Job {
    Start(Box<Start>),
    Metrics(Vec<Metric>),
    Artifact {
        name: String,
        content: Content,
    },
    /// The last one.
    End {
        status: &'static str,
        at: u64,
    },
}

/// The content of a file.
#[derive(Debug)]
pub enum Content {
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// Those of a file, which is read when it is sent.
    Of(PathBuf),
}

impl Job {
    /// A file, by its own name, in this folder.
    pub fn file(path: PathBuf, folder: &str) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::Artifact {
            name: format!("{folder}{name}"),
            content: Content::Of(path),
        }
    }
}

/// Sends jobs in their order, from a thread of its own.
#[derive(Debug)]
pub struct Sender {
    url: String,
    jobs: Channel<Job>,
    told: Receiver<String>,
    /// Closed when everything was sent, or the last job came and the server was away for long.
    done: Receiver<()>,
}

impl Sender {
    /// Starts the thread, and the run on the server.
    pub fn new(url: &str, start: Start) -> Self {
        let (jobs, from) = channel();
        let (tell, told) = channel();
        let (finish, done) = channel::<()>();
        let server = Server::new(url);
        let name = url.to_owned();
        let spawned = thread::Builder::new()
            .name("tracker".into())
            .spawn(move || {
                let mut worker = Worker {
                    server,
                    name,
                    tell,
                    waiting: VecDeque::new(),
                    was_away: false,
                    refused: false,
                };
                worker.work(&from);
                drop(finish);
            });
        let mut sender = Self {
            url: url.to_owned(),
            jobs,
            told,
            done,
        };
        // Without a thread its channels are closed, which is told at the end.
        if spawned.is_ok() {
            sender.send(Job::Start(Box::new(start)));
        }
        sender
    }

    pub fn send(&mut self, job: Job) {
        // The thread only ends after the last job.
        let _ = self.jobs.send(job);
    }

    /// What there is to say.
    pub fn told(&self) -> Vec<String> {
        self.told.try_iter().collect()
    }

    /// Sends the last job and waits for the thread, but not for long; gives what there is to say.
    pub fn finish(mut self, last: Job) -> Vec<String> {
        self.send(last);
        let ended = self.done.recv_timeout(AT_THE_END);
        let mut told = self.told();
        if ended == Err(RecvTimeoutError::Timeout) {
            told.push(format!(
                "{}: not everything could be sent; the run's folder has it all",
                self.url
            ));
        }
        told
    }
}

struct Worker {
    server: Server,
    name: String,
    tell: Channel<String>,
    waiting: VecDeque<Job>,
    /// Whether people know that the server is away.
    was_away: bool,
    /// Whether they know that it refused something.
    refused: bool,
}

impl Worker {
    fn work(&mut self, jobs: &Receiver<Job>) {
        let mut deadline: Option<Instant> = None;
        loop {
            let next = match (self.waiting.is_empty(), deadline) {
                (true, None) => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                (true, Some(_)) => return,
                (false, None) => jobs.recv_timeout(PAUSE),
                (false, Some(deadline)) if Instant::now() < deadline => {
                    thread::sleep(SHORT_PAUSE);
                    Err(RecvTimeoutError::Timeout)
                }
                // Whoever waited for this no longer does.
                (false, Some(_)) => return,
            };
            match next {
                Ok(job) => self.waiting.push_back(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.waiting.extend(jobs.try_iter());
            if deadline.is_none() && matches!(self.waiting.back(), Some(Job::End { .. })) {
                deadline = Some(Instant::now() + AT_THE_END);
            }
            self.send_all();
        }
    }

    /// Sends what waits until the server is away.
    fn send_all(&mut self) {
        while let Some(job) = self.waiting.front() {
            match send(&mut self.server, job) {
                Ok(()) => {
                    self.was_away = false;
                    self.waiting.pop_front();
                }
                Err(Failure::Refused(text)) => {
                    self.waiting.pop_front();
                    if !std::mem::replace(&mut self.refused, true) {
                        self.say(&text);
                    }
                }
                Err(Failure::Away(text)) => {
                    if !std::mem::replace(&mut self.was_away, true) {
                        self.say(&format!(
                            "{text}; the training goes on, and what is tracked is sent later"
                        ));
                    }
                    return;
                }
            }
        }
    }

    fn say(&self, text: &str) {
        let _ = self.tell.send(format!("{}: {text}", self.name));
    }
}

fn send(server: &mut Server, job: &Job) -> Result<(), Failure> {
    match job {
        Job::Start(start) => server.start(start),
        Job::Metrics(metrics) => server.metrics(metrics),
        Job::Artifact { name, content } => match content {
            Content::Bytes(bytes) => server.artifact(name, bytes),
            Content::Of(path) => match files::read(path, LARGEST_FILE) {
                Ok(bytes) => server.artifact(name, &bytes),
                Err(error) => Err(Failure::Refused(error.to_string())),
            },
        },
        Job::End { status, at } => server.end(status, *at),
    }
}
