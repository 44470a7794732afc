//! The samples to score: what they are called, where their masks lie, and which are known to be normal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use data::{Images, Pixels, Rows, Series};
use hourglass::analysis::cover;
use hourglass::analysis::normality::Piece;
use hourglass::codec::pictures::Pictures;
use hourglass::config::DataConfig;
use hourglass::input::InputError;
use hourglass::run::checkpoint::Meta;
use hourglass::{Loaded, Setup};

use crate::cli::{Part, ScoreArgs};
use crate::commands::UsageError;
use crate::{input, terminal};

/// Something that gets a score.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Its name in tables and files.
    pub name: String,
    /// What its mask may be called, relative to the folder of masks and as the picture is; the likeliest first.
    pub masks: Vec<PathBuf>,
    /// Whether it is normal, if that is known.
    pub normal: Option<bool>,
}

/// What holds some of them.
#[derive(Clone, Debug)]
pub enum Source {
    /// Images in memory.
    Images(Arc<Images>, Vec<Piece>),
    /// A picture of any size, for a model of patches.
    File {
        /// The file.
        path: PathBuf,
        /// Height and width.
        size: [usize; 2],
        /// The value of files with 16 bits that is white.
        white: u16,
    },
}

impl Source {
    /// Images and their pieces.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn open(&self, meta: &Meta) -> hourglass::Result<(Arc<Images>, Vec<Piece>)> {
        match self {
            Source::Images(images, pieces) => Ok((Arc::clone(images), pieces.clone())),
            Source::File { path, size, white } => {
                let [height, width] = *size;
                let shape = meta.input_shape;
                let pixels = data::read_pixels(path, [shape[0], height, width], *white)?;
                let (tiles, places) = match &pixels {
                    Pixels::Bytes(pixels) => {
                        let (tiles, places) = cover::tiles(pixels, *size, shape);
                        (Images::new(tiles, shape)?, places)
                    }
                    Pixels::Deep(pixels) => {
                        let (tiles, places) = cover::tiles(pixels, *size, shape);
                        (Images::deep(tiles, shape)?, places)
                    }
                };
                let piece = |(index, at): (usize, [usize; 2])| Piece {
                    index: index as u32,
                    whole: 0,
                    at,
                };
                let pieces = places.into_iter().enumerate().map(piece).collect();
                Ok((Arc::new(tiles), pieces))
            }
        }
    }

    /// Height and width, of a picture whose tiles may reach beyond it.
    pub fn size(&self) -> Option<[usize; 2]> {
        match self {
            Source::Images(..) => None,
            Source::File { size, .. } => Some(*size),
        }
    }
}

/// All that is scored.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// In the order of `wholes`, each with the number of its own.
    pub sources: Vec<(Source, usize)>,
    /// Each of them.
    pub wholes: Vec<Whole>,
    /// The series that windows are of, by the names that windows have.
    pub series: Vec<(String, Series)>,
}

impl Samples {
    /// Finds and reads what the command line names.
    ///
    /// # Errors
    /// Inputs that cannot be read or do not fit the run, and labels that nothing has.
    pub fn read(args: &ScoreArgs, loaded: &Loaded, setup: &Setup) -> Result<Self> {
        let mut samples = Self::default();
        if args.inputs.is_empty() {
            samples.own(args, loaded, setup)?;
        }
        for spec in &args.inputs {
            match &loaded.meta.config.as_ref().map(|config| &config.data) {
                Some(DataConfig::Table { label, normal, .. }) => {
                    let label = args.label.as_deref().or(label.as_deref());
                    let normal = args.normal.as_deref().or(normal.as_deref());
                    samples.rows(args, spec, label, normal, loaded, setup)?;
                }
                Some(DataConfig::Series { normal, .. }) => {
                    let normal = args.normal.as_deref().or(normal.as_deref());
                    samples.series(args, spec, normal, loaded, setup)?;
                }
                _ => samples.pictures(args, spec, loaded, setup)?,
            }
        }
        samples.check_labels(args)?;
        Ok(samples)
    }

    /// The run's own test part.
    fn own(&mut self, args: &ScoreArgs, loaded: &Loaded, setup: &Setup) -> Result<()> {
        if args.label.is_some() || (args.normal.is_some() && loaded.meta.fields.is_some()) {
            let text = "--label and --normal are for an INPUT; the run's own test part has the labels of its config";
            return Err(UsageError(text.into()).into());
        }
        let test = &setup.test;
        // Windows are known by steps alone; the series have the stamps.
        if let Some(windows) = hourglass::input::own_windows(&loaded.meta)? {
            let named = windows.series.into_iter();
            self.series
                .extend(named.map(|it| (it.name().to_owned(), it)));
        }
        let place = |normal: &String| test.classes().iter().position(|name| name == normal);
        let normal = match &args.normal {
            Some(normal) if test.classes().is_empty() => label_number(normal)?,
            Some(normal) => place(normal).and_then(|place| u8::try_from(place).ok()),
            None => only_label(setup.train.labels()),
        };
        self.add(test, "", loaded, &|index| {
            Some(*test.labels()?.get(index)? == normal?)
        });
        Ok(())
    }

