//! The files of `restore`: the input pictures, and the output path of each.

use std::collections::HashMap;
use std::ffi::OsString;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use data::DataError;
use hourglass::measure::restoration::View;
use hourglass::pictures::names;

use crate::cli::RestoreArgs;
use crate::commands::UsageError;
use crate::{output, terminal};

/// The longest side of a picture, in pixels, for output as for input.
const LONGEST: usize = 1 << 15;

/// The most values of a picture, for output as for input.
const MOST_VALUES: usize = 1 << 29;

/// A picture to restore.
pub struct Job {
    pub input: PathBuf,
    /// Height and width of the restored picture.
    pub size: [usize; 2],
    pub output: PathBuf,
    /// The path of the side-by-side picture.
    pub compare: PathBuf,
    /// Whether it was found in a folder, not named on the command line.
    found: bool,
}

impl Job {
    /// Whether an error only skips this picture: it cannot be read, and was not named.
    pub fn skippable(&self, error: &anyhow::Error) -> bool {
        self.found && error.is::<DataError>()
    }
}

/// The named pictures and those in named folders; restoring makes each `factor` times as large along
/// both axes. Only their headers are read, and no input is overwritten. A file in a folder that cannot
/// be read is skipped with a warning; a named file that cannot be read is an error.
///
/// # Errors
/// If inputs are missing or unreadable, `view` leaves nothing of one, two would be written to one file,
/// an output file exists, or the folder cannot be made.
pub fn find(args: &RestoreArgs, factor: usize, view: View) -> Result<Vec<Job>> {
    let mut inputs = Vec::new();
    for input in &args.inputs {
        if input.is_dir() {
            let (pictures, warnings) = data::pictures(input)?;
            terminal::warn(&warnings);
            for (path, name) in pictures.into_named() {
                let below = path.strip_prefix(input).unwrap_or(&path);
                inputs.push((below.as_os_str().to_owned(), path.clone(), name, true));
            }
        } else if input.exists() {
            let last = input.file_name().unwrap_or_default().to_owned();
            inputs.push((last, input.clone(), data::file_name(input), false));
        } else {
            bail!(
                "{}: no such file or folder; give a picture or a folder of pictures",
                input.display()
            );
        }
    }
    let mut readable = Vec::new();
    let mut given: Vec<OsString> = Vec::new();
    let mut names = Vec::new();
    for (last, path, name, found) in inputs {
        match size(&path, factor, args.strict.strict) {
            Ok(size) => {
                readable.push((path, found, size));
                given.push(last);
                names.push(name);
            }
            Err(error) if found && !args.strict.strict => {
                terminal::note(&terminal::left_out(&format!("{error:#}")));
            }
            Err(error) => return Err(error),
        }
    }
    if readable.is_empty() {
        let folders: Vec<String> =
            (args.inputs.iter().map(|it| it.display().to_string())).collect();
        bail!("{}: no readable picture found", folders.join(", "));
    }
    for (path, _, [height, width]) in &readable {
        if view.shape([1, *height, *width]).is_none() {
            return Err(UsageError(format!(
                "--crop: found {}; allowed: less than half of each picture's sides, but {} has {height}x{width} pixels",
                view.crop,
                path.display()
            ))
            .into());
        }
    }
    let paths: Vec<&PathBuf> = readable.iter().map(|(path, ..)| path).collect();
    // Of pictures of one name, from several folders, nobody could tell which is which afterwards.
    let names = names::outputs(Some(&names), names.len());
    no_two_alike(&given, &names, &paths)?;
    let compared = |name: &String| names::beside(name, "-compare.png");
    let mut written: Vec<String> = names.clone();
    if args.compare {
        written.extend(names.iter().map(compared));
    }
    let keys: Vec<String> = written.iter().map(|name| name.to_lowercase()).collect();
    no_two_alike(&keys, &written, &paths)?;
    output::new_files(&args.output, &written, args.write.backend.force)?;
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

/// Fails if two inputs have one key. `names` has each input's one or two outputs, in the order of the keys.
fn no_two_alike<K: Eq + Hash>(
    keys: &[K],
    names: &[String],
    inputs: &[&PathBuf],
) -> Result<(), UsageError> {
    let mut seen: HashMap<&K, (&String, &PathBuf)> = HashMap::new();
    for ((key, name), input) in keys.iter().zip(names).zip(inputs.iter().cycle()) {
        if let Some((name, other)) = seen.insert(key, (name, input)) {
            return Err(UsageError(format!(
                "INPUT: {} and {} would both be written to {name}; give pictures with different \
                 names",
                other.display(),
                input.display()
            )));
        }
    }
    Ok(())
}

/// Height and width of the restored picture, computed from the input's header; if a damaged picture is to be an error,
/// all of it is decoded, so that nothing is written before.
fn size(path: &Path, factor: usize, strict: bool) -> Result<[usize; 2]> {
    let [_, height, width] = match strict {
        true => data::check_picture(path)?,
        false => data::picture_shape(path)?,
    };
    let size = [height * factor, width * factor];
    let [high, wide] = size;
    if high.max(wide) > LONGEST || high * wide * 3 > MOST_VALUES {
        bail!(
            "{}: found {height}x{width} pixels, which would become {high}x{wide}; allowed: at most \
             {LONGEST} per side and {} in total",
            path.display(),
            MOST_VALUES / 3
        );
    }
    Ok(size)
}
