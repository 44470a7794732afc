//! Loads picture files in parallel into images of one shape.
//!
//! Headers are read first, so that incompatible sizes are rejected and memory is allocated before any
//! picture is decoded. Sets that are too large for memory go through the [cache](crate::cache).

use std::sync::Arc;

use rayon::prelude::*;

use crate::buffer::Buffer;
use crate::cache::{Cached, Files};
use crate::crops::Crops;
use crate::error::check_plausible;
use crate::images::{self, Found, PictureOptions};
use crate::picture::{Conversion, File, Header};
use crate::preparation::{Aspect, Preparation, Rule, WHITE};
use crate::value::Value;
use crate::whole::{Room, Whole};
use crate::{DataError, ImageShape, Images, Warning, patches};

/// How much an aspect ratio may change before it is told: what nobody sees.
const SAME_ASPECT: f64 = 1.05;

/// A set of pictures.
pub(crate) struct Loaded {
    pub train: Images,
    pub test: Images,
    /// Whether each training picture lies in a folder for validation; empty if there is no such folder.
    pub held: Vec<bool>,
    /// The group of each training picture; empty without groups.
    pub groups: Vec<u32>,
    /// How its pictures were prepared.
    pub preparation: Preparation,
    /// Warnings about single files, after those about the set.
    pub warnings: Vec<Warning>,
}

/// The training and the test part, with so many channels; by default as many as the options and the files say.
pub(crate) fn load(
    place: &str,
    found: Found,
    options: &PictureOptions,
    channels: Option<usize>,
) -> Result<Loaded, DataError> {
    let mut planned = plan(place, found, options, channels)?;
    let loader = &mut planned.loader;
    let Read {
        parts,
        images,
        white,
        remade,
    } = loader.read(planned.files, planned.is_cached)?;
    let (mut parts, mut images) = (parts.into_iter(), images.into_iter());
    let (Some(train), Some(test), Some((train_images, crops)), Some((test_images, _))) =
        (parts.next(), parts.next(), images.next(), images.next())
    else {
        // There are as many as files were given.
        return Err(DataError::EmptyBatch);
    };
    let train_images = match crops {
        Some(crops) => train_images.with_crops(crops),
        None => train_images,
    };
    let all = || train.files.iter().chain(&test.files);
    let set = [
        remade,
        loader.mixed(all()),
        loader.reshaped(all()),
        white,
        loader.padded(all()),
    ];
    let mut warnings: Vec<Warning> = set.into_iter().flatten().collect();
    let mut held: Vec<bool> = train.files.iter().map(|(file, _)| file.is_held()).collect();
    if !held.contains(&true) {
        held.clear();
    }
    let names: Vec<_> = train.files.iter().map(|(file, _)| file.name()).collect();
    let names = || names.iter().map(AsRef::as_ref);
    let groups = (options.group).map_or_else(Vec::new, |group| group.of(names()));
    let skipped = train.skipped.into_iter().chain(test.skipped);
    warnings.extend(skipped.map(|reason| Warning::Skipped { reason }));
    Ok(Loaded {
        train: train_images,
        test: test_images,
        held,
        groups,
        preparation: loader.preparation(),
        warnings,
    })
}

/// What is read of a set, before any picture is.
pub(crate) struct Planned<'a> {
    pub loader: Loader<'a>,
    /// Those of the training and of the test part.
    pub files: Vec<Files>,
    /// Whether the pictures go through the cache.
    pub is_cached: bool,
}

/// What [`load`] reads, with so many channels; by default as many as the options and the files say.
pub(crate) fn plan<'a>(
    place: &'a str,
    found: Found,
    options: &'a PictureOptions,
    channels: Option<usize>,
) -> Result<Planned<'a>, DataError> {
    options.check()?;
    let (first, header) = options.first(place, &found)?;
    let channels = channels.unwrap_or_else(|| options.channels_of(header, &found));
    let [_, bytes] = images::extent(place, &found, options, channels)?;
    let [train, test] = options.split(place, found)?;
    let shape = options.shape(header, channels);
    let alike = options.size.is_some() || options.patch.is_some();
    let loader = Loader {
        alike: (!alike).then_some((first, header.size)),
        ..Loader::new(place, options, shape)
    };
    Ok(Planned {
        loader,
        files: vec![("training pictures", train), ("test pictures", test)],
        is_cached: options.is_cached(bytes),
    })
}

