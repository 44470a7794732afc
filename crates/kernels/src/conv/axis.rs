//! Axis: along one dimension of the images, which input values a convolution reads for each output
//! value and how they follow from the kernel.
//!
//! Convolution, up-sampling followed by convolution, and the gradients of both with respect to
//! their input are all sums over a run of neighbouring input values. They differ in the length of
//! the run, in where it starts, and in which kernel values each of its values is multiplied with:
//! after nearest up-sampling by two, neighbouring kernel values meet the same value, so their sum
//! can be taken once, before any image is read (3 products instead of 4 values wide, 9 to 4 in two
//! dimensions). Outputs that share these sums form a [`Class`].

/// One dimension of a convolution-like sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Values of the input.
    pub input: usize,
    /// Values of the output.
    pub output: usize,
    /// Zeros before the first input value and, at least, after the last.
    pub halo: usize,
    /// Values of the input with the zeros around it.
    pub padded: usize,
    /// Input values that one output value reads.
    pub taps: usize,
    /// How far the run moves from one output value of a class to the next.
    pub step: usize,
    /// Every output value is in exactly one of these.
    pub classes: Vec<Class>,
}

/// Equally spaced output values that weigh their runs alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// The first output value.
    pub first: usize,
    /// From one output value to the next.
    pub step: usize,
    /// How many there are, at least one.
    pub count: usize,
    /// Where the run of the first one starts in the padded input.
    pub start: usize,
    /// For each tap, the kernel values whose sum is its weight.
    pub fold: Vec<Vec<usize>>,
}

impl Axis {
    /// Convolution of `n` values with an odd kernel, as many values out.
    pub fn conv(n: usize, kernel: usize) -> Axis {
        Axis::plain(n, kernel, (0..kernel).map(|s| vec![s]).collect())
    }

    /// The gradient of [`conv`](Self::conv) with respect to its input, from that of its output.
    pub fn conv_gradient(n: usize, kernel: usize) -> Axis {
        Axis::plain(n, kernel, (0..kernel).rev().map(|s| vec![s]).collect())
    }

    fn plain(n: usize, kernel: usize, fold: Vec<Vec<usize>>) -> Axis {
        Axis {
            input: n,
            output: n,
            halo: kernel / 2,
            padded: match (n, kernel) {
                // The one row of a series, which has no row beside it.
                (1, 1) => 1,
                // Whole windows of two, for pooling.
                _ => n.next_multiple_of(2) + kernel - 1,
            },
            taps: kernel,
            step: 1,
            classes: vec![Class {
                first: 0,
                step: 1,
                count: n,
                start: 0,
                fold,
            }],
        }
    }

    /// Each of `n` values twice, cropped to `size` (2n or 2n - 1), then convolution with an odd
    /// kernel, `size` values out.
    pub fn upsample(n: usize, size: usize, kernel: usize) -> Axis {
        let pad = kernel / 2;
        let (halo, taps) = (pad.div_ceil(2), pad + 1);
        // Of output y, the doubled values y - pad to y + pad; both are shifted by 2 halo, which is
        // an even number, to stay at or above zero.
        let start = |y: usize| (y + 2 * halo - pad) / 2;
        let fold = |y: usize| {
            let mut fold = vec![Vec::new(); taps];
            for s in 0..kernel {
                // A doubled value that the crop took away counts as zero.
                if y + s < size + pad {
                    fold[(y + s + 2 * halo - pad) / 2 - start(y)].push(s);
                }
            }
            fold
        };
        // Only an odd crop makes a difference: an even one ends with the last input value, after
        // which there are zeros anyway.
        let cropped = if size % 2 == 1 { pad.min(size) } else { 0 };
        let regular = size - cropped;
        let class = |first: usize, step: usize, count: usize| Class {
            first,
            step,
            count,
            start: start(first),
            fold: fold(first),
        };
        let mut classes = Vec::new();
        for parity in 0..regular.min(2) {
            classes.push(class(parity, 2, (regular - parity).div_ceil(2)));
        }
        classes.extend((regular..size).map(|y| class(y, 1, 1)));
        Axis {
            input: n,
            output: size,
            halo,
            padded: n + 2 * halo,
            taps,
            step: 1,
            classes,
        }
    }

