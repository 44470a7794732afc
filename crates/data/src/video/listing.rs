//! The videos of a folder: animations, arrays of NumPy, and folders of numbered frames.

use std::path::{Path, PathBuf};

use super::animation;
use super::source::Video;
use crate::folder::file_name;
use crate::tree::Tree;
use crate::{DataError, Warning};

/// Extensions of files that may be animations; others are frames.
const ANIMATIONS: [&str; 4] = ["gif", "webp", "png", "apng"];

/// The videos of a set, each list in natural order.
pub(super) enum Found {
    /// Not yet split.
    Together(Vec<Video>),
    /// In separate folders.
    Apart { train: Vec<Video>, test: Vec<Video> },
}

impl Found {
    /// All videos.
    pub(super) fn videos(&self) -> Vec<&Video> {
        match self {
            Found::Together(videos) => videos.iter().collect(),
            Found::Apart { train, test } => train.iter().chain(test).collect(),
        }
    }
}

/// The videos at a path: a file, a folder of videos, or a folder with such folders `train` and `test`.
pub(super) fn find(path: &Path) -> Result<(Found, Vec<Warning>), DataError> {
    if path.is_file() {
        let video = video_of(path).ok_or_else(|| DataError::Video {
            file: path.display().to_string(),
            reason: "not a video; allowed: an animated .gif, .webp or .png, a .npy file, or a folder of frames".into(),
        })?;
        return Ok((Found::Together(vec![video]), Vec::new()));
    }
    let Some((train, test)) = subfolders(path) else {
        let (videos, warnings) = of(path)?;
        return Ok((Found::Together(videos), warnings));
    };
    let (train, mut warnings) = of(&train)?;
    let (test, more) = of(&test)?;
    warnings.extend(more);
    Ok((Found::Apart { train, test }, warnings))
}

/// The video that a file is by its name and first bytes; `None` if it is a picture or anything else.
pub(super) fn video_of(path: &Path) -> Option<Video> {
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    if extension == "npy" {
        return Some(Video::array(path));
    }
    if !path.is_file() || !ANIMATIONS.contains(&extension.as_str()) {
        return None;
    }
    // A .gif that cannot be read is a video that is skipped with a warning.
    let is_animation = match animation::count(path) {
        Ok(Some(frames)) => frames > 1 || extension == "gif",
        Ok(None) => extension == "apng",
        Err(_) => extension == "gif",
    };
    is_animation.then(|| Video::animation(path))
}

/// The pictures directly in a folder.
fn pictures(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let tree = Tree::of(dir)?;
    Ok(tree.own().map(|leaf| leaf.path.clone()).collect())
}

/// `train` and `test` in `dir`, if both are folders.
fn subfolders(dir: &Path) -> Option<(PathBuf, PathBuf)> {
    let (train, test) = (dir.join("train"), dir.join("test"));
    (train.is_dir() && test.is_dir()).then_some((train, test))
}

/// The videos directly in a folder. One that has still pictures alone is itself a video.
fn of(dir: &Path) -> Result<(Vec<Video>, Vec<Warning>), DataError> {
    let entries: std::io::Result<Vec<_>> = dir.read_dir().and_then(Iterator::collect);
    let entries = entries.map_err(|error| DataError::read(dir, error))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.retain(|path| !file_name(path).starts_with('.'));
    let mut videos = Vec::new();
    for path in &paths {
        if path.is_dir() {
            let frames = pictures(path)?;
            // What has no pictures is no video.
            if !frames.is_empty() {
                videos.push(Video::frames(path, frames));
            }
        } else {
            videos.extend(video_of(path));
        }
    }
    let stills = pictures(dir)?;
    let is_still = |path: &PathBuf| !videos.iter().any(|video| video.path() == path);
    let stills: Vec<PathBuf> = stills.into_iter().filter(is_still).collect();
    let mut warnings = Vec::new();
    match (stills.first(), videos.is_empty()) {
        (Some(_), true) => videos.push(Video::frames(dir, stills)),
        (Some(first), false) => warnings.push(Warning::Stills {
            dir: dir.display().to_string(),
            count: stills.len(),
            first: file_name(first),
        }),
        (None, true) => {
            return Err(DataError::Video {
                file: dir.display().to_string(),
                reason: "no video in this folder; allowed: folders of numbered frames, animated .gif, .webp and .png \
                         files, and .npy files"
                    .into(),
            });
        }
        (None, false) => {}
    }
    videos.sort_by(|a, b| a.order(b));
    Ok((videos, warnings))
}
