//! Fetching the files of a named set into the cache.
//!
//! A file is written under a temporary name and renamed when its size and SHA-256 are the published ones, so a file of
//! the right name is whole. What a cut connection leaves is continued by the next attempt, if the server can do that.

use std::path::{Path, PathBuf};

use super::Named;
use super::published::Published;
use crate::DataError;

/// What has to be fetched: the missing files of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The set.
    pub set: Named,
    /// The folder that gets the files; it is made where it is missing.
    pub into: PathBuf,
    /// Addresses under which the files are, each with a slash at its end; they are tried one after the other.
    pub mirrors: Vec<String>,
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub file: &'static str,
    /// Its bytes that are there.
    pub done: u64,
    /// All of its bytes.
    pub bytes: u64,
}

impl Fetch {
    /// Fetches what is missing, and tells `told` of the progress. Proxies are those of the usual environment variables
    /// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    ///
    /// # Errors
    ///
    /// [`DataError::NotFetched`] if no mirror gives a file, with what to do by hand; and if the folder cannot be
    /// written.
    pub fn run(&self, told: &mut dyn FnMut(Fetched)) -> Result<(), DataError> {
        self.fetch(told)
    }

    /// That a file could not be had from `url`.
    fn failed(&self, url: &str, reason: impl Into<String>) -> DataError {
        let missing = |file: &&Published| !self.into.join(file.name).exists();
        let files: Vec<&str> = (self.set.facts().files.iter().filter(missing))
            .map(|file| file.name)
            .collect();
        let base = url.rsplit_once('/').map_or(url, |(base, _)| base);
        DataError::NotFetched {
            set: self.set.name(),
            url: format!("{base}/"),
            reason: reason.into(),
            files: files.join(", "),
            dir: absolute(&self.into).display().to_string(),
        }
    }

    #[cfg(not(feature = "download"))]
    fn fetch(&self, _: &mut dyn FnMut(Fetched)) -> Result<(), DataError> {
        let url = self.mirrors.first().map_or("", String::as_str);
        Err(self.failed(
            url,
            "this program was built without its feature \"download\"",
        ))
    }

    #[cfg(feature = "download")]
    fn fetch(&self, told: &mut dyn FnMut(Fetched)) -> Result<(), DataError> {
        std::fs::create_dir_all(&self.into).map_err(|error| DataError::read(&self.into, error))?;
        let agent = http::agent(None);
        let files = self.set.facts().files.iter();
        files
            .into_iter()
            .try_for_each(|file| http::file(self, &agent, file, told))
    }
}

/// The whole path, for a reader who is in another folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(feature = "download")]
mod http {
    use std::fs::{self, File, TryLockError};
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::time::Duration;

    use ureq::http::{HeaderMap, StatusCode, header};
    use ureq::{Agent, Body, Proxy};

    use super::{Fetch, Fetched};
    use crate::DataError;
    use crate::error::reason;
    use crate::named::published::{Published, digest};

    /// How long a server may take to accept a connection, a tenth of a minute more than a lost packet or two.
    const CONNECT: Duration = Duration::from_secs(10);

    /// How long nothing may come before a connection counts as cut.
    const SILENCE: Duration = Duration::from_secs(30);

    /// Bytes that are written at once.
    const CHUNK: usize = 64 << 10;

    /// What talks HTTP. A test's `proxy` is none; otherwise they are those of the environment.
    pub fn agent(proxy: Option<Option<Proxy>>) -> Agent {
        let config = Agent::config_builder()
            .user_agent(concat!("hourglass/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE));
        let config = match proxy {
            Some(proxy) => config.proxy(proxy),
            None => config,
        };
        config.build().new_agent()
    }

    /// Fetches a file unless it is there, from the first mirror that has it.
    pub fn file(
        fetch: &Fetch,
        agent: &Agent,
        published: &Published,
        told: &mut dyn FnMut(Fetched),
    ) -> Result<(), DataError> {
        let target = fetch.into.join(published.name);
        if target.exists() {
            return Ok(());
        }
        let path = fetch.into.join(format!("{}.part", published.name));
        let failed = |error| DataError::read(&path, error);
        let mut options = File::options();
        let file = (options.create(true).truncate(false).read(true).write(true)).open(&path);
        let mut part = Part {
            file: file.map_err(failed)?,
            published,
            told,
        };
        match part.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let url = fetch.mirrors.first().map_or("", String::as_str);
                return Err(fetch.failed(url, "another program is fetching it; wait for that one"));
            }
            // Where the file system has no locks, two programs at once are caught by the digest.
            Err(TryLockError::Error(_)) => {}
        }
        // Another program may have been quicker.
        if target.exists() {
            let _ = fs::remove_file(&path);
            return Ok(());
        }
        let mut last = (String::new(), "no mirror is known".to_owned());
        for mirror in &fetch.mirrors {
            let url = format!("{mirror}{}", published.name);
            match part.from(agent, &url) {
                Ok(()) => {
                    part.file.sync_all().map_err(failed)?;
                    fs::rename(&path, &target).map_err(failed)?;
                    // A folder cannot be synced on every system, and then the rename is as safe as it gets.
                    let _ = File::open(&fetch.into).and_then(|folder| folder.sync_all());
                    return Ok(());
                }
                Err(Stop::Disk(error)) => return Err(failed(error)),
                Err(Stop::Mirror(reason)) => last = (url, reason),
            }
        }
        if part.len().map_err(failed)? == 0 {
            let _ = fs::remove_file(&path);
        }
        let (url, reason) = last;
        Err(fetch.failed(&url, reason))
    }

