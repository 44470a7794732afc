//! Replies: JSON, numbers as bytes, and one-line refusals.

use anyhow::Result;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A bad request: the fault is the request's, not the run's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadRequest(pub String);

/// The reason, in one line.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    /// A refusal with this status.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    /// The requested thing does not exist.
    pub fn missing(text: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        let status = if error.is::<BadRequest>() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self::new(status, format!("{error:#}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.status, kind, self.text).into_response()
    }
}

/// A value as JSON.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let bytes = serde_json::to_vec(value).map_err(anyhow::Error::from)?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// Numbers as little-endian f32, one after the other.
pub fn floats(values: &[f32]) -> Response {
    bytes(values.iter().flat_map(|it| it.to_le_bytes()).collect())
}

/// Bytes as they are.
pub fn bytes(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

/// The numbers of a request in the same form.
///
/// # Errors
/// If the bytes are not such numbers, or a number is not finite.
pub fn read_floats(bytes: &[u8]) -> Result<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = numbers.iter().map(|it| f32::from_le_bytes(*it)).collect();
    if rest.is_empty() && numbers.iter().all(|number| number.is_finite()) {
        return Ok(numbers);
    }
    let text = format!(
        "found {} bytes; allowed: finite numbers as little-endian f32",
        bytes.len()
    );
    Err(BadRequest(text).into())
}

/// Runs work that may wait for a disk on a thread where it blocks nobody.
///
/// # Errors
/// Those of `work`.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(anyhow::Error::from(error).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_whole_numbers_are_read() {
        let bytes: Vec<u8> = [1.5f32, -2.0]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        assert_eq!(read_floats(&bytes).unwrap(), [1.5, -2.0]);
        assert!(read_floats(&[]).unwrap().is_empty());
        for bad in [
            &bytes[..7],
            &f32::NAN.to_le_bytes(),
            &f32::INFINITY.to_le_bytes(),
        ] {
            assert!(read_floats(bad).unwrap_err().is::<BadRequest>());
        }
    }
}
