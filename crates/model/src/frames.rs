//! Frames: convolution, halving and doubling along the time of clips, around the operators for pictures.
//!
//! A clip is one picture, `[batch, C, T H, W]`, its T frames from top to bottom. Inside a network its frames are a
//! batch of their own, `[batch T, C, H, W]`, so that no operator for pictures crosses from one frame into the next.
//! A convolution over time, height and width is then one of pictures whose channels are those of a frame and its
//! neighbours: what `Conv3d` computes, by the operators that pictures have.

use burn::prelude::*;

use crate::shape::{ImageShape, SIDE};

/// What happens along time alone, of maps `[batch T, C, H, W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Each frame gets the channels of so many frames around it, black before the first and after the last: channel
    /// `C i + c` is channel c of the frame `i - count / 2` later.
    Neighbours {
        /// Frames of a window, odd.
        count: usize,
        /// Frames from one window to the next, 1 or 2.
        stride: usize,
    },
    /// The maximum of every two frames; a last one without a second stays.
    Max,
    /// The mean of every two frames; a last one without a second stays.
    Average,
    /// Every frame twice, cropped to a number.
    Repeat {
        /// Frames out.
        frames: usize,
    },
    /// A black frame after each, cropped to a number: what a transposed convolution of stride 2 is a convolution of.
    Spread {
        /// Frames out.
        frames: usize,
    },
    /// The channels of every two frames become those of one; a last one without a second is repeated.
    Unshuffle,
    /// The two halves of the channels become two frames, cropped to a number.
    Shuffle {
        /// Frames out.
        frames: usize,
    },
}

impl Time {
    /// Channels and frames out, from those in.
    pub(crate) fn output(self, channels: usize, frames: usize) -> [usize; 2] {
        match self {
            Time::Neighbours { count, stride } => {
                [channels.saturating_mul(count), frames.div_ceil(stride)]
            }
            Time::Max | Time::Average => [channels, halved(frames)],
            Time::Repeat { frames } | Time::Spread { frames } => [channels, frames],
            Time::Unshuffle => [channels.saturating_mul(SIDE), halved(frames)],
            Time::Shuffle { frames } => [channels / SIDE, frames],
        }
    }

    /// Its output for maps `[batch T, C, H, W]` of clips of `frames` frames.
    pub(crate) fn apply(self, x: Tensor<4>, frames: usize) -> Tensor<4> {
        // The operators around it leave and take maps with their channels last.
        let [all, channels, height, width] = x.dims();
        let batch = all / frames.max(1);
        let x: Tensor<5> =
            (x.permute([0, 2, 3, 1])).reshape([batch, frames, height, width, channels]);
        let x = match self {
            Time::Neighbours { count, stride } => neighbours(x, count, stride),
            Time::Max => match pairs(x) {
                (one, Some(other)) => one.max_pair(other),
                (one, None) => one,
            },
            Time::Average => match pairs(x) {
                (one, Some(other)) => (one + other) / 2.0,
                (one, None) => one,
            },
            Time::Repeat { frames } => twice(x.clone(), x, frames),
            Time::Spread { frames } => twice(x.clone(), x.zeros_like(), frames),
            Time::Unshuffle => match pairs(x) {
                (one, Some(other)) => Tensor::cat(vec![one, other], 4),
                (one, None) => Tensor::cat(vec![one.clone(), one], 4),
            },
            Time::Shuffle { frames } => {
                let half = channels / SIDE;
                twice(
                    x.clone().narrow(4, 0, half),
                    x.narrow(4, half, half),
                    frames,
                )
            }
        };
        let [batch, frames, height, width, channels] = x.dims();
        let x: Tensor<4> = x.reshape([batch * frames, height, width, channels]);
        x.permute([0, 3, 1, 2])
    }

    /// It in the words of tables, unless a convolution's words say it.
    pub(crate) fn words(self) -> Option<&'static str> {
        match self {
            Time::Neighbours { .. } | Time::Spread { .. } => None,
            Time::Max => Some("max of 2 frames"),
            Time::Average => Some("mean of 2 frames"),
            Time::Repeat { .. } => Some("frames x2"),
            Time::Unshuffle => Some("unshuffle frames"),
            Time::Shuffle { .. } => Some("shuffle frames"),
        }
    }
}

/// Half as many, rounded up.
pub(crate) fn halved(frames: usize) -> usize {
    frames.div_ceil(SIDE)
}

/// Frames at each level, the input's first: each has half of those before it, rounded up.
pub(crate) fn levels(frames: usize, depth: usize) -> Vec<usize> {
    let halve = |frames: &usize| Some(halved(*frames));
    std::iter::successors(Some(frames), halve)
        .take(depth + 1)
        .collect()
}

