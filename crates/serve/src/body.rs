//! The bodies of requests: a picture or codes, read within a time and from a share of memory that all of them have
//! together. Who sends slowly, or many at once, is refused without keeping others waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::reply::Refusal;
use super::{LARGEST_BODY, Server};

/// The most KiB of all bodies at once: five of the largest.
const MOST_KIB: usize = 64 << 10;

/// The longest time that a body may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The memory that bodies share.
#[derive(Debug)]
pub struct Bodies(Arc<Semaphore>);

impl Bodies {
    /// All of it is free.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_KIB)))
    }
}

/// A body that arrived. Its share of memory is taken until it is dropped.
#[derive(Debug)]
pub struct Sent {
    bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl Sent {
    /// What was sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromRequest<Arc<Server>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Response> {
        let length = request.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
        // Of unknown length it may be the largest; a longer one is refused while it is read.
        let length: usize = length.map_or(LARGEST_BODY, |it: usize| it.min(LARGEST_BODY));
        let share = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX);
        let share = Arc::clone(&server.bodies.0).try_acquire_many_owned(share);
        let share = share.map_err(|_| {
            let text = "too many requests at once; try again";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        })?;
        let late = |_| {
            let text = "the request took too long to arrive; try again";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, text).into_response()
        };
        let read = timeout(PATIENCE, Bytes::from_request(request, server));
        let bytes = read.await.map_err(late)?;
        Ok(Self {
            bytes: bytes.map_err(IntoResponse::into_response)?,
            _share: share,
        })
    }
}
