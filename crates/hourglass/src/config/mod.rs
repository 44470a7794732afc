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
mod track;
mod train;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use data::Given;
use model::{ImageShape, Layers, ModelConfig, ModelError, Range};

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
pub use source::{
    AspectChoice, CollectionChoice, DataConfig, GroupChoice, NamedConfig, PicturesConfig,
    TableTestChoice, TestChoice,
};
pub use sweep::{Point, Sweep, load_sweep};
pub use track::TrackConfig;
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
    /// Whether it is used even if there seems to be too little memory.
    pub forced: bool,
    /// The data, if they are arrays in memory.
    pub arrays: Option<Given>,
    name: String,
    root: Node,
    /// The folders in which `data.dir` was looked for.
    looked: Vec<PathBuf>,
}

impl Located {
    /// Its file, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same config, to be used even if there seems to be too little memory if `force`.
    #[must_use]
    pub fn with_force(mut self, force: bool) -> Self {
        self.forced = force;
        self
    }

    /// The same config with its data, whose `dataset` is "array".
    #[must_use]
    pub fn with_arrays(mut self, given: Given) -> Self {
        if let (DataConfig::Array { test, .. }, Some(_)) = (&mut self.config.data, &given.test) {
            *test = None;
        }
        self.arrays = Some(given);
        self
    }

    /// Looks for relative paths of the data beside the config and then where the program was started. The config of a
    /// run stands in a folder of results, so its data are looked for where the program was started, now and when the
    /// run was.
    fn find_data(&mut self, path: &Path) {
        let beside = path.parent().unwrap_or(Path::new(""));
        let here = PathBuf::new();
        let looked: Vec<PathBuf> = match beside.join("state.json").is_file() {
            true => std::iter::once(here)
                .chain(environment::folder(beside))
                .collect(),
            false if beside == here => vec![here],
            false => vec![beside.to_owned(), here],
        };
        for path in self.config.data.paths_mut() {
            let mut found = looked.iter().map(|folder| folder.join(&*path));
            if path.is_relative()
                && let Some(found) = found.find(|path| path.exists())
            {
                *path = found;
            }
        }
        self.looked = looked;
    }

