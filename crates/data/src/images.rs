//! Picture files as a data set: split by file, made alike, and read side by side.
//!
//! Headers are read first, so that sizes which do not go together are refused, and memory is laid
//! out, before any picture is decoded.

use std::sync::Arc;

use rayon::prelude::*;

use crate::crops::Crops;
use crate::picture::{self, File, Header};
use crate::split::shuffle;
use crate::whole::Whole;
use crate::{DataError, ImageShape, Images, Warning, patches};

/// How pictures become images of one shape, and which are for test.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureOptions {
    /// Height and width to resize every picture to, without regard to its aspect ratio.
    pub size: Option<[usize; 2]>,
    /// Side of the squares to cut every picture into instead, in pixels: on a grid from the top
    /// left, and for training at random places. Smaller pictures are continued by reflection.
    pub patch: Option<usize>,
    /// How many random patches of each picture an epoch has; by default as many as its grid.
    pub crops: Option<usize>,
    /// Whether left and right are swapped in half of the random patches.
    pub flip: bool,
    /// 1 (grey) or 3 (red, green, blue); by default as the first file has them.
    pub channels: Option<usize>,
    /// Which of the files are for test; those of a folder `test` beside one `train` are so anyhow.
    pub test: TestPart,
    /// Whether a file that cannot be read is an error; or else it is left out, with a warning.
    pub strict: bool,
    /// Chooses the files for test.
    pub seed: u64,
}

/// Which files are for test.
#[derive(Debug, Clone, PartialEq)]
pub enum TestPart {
    /// So large a share of them, above 0 and below 1, drawn at random; one at least.
    Share(f64),
    /// Those of these names.
    Files(Vec<String>),
}

impl Default for PictureOptions {
    /// Pictures as they are, a tenth of them for test.
    fn default() -> Self {
        Self {
            size: None,
            patch: None,
            crops: None,
            flip: true,
            channels: None,
            test: TestPart::Share(0.1),
            strict: false,
            seed: 0,
        }
    }
}

/// The files of a set, each list in the order of their names.
pub(crate) enum Found {
    /// Still to be split.
    Together(Vec<File>),
    /// In folders of their own.
    Apart { train: Vec<File>, test: Vec<File> },
}

/// Shape of the images that [`load`] will give, from the first header that can be read. `place` is
/// what errors call the set.
pub(crate) fn shape(
    place: &str,
    found: &Found,
    options: &PictureOptions,
) -> Result<ImageShape, DataError> {
    options.check()?;
    let (_, header) = options.first(place, found)?;
    Ok(options.shape(header))
}

/// The training and the test part, and what was done about single files.
pub(crate) fn load(
    place: &str,
    found: Found,
    options: &PictureOptions,
) -> Result<(Images, Images, Vec<Warning>), DataError> {
    options.check()?;
    let (first, header) = options.first(place, &found)?;
    let loader = Loader {
        place,
        options,
        shape: options.shape(header),
    };
    let [train, test] = options.split(place, found)?;
    let mut train = loader.open("training pictures", train)?;
    let mut test = loader.open("test pictures", test)?;
    let mut all = train.files.iter().chain(&test.files);
    let alike = options.size.is_some() || options.patch.is_some();
    if let Some((other, found)) = all.find(|(_, other)| !alike && other.size != header.size) {
        return Err(DataError::MixedSizes {
            first,
            first_size: header.size,
            other: other.place(),
            other_size: found.size,
        });
    }
    let (train_images, crops) = loader.read(&mut train)?;
    let (test_images, _) = loader.read(&mut test)?;
    let train_images = match crops {
        Some(crops) => train_images.with_crops(crops),
        None => train_images,
    };
    let skipped = train.skipped.iter().chain(&test.skipped).cloned();
    let mut warnings: Vec<Warning> = skipped.map(|reason| Warning::Skipped { reason }).collect();
    warnings.extend(loader.padded(train.files.iter().chain(&test.files)));
    Ok((train_images, test_images, warnings))
}

