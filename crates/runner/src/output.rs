//! The output of a command: arrays as NumPy files and pictures as PNG, written whole or not at all.
//! Existing files are only overwritten on request.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use npyz::WriterBuilder;
use npyz::zip::ZipWriter;
use npyz::zip::write::FileOptions;

use crate::run;

/// Fails if a file already exists.
///
/// # Errors
/// If it does and `force` is not given.
pub fn check_new(path: &Path, force: bool) -> Result<()> {
    if path.is_dir() {
        bail!("{}: is a folder; give the path of a file", path.display());
    }
    if path.exists() && !force {
        bail!(
            "{}: already exists; choose a new path, or use --force",
            path.display()
        );
    }
    Ok(())
}

/// Makes a folder, and fails if it already contains a file with one of these names.
///
/// # Errors
/// As [`check_new`], and if the folder cannot be made.
pub fn new_files(folder: &Path, names: &[String], force: bool) -> Result<Vec<PathBuf>> {
    let files: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    for file in &files {
        check_new(file, force)?;
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder cannot be made", folder.display()))?;
    Ok(files)
}

/// Unique file names for pictures made from the named ones, or numbers if they have no names, with the
/// extension of the written files.
pub fn picture_names(names: Option<&[String]>, count: usize) -> Vec<String> {
    let digits = count.saturating_sub(1).to_string().len();
    let numbered = |index: usize| format!("{index:0digits$}.png");
    let Some(names) = names else {
        return (0..count).map(numbered).collect();
    };
    let stem = |name: &String| {
        Path::new(name)
            .file_stem()
            .map(|it| it.to_string_lossy().into_owned())
    };
    let mut stems: HashMap<Option<String>, usize> = HashMap::new();
    for name in names {
        *stems.entry(stem(name)).or_default() += 1;
    }
    let mut made: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let plain = stem(name).map_or_else(|| numbered(index), |stem| format!("{stem}.png"));
        // With a.jpg and a.png in one folder, the second keeps its whole name.
        let twin = stems.get(&stem(name)).is_some_and(|&count| count > 1);
        made.push(if twin { format!("{name}.png") } else { plain });
    }
    made
}

/// A path as a word of a displayed command, in quotes if a shell would split it.
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |it: char| it.is_alphanumeric() || "/\\:._+-=,@".contains(it);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// The bytes of an .npy file.
///
/// # Errors
/// If `values` do not fill `shape`.
pub fn npy(values: &[f32], shape: &[usize]) -> Result<Vec<u8>> {
    let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    let mut bytes = Vec::with_capacity(values.len() * 4 + 128);
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes codes `[images, units]`. The path's extension selects an .npy file of the codes, or an .npz
/// file that also has the labels and the names.
///
/// # Errors
/// If the path has neither extension, or the folder cannot be written.
pub fn write_codes(
    path: &Path,
    codes: &[f32],
    units: usize,
    labels: Option<&[u8]>,
    names: Option<&[String]>,
) -> Result<()> {
    let images = codes.len() / units.max(1);
    let codes = npy(codes, &[images, units])?;
    if !is_npz(path) {
        return run::write(path, &codes);
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| -> Result<()> {
        // Codes look like noise to a compressor, so deflating them would take time and save nothing.
        zip.start_file(name, FileOptions::default().large_file(true))?;
        zip.write_all(bytes)?;
        Ok(())
    };
    add("codes.npy", &codes)?;
    if let Some(labels) = labels {
        let mut bytes = Vec::new();
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&[labels.len() as u64])
            .writer(&mut bytes)
            .begin_nd()?;
        writer.extend(labels.iter().copied())?;
        writer.finish()?;
        add("labels.npy", &bytes)?;
    }
    if let Some(names) = names {
        add("names.npy", &strings(names)?)?;
    }
    run::write(path, zip.finish()?.get_ref())
}

/// Strings in NumPy's form: UTF-8 bytes, padded to the longest.
fn strings(names: &[String]) -> Result<Vec<u8>> {
    let longest = names.iter().map(String::len).max().unwrap_or(0).max(1);
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::<[u8]>::new()
        .dtype(npyz::DType::Plain(format!("|S{longest}").parse()?))
        .shape(&[names.len() as u64])
        .writer(&mut bytes)
        .begin_nd()?;
    for name in names {
        writer.push(name.as_bytes())?;
    }
    writer.finish()?;
    Ok(bytes)
}

/// Whether a path names an .npz file rather than an .npy file.
fn is_npz(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
}

/// Whether a path ends in one of the extensions, ignoring case.
pub fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions
        .iter()
        .any(|it| extension.eq_ignore_ascii_case(it))
}

/// Reads codes `[images, units]` from an .npy file, or from the array `codes` in an .npz file.
///
/// # Errors
/// If the file has no such array of floats.
pub fn read_codes(path: &Path, units: usize) -> Result<Vec<f32>> {
    let place = || path.display().to_string();
    let mut bytes =
        fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    if is_npz(path) {
        let mut npz = npyz::npz::NpzArchive::new(Cursor::new(bytes)).with_context(place)?;
        let mut inner = Vec::new();
        let entry = npz.zip_archive().by_name("codes.npy");
        let mut entry =
            entry.with_context(|| format!("{}: has no array \"codes\"", path.display()))?;
        std::io::copy(&mut entry, &mut inner).with_context(place)?;
        drop(entry);
        bytes = inner;
    }
    let mut rest = bytes.as_slice();
    let header = npyz::NpyHeader::from_reader(&mut rest).map_err(|error| {
        // The parser marks the place below its first line.
        let error = error.to_string();
        let reason = error.lines().next().unwrap_or_default();
        anyhow::anyhow!("{}: not a NumPy file: {}", path.display(), reason.trim())
    })?;
    let shape = header.shape().to_vec();
    let values = match shape.as_slice() {
        [images, found] if *images > 0 && *found == units as u64 => images.checked_mul(*found),
        _ => bail!(
            "{}: found an array of shape {shape:?}, but this model's codes have shape (images, {units})",
            path.display()
        ),
    };
    let wide = header.dtype() == npyz::DType::Plain("<f8".parse()?);
    let narrow = header.dtype() == npyz::DType::Plain("<f4".parse()?);
    let width = if wide { 8 } else { 4 };
    if !(wide || narrow) || header.order() != npyz::Order::C {
        bail!(
            "{}: found {} in {:?} order; allowed: little-endian f4 or f8 in C order",
            path.display(),
            header.dtype().descr(),
            header.order()
        );
    }
    // Checked before memory is allocated, because the header may claim anything.
    let expected = values.and_then(|it| it.checked_mul(width));
    if expected != Some(rest.len() as u64) {
        bail!(
            "{}: found {} bytes of values, but its header announces {shape:?} values of {width} bytes",
            path.display(),
            rest.len()
        );
    }
    let file = npyz::NpyFile::with_header(header, rest);
    let values: Vec<f32> = if wide {
        let values: Vec<f64> = file.into_vec().with_context(place)?;
        values.into_iter().map(|value| value as f32).collect()
    } else {
        file.into_vec().with_context(place)?
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => bail!(
            "{}: found a value that is not finite in row {}",
            path.display(),
            at / units.max(1)
        ),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_of_a_shell() {
        let words =
            ["runs/code_size=2,seed=1", "my runs/a", "it's", ""].map(|it| word(Path::new(it)));
        assert_eq!(
            words,
            ["runs/code_size=2,seed=1", "'my runs/a'", r"'it'\''s'", "''"]
        );
    }
}
