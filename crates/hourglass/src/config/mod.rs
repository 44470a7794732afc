//! The config: one JSON file with the data, the model and how to train it.
//!
//! A config is read in four steps: the text becomes a tree with places (`raw`), `--set` changes
//! the tree (`overrides`), the tree is checked against the schema (`check`), and a valid tree
//! becomes the resolved config (`resolved`). The types of the resolved config are the only source of
//! names, defaults and ranges: the schema is generated from them.

mod allowed;
mod augment;
mod check;
mod error;
mod flat;
mod init;
mod overrides;
mod raw;
mod resolved;
mod schema;
mod source;
mod sweep;
mod train;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use model::{ImageShape, Layers, ModelError};

use crate::files;
use crate::input::InputError;
use crate::run::environment;

pub use augment::AugmentTarget;
pub use check::nearest;
pub use error::ConfigError;
pub use flat::{WORDS, flat};
pub use overrides::Override;
pub use resolved::{BackendChoice, Config};
pub use schema::schema;
pub use source::{AspectChoice, DataConfig, PicturesConfig, TestChoice};
pub use sweep::{Point, Sweep, load_sweep};
pub use train::{LossChoice, OptimizerConfig, PretrainConfig, ScheduleConfig, TrainConfig};

use error::{Fault, Place};
use raw::Node;

/// The largest config, in bytes: a hundred times a usual one. A larger file is another file given by
/// mistake.
const LARGEST: u64 = 1 << 16;

/// A resolved config that remembers where each of its keys was written.
#[derive(Clone, Debug)]
pub struct Located {
    /// The config, with every default filled in.
    pub config: Config,
    name: String,
    root: Node,
    /// The folders in which `data.dir` was looked for.
    looked: Vec<PathBuf>,
}

impl Located {
    /// Looks for a relative `data.dir` beside the config and then where the program was started. The config of a
    /// run stands in a folder of results, so its data are looked for where the program was started, now and when the
    /// run was.
    fn find_data(&mut self, path: &Path) {
        let Some(dir) = self.config.data.dir_mut().filter(|dir| dir.is_relative()) else {
            return;
        };
        let beside = path.parent().unwrap_or(Path::new(""));
        let here = PathBuf::new();
        self.looked = match beside.join("state.json").is_file() {
            true => std::iter::once(here)
                .chain(environment::folder(beside))
                .collect(),
            false if beside == here => vec![here],
            false => vec![beside.to_owned(), here],
        };
        let mut found = self.looked.iter().map(|folder| folder.join(&*dir));
        if let Some(found) = found.find(|dir| dir.exists()) {
            *dir = found;
        }
    }

    /// Fails if there is no `data.dir`.
    ///
    /// # Errors
    ///
    /// [`InputError::NoFolder`], which says where it was looked for.
    pub fn check_dir(&self) -> Result<(), InputError> {
        let Some(dir) = self.config.data.dir().filter(|dir| !dir.exists()) else {
            return Ok(());
        };
        let folder = |folder: &PathBuf| {
            let here = folder.as_os_str().is_empty();
            let whole = std::path::absolute(if here { Path::new(".") } else { folder });
            whole
                .unwrap_or_else(|_| folder.clone())
                .display()
                .to_string()
        };
        let folders: Vec<String> = self.looked.iter().map(folder).collect();
        Err(InputError::NoFolder {
            dir: dir.display().to_string(),
            looked: match dir.is_relative() {
                true => format!("; looked for it in {}", folders.join(" and in ")),
                false => String::new(),
            },
        })
    }

    /// An error about the key at `path`, such as `model.channels`, placed where the key or its nearest
    /// written parent stands.
    pub fn error(&self, path: &str, text: impl Into<String>) -> ConfigError {
        let fault = Fault::new(self.root.nearest_place(path), path, text);
        ConfigError::new(&self.name, vec![fault])
    }
}

impl Located {
    /// The layers of the model for images of this shape.
    ///
    /// # Errors
    ///
    /// If a key of the model does not fit the images, or cannot be trained as `train` says: the first
    /// such key, with its place.
    pub fn check_model(&self, shape: ImageShape) -> Result<Layers, ConfigError> {
        let fault = |error: ModelError, with: &str| {
            let text = format!("{}{with}; allowed: {}", error.found, error.allowed);
            self.error(&format!("model.{}", error.key), text)
        };
        let model = &self.config.model;
        let layers = model.layers(shape).map_err(|error| fault(error, ""))?;
        if self.config.train.pretrain.is_some() {
            let checked = model.check_mirror(shape);
            checked.map_err(|error| fault(error, " with train.pretrain"))?;
        }
        Ok(layers)
    }
}

impl Deref for Located {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

impl Config {
    /// Reads the config in a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or as [`parse`].
    pub fn load(path: &Path) -> Result<Located, ConfigError> {
        load(path, &[])
    }

