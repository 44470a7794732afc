//! Videos as a data set: each is cut into clips of so many frames, and a clip is an image, its frames from top to
//! bottom. Whole videos are set aside for testing.

mod animation;
mod array;
mod listing;
mod natural;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::clips::Clips;
use crate::error::{check_plausible, dims};
use crate::load::Loaded;
use crate::picture::{self, Conversion};
use crate::preparation::{Aspect, Cut, Preparation, Rule, WHITE};
use crate::split::{sample, shuffle};
use crate::whole::zeros;
use crate::{DataError, ImageShape, Images, Limit, TestPart, Warning};

use listing::Found;
use source::{Header, Video};

/// The most frames of a clip. Clips of more have no network that computes in a reasonable time.
pub const MOST_FRAMES: usize = 1024;

/// Parts in time of the only video of a training, of which validation takes the last.
const PARTS: usize = 10;

/// How videos become clips of one shape, and which are for testing.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoOptions {
    /// Frames of a clip.
    pub frames: usize,
    /// Frames from the start of one clip to that of the next.
    pub stride: usize,
    /// Height and width to resize every frame to.
    pub size: Option<[usize; 2]>,
    /// What is done to a frame of another aspect ratio than that of `size`.
    pub aspect: Aspect,
    /// 1 (grey) or 3 (red, green, blue); by default 3 if any video has colour.
    pub channels: Option<usize>,
    /// Training videos to draw at random; by default all are used.
    pub limit: Option<Limit>,
    /// Which videos are for testing, by the name of their file or folder; if there are folders `train` and `test`, these
    /// are used.
    pub test: TestPart,
    /// Whether a video that cannot be read is an error; otherwise it is skipped with a warning.
    pub strict: bool,
    /// Draws the test videos.
    pub seed: u64,
}

/// A video and what its header says.
struct Opened {
    video: Video,
    header: Header,
}

/// Videos of one part, and the frames of each that are used.
struct Part {
    videos: Vec<(Opened, std::ops::Range<usize>)>,
    /// Whether they are the only video, and split in time.
    in_time: bool,
}

/// The shape of the clips, from the headers.
pub(crate) fn shape(dir: &Path, options: &VideoOptions) -> Result<ImageShape, DataError> {
    options.check()?;
    let (found, _) = listing::find(dir)?;
    let mut skipped = Vec::new();
    let opened = options.open(found.videos(), &mut skipped)?;
    options.shape_of(dir, &opened, &skipped)
}

/// The number of all clips, and their bytes with so many channels.
pub(crate) fn extent(
    dir: &Path,
    options: &VideoOptions,
    channels: usize,
) -> Result<[u64; 2], DataError> {
    options.check()?;
    let (found, _) = listing::find(dir)?;
    let mut skipped = Vec::new();
    let opened = options.open(found.videos(), &mut skipped)?;
    let [_, rows, columns] = options.shape_of(dir, &opened, &skipped)?;
    let clips: usize = opened
        .iter()
        .map(|it| options.clips(it.header.frames))
        .sum();
    let each = (channels as u64).saturating_mul((rows * columns) as u64);
    Ok([clips as u64, each.saturating_mul(clips as u64)])
}

/// The training and the test clips, with so many channels; by default as many as the options and the files say.
pub(crate) fn load(
    dir: &Path,
    options: &VideoOptions,
    channels: Option<usize>,
) -> Result<Loaded, DataError> {
    options.check()?;
    let (found, mut warnings) = listing::find(dir)?;
    let place = dir.display().to_string();
    let mut skipped = Vec::new();
    let (together, apart) = match found {
        Found::Together(videos) => (options.open(&videos, &mut skipped)?, None),
        Found::Apart { train, test } => (
            options.open(&train, &mut skipped)?,
            Some(options.open(&test, &mut skipped)?),
        ),
    };
    let all: Vec<&Opened> = together.iter().chain(apart.iter().flatten()).collect();
    let shape = options.shape_of_all(&place, &all, &skipped)?;
    let shape = [channels.unwrap_or(shape[0]), shape[1], shape[2]];
    warnings.extend(all.iter().filter_map(|it| it.video.gaps()));
    let count = all.len();
    let mut short = Vec::new();
    let together = options.long_enough(together, &mut short);
    let apart = apart.map(|test| options.long_enough(test, &mut short));
    warnings.extend(options.left_out(&short, count));
    let [train, test] = match apart {
        Some(test) => [options.whole(together), options.whole(test)],
        None => options.split(&place, together, &mut warnings)?,
    };
    let train = options.limited(train);
    let (train, more) = options.read(&place, "training videos", shape, train)?;
    skipped.extend(more);
    let (test, more) = options.read(&place, "test videos", shape, test)?;
    skipped.extend(more);
    warnings.extend(
        skipped
            .into_iter()
            .map(|reason| Warning::Skipped { reason }),
    );
    Ok(Loaded {
        train,
        test,
        held: Vec::new(),
        groups: Vec::new(),
        preparation: options.preparation(shape),
        warnings,
    })
}