/// Pictures that are not split, prepared as `options` say, with warnings.
pub(crate) fn prepared(
    place: &str,
    files: Vec<File>,
    options: &PictureOptions,
) -> Result<(Images, Vec<Warning>), DataError> {
    options.check()?;
    let side = options.patch.map(|side| [side, side]);
    let [height, width] = options.size.or(side).unwrap_or([1, 1]);
    let shape = [options.channels.unwrap_or(3), height, width];
    let found = Found::Together(files);
    let [_, bytes] = images::extent(place, &found, options, shape[0])?;
    let (Found::Together(files) | Found::Apart { train: files, .. }) = found;
    let mut loader = Loader::new(place, options, shape);
    let Read {
        parts,
        images,
        white,
        remade,
    } = loader.read(vec![("pictures", files)], options.is_cached(bytes))?;
    let all = || parts.iter().flat_map(|part| &part.files);
    let set = [remade, loader.reshaped(all()), white, loader.padded(all())];
    let mut warnings: Vec<Warning> = set.into_iter().flatten().collect();
    let skipped = parts.into_iter().flat_map(|part| part.skipped);
    warnings.extend(skipped.map(|reason| Warning::Skipped { reason }));
    let images = images.into_iter().next().map(|(images, _)| images);
    let images = images.map_or_else(|| Images::new(Vec::new(), shape), Ok)?;
    Ok((images, warnings))
}

/// The headers of files, which are read in parallel.
pub(crate) fn headers(files: &[File]) -> Vec<Result<Header, DataError>> {
    files.par_iter().map(File::header).collect()
}

/// The images of a part, and their source of random crops.
pub(crate) type ImagesOf = (Images, Option<Crops>);

/// What was read of a set.
struct Read {
    parts: Vec<Part>,
    images: Vec<ImagesOf>,
    /// The warning about what is white.
    white: Option<Warning>,
    /// The warning about a cache that was made anew.
    remade: Option<Warning>,
}

/// How the files of one set are read.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    pub place: &'a str,
    pub options: &'a PictureOptions,
    pub shape: ImageShape,
    /// The first picture and its size, if all must have this size.
    alike: Option<(String, [usize; 2])>,
    /// The value of files with 16 bits that becomes white.
    pub white: u16,
}

/// The files of one part.
pub(crate) struct Part {
    what: &'static str,
    /// Number of listed files.
    count: usize,
    /// Files that are readable as far as known.
    pub files: Vec<(File, Header)>,
    /// The errors of the other files.
    pub skipped: Vec<String>,
}

impl Part {
    /// One of so many files, none of which is read yet.
    pub fn new(what: &'static str, count: usize) -> Self {
        Self {
            what,
            count,
            files: Vec::new(),
            skipped: Vec::new(),
        }
    }
}

/// Whether any of these pictures has 16 bits, so that all have.
pub(crate) fn is_deep(parts: &[Part]) -> bool {
    let mut all = parts.iter().flat_map(|part| &part.files);
    all.any(|(_, header)| header.deep)
}

impl<'a> Loader<'a> {
    fn new(place: &'a str, options: &'a PictureOptions, shape: ImageShape) -> Self {
        Self {
            place,
            options,
            shape,
            alike: None,
            white: options.white.unwrap_or(WHITE),
        }
    }

    /// Reads the pictures of these files into memory, or through the cache.
    fn read(&mut self, files: Vec<Files>, is_cached: bool) -> Result<Read, DataError> {
        if is_cached {
            let Cached {
                parts,
                images,
                peaks,
                remade,
            } = self.cached(&files)?;
            *self = self.with_white(&peaks);
            return Ok(Read {
                parts,
                images,
                white: self.about_white(&peaks),
                remade,
            });
        }
        let parts = files.into_iter().map(|(what, files)| {
            let headers = headers(&files);
            self.part(what, files, headers)
        });
        let mut parts = parts.collect::<Result<Vec<Part>, _>>()?;
        self.check_sizes(&parts)?;
        let peaks = self.peaks(parts.iter().flat_map(|part| &part.files));
        *self = self.with_white(&peaks);
        let images = match is_deep(&parts) {
            true => self.decoded::<u16>(&mut parts)?,
            false => self.decoded::<u8>(&mut parts)?,
        };
        Ok(Read {
            images,
            parts,
            white: self.about_white(&peaks),
            remade: None,
        })
    }

    /// The images of each part, decoded into memory.
    fn decoded<T: Value>(&self, parts: &mut [Part]) -> Result<Vec<ImagesOf>, DataError> {
        let each = parts.iter_mut().map(|part| {
            let pictures = self.decode::<T>(part)?;
            self.images(part, pictures, |pictures, _| {
                let pixels = patches::cut_all(self.place, pictures, self.shape)?;
                Ok(pixels.into())
            })
        });
        each.collect()
    }

