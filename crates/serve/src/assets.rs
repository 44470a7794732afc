//! The page itself: HTML, style and scripts, compiled into the program.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::reply::Refusal;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Every file, by the name that the page asks for it by.
const FILES: [(&str, &str, &str); 15] = [
    ("report.css", CSS, report::page::STYLE),
    ("chart.css", CSS, report::chart::STYLE),
    ("app.css", CSS, include_str!("assets/app.css")),
    ("api.js", SCRIPT, include_str!("assets/api.js")),
    ("code.js", SCRIPT, include_str!("assets/code.js")),
    ("dom.js", SCRIPT, include_str!("assets/dom.js")),
    ("draw.js", SCRIPT, include_str!("assets/draw.js")),
    ("explore.js", SCRIPT, include_str!("assets/explore.js")),
    ("follow.js", SCRIPT, include_str!("assets/follow.js")),
    ("main.js", SCRIPT, include_str!("assets/main.js")),
    ("map.js", SCRIPT, include_str!("assets/map.js")),
    ("picture.js", SCRIPT, include_str!("assets/picture.js")),
    ("restore.js", SCRIPT, include_str!("assets/restore.js")),
    ("runs.js", SCRIPT, include_str!("assets/runs.js")),
    ("walk.js", SCRIPT, include_str!("assets/walk.js")),
];

/// The page.
pub async fn index() -> Response {
    ([(CONTENT_TYPE, HTML)], include_str!("assets/index.html")).into_response()
}

/// A file of the page.
pub async fn asset(Path(name): Path<String>) -> Result<Response, Refusal> {
    let file = FILES.iter().find(|(known, _, _)| *known == name);
    let (_, kind, content) = file.ok_or_else(|| Refusal::missing("no such file"))?;
    Ok(([(CONTENT_TYPE, *kind)], *content).into_response())
}