impl Preparation {
    /// Reads the clips of a video, or of all videos of a folder, as a run's training read its own; of a folder with
    /// folders `train` and `test` one of the two. Not for a run of pictures, which has no clips.
    ///
    /// # Errors
    ///
    /// As [`Source::load`](crate::Source::load).
    pub fn read_clips(
        &self,
        path: &Path,
        cut: Cut,
        training: bool,
        strict: bool,
    ) -> Result<(Images, Vec<Warning>), DataError> {
        let options = VideoOptions {
            frames: cut.frames,
            stride: cut.stride,
            size: Some(self.size),
            aspect: self.aspect,
            channels: Some(self.channels),
            limit: None,
            test: TestPart::Share(0.1),
            strict,
            seed: 0,
        };
        options.check()?;
        let place = path.display().to_string();
        let (found, mut warnings) = listing::find(path)?;
        let videos = match found {
            Found::Together(videos) => videos,
            Found::Apart { train, .. } if training => train,
            Found::Apart { test, .. } => test,
        };
        let mut skipped = Vec::new();
        let opened = options.open(&videos, &mut skipped)?;
        let refs: Vec<&Opened> = opened.iter().collect();
        let shape = options.shape_of_all(&place, &refs, &skipped)?;
        warnings.extend(opened.iter().filter_map(|it| it.video.gaps()));
        let (count, mut short) = (opened.len(), Vec::new());
        let opened = options.long_enough(opened, &mut short);
        warnings.extend(options.left_out(&short, count));
        let (images, more) = options.read(&place, "videos", shape, options.whole(opened))?;
        skipped.extend(more);
        warnings.extend(
            skipped
                .into_iter()
                .map(|reason| Warning::Skipped { reason }),
        );
        Ok((images, warnings))
    }
}

impl VideoOptions {
    fn check(&self) -> Result<(), DataError> {
        for (option, found, least) in [("frames", self.frames, 2), ("stride", self.stride, 1)] {
            if !(least..=MOST_FRAMES).contains(&found) {
                return Err(DataError::Option {
                    option,
                    found: found.to_string(),
                    allowed: format!("{least} to {MOST_FRAMES}"),
                });
            }
        }
        if let Some([height, width]) = self.size {
            picture::check_side("size", height)?;
            picture::check_side("size", width)?;
        }
        self.channels.map_or(Ok(()), picture::check_colours)
    }