    /// Reads a config from its text.
    ///
    /// # Errors
    ///
    /// As [`parse()`](parse), with "config" for a file's name.
    pub fn parse(text: &str) -> Result<Located, ConfigError> {
        parse("config", text, &[])
    }
}

/// Reads the config at `path` and applies `overrides`, each a `KEY=VALUE`.
///
/// # Errors
///
/// If the file cannot be read, or as [`parse`].
pub fn load(path: &Path, overrides: &[Override]) -> Result<Located, ConfigError> {
    let (name, text) = read_text(path)?;
    let mut located = parse(&name, &text, overrides)?;
    located.find_data(path);
    Ok(located)
}

/// The file's name for errors, and its text.
fn read_text(path: &Path) -> Result<(String, String), ConfigError> {
    let name = error::quotable_path(path);
    let refuse = |place: Place, text: String| {
        Err(ConfigError::new(&name, vec![Fault::new(&place, "", text)]))
    };
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let hint = match neighbour(path) {
                Some(near) if error.kind() == io::ErrorKind::NotFound => {
                    format!("; did you mean {near}?")
                }
                _ => String::new(),
            };
            let reason = files::reason(&error);
            return refuse(Place::File, format!("cannot be read: {reason}{hint}"));
        }
    };
    if bytes.len() as u64 > LARGEST {
        let limit = LARGEST / 1024;
        let text = format!("found more than {limit} KiB; allowed: at most {limit} KiB");
        return refuse(Place::File, text);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let (good, bad) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let start = good
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |it| it + 1);
            let column = String::from_utf8_lossy(&good[start..]).chars().count() + 1;
            let byte = bad.first().copied().unwrap_or_default();
            let text = format!("not JSON: found the byte {byte:#04x}; save the file as UTF-8 text");
            refuse(Place::Text { line, column }, text)
        }
    }
}

/// Reads a config from `text` and applies `overrides`, each a `KEY=VALUE`. Errors call it `name`.
///
/// # Errors
///
/// If the text is not JSON, or keys or values do not match the schema or contradict each other: all
/// faults, one line each.
pub fn parse(name: &str, text: &str, overrides: &[Override]) -> Result<Located, ConfigError> {
    let refuse = |faults| ConfigError::new(name, faults);
    let mut faults = Vec::new();
    let root = tree(text, overrides, &mut faults).map_err(|fault| refuse(vec![fault]))?;
    if let Some(place) = root.place_of_key(sweep::KEY) {
        let text =
            format!("describes many trainings; run hourglass sweep {name}, or remove the key");
        faults.push(Fault::new(place, sweep::KEY, text));
    }
    faults.extend(check::check(&root, &schema()));
    if !faults.is_empty() {
        return Err(refuse(faults));
    }
    resolve(name, root).map_err(refuse)
}

/// The tree of a config's `text`, with `overrides` applied.
fn tree(text: &str, overrides: &[Override], faults: &mut Vec<Fault>) -> Result<Node, Fault> {
    let mut root = raw::parse(text, faults)?;
    for argument in overrides {
        if let Err(fault) = overrides::apply(&mut root, argument, faults) {
            faults.push(fault);
        }
    }
    Ok(root)
}

/// Turns a tree that passed the check into a config.
fn resolve(name: &str, root: Node) -> Result<Located, Vec<Fault>> {
    let config: Config = serde_json::from_value(root.to_json())
        .map_err(|error| vec![Fault::new(&Place::File, "", error.to_string())])?;
    let contradictions = config.contradictions();
    if !contradictions.is_empty() {
        let fault = |(path, text)| Fault::new(root.nearest_place(path), path, text);
        return Err(contradictions.into_iter().map(fault).collect());
    }
    let name = name.to_string();
    Ok(Located {
        config,
        name,
        root,
        looked: vec![PathBuf::new()],
    })
}

/// Reads a flag's data description: the value of a config's `data`, as JSON.
///
/// # Errors
///
/// As [`parse`].
pub fn data(flag: &'static str, text: &str) -> Result<DataConfig, ConfigError> {
    // Any model will do, because the config only carries the data.
    let around = r#"{"model": {"kind": "dense", "layers": [], "code_size": 1}}"#;
    let located = parse(flag, around, &[Override::flag(flag, "data", text)])?;
    Ok(located.config.data)
}

/// The bytes of the file, but only slightly more than [`LARGEST`] of a larger one.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The config in the same folder whose name is most similar to that of `path`.
fn neighbour(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let names: Vec<String> = folder
        .unwrap_or(Path::new("."))
        .read_dir()
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".json"))
        .collect();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(error::quotable_path(&path.with_file_name(near)))
}

#[cfg(test)]
mod tests;
