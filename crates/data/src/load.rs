//! Loads picture files in parallel into images of one shape.
//!
//! Headers are read first, so that incompatible sizes are rejected and memory is allocated before any
//! picture is decoded.

use std::sync::Arc;

use rayon::prelude::*;

use crate::crops::Crops;
use crate::images::{Found, PictureOptions};
use crate::picture::{File, Header};
use crate::whole::Whole;
use crate::{DataError, ImageShape, Images, Warning, patches};

/// The training and the test part, with warnings about single files.
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

/// How the files of one set are read.
struct Loader<'a> {
    place: &'a str,
    options: &'a PictureOptions,
    shape: ImageShape,
}

/// The files of one part.
struct Part {
    what: &'static str,
    /// Number of listed files.
    count: usize,
    /// Files that are readable as far as known.
    files: Vec<(File, Header)>,
    /// The errors of the other files.
    skipped: Vec<String>,
}

impl Loader<'_> {
    /// Reads the headers in parallel.
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

    /// Decodes the pictures in parallel. Bad ones are removed from the part. With patches, also returns
    /// the source of random crops.
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
                    reason: "its size changed while it was being read".to_string(),
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

    /// The good files; the others are an error if the options are strict, else a warning.
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
        Err(DataError::none_readable(
            self.place, part.what, part.count, first,
        ))
    }

    /// The warning about pictures that were extended to the size of a patch, if there are any.
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