/// `[batch, T, H, W, C]` to `[batch, T / stride, H, W, count C]`.
fn neighbours(x: Tensor<5>, count: usize, stride: usize) -> Tensor<5> {
    let [batch, frames, height, width, channels] = x.dims();
    let black = Tensor::zeros([batch, count / 2, height, width, channels], &x.device());
    let x = Tensor::cat(vec![black.clone(), x, black], 1);
    let windows = frames.div_ceil(stride);
    let of = |place: usize| match stride {
        1 => x.clone().narrow(1, place, frames),
        _ => every(x.clone().narrow(1, place, frames), stride, windows),
    };
    Tensor::cat((0..count).map(of).collect(), 4)
}

/// The first of every `stride` frames.
fn every(x: Tensor<5>, stride: usize, windows: usize) -> Tensor<5> {
    let [batch, frames, height, width, channels] = x.dims();
    let lacking = windows * stride - frames;
    let x = match lacking {
        0 => x,
        lacking => {
            let more = Tensor::zeros([batch, lacking, height, width, channels], &x.device());
            Tensor::cat(vec![x, more], 1)
        }
    };
    let x: Tensor<4> = x.reshape([batch, windows, stride, height * width * channels]);
    x.narrow(2, 0, 1)
        .reshape([batch, windows, height, width, channels])
}

/// The first and the second of every two frames, the last one of an odd number repeated; `None` if there is one only,
/// which has no second.
fn pairs(x: Tensor<5>) -> (Tensor<5>, Option<Tensor<5>>) {
    let [batch, frames, height, width, channels] = x.dims();
    if frames < SIDE {
        return (x, None);
    }
    let x = match frames.is_multiple_of(SIDE) {
        true => x,
        false => {
            let last = x.clone().narrow(1, frames - 1, 1);
            Tensor::cat(vec![x, last], 1)
        }
    };
    let half = halved(frames);
    let x: Tensor<4> = x.reshape([batch, half, SIDE, height * width * channels]);
    let part = |place| {
        let part = x.clone().narrow(2, place, 1);
        part.reshape([batch, half, height, width, channels])
    };
    (part(0), Some(part(1)))
}

/// Frames of the one and of the other in turn, cropped to a number.
fn twice(one: Tensor<5>, other: Tensor<5>, frames: usize) -> Tensor<5> {
    let [batch, half, height, width, channels] = one.dims();
    let [one, other]: [Tensor<4>; 2] =
        [one, other].map(|it| it.reshape([batch, half, 1, height * width * channels]));
    let x = Tensor::cat(vec![one, other], 2);
    let x: Tensor<5> = x.reshape([batch, half * SIDE, height, width, channels]);
    match half * SIDE == frames {
        true => x,
        false => x.narrow(1, 0, frames),
    }
}

/// Maps `[batch, C, T, H, W]` as a batch of their frames, `[batch T, C, H, W]`.
pub(crate) fn apart(x: Tensor<5>) -> Tensor<4> {
    let [batch, channels, frames, height, width] = x.dims();
    let x = x.permute([0, 2, 1, 3, 4]);
    x.reshape([batch * frames, channels, height, width])
}

/// What [`apart`] does, undone.
pub(crate) fn together(x: Tensor<4>, frames: usize) -> Tensor<5> {
    let [all, channels, height, width] = x.dims();
    let batch = all / frames.max(1);
    let x: Tensor<5> = x.reshape([batch, frames, channels, height, width]);
    x.permute([0, 2, 1, 3, 4])
}

/// Pictures `[batch, C, T H, W]` as a batch of their frames, `[batch T, C, H, W]`; as they are if their height is not
/// that of so many frames.
pub(crate) fn of_pictures(x: Tensor<4>, frames: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    if frames <= 1 || !height.is_multiple_of(frames) {
        return x;
    }
    apart(x.reshape([batch, channels, frames, height / frames, width]))
}

/// What [`of_pictures`] does, undone, for a batch of this size.
pub(crate) fn to_pictures(x: Tensor<4>, batch: usize) -> Tensor<4> {
    let [all, channels, height, width] = x.dims();
    if all == batch || batch == 0 {
        return x;
    }
    let frames = all / batch;
    together(x, frames).reshape([batch, channels, frames * height, width])
}

/// The shape of one frame of a clip that is one picture; `None` if its height is not that of so many.
pub(crate) fn frame([channels, height, width]: ImageShape, frames: usize) -> Option<ImageShape> {
    let fits = frames > 0 && height.is_multiple_of(frames);
    fits.then(|| [channels, height / frames, width])
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
