//! The error of each frame of videos: where a model does not follow, and with a model of usual videos where something
//! unusual happens.

use std::collections::BTreeMap;

use data::{Batches, Clips};
use model::Autoencoder;
use serde::Serialize;

use crate::batched::{self, BATCH, values};
use crate::error::Result;
use crate::measure::restoration;
use crate::memory;
use crate::streams::Stream;

/// The error of one frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameError {
    /// The name of its video: that of the file or folder.
    pub video: String,
    /// Its number there, counted from 0.
    pub frame: usize,
    /// Mean squared error per value, of values from 0 to 1, mean over the clips that hold the frame.
    pub mse: f64,
    /// How many clips hold it.
    pub clips: usize,
}

/// The errors of all frames of the clips of `batches`, video by video in the order of the clips, each in the order of its
/// frames. Frames that are in no clip are left out. A denoising model gets the clips corrupted, as in an evaluation with
/// this seed. `None` if the images are no clips.
///
/// # Errors
/// If the device does not return its values.
pub fn by_frame(
    model: &Autoencoder,
    batches: &Batches,
    clips: Option<&Clips>,
    seed: u64,
) -> Result<Option<Vec<FrameError>>> {
    let Some(clips) = clips else {
        return Ok(None);
    };
    let all: Vec<u32> = (0..batches.len() as u32).collect();
    memory::check_batch(model, all.len().min(BATCH))?;
    let [channels, height, width] = batches.shape();
    let frames = clips.frames();
    let plane = height / frames.max(1) * width;
    let mut sums = Sums::default();
    let mut number = 0;
    batched::each(batches, &all, |chunk, clean| -> Result<()> {
        let seed = Stream::Evaluation.seed(seed, number);
        number += 1;
        let degraded = restoration::corrupt(model, clean.clone(), seed)?;
        let targets = values(clean)?;
        let restored = values(model.forward(degraded.input))?;
        let size = channels * frames * plane;
        let each = targets.chunks_exact(size).zip(restored.chunks_exact(size));
        for (&clip, (target, restored)) in chunk.iter().zip(each) {
            let mut errors = vec![0.0; frames];
            let planes = target.chunks_exact(plane).zip(restored.chunks_exact(plane));
            // Planes are those of all frames for each channel.
            for (place, (target, restored)) in planes.enumerate() {
                let pairs = target.iter().zip(restored);
                let squares = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                if let Some(error) = errors.get_mut(place % frames) {
                    *error += squares.sum::<f64>() / (channels * plane) as f64;
                }
            }
            sums.add(clips, clip as usize, &errors);
        }
        Ok(())
    })?;
    Ok(Some(sums.finish()))
}

/// For each frame of a video the sum of its errors, and how many there are.
type Frames = BTreeMap<usize, (f64, usize)>;

/// Errors summed by frame, in the order of the videos.
#[derive(Default)]
struct Sums {
    videos: Vec<(String, Frames)>,
}

impl Sums {
    /// Adds the errors of the frames of a clip.
    fn add(&mut self, clips: &Clips, clip: usize, errors: &[f64]) {
        let Some((video, first)) = clips.place(clip) else {
            return;
        };
        // Clips come video by video.
        if self.videos.last().is_none_or(|(name, _)| name != video) {
            self.videos.push((video.to_owned(), BTreeMap::new()));
        }
        if let Some((_, frames)) = self.videos.last_mut() {
            for (place, error) in errors.iter().enumerate() {
                let (sum, count) = frames.entry(first + place).or_default();
                *sum += error;
                *count += 1;
            }
        }
    }

    fn finish(self) -> Vec<FrameError> {
        let each = self.videos.into_iter().flat_map(|(video, frames)| {
            frames
                .into_iter()
                .map(move |(frame, (sum, clips))| FrameError {
                    video: video.clone(),
                    frame,
                    mse: sum / clips as f64,
                    clips,
                })
        });
        each.collect()
    }
}
