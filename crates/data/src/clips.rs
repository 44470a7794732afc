//! Clips: images that are so many frames of a video each, from top to bottom, and where they come from.

use std::sync::Arc;

use crate::split::{Split, split};
use crate::{DataError, Images};

/// Where the clips of a set come from. Clip by clip, in the order of the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clips {
    /// Frames of a clip.
    pub(crate) frames: usize,
    /// The videos' names.
    pub(crate) videos: Arc<Vec<String>>,
    /// The place of a clip's video among the names.
    pub(crate) of: Vec<u32>,
    /// The first frame of a clip, counted from 0 in its video.
    pub(crate) first: Vec<u32>,
    /// What is on one side of a split: a clip's video, or its part in time of the only one.
    pub(crate) group: Vec<u32>,
    /// Whether validation takes the last groups and not random ones, because all are of one video.
    pub(crate) in_time: bool,
}

impl Clips {
    /// Frames of a clip.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The video of a clip and the clip's first frame there, counted from 0; `None` past the end.
    pub fn place(&self, clip: usize) -> Option<(&str, usize)> {
        let video = self.videos.get(*self.of.get(clip)? as usize)?;
        Some((video, *self.first.get(clip)? as usize))
    }

    /// Whether all are of one video, of which validation takes the last parts in time.
    pub fn is_one_video(&self) -> bool {
        self.in_time
    }

    /// Keeps the first `count`.
    pub(crate) fn truncate(&mut self, count: usize) {
        for list in [&mut self.of, &mut self.first, &mut self.group] {
            list.truncate(count);
        }
    }

    /// Those at these places.
    pub(crate) fn select(&self, indices: &[u32]) -> Self {
        let of = |list: &[u32]| -> Vec<u32> {
            let each = indices.iter().map(|&index| list.get(index as usize));
            each.flatten().copied().collect()
        };
        Self {
            of: of(&self.of),
            first: of(&self.first),
            group: of(&self.group),
            ..self.clone()
        }
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.runs().len()
    }

    fn runs(&self) -> Vec<std::ops::Range<u32>> {
        let mut end = 0;
        let runs = self.group.chunk_by(|one, other| one == other);
        runs.map(|run| {
            let start = end;
            end += run.len() as u32;
            start..end
        })
        .collect()
    }

    /// Draws so many groups for validation with `seed`; of one video the last in time, and no training clip shares a
    /// frame with them.
    ///
    /// # Errors
    ///
    /// [`DataError::Split`] unless there are more groups.
    pub(crate) fn split(&self, validation: usize, seed: u64) -> Result<Split, DataError> {
        let runs = self.runs();
        if self.in_time {
            let error = DataError::Split {
                count: runs.len(),
                validation,
            };
            let kept = runs.len().checked_sub(validation).filter(|&kept| kept > 0);
            let kept = kept.ok_or(error)?;
            let start = runs
                .get(kept)
                .map_or(self.of.len(), |run| run.start as usize);
            let border = self.first.get(start).copied().unwrap_or(u32::MAX);
            let ends_before = |clip: &u32| {
                let first = self.first.get(*clip as usize).copied().unwrap_or_default();
                (first as usize).saturating_add(self.frames) <= border as usize
            };
            return Ok(Split {
                train: (0..start as u32).filter(ends_before).collect(),
                validation: (start as u32..self.of.len() as u32).collect(),
            });
        }
        let groups = split(runs.len(), validation, seed)?;
        let clips = |groups: &[u32]| -> Vec<u32> {
            let each = groups.iter().filter_map(|&group| runs.get(group as usize));
            each.cloned().flatten().collect()
        };
        Ok(Split {
            train: clips(&groups.train),
            validation: clips(&groups.validation),
        })
    }
}

impl Images {
    /// Frames that each image has from top to bottom: those of a clip, or 1.
    pub fn frames(&self) -> usize {
        self.clips().map_or(1, Clips::frames)
    }
}