    /// A file or folder of series.
    fn series(
        &mut self,
        args: &ScoreArgs,
        spec: &str,
        normal: Option<&str>,
        loaded: &Loaded,
        setup: &Setup,
    ) -> Result<()> {
        if args.label.is_some() {
            let text = "--label is for tables; the config's data.label names the column of series";
            return Err(UsageError(text.into()).into());
        }
        let Some(windows) = hourglass::input::windows(spec, &loaded.meta)? else {
            bail!("{spec}: the run's checkpoint does not say what the channels of its series are");
        };
        terminal::warn(&windows.warnings);
        input::warn_trained_on(spec, &windows.images, &setup.train);
        let [.., steps] = loaded.meta.input_shape;
        // Whether all steps of a window are normal, if all have a label.
        let known = |index: usize| {
            let (normal, place) = (normal?, windows.places.get(index)?);
            let series = windows.series.get(place.series)?;
            let labels = (place.start..place.start + steps).map(|step| series.label(step));
            let labels: Option<Vec<String>> = labels.collect();
            Some(labels?.iter().all(|label| label == normal))
        };
        let prefix = self.prefix(args, spec);
        let images = Arc::new(windows.images.clone());
        self.add(&images, &prefix, loaded, &known);
        let named = windows.series.into_iter();
        self.series
            .extend(named.map(|it| (format!("{prefix}{}", it.name()), it)));
        Ok(())
    }

    /// A table.
    fn rows(
        &mut self,
        args: &ScoreArgs,
        spec: &str,
        label: Option<&str>,
        normal: Option<&str>,
        loaded: &Loaded,
        setup: &Setup,
    ) -> Result<()> {
        let Some(fields) = &loaded.meta.fields else {
            bail!("{spec}: the run's checkpoint does not say what the columns of its table are");
        };
        let path = Path::new(spec);
        if !path.is_file() {
            let spec = spec.to_owned();
            return Err(hourglass::Error::from(InputError::NoTable { spec }).into());
        }
        let fields = Arc::new(fields.clone());
        let Rows {
            images,
            normal: is_normal,
            warnings,
        } = data::read_labelled_rows(path, label, normal, &fields)?;
        terminal::warn(&warnings);
        if let (Some(asked), None) = (&args.label, &is_normal) {
            bail!("{spec}: has no column \"{asked}\", which --label names");
        }
        input::warn_trained_on(spec, &images, &setup.train);
        let known = normal.and(is_normal);
        let images = Arc::new(images);
        self.add(&images, &self.prefix(args, spec), loaded, &|index| {
            known.as_ref()?.get(index).copied()
        });
        Ok(())
    }

    /// Pictures, series, or anything else that all commands take.
    fn pictures(
        &mut self,
        args: &ScoreArgs,
        spec: &str,
        loaded: &Loaded,
        setup: &Setup,
    ) -> Result<()> {
        if args.label.is_some() {
            let text = "--label names a column of a table; for pictures, --normal names a folder or a label";
            return Err(UsageError(text.into()).into());
        }
        let path = Path::new(spec);
        let (meta, strict) = (&loaded.meta, args.strict);
        // The class that was trained on alone is what is normal.
        let only = only_label(setup.train.labels());
        let only = only.and_then(|label| setup.train.classes().get(usize::from(label)));
        let usual = args.normal.clone().or_else(|| only.cloned());
        let images = match meta.prepared().patch() {
            Some(_) => match input::find(spec, Part::Test, meta, strict)? {
                Pictures::Set(images) => images,
                Pictures::Files {
                    files,
                    names,
                    white,
                } => {
                    for ((file, size), relative) in files.into_iter().zip(names) {
                        let name = match path.is_file() {
                            true => spec.to_owned(),
                            false => self.prefix(args, spec) + &relative,
                        };
                        let folder = folder_of(path, path.is_file());
                        let whole = whole(name, Path::new(&relative), &folder, usual.as_deref());
                        self.wholes.push(whole);
                        let path = file;
                        self.sources.push((Source::File { path, size, white }, 1));
                    }
                    return Ok(());
                }
            },
            None => input::read("INPUT", spec, Part::Test, meta, strict)?,
        };
        input::warn_trained_on(spec, &images, &setup.train);
        let images = Arc::new(images);
        let first = self.wholes.len();
        let place = |normal: &String| images.classes().iter().position(|name| name == normal);
        let label = match (&usual, images.labels()) {
            (Some(normal), Some(_)) if images.classes().is_empty() => label_number(normal)?,
            (Some(normal), Some(_)) => place(normal).and_then(|place| u8::try_from(place).ok()),
            _ => None,
        };
        self.add(&images, &self.prefix(args, spec), loaded, &|index| {
            Some(*images.labels()?.get(index)? == label?)
        });
        if images.names().is_some() {
            let folder = folder_of(path, path.is_file());
            for added in self.wholes.iter_mut().skip(first) {
                let file = added.masks.first().cloned().unwrap_or_default();
                let name = match path.is_file() {
                    true => spec.to_owned(),
                    false => added.name.clone(),
                };
                let known = added.normal;
                *added = whole(name, &file, &folder, usual.as_deref());
                added.normal = known.or(added.normal);
            }
        }
        Ok(())
    }

