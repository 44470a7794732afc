//! Operations: what a layer computes, one after the other, with all sizes.

use crate::config::Activation;
use crate::frames::Time;
use crate::shape::product;

/// What batch normalisation adds to a variance before its root is taken, PyTorch's default.
pub const NORM_EPSILON: f64 = 1e-5;

/// One operation of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `x W + b` of the input, flattened.
    Linear {
        /// Values of one input.
        inputs: usize,
        /// Values of one output.
        outputs: usize,
        /// Whether `W` is the transpose of the mirrored encoder layer's; `b` is the layer's own.
        tied: bool,
    },
    /// A convolution with bias and zeros on every side, half of the kernel's rows and columns.
    Convolution {
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
        /// Height and width of the kernel, odd.
        kernel: [usize; 2],
        /// Step in both directions, 1 or 2.
        stride: usize,
    },
    /// A transposed convolution of stride 2 with bias and a padding of half the kernel.
    Transposed {
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
        /// Height and width of the kernel, odd.
        kernel: [usize; 2],
        /// Rows and columns added at the end, 0 or 1 each (PyTorch's `output_padding`).
        extra: [usize; 2],
    },
    /// Batch normalisation of each channel.
    BatchNorm {
        /// Channels in and out.
        channels: usize,
    },
    /// A function of each value.
    Activation(Activation),
    /// The function from the decoder's last values, the logits, to the reconstruction. Losses take
    /// logits, so a network leaves it to [`Output`](crate::Output).
    Output(Activation),
    /// The maximum of each 2 x 2 window; the last row and column of an odd size are repeated. Of a
    /// single row, windows of 1 x 2 are the same.
    MaxPool,
    /// The mean of each window; the last row and column that a window lacks are repeated.
    AveragePool {
        /// Height and width of a window.
        window: [usize; 2],
    },
    /// Each pixel becomes 2 x 2, cropped to a size.
    Upsample {
        /// Height and width out.
        size: [usize; 2],
    },
    /// The layer's own input is added.
    AddInput,
    /// The pixels of each window become channels for each channel; the last row and column that a
    /// window lacks are repeated.
    Unshuffle {
        /// Height and width of a window.
        window: [usize; 2],
    },
    /// Channels become the pixels of a window for each channel out, cropped to a size.
    Shuffle {
        /// Height and width of a window.
        window: [usize; 2],
        /// Height and width out.
        size: [usize; 2],
    },
    /// What happens along the time of clips alone; all others compute each frame by itself.
    Time(Time),
}

impl Operation {
    /// The shape of its output for one image, from that of its input.
    pub fn output(&self, input: Vec<usize>) -> Vec<usize> {
        let halved =
            |sides: &[usize]| -> Vec<usize> { sides.iter().map(|side| side.div_ceil(2)).collect() };
        let [channels, sides @ ..] = input.as_slice() else {
            return input;
        };
        // Before height and width, maps of clips have the number of frames.
        let (time, sides) = sides.split_at(sides.len().saturating_sub(2));
        let (channels, sides) = match *self {
            Operation::Time(change) => {
                let [channels, frames] =
                    change.output(*channels, time.first().copied().unwrap_or(1));
                return [vec![channels, frames], sides.to_vec()].concat();
            }
            Operation::Linear { outputs, .. } => return vec![outputs],
            Operation::Convolution {
                outputs, stride: 1, ..
            } => (outputs, sides.to_vec()),
            Operation::Convolution { outputs, .. } => (outputs, halved(sides)),
            Operation::Transposed { outputs, extra, .. } => {
                let grown = sides.iter().zip(extra);
                let grown = grown.map(|(side, extra)| (2 * side).saturating_sub(1) + extra);
                (outputs, grown.collect())
            }
            Operation::MaxPool | Operation::AveragePool { .. } => (*channels, halved(sides)),
            Operation::Upsample { size } => (*channels, size.to_vec()),
            Operation::Unshuffle { window } => (channels * product(&window), halved(sides)),
            Operation::Shuffle { window, size } => (channels / product(&window), size.to_vec()),
            Operation::BatchNorm { .. }
            | Operation::Activation(_)
            | Operation::Output(_)
            | Operation::AddInput => {
                return input;
            }
        };
        [vec![channels], time.to_vec(), sides].concat()
    }