    /// What this loader does to every picture.
    fn preparation(&self) -> Preparation {
        let [channels, height, width] = self.shape;
        let (rule, aspect) = match (self.options.patch, self.options.size) {
            (Some(_), _) => (Rule::Patches, Aspect::default()),
            (None, Some(_)) => (Rule::Resized, self.options.aspect),
            // Nobody asked for pictures to be squeezed.
            (None, None) => (Rule::AsIs, Aspect::Crop),
        };
        Preparation {
            rule,
            size: [height, width],
            aspect,
            channels,
            white: self.white,
            clips: None,
        }
    }

    /// The files of a part whose headers could be read.
    pub fn part(
        &self,
        what: &'static str,
        files: Vec<File>,
        headers: Vec<Result<Header, DataError>>,
    ) -> Result<Part, DataError> {
        let mut part = Part::new(what, files.len());
        let headers = self.sort_out(&mut part, headers)?;
        let files = files.into_iter().zip(headers);
        part.files = files
            .filter_map(|(file, header)| Some((file, header?)))
            .collect();
        self.some_left(&part)?;
        Ok(part)
    }

    /// Fails for the first picture that differs in size from the others, where nothing makes them equal.
    pub fn check_sizes(&self, parts: &[Part]) -> Result<(), DataError> {
        let Some((first, size)) = &self.alike else {
            return Ok(());
        };
        let mut all = parts.iter().flat_map(|part| &part.files);
        match all.find(|(_, header)| header.size != *size) {
            None => Ok(()),
            Some((other, found)) => Err(DataError::MixedSizes {
                first: first.clone(),
                first_size: *size,
                other: other.place(),
                other_size: found.size,
            }),
        }
    }

    /// Fails for pictures that announce far more values than their files can hold.
    pub fn check_plausible(&self, part: &Part) -> Result<(), DataError> {
        if self.options.size.is_some() {
            return Ok(());
        }
        // As they are, and once more as patches.
        let copies = if self.options.patch.is_some() { 2 } else { 1 };
        let sizes = part.files.iter().map(|(_, header)| self.size_of(header));
        let values = sizes.map(|[rows, columns]| (self.shape[0] * rows * columns) as u64);
        let bytes = part.files.iter().map(|(_, header)| header.bytes).sum();
        check_plausible(self.place, copies * values.sum::<u64>(), bytes)
    }

    /// Height and width of a picture with this header, resized or extended to the size of a patch.
    pub fn size_of(&self, header: &Header) -> [usize; 2] {
        let least = self.options.patch.unwrap_or(1);
        let size = self.options.size.unwrap_or(header.size);
        size.map(|side| side.max(least))
    }

    /// How the pixels of its files are converted.
    pub fn conversion(&self) -> Conversion {
        Conversion {
            channels: self.shape[0],
            size: self.options.size,
            aspect: self.options.aspect,
            white: self.white,
        }
    }

    /// Decodes a picture into its place.
    fn put<T: Value>(
        &self,
        mut room: Room<'_, T>,
        file: &File,
        header: &Header,
        conversion: &Conversion,
    ) -> Result<(), DataError> {
        let pixels: Vec<T> = file.pixels(conversion)?;
        if room.put(&pixels, self.options.size.unwrap_or(header.size)) {
            return Ok(());
        }
        Err(DataError::Picture {
            file: file.place(),
            reason: "its size changed while it was being read".to_string(),
        })
    }

    /// The pixels of a picture, extended to the size of a patch.
    pub fn padded_pixels<T: Value>(
        &self,
        file: &File,
        header: &Header,
        conversion: &Conversion,
    ) -> Result<Vec<T>, DataError> {
        let size = self.size_of(header);
        let mut pixels = vec![T::default(); self.shape[0] * size[0] * size[1]];
        self.put(Room::new(&mut pixels, size), file, header, conversion)?;
        Ok(pixels)
    }