    /// Reads the headers in parallel. Videos that cannot be read are skipped, unless the options are strict.
    fn open<'v>(
        &self,
        videos: impl IntoParallelIterator<Item = &'v Video>,
        skipped: &mut Vec<String>,
    ) -> Result<Vec<Opened>, DataError> {
        let headers: Vec<_> = (videos.into_par_iter())
            .map(|video| (video, video.open()))
            .collect();
        let mut opened = Vec::with_capacity(headers.len());
        for (video, header) in headers {
            match header {
                Ok(header) => opened.push(Opened {
                    video: video.clone(),
                    header,
                }),
                Err(error) if self.strict => return Err(error),
                Err(error) => skipped.push(error.to_string()),
            }
        }
        Ok(opened)
    }

    fn shape_of(
        &self,
        dir: &Path,
        opened: &[Opened],
        skipped: &[String],
    ) -> Result<ImageShape, DataError> {
        let all: Vec<&Opened> = opened.iter().collect();
        self.shape_of_all(&dir.display().to_string(), &all, skipped)
    }

    /// The shape of the clips, of videos of one size unless they are resized.
    fn shape_of_all(
        &self,
        place: &str,
        opened: &[&Opened],
        skipped: &[String],
    ) -> Result<ImageShape, DataError> {
        let Some(first) = opened.first() else {
            let none = DataError::none_readable(place, "videos", skipped.len(), skipped.first());
            return Err(none);
        };
        let size = match self.size {
            Some(size) => size,
            None => {
                let size = first.header.size;
                if let Some(other) = opened.iter().find(|it| it.header.size != size) {
                    return Err(DataError::Video {
                        file: other.video.place(),
                        reason: format!(
                            "found frames of {}; allowed: {} (height x width), as in {}; set data.size to make all equal",
                            dims(&other.header.size),
                            dims(&size),
                            first.video.place()
                        ),
                    });
                }
                size
            }
        };
        let coloured = || opened.iter().any(|it| it.header.channels == 3);
        let channels = self
            .channels
            .unwrap_or_else(|| if coloured() { 3 } else { 1 });
        Ok([channels, self.frames * size[0], size[1]])
    }

    /// Clips of so many frames.
    fn clips(&self, frames: usize) -> usize {
        match frames.checked_sub(self.frames) {
            Some(left) => left / self.stride + 1,
            None => 0,
        }
    }

    /// The videos of at least one clip; the others are added to `short`.
    fn long_enough(&self, opened: Vec<Opened>, short: &mut Vec<(String, usize)>) -> Vec<Opened> {
        let is_long = |it: &Opened| {
            let frames = it.header.frames;
            if frames < self.frames {
                short.push((it.video.place(), frames));
            }
            frames >= self.frames
        };
        opened.into_iter().filter(is_long).collect()
    }

    /// The warning about videos that are too short for a clip.
    fn left_out(&self, short: &[(String, usize)], of: usize) -> Option<Warning> {
        let (first, found) = short.first()?;
        Some(Warning::Short {
            count: short.len(),
            of,
            first: first.clone(),
            found: *found,
            frames: self.frames,
        })
    }

    /// All frames of videos.
    fn whole(&self, opened: Vec<Opened>) -> Part {
        let frames = |it: Opened| {
            let all = 0..it.header.frames;
            (it, all)
        };
        let videos: Vec<_> = opened.into_iter().map(frames).collect();
        Part {
            in_time: videos.len() == 1,
            videos,
        }
    }

    /// Training and test videos; of an only one, its last part in time is for testing.
    fn split(
        &self,
        place: &str,
        mut opened: Vec<Opened>,
        warnings: &mut Vec<Warning>,
    ) -> Result<[Part; 2], DataError> {
        let refuse = |found: String, allowed: String| DataError::Option {
            option: "test",
            found,
            allowed,
        };
        let count = opened.len();
        let share = match &self.test {
            TestPart::Files(names) => {
                let is_known = |name: &&String| opened.iter().any(|it| it.video.name() == **name);
                if let Some(name) = names.iter().find(|name| !is_known(name)) {
                    let allowed = format!("names of videos in {place}");
                    return Err(refuse(format!("{name:?}"), allowed));
                }
                let is_named = |it: &Opened| names.contains(&it.video.name());
                let (test, train): (Vec<_>, Vec<_>) = opened.into_iter().partition(is_named);
                if train.is_empty() || test.is_empty() {
                    let found = format!("{} of {count} videos", test.len());
                    return Err(refuse(found, "fewer than all".to_string()));
                }
                return Ok([self.whole(train), self.whole(test)]);
            }
            TestPart::Share(share) if *share > 0.0 && *share < 1.0 => *share,
            TestPart::Share(share) => {
                let allowed = "above 0 and below 1".to_string();
                return Err(refuse(share.to_string(), allowed));
            }
        };
        if count > 1 {
            let test = (count as f64 * share).round() as usize;
            shuffle(&mut opened, self.seed);
            let mut test = opened.split_off(count - test.clamp(1, count - 1));
            for part in [&mut opened, &mut test] {
                part.sort_by(|a, b| a.video.order(&b.video));
            }
            return Ok([self.whole(opened), self.whole(test)]);
        }
        let Some(only) = opened.pop() else {
            return Err(DataError::Video {
                file: place.to_string(),
                reason: format!(
                    "no video has the {} frames of a clip; use a smaller data.frames",
                    self.frames
                ),
            });
        };
        let frames = only.header.frames;
        if frames < 2 * self.frames {
            return Err(DataError::Video {
                file: only.video.place(),
                reason: format!(
                    "found {frames} frames in the only video; needs {}, for one clip to train on and one to test, or a \
                     second video",
                    2 * self.frames
                ),
            });
        }
        let tested = (frames as f64 * share).round() as usize;
        let border = frames - tested.clamp(self.frames, frames - self.frames);
        warnings.push(Warning::OneVideo {
            video: only.video.place(),
            first: border,
            last: frames - 1,
        });
        let again = Opened {
            video: only.video.clone(),
            header: only.header,
        };
        Ok([
            Part {
                videos: vec![(only, 0..border)],
                in_time: true,
            },
            Part {
                videos: vec![(again, border..frames)],
                in_time: true,
            },
        ])
    }

    /// The training videos that the limit leaves.
    fn limited(&self, mut part: Part) -> Part {
        if let Some(limit) = self.limit {
            let drawn = sample(part.videos.len(), limit.count, limit.seed);
            let mut at = 0..;
            (part.videos).retain(|_| at.next().is_some_and(|it| drawn.binary_search(&it).is_ok()));
            part.in_time = part.videos.len() == 1;
        }
        part
    }

    /// Decodes the videos of a part into clips, and what cannot be decoded.
    fn read(
        &self,
        place: &str,
        what: &'static str,
        shape: ImageShape,
        part: Part,
    ) -> Result<(Images, Vec<String>), DataError> {
        let [channels, rows, columns] = shape;
        let size = channels * rows * columns;
        let clips: Vec<usize> = (part.videos.iter())
            .map(|(_, frames)| self.clips(frames.len()))
            .collect();
        let total: usize = clips.iter().sum();
        let values = (total as u64).saturating_mul(size as u64);
        if self.size.is_none() {
            let frame = (channels * rows / self.frames * columns) as u64;
            let frames: u64 = part.videos.iter().map(|(_, it)| it.len() as u64).sum();
            let bytes = part.videos.iter().map(|(it, _)| it.header.bytes).sum();
            check_plausible(place, frames.saturating_mul(frame), bytes)?;
        }
        let mut pixels = zeros(place, dims(&[total, channels, rows, columns]), values)?;
        let conversion = Conversion {
            channels,
            size: Some([rows / self.frames, columns]),
            aspect: self.aspect,
            white: WHITE,
        };
        let mut rest = pixels.as_mut_slice();
        let mut jobs = Vec::with_capacity(part.videos.len());
        for ((opened, frames), &clips) in part.videos.iter().zip(&clips) {
            let (room, after) = rest.split_at_mut(clips * size);
            jobs.push((opened, frames.clone(), room));
            rest = after;
        }
        let decoded: Vec<Result<(), DataError>> = jobs
            .into_par_iter()
            .map(|(opened, frames, room)| {
                let put = |at: usize, frame: &[u8]| {
                    if let Some(at) = at.checked_sub(frames.start).filter(|_| at < frames.end) {
                        self.put(room, at, frame, channels);
                    }
                };
                opened.video.decode(&opened.header, &conversion, put)
            })
            .collect();
        let mut skipped = Vec::new();
        let mut kept = Kept::new(self, part.in_time);
        let (mut start, mut end) = (0, 0);
        for ((result, (opened, frames)), clips) in decoded.into_iter().zip(&part.videos).zip(clips)
        {
            let length = clips * size;
            match result {
                Ok(()) => {
                    kept.add(opened.video.name(), frames.start, clips);
                    pixels.copy_within(start..start + length, end);
                    end += length;
                }
                Err(error @ DataError::MixedFrames { .. }) => return Err(error),
                Err(error) if self.strict => return Err(error),
                Err(error) => skipped.push(error.to_string()),
            }
            start += length;
        }
        pixels.truncate(end);
        if pixels.is_empty() {
            return Err(match skipped.first() {
                None => DataError::Video {
                    file: place.to_string(),
                    reason: format!(
                        "none of the {what} has the {} frames of a clip; use a smaller data.frames",
                        self.frames
                    ),
                },
                first => DataError::none_readable(place, what, skipped.len(), first),
            });
        }
        let (names, clips) = kept.finish();
        let images = Images::new(pixels, shape)?.with_names(names)?;
        Ok((images.with_clips(clips), skipped))
    }

    /// Writes a frame, `[C, H, W]`, into all clips that hold it; `at` counts from the first frame of the first clip.
    fn put(&self, room: &mut [u8], at: usize, frame: &[u8], channels: usize) {
        let plane = frame.len() / channels.max(1);
        let clip = frame.len() * self.frames;
        // The first clip that still holds it.
        let first = (at + 1).saturating_sub(self.frames).div_ceil(self.stride);
        for number in first..=at / self.stride {
            let within = at - number * self.stride;
            let Some(clip) = room.get_mut(number * clip..(number + 1) * clip) else {
                break;
            };
            for (channel, values) in frame.chunks_exact(plane.max(1)).enumerate() {
                let start = (channel * self.frames + within) * plane;
                if let Some(to) = clip.get_mut(start..start + plane) {
                    to.copy_from_slice(values);
                }
            }
        }
    }

    /// What is done to every video.
    fn preparation(&self, [channels, rows, columns]: ImageShape) -> Preparation {
        Preparation {
            rule: match self.size {
                Some(_) => Rule::Resized,
                None => Rule::AsIs,
            },
            size: [rows / self.frames, columns],
            aspect: match self.size {
                Some(_) => self.aspect,
                None => Aspect::Crop,
            },
            channels,
            white: WHITE,
            clips: Some(Cut {
                frames: self.frames,
                stride: self.stride,
            }),
        }
    }
}