    /// The gradient of [`upsample`](Self::upsample) with respect to its input, from that of its
    /// output.
    pub fn upsample_gradient(n: usize, size: usize, kernel: usize) -> Axis {
        if (size, kernel) == (1, 1) {
            // The one row of a series stays one: there is no second copy to read.
            return Axis::conv_gradient(n, kernel);
        }
        let pad = kernel / 2;
        let class = |first: usize, count: usize, copies: usize| {
            let mut fold = vec![Vec::new(); kernel + 1];
            // The gradients of the copies 2i and 2i + 1 of value i; the run starts at 2i - pad.
            for copy in 0..copies {
                for s in 0..kernel {
                    fold[copy + 2 * pad - s].push(s);
                }
            }
            Class {
                first,
                step: 1,
                count,
                start: 2 * first,
                fold,
            }
        };
        let whole = size / 2;
        let mut classes = Vec::new();
        if whole > 0 {
            classes.push(class(0, whole, 2));
        }
        if whole < n {
            classes.push(class(whole, 1, 1));
        }
        Axis {
            input: size,
            output: n,
            halo: pad,
            padded: 2 * n + 2 * pad,
            taps: kernel + 1,
            step: 2,
            classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum that an axis stands for.
    fn apply(axis: &Axis, input: &[f64], kernel: &[f64]) -> Vec<f64> {
        assert_eq!(input.len(), axis.input);
        let mut padded = vec![0.0; axis.padded];
        padded[axis.halo..axis.halo + input.len()].copy_from_slice(input);
        let mut output = vec![f64::NAN; axis.output];
        for class in &axis.classes {
            assert!(class.count > 0);
            for i in 0..class.count {
                let run = &padded[class.start + i * axis.step..][..axis.taps];
                let weight = |fold: &Vec<usize>| fold.iter().map(|&s| kernel[s]).sum::<f64>();
                let sum = run
                    .iter()
                    .zip(&class.fold)
                    .map(|(x, f)| x * weight(f))
                    .sum();
                let y = &mut output[class.first + i * class.step];
                assert!(y.is_nan(), "an output value is in two classes");
                *y = sum;
            }
        }
        output
    }

    fn convolved(input: &[f64], kernel: &[f64]) -> Vec<f64> {
        let pad = kernel.len() as isize / 2;
        let value = |i: isize| *input.get(i as usize).unwrap_or(&0.0);
        (0..input.len() as isize)
            .map(|y| {
                let terms = kernel.iter().zip(y - pad..);
                terms.map(|(w, i)| w * value(i)).sum()
            })
            .collect()
    }

    fn numbers(count: usize, start: f64) -> Vec<f64> {
        // Whole numbers, so that sums are exact in whatever order.
        (0..count)
            .map(|i| ((i as f64 + start) * 7.0) % 11.0 - 5.0)
            .collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn axes_are_the_sums_that_they_stand_for() {
        for kernel in [1, 3, 5, 7] {
            let w = numbers(kernel, 3.0);
            for n in 1..9 {
                let x = numbers(n, 1.0);
                assert_eq!(apply(&Axis::conv(n, kernel), &x, &w), convolved(&x, &w));
                for size in [2 * n - 1, 2 * n] {
                    let doubled: Vec<f64> = (0..size).map(|i| x[i / 2]).collect();
                    let axis = Axis::upsample(n, size, kernel);
                    assert_eq!(apply(&axis, &x, &w), convolved(&doubled, &w), "{axis:?}");
                }
            }
        }
    }

    /// The gradient is the transposed map: `<A x, g> = <x, A' g>`, for unit vectors each.
    #[test]
    fn gradient_axes_are_transposed() {
        let unit = |n: usize, i: usize| (0..n).map(|j| f64::from(i == j)).collect::<Vec<_>>();
        for kernel in [1, 3, 5] {
            let w = numbers(kernel, 3.0);
            for n in 1..6 {
                let mut pairs = vec![(Axis::conv(n, kernel), Axis::conv_gradient(n, kernel))];
                for size in [2 * n - 1, 2 * n] {
                    pairs.push((
                        Axis::upsample(n, size, kernel),
                        Axis::upsample_gradient(n, size, kernel),
                    ));
                }
                for (forward, backward) in pairs {
                    for i in 0..n {
                        for j in 0..forward.output {
                            let (x, g) = (unit(n, i), unit(forward.output, j));
                            assert_eq!(
                                dot(&apply(&forward, &x, &w), &g),
                                dot(&x, &apply(&backward, &g, &w)),
                            );
                        }
                    }
                }
            }
        }
    }
}
