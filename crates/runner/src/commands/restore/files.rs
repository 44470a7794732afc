//! The files of `restore`: which pictures there are, and where each goes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use data::DataError;

use crate::cli::RestoreArgs;
use crate::commands::UsageError;
use crate::{output, terminal};

/// The longest side of a picture that is written, in pixels, as of those that are read.
const LONGEST: usize = 1 << 15;

/// The most values of a picture that is written, as of those that are read.
const MOST_VALUES: usize = 1 << 29;

/// A picture to restore.
pub struct Job {
    pub input: PathBuf,
    /// Height and width of the restored picture.
    pub size: [usize; 2],
    pub output: PathBuf,
    /// Where it is shown beside others.
    pub compare: PathBuf,
    /// Whether it was found in a folder, and not named.
    found: bool,
}

impl Job {
    /// Whether an error leaves out this picture alone: it cannot be read, and nobody named it.
    pub fn skippable(&self, error: &anyhow::Error) -> bool {
        self.found && error.is::<DataError>()
    }
}

/// The words about a picture that is left out.
pub fn left_out(error: &anyhow::Error) -> String {
    format!("warning: left out: {error:#}")
}

/// The pictures that were named and those of folders that were, each becoming `factor` times as large
/// along both axes; their headers are read, and none is written over. A file of a folder that cannot
/// be read is left out with a warning, one that was named is an error.
///
/// # Errors
/// Inputs that are not there or cannot be read, two that would be written to one file, files that
/// exist, and a folder that cannot be made.
pub fn find(args: &RestoreArgs, factor: usize) -> Result<Vec<Job>> {
    let mut inputs = Vec::new();
    for input in &args.inputs {
        if input.is_dir() {
            let pictures = data::pictures(input)?.into_iter();
            inputs.extend(pictures.map(|path| (path, true)));
        } else if input.exists() {
            inputs.push((input.clone(), false));
        } else {
            bail!(
                "{}: found no such file or folder; allowed: a picture or a folder of pictures",
                input.display()
            );
        }
    }
    let mut readable = Vec::new();
    for (path, found) in inputs {
        match size(&path, factor) {
            Ok(size) => readable.push((path, found, size)),
            Err(error) if found => terminal::note(&left_out(&error)),
            Err(error) => return Err(error),
        }
    }
    if readable.is_empty() {
        let folders: Vec<String> =
            (args.inputs.iter().map(|it| it.display().to_string())).collect();
        bail!("{}: found no picture that can be read", folders.join(", "));
    }
    let names: Vec<String> = (readable.iter())
        .map(|(path, ..)| path.file_name().unwrap_or_default())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let names = output::picture_names(Some(&names), names.len());
    let compared = |name: &String| {
        let stem = Path::new(name).file_stem().unwrap_or_default();
        format!("{}-compare.png", stem.to_string_lossy())
    };
    let mut written: Vec<String> = names.clone();
    if args.compare {
        written.extend(names.iter().map(compared));
    }
    let paths: Vec<&PathBuf> = readable.iter().map(|(path, ..)| path).collect();
    no_two_alike(&written, &paths)?;
    output::new_files(&args.output, &written, args.write.force)?;
    let jobs = readable.into_iter().zip(&names);
    let job = |((input, found, size), name): ((PathBuf, bool, [usize; 2]), &String)| Job {
        input,
        size,
        output: args.output.join(name),
        compare: args.output.join(compared(name)),
        found,
    };
    Ok(jobs.map(job).collect())
}

/// Refuses files that would be written twice; `names` are those of each input once or twice.
fn no_two_alike(names: &[String], inputs: &[&PathBuf]) -> Result<(), UsageError> {
    let mut seen: HashMap<&String, &PathBuf> = HashMap::new();
    for (name, input) in names.iter().zip(inputs.iter().cycle()) {
        if let Some(other) = seen.insert(name, input) {
            return Err(UsageError(format!(
                "INPUT: found {} and {}, which would both be written to {name}; allowed: pictures of \
                 different names",
                other.display(),
                input.display()
            )));
        }
    }
    Ok(())
}

/// Height and width of the restored picture, from the header.
fn size(path: &Path, factor: usize) -> Result<[usize; 2]> {
    let [_, height, width] = data::picture_shape(path)?;
    let size = [height * factor, width * factor];
    let [high, wide] = size;
    if high.max(wide) > LONGEST || high * wide * 3 > MOST_VALUES {
        bail!(
            "{}: found {height}x{width} pixels, which would become {high}x{wide}; allowed: at most \
             {LONGEST} a side, and {} in all",
            path.display(),
            MOST_VALUES / 3
        );
    }
    Ok(size)
}