impl PictureOptions {
    fn check(&self) -> Result<(), DataError> {
        if let Some([height, width]) = self.size {
            picture::check_side("size", height)?;
            picture::check_side("size", width)?;
        }
        if let Some(patch) = self.patch {
            picture::check_side("patch", patch)?;
            if self.size.is_some() {
                return Err(DataError::Option {
                    option: "patch",
                    found: format!("{patch} beside \"size\""),
                    allowed: "one of the two".to_string(),
                });
            }
        }
        self.channels.map_or(Ok(()), picture::check_channels)
    }

    /// The file whose header speaks for all, and that header: the first that can be read, of
    /// those for training where these lie apart.
    fn first(&self, place: &str, found: &Found) -> Result<(String, Header), DataError> {
        let (Found::Together(files) | Found::Apart { train: files, .. }) = found;
        let mut wrong = None;
        for file in files {
            match file.header() {
                Ok(header) => return Ok((file.place(), header)),
                Err(error) if self.strict => return Err(error),
                Err(error) => {
                    wrong.get_or_insert(error);
                }
            }
        }
        Err(none_readable(place, "pictures", files.len(), wrong))
    }

    /// Shape of the images that a picture with this header gives.
    fn shape(&self, header: Header) -> ImageShape {
        let [height, width] = match (self.size, self.patch) {
            (Some(size), _) => size,
            (None, Some(patch)) => [patch, patch],
            (None, None) => header.size,
        };
        [self.channels.unwrap_or(header.channels), height, width]
    }

    /// Training and test files, each in the order of their names. Files that will turn out bad
    /// are split as the others are, so that one of them moves no other to the other side.
    fn split(&self, place: &str, found: Found) -> Result<[Vec<File>; 2], DataError> {
        let refuse = |found: String, allowed: String| DataError::Option {
            option: "test",
            found,
            allowed,
        };
        let mut files = match (found, &self.test) {
            (Found::Together(files), _) => files,
            (Found::Apart { train, test }, TestPart::Share(_)) => return Ok([train, test]),
            (Found::Apart { .. }, TestPart::Files(_)) => {
                let allowed = format!("no list where {place} has a folder \"test\"");
                return Err(refuse("a list of files".to_string(), allowed));
            }
        };
        let count = files.len();
        match &self.test {
            TestPart::Share(share) => {
                if !(*share > 0.0 && *share < 1.0) {
                    return Err(refuse(share.to_string(), "above 0 and below 1".to_string()));
                }
                if count < 2 {
                    return Err(DataError::TooFewFiles {
                        dir: place.to_string(),
                        found: count,
                    });
                }
                let test = (count as f64 * share).round() as usize;
                shuffle(&mut files, self.seed);
                let mut test = files.split_off(count - test.clamp(1, count - 1));
                files.sort_by(|a, b| a.path().cmp(b.path()));
                test.sort_by(|a, b| a.path().cmp(b.path()));
                Ok([files, test])
            }
            TestPart::Files(names) => {
                let known = |name: &&String| !files.iter().any(|file| file.name() == **name);
                if let Some(name) = names.iter().find(known) {
                    let allowed = format!("the name of a picture in {place}");
                    return Err(refuse(format!("{name:?}"), allowed));
                }
                let named = |file: &File| names.iter().any(|name| *name == file.name());
                let (test, train): (Vec<File>, Vec<File>) = files.into_iter().partition(named);
                if train.is_empty() || test.is_empty() {
                    let found = format!("{} of {count} pictures", test.len());
                    return Err(refuse(found, "some of them, but not all".to_string()));
                }
                Ok([train, test])
            }
        }
    }
}

/// How the files of one set are read.
struct Loader<'a> {
    place: &'a str,
    options: &'a PictureOptions,
    shape: ImageShape,
}

/// The files of one part.
struct Part {
    what: &'static str,
    /// How many were listed.
    count: usize,
    /// Those that can be read as far as it is known.
    files: Vec<(File, Header)>,
    /// What is wrong with the others.
    skipped: Vec<String>,
}