    /// Why a file cannot be had.
    enum Stop {
        /// The mirror does not have it, or not now.
        Mirror(String),
        /// It cannot be written.
        Disk(std::io::Error),
    }

    impl From<std::io::Error> for Stop {
        fn from(error: std::io::Error) -> Self {
            Stop::Disk(error)
        }
    }

    /// What is there of a file.
    struct Part<'a> {
        file: File,
        published: &'a Published,
        told: &'a mut dyn FnMut(Fetched),
    }

    impl Part<'_> {
        fn len(&self) -> std::io::Result<u64> {
            self.file.metadata().map(|it| it.len())
        }

        /// The whole file from `url`, with the published digest. A connection that is cut is made again for as long as
        /// each brings something.
        fn from(&mut self, agent: &Agent, url: &str) -> Result<(), Stop> {
            let (bytes, sha256) = self.published.original;
            // What lies there may be of another mirror, or of a file that has changed.
            let mut continued = self.len()? > 0;
            loop {
                let before = self.len()?;
                if before < bytes {
                    match self.attempt(agent, url, before) {
                        Err(Stop::Mirror(_)) if self.len()? > before => continue,
                        other => other?,
                    }
                }
                let length = self.len()?;
                self.file.rewind()?;
                let found = digest(&mut self.file)?;
                if length == bytes && found == sha256 {
                    return Ok(());
                }
                self.file.set_len(0)?;
                if !continued {
                    let what = match length == bytes {
                        true => format!("its SHA-256 is {found}, expected {sha256}"),
                        false => format!("it has {length} bytes, expected {bytes}"),
                    };
                    return Err(Stop::Mirror(format!("{}: {what}", self.published.name)));
                }
                continued = false;
            }
        }

        /// What comes through one connection, from byte `start` on.
        fn attempt(&mut self, agent: &Agent, url: &str, start: u64) -> Result<(), Stop> {
            let (bytes, _) = self.published.original;
            let name = self.published.name;
            let stop = |reason: String| Err(Stop::Mirror(reason));
            let mut request = agent.get(url);
            if start > 0 {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            let response = match request.call() {
                Ok(response) => response,
                Err(error) => return stop(told(&error)),
            };
            let (head, body): (_, Body) = response.into_parts();
            let start = match head.status {
                StatusCode::OK => 0,
                StatusCode::PARTIAL_CONTENT if begins_at(&head.headers) == Some(start) => start,
                StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                    self.file.set_len(0)?;
                    return stop(format!(
                        "{name}: the server gives another part than was asked for"
                    ));
                }
                status => return stop(format!("{name}: the server answers {status}")),
            };
            if let Some(length) = body.content_length()
                && start.saturating_add(length) != bytes
            {
                let length = start.saturating_add(length);
                return stop(format!("{name}: it has {length} bytes, expected {bytes}"));
            }
            self.file.set_len(start)?;
            self.file.seek(SeekFrom::Start(start))?;
            let mut done = start;
            // One byte more than there should be shows a file that is too long.
            let mut body = body
                .into_reader()
                .take(bytes.saturating_sub(start).saturating_add(1));
            let mut chunk = vec![0; CHUNK];
            loop {
                let count = match body.read(&mut chunk) {
                    Ok(0) if done < bytes => {
                        return stop(format!(
                            "{name}: the connection ended after {done} of {bytes} bytes"
                        ));
                    }
                    Ok(0) => return Ok(()),
                    Ok(count) => count,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(error) => {
                        let why = reason(&error);
                        return stop(format!(
                            "{name}: cut off after {done} of {bytes} bytes ({why})"
                        ));
                    }
                };
                self.file
                    .write_all(chunk.get(..count).unwrap_or_default())?;
                done += count as u64;
                (self.told)(Fetched {
                    file: name,
                    done,
                    bytes,
                });
            }
        }
    }

    /// The first byte that a server says it gives: `bytes 5-9/10`.
    fn begins_at(headers: &HeaderMap) -> Option<u64> {
        let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
        range
            .strip_prefix("bytes ")?
            .split('-')
            .next()?
            .parse()
            .ok()
    }

    /// An error in one line, without the system's number.
    fn told(error: &ureq::Error) -> String {
        match error {
            ureq::Error::Io(error) => reason(error),
            ureq::Error::HostNotFound => "the address is not known; is there a network?".to_owned(),
            error => error.to_string().replace('\n', " "),
        }
    }
}

#[cfg(all(test, feature = "download"))]
#[path = "fetch_tests.rs"]
mod tests;