    /// What stands before names, so that those of several inputs are apart.
    fn prefix(&self, args: &ScoreArgs, spec: &str) -> String {
        match args.inputs.len() {
            0 | 1 => String::new(),
            _ => format!("{}/", spec.trim_end_matches('/')),
        }
    }

    /// Adds images; `normal` says whether one is normal, if that is known.
    fn add(
        &mut self,
        images: &Arc<Images>,
        prefix: &str,
        loaded: &Loaded,
        normal: &dyn Fn(usize) -> Option<bool>,
    ) {
        let all: Vec<u32> = (0..images.len() as u32).collect();
        let tiles = loaded.meta.prepared().patch().is_some() && loaded.meta.fields.is_none();
        let (pieces, names) = match images.names() {
            Some(names) if tiles => Piece::tiles(names, &all),
            Some(names) => (Piece::wholes(&all), names.to_vec()),
            None => {
                let name = match images.fields() {
                    Some(_) => "row",
                    None => "image",
                };
                let names = all.iter().map(|index| format!("{name} {index}"));
                (Piece::wholes(&all), names.collect())
            }
        };
        let mut normals = vec![None; names.len()];
        for piece in &pieces {
            if let Some(known) = normals.get_mut(piece.whole) {
                *known = normal(piece.index as usize);
            }
        }
        let count = names.len();
        let named = names.into_iter().zip(normals);
        self.wholes.extend(named.map(|(name, normal)| Whole {
            masks: vec![PathBuf::from(&name)],
            name: format!("{prefix}{name}"),
            normal,
        }));
        let source = Source::Images(Arc::clone(images), pieces);
        self.sources.push((source, count));
    }

    /// Fails if `--normal` fits nothing.
    fn check_labels(&self, args: &ScoreArgs) -> Result<()> {
        let Some(normal) = &args.normal else {
            return Ok(());
        };
        if self.wholes.iter().all(|whole| whole.normal.is_none()) {
            bail!(
                "--normal {normal}: the samples have no labels; give --label with a column of a table, or folders of \
                 pictures of which one has this name"
            );
        }
        if !self.wholes.iter().any(|whole| whole.normal == Some(true)) {
            bail!("--normal {normal}: no sample has this label");
        }
        Ok(())
    }
}

/// The folder that a picture is in, by which it may be labelled: the one above a file, or the one that is given.
fn folder_of(path: &Path, is_file: bool) -> String {
    let folder = if is_file { path.parent() } else { Some(path) };
    let name = folder.and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A picture of a folder, at this place in it.
fn whole(name: String, relative: &Path, folder: &str, normal: Option<&str>) -> Whole {
    let file = PathBuf::from(relative.file_name().unwrap_or_default());
    let inner = relative.parent().and_then(Path::file_name);
    let class = inner.map_or(folder.into(), |inner| inner.to_string_lossy());
    let mut masks = vec![relative.to_owned(), Path::new(folder).join(&file), file];
    masks.dedup();
    Whole {
        name,
        masks,
        normal: normal.map(|normal| normal == class),
    }
}

/// A label of an IDX set.
fn label_number(text: &str) -> Result<Option<u8>> {
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => {
            bail!("--normal: found {text}; the labels of these images are numbers from 0 to 255")
        }
    }
}

/// The label of all training samples, if they have the same.
fn only_label(labels: Option<&[u8]>) -> Option<u8> {
    let (first, rest) = labels?.split_first()?;
    rest.iter().all(|label| label == first).then_some(*first)
}