impl Loader<'_> {
    /// Reads the headers, all cores at once.
    fn open(&self, what: &'static str, files: Vec<File>) -> Result<Part, DataError> {
        let headers: Vec<_> = files.par_iter().map(File::header).collect();
        let mut part = Part {
            what,
            count: files.len(),
            files: Vec::new(),
            skipped: Vec::new(),
        };
        let headers = self.sort_out(&mut part, headers)?;
        let files = files.into_iter().zip(headers);
        part.files = files
            .filter_map(|(file, header)| Some((file, header?)))
            .collect();
        self.some_left(&part)?;
        Ok(part)
    }

    /// Decodes the pictures, all cores at once. Those that turn out to be bad are taken out of the
    /// part. With patches, what random ones are cut from comes beside.
    fn read(&self, part: &mut Part) -> Result<(Images, Option<Crops>), DataError> {
        let options = self.options;
        let channels = self.shape[0];
        let least = options.patch.unwrap_or(1);
        let of = |header: &Header| options.size.unwrap_or(header.size);
        let sizes = (part.files.iter()).map(|(_, header)| of(header).map(|side| side.max(least)));
        let mut pictures = Whole::new(self.place, channels, sizes)?;
        let decoded: Vec<_> = (pictures.rooms().into_par_iter())
            .zip(&part.files)
            .map(|(mut room, (file, header))| {
                let pixels = file.pixels(channels, options.size)?;
                if room.put(&pixels, of(header)) {
                    return Ok(());
                }
                Err(DataError::Picture {
                    file: file.place(),
                    reason: "its size changed while it was read".to_string(),
                })
            })
            .collect();
        let good = self.sort_out(part, decoded)?;
        let keep: Vec<bool> = good.iter().map(Option::is_some).collect();
        pictures.retain(&keep);
        let mut keep = keep.into_iter();
        part.files.retain(|_| keep.next() == Some(true));
        self.some_left(part)?;

        let names = part.files.iter().map(|(file, _)| file.name().into_owned());
        let Some(side) = options.patch else {
            let images = Images::new(pictures.into_pixels(), self.shape)?;
            return Ok((images.with_names(names.collect())?, None));
        };
        let (mut of, mut patch_names) = (Vec::new(), Vec::new());
        for ((picture, name), size) in (0..).zip(names).zip(pictures.sizes()) {
            let grid = patches::grid(size, side);
            of.extend(std::iter::repeat_n(picture, grid[0] * grid[1]));
            patch_names.extend(patches::names(&name, grid, side));
        }
        let pixels = patches::cut_all(self.place, &pictures, self.shape)?;
        let images = Images::new(pixels, self.shape)?.with_names(patch_names)?;
        let crops = Crops {
            pictures: Arc::new(pictures),
            of,
            each: options.crops,
            flip: options.flip,
        };
        Ok((images, Some(crops)))
    }

    /// What is good; the rest is an error where the options are strict, and is noted otherwise.
    fn sort_out<T>(
        &self,
        part: &mut Part,
        results: Vec<Result<T, DataError>>,
    ) -> Result<Vec<Option<T>>, DataError> {
        let mut good = Vec::with_capacity(results.len());
        for result in results {
            match result {
                Ok(value) => good.push(Some(value)),
                Err(error) if self.options.strict => return Err(error),
                Err(error) => {
                    part.skipped.push(error.to_string());
                    good.push(None);
                }
            }
        }
        Ok(good)
    }

    fn some_left(&self, part: &Part) -> Result<(), DataError> {
        if !part.files.is_empty() {
            return Ok(());
        }
        let first = part.skipped.first();
        Err(none_readable(self.place, part.what, part.count, first))
    }

    /// The warning about pictures that were made as large as a patch, where there are any.
    fn padded<'f>(&self, files: impl Iterator<Item = &'f (File, Header)>) -> Option<Warning> {
        let patch = self.options.patch?;
        let mut small = files.filter(|(_, header)| header.size.iter().any(|&side| side < patch));
        let (first, header) = small.next()?;
        Some(Warning::Padded {
            count: 1 + small.count(),
            first: first.place(),
            size: header.size,
            patch,
        })
    }
}

fn none_readable(
    place: &str,
    what: &'static str,
    count: usize,
    first: Option<impl ToString>,
) -> DataError {
    DataError::NoneReadable {
        dir: place.to_string(),
        what,
        count,
        first: first.map_or_else(String::new, |first| first.to_string()),
    }
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