    /// Fails if the folder or a file of the data is missing.
    ///
    /// # Errors
    ///
    /// [`InputError::NoFolder`], which says where it was looked for.
    pub fn check_dir(&self) -> Result<(), InputError> {
        let Some(dir) = self.config.data.paths().find(|path| !path.exists()) else {
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
    /// The layers of the model for samples of this shape and range.
    ///
    /// # Errors
    ///
    /// If a key of the model does not fit the images, or cannot be trained as `train` says: the first
    /// such key, with its place.
    pub fn check_model(&self, shape: ImageShape, range: &Range) -> Result<Layers, ConfigError> {
        let fault = |error: ModelError, with: &str| {
            let text = format!("{}{with}; allowed: {}", error.found, error.allowed);
            self.error(&format!("model.{}", error.key), text)
        };
        let model = &self.config.model;
        let plan = model.plan_for(shape, range);
        let layers = plan.map_err(|error| fault(error, ""))?.layers;
        if matches!(range, Range::Real(_)) && self.config.train.loss == LossChoice::Bce {
            let text = "found \"bce\" for data that are not pictures; allowed: \"auto\", \"mse\"";
            return Err(self.error("train.loss", text));
        }
        if self.config.train.pretrain.is_some() {
            let checked = model.check_mirror(shape, range);
            checked.map_err(|error| fault(error, " with train.pretrain"))?;
        }
        Ok(layers)
    }

    /// Fails if a training step would normalise a single value by its own spread: batch normalisation of a map of one
    /// pixel in a batch of one image. `images` is how many an epoch has, if that is known.
    ///
    /// # Errors
    ///
    /// The batch size, with its place.
    pub fn check_batches(&self, layers: &Layers, images: Option<usize>) -> Result<(), ConfigError> {
        match single_value(&self.config, layers, images) {
            Some(text) => Err(self.error(BATCH_SIZE, text)),
            None => Ok(()),
        }
    }
}

/// The key that says how large a batch is.
pub(crate) const BATCH_SIZE: &str = "train.batch_size";

/// Why batches cannot be normalised, as for [`Located::check_batches`]; `None` if they can.
pub(crate) fn single_value(
    config: &Config,
    layers: &Layers,
    images: Option<usize>,
) -> Option<String> {
    let layer = layers
        .iter()
        .find(|layer| layer.normalises_single_values())?;
    let size = config.train.batch_size;
    let alone = match images {
        _ if size == 1 => "found 1".to_owned(),
        Some(images) if images % size == 1 => {
            format!("found {size}, which leaves 1 of {images} training images for the last batch")
        }
        _ => return None,
    };
    Some(format!(
        "{alone}, and model.batch_norm cannot normalise the single value that a channel of {} then has; use another \
         batch size, or set model.batch_norm to false",
        layer.name()
    ))
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
    let mut faults = Vec::new();
    let root = tree(text, overrides, &mut faults);
    let root = root.map_err(|fault| ConfigError::new(name, vec![fault]))?;
    located(name, root, faults, overrides)
}

/// Reads a config that was not written as text but is an object of a program, as the JSON of it. Errors call it `name` and
/// have no lines and columns.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_object(name: &str, json: &str) -> Result<Located, ConfigError> {
    let mut faults = Vec::new();
    let root = tree(json, &[], &mut faults);
    let root = root.map_err(|fault| ConfigError::new(name, vec![fault]))?;
    located(name, root.without_places(), faults, &[])
}

/// The config of a tree in which these faults were found, with `overrides` applied.
fn located(
    name: &str,
    root: Node,
    mut faults: Vec<Fault>,
    overrides: &[Override],
) -> Result<Located, ConfigError> {
    let refuse = |faults| ConfigError::new(name, faults);
    if let Some(place) = root.place_of_key(sweep::KEY) {
        let text =
            format!("describes many trainings; run hourglass sweep {name}, or remove the key");
        faults.push(Fault::new(place, sweep::KEY, text));
    }
    faults.extend(check::check(&root, &schema()));
    if !faults.is_empty() {
        return Err(refuse(faults));
    }
    let mut located = resolve(name, root).map_err(refuse)?;
    // What a config says of its own data and model is not true of others.
    let others =
        |it: &Override| ["data", "model"].contains(&it.key().split('.').next().unwrap_or(""));
    let asked = |it: &Override| it.key() == "description";
    if overrides.iter().any(others) && !overrides.iter().any(asked) {
        located.config.description = None;
    }
    Ok(located)
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
        forced: false,
        arrays: None,
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

/// Checks a model that was not read from a config against the ranges of the schema: nothing is built of a model that a
/// file describes before it is known to be one that a config may ask for.
///
/// # Errors
/// The first key that is not allowed, in words.
pub fn check_model(model: &ModelConfig) -> Result<(), String> {
    // Any data will do, because the config only carries the model.
    let text = serde_json::json!({ "data": { "dataset": "mnist" }, "model": model }).to_string();
    let words = |fault: &Fault| format!("{}: {}", fault.path, fault.text);
    let mut faults = Vec::new();
    let root = raw::parse(&text, &mut faults).map_err(|fault| words(&fault))?;
    faults.extend(check::check(&root, &schema()));
    faults.first().map_or(Ok(()), |fault| Err(words(fault)))
}

/// The bytes of the file, but only slightly more than [`LARGEST`] of a larger one.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The config whose path is most similar to `path`: of the same folder, or else of the folder that was probably meant.
fn neighbour(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    let meant = match folder.is_dir() {
        true => folder.clone(),
        false => {
            let above = folder.parent().filter(|it| !it.as_os_str().is_empty());
            let name = near(
                above.unwrap_or(Path::new(".")),
                folder.file_name()?.to_str()?,
                "",
            )?;
            folder.with_file_name(name)
        }
    };
    let named = match meant.join(wanted).is_file() {
        true => wanted.to_owned(),
        false => near(&meant, wanted, ".json")?,
    };
    let found = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from(named),
        _ => meant.join(named),
    };
    Some(error::quotable_path(&found))
}

/// The name in a folder that ends so and is most similar to `wanted`.
fn near(folder: &Path, wanted: &str, end: &str) -> Option<String> {
    let entries = folder.read_dir().ok()?;
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(end))
        .collect();
    nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests;
