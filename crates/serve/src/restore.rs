//! Restoring a whole picture, which the page has decoded: no file from anywhere is parsed here.

use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use hourglass::Loaded;
use hourglass::measure::restoration::tiles::Picture;
use hourglass::measure::restoration::{scale, whole};
use model::shape;
use serde::Deserialize;

use super::Server;
use super::body::Sent;
use super::reply::{self, BadRequest, Refusal};

/// The most pixels of a restored picture, because no other request is computed in the meantime.
pub const MOST_PIXELS: usize = 1 << 21;

/// The size of the picture that was sent.
#[derive(Clone, Copy, Deserialize)]
pub struct Size {
    height: usize,
    width: usize,
}

/// A damaged picture restored: bytes `[height, width, channels]` from bytes `[channels, height, width]`. A model that
/// enlarges gives a larger one.
pub async fn restore(
    State(server): State<Arc<Server>>,
    Path(run): Path<String>,
    Query(size): Query<Size>,
    sent: Sent,
) -> Result<Response, Refusal> {
    let folder = server.runs.find(run).await?;
    let found = server
        .models
        .ask(&folder, move |loaded| restored(loaded, size, sent.bytes()));
    Ok(reply::bytes(found.await?))
}

fn restored(loaded: &Loaded, Size { height, width }: Size, bytes: &[u8]) -> Result<Vec<u8>> {
    let model = &loaded.model;
    let name = loaded.run.name();
    ensure!(
        model.is_denoising(),
        BadRequest(format!(
            "{name}: is not a denoising model, so it restores nothing"
        ))
    );
    ensure!(
        loaded.meta.clips().is_none(),
        BadRequest(format!(
            "{name}: was trained on clips, so it restores no pictures; use hourglass reconstruct {name} VIDEO -o FOLDER \
             instead"
        ))
    );
    let factor = scale(model.corruptions());
    let [channels, ..] = model.input_shape();
    let pixels = shape::values([height, width, factor * factor]);
    ensure!(
        pixels > 0,
        BadRequest("found a picture without pixels; give one with some".into())
    );
    ensure!(
        pixels <= MOST_PIXELS,
        BadRequest(format!(
            "{height}x{width}: the result would have more than {MOST_PIXELS} pixels; use hourglass restore {name} FILE \
             -o FOLDER instead"
        ))
    );
    let given = [channels, height, width];
    ensure!(
        bytes.len() == shape::values(given),
        BadRequest(format!(
            "found {} bytes; allowed: those of {channels}x{height}x{width} values",
            bytes.len()
        ))
    );
    let picture = Picture::given(bytes, given, factor);
    Ok(whole::restored(model, &loaded.device, picture, |_| {})?)
}