    /// Decodes the pictures in parallel. Bad ones are removed from the part.
    fn decode<T: Value>(&self, part: &mut Part) -> Result<Whole<T>, DataError> {
        let channels = self.shape[0];
        let sizes = (part.files.iter()).map(|(_, header)| self.size_of(header));
        self.check_plausible(part)?;
        let mut pictures = Whole::new(self.place, channels, sizes)?;
        let conversion = self.conversion();
        let decoded: Vec<_> = (pictures.rooms().into_par_iter())
            .zip(&part.files)
            .map(|(room, (file, header))| self.put(room, file, header, &conversion))
            .collect();
        let good = self.sort_out(part, decoded)?;
        let keep: Vec<bool> = good.iter().map(Option::is_some).collect();
        pictures.retain(&keep);
        let mut keep = keep.into_iter();
        part.files.retain(|_| keep.next() == Some(true));
        self.some_left(part)?;
        Ok(pictures)
    }

    /// The images of a part. With patches, also returns the source of random crops; `grid` cuts the patches of a grid of this
    /// side.
    pub fn images<T: Value>(
        &self,
        part: &Part,
        pictures: Whole<T>,
        grid: impl FnOnce(&Whole<T>, usize) -> Result<Buffer<T>, DataError>,
    ) -> Result<ImagesOf, DataError> {
        let options = self.options;
        let names = part.files.iter().map(|(file, _)| file.name().into_owned());
        let Some(side) = options.patch else {
            let images = Images::of(T::values(pictures.into_pixels()), self.shape)?;
            let images = images.with_names(names.collect())?;
            let every = part.files.iter().map(|(file, _)| file);
            return Ok((labelled(images, every)?, None));
        };
        let (mut of, mut patch_names) = (Vec::new(), Vec::new());
        for ((picture, name), size) in (0..).zip(names).zip(pictures.sizes()) {
            let [rows, columns] = patches::grid(size, side);
            of.extend(std::iter::repeat_n(picture, rows * columns));
            patch_names.extend(patches::names(&name, [rows, columns], side));
        }
        let pixels = grid(&pictures, side)?;
        let images = Images::of(T::values(pixels), self.shape)?.with_names(patch_names)?;
        let every = part.files.iter().map(|(file, _)| file);
        let every: Vec<&File> = every.collect();
        let picture = |&index: &u32| every.get(index as usize).copied();
        let of_each = of.iter().filter_map(picture);
        let images = labelled(images, of_each)?;
        let crops = Crops {
            pictures: Arc::new(T::pictures(pictures)),
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

    pub fn some_left(&self, part: &Part) -> Result<(), DataError> {
        if !part.files.is_empty() {
            return Ok(());
        }
        let first = part.skipped.first();
        Err(DataError::none_readable(
            self.place, part.what, part.count, first,
        ))
    }

    /// The warning about grey pictures among those with colour.
    fn mixed<'f>(&self, files: impl Iterator<Item = &'f (File, Header)>) -> Option<Warning> {
        if self.options.channels.is_some() || self.shape[0] != 3 {
            return None;
        }
        let files: Vec<_> = files.collect();
        let mut grey = files.iter().filter(|(_, header)| header.channels == 1);
        let (first, _) = grey.next()?;
        let grey = 1 + grey.count();
        // All of those that were drawn may be grey.
        (grey < files.len()).then(|| Warning::MixedColours {
            grey,
            of: files.len(),
            first: first.place(),
        })
    }

    /// The warning about pictures whose aspect ratio changes.
    fn reshaped<'f>(&self, files: impl Iterator<Item = &'f (File, Header)>) -> Option<Warning> {
        let wanted = self.options.size?;
        let ratio = |[height, width]: [usize; 2]| width as f64 / height.max(1) as f64;
        let changes = |header: &Header| {
            let change = ratio(header.size) / ratio(wanted);
            change.max(1.0 / change) > SAME_ASPECT
        };
        let (mut of, mut count, mut first) = (0, 0, None);
        for (file, header) in files {
            of += 1;
            if changes(header) {
                count += 1;
                first.get_or_insert((file, header.size));
            }
        }
        first.map(|(file, size)| Warning::Reshaped {
            count,
            of,
            first: file.place(),
            size,
            wanted,
            aspect: self.options.aspect,
        })
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

/// Images with the labels and the names of the classes of their files, if all have them.
fn labelled<'f>(
    images: Images,
    files: impl Iterator<Item = &'f File>,
) -> Result<Images, DataError> {
    let mut classes = None;
    let label = |file: &'f File| {
        let listed = file.listed()?;
        classes.get_or_insert(&listed.classes);
        listed.label
    };
    let labels: Option<Vec<u8>> = files.map(label).collect();
    match (labels, classes) {
        (Some(labels), Some(classes)) => {
            let classes = Arc::clone(classes);
            Ok(images.with_labels(labels)?.with_classes(classes))
        }
        _ => Ok(images),
    }
}