/// The clips that were decoded.
struct Kept<'a> {
    options: &'a VideoOptions,
    videos: Vec<String>,
    names: Vec<String>,
    of: Vec<u32>,
    first: Vec<u32>,
    in_time: bool,
}

impl<'a> Kept<'a> {
    fn new(options: &'a VideoOptions, in_time: bool) -> Self {
        Self {
            options,
            videos: Vec::new(),
            names: Vec::new(),
            of: Vec::new(),
            first: Vec::new(),
            in_time,
        }
    }

    /// Adds so many clips of a video, from one of its frames on.
    fn add(&mut self, video: String, start: usize, clips: usize) {
        let place = self.videos.len() as u32;
        for clip in 0..clips {
            let first = start + clip * self.options.stride;
            self.names.push(format!("{video}@{first}"));
            self.of.push(place);
            self.first.push(first as u32);
        }
        self.videos.push(video);
    }

    /// Names, and where the clips come from.
    fn finish(self) -> (Vec<String>, Clips) {
        let count = self.of.len();
        let parts = PARTS.min(count).max(1);
        let part_of = |clip: usize| (clip * parts / count.max(1)) as u32;
        let group = match self.in_time {
            true => (0..count).map(part_of).collect(),
            false => self.of.clone(),
        };
        let clips = Clips {
            frames: self.options.frames,
            videos: Arc::new(self.videos),
            of: self.of,
            first: self.first,
            group,
            in_time: self.in_time,
        };
        (self.names, clips)
    }
}

/// Whether a path is one that holds videos alone: an array of NumPy, or an animation.
pub fn is_video(path: &Path) -> bool {
    listing::video_of(path).is_some()
}

/// The short name of a set: the last part of its path.
pub(crate) fn name(dir: &Path) -> String {
    let name: PathBuf = dir.file_stem().unwrap_or(dir.as_os_str()).into();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
#[path = "video_tests.rs"]
mod tests;