    /// Trainable parameters.
    pub fn parameters(&self) -> usize {
        match *self {
            Operation::Linear {
                outputs,
                tied: true,
                ..
            } => outputs,
            Operation::Linear {
                inputs, outputs, ..
            } => inputs.saturating_mul(outputs).saturating_add(outputs),
            Operation::Convolution {
                inputs,
                outputs,
                kernel,
                ..
            }
            | Operation::Transposed {
                inputs,
                outputs,
                kernel,
                ..
            } => product(&[kernel[0], kernel[1], inputs, outputs]).saturating_add(outputs),
            Operation::BatchNorm { channels } => 2 * channels,
            _ => 0,
        }
    }
}

/// Splits operations into those that one operator of `kernels` computes together, and single ones.
/// A forward pass runs these groups, and [`Layer::body`](crate::Layer::body) judges by them.
pub(crate) fn groups(operations: &[Operation]) -> impl Iterator<Item = &[Operation]> {
    use Operation::{Activation, Convolution, Linear, MaxPool, Upsample};
    let mut rest = operations;
    std::iter::from_fn(move || {
        let together = match rest {
            [] => return None,
            [Upsample { .. }, Convolution { .. }, Activation(_), ..] => 3,
            [Upsample { .. }, Convolution { .. }, ..] => 2,
            [Convolution { stride: 1, .. }, Activation(_), MaxPool, ..] => 3,
            [Convolution { stride: 1, .. }, Activation(_), ..] => 2,
            [Linear { .. }, Activation(_), ..] => 2,
            _ => 1,
        };
        let (group, after) = rest.split_at(together);
        rest = after;
        Some(group)
    })
}

/// The function that a group's operator applies.
pub(crate) fn fused(group: &[Operation]) -> kernels::Activation {
    let function = group.iter().find_map(|operation| match operation {
        Operation::Activation(activation) => Some(*activation),
        _ => None,
    });
    crate::activation::fused(function)
}

/// What operations compute, in the words of tables: `unshuffle, 2 x conv 3x3 12 -> 16`, for example.
pub(crate) fn words(operations: &[Operation]) -> String {
    let convolutions = || {
        let of = |operation: &Operation| match *operation {
            Operation::Convolution {
                inputs,
                outputs,
                kernel,
                ..
            } => Some((inputs, outputs, kernel, "conv")),
            Operation::Transposed {
                inputs,
                outputs,
                kernel,
                ..
            } => Some((inputs, outputs, kernel, "transposed conv")),
            _ => None,
        };
        operations.iter().filter_map(of)
    };
    // Convolutions that follow each other are one phrase, at the place of the first.
    let several = || {
        let (count, mut all) = (convolutions().count(), convolutions());
        let (mut inputs, mut outputs, [rows, columns], what) = all.next()?;
        if let Some((_, last, ..)) = all.next_back() {
            outputs = last;
        }
        let times = match count {
            1 => String::new(),
            count => format!("{count} x "),
        };
        let over = operations.iter().find_map(|operation| match operation {
            Operation::Time(Time::Neighbours { count, .. }) => Some(*count),
            _ => None,
        });
        let time = over.map_or(String::new(), |count| {
            inputs /= count.max(1);
            format!("{count}x")
        });
        Some(format!(
            "{times}{what} {time}{rows}x{columns} {inputs} -> {outputs}"
        ))
    };
    let mut phrases: Vec<String> = Vec::new();
    let mut is_told = false;
    for operation in operations {
        match operation {
            Operation::Linear {
                inputs,
                outputs,
                tied,
            } => {
                phrases.push(format!("dense {inputs} -> {outputs}"));
                phrases.extend(tied.then(|| "tied".into()));
            }
            Operation::Convolution { .. } | Operation::Transposed { .. } => {
                if !is_told {
                    phrases.extend(several());
                    is_told = true;
                }
                if let Operation::Convolution { stride: 2.., .. } = operation {
                    phrases.push("stride 2".into());
                }
            }
            Operation::MaxPool => phrases.push("max-pool".into()),
            Operation::AveragePool { .. } => phrases.push("average-pool".into()),
            Operation::Upsample { .. } => phrases.push("nearest x2".into()),
            Operation::Unshuffle { .. } => phrases.push("unshuffle".into()),
            Operation::Shuffle { .. } => phrases.push("shuffle".into()),
            Operation::Time(change) => phrases.extend(change.words().map(String::from)),
            Operation::AddInput => phrases.push("added to its input".into()),
            // Tables have a column for functions, and count the parameters of normalisation.
            Operation::BatchNorm { .. } | Operation::Activation(_) | Operation::Output(_) => {}
        }
    }
    phrases.join(", ")
}
