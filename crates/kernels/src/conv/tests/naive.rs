//! The layers as plain loops in `f64`.

use super::{Case, Values};
use crate::Activation;
use crate::conv::Form;

/// Channels, rows and columns of one image.
type Image = Vec<Vec<Vec<f64>>>;

fn zeros([_, channels, rows, columns]: [usize; 4]) -> Image {
    vec![vec![vec![0.0; columns]; rows]; channels]
}

fn image(values: &[f32], dims: [usize; 4], n: usize) -> Image {
    let [_, channels, rows, columns] = dims;
    let at = |c, y, x| f64::from(values[((n * channels + c) * rows + y) * columns + x]);
    (0..channels)
        .map(|c| {
            (0..rows)
                .map(|y| (0..columns).map(|x| at(c, y, x)).collect())
                .collect()
        })
        .collect()
}

fn flat(image: &Image) -> impl Iterator<Item = f32> {
    image.iter().flatten().flatten().map(|&v| v as f32)
}

fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu => {
            if x <= 0.0 {
                0.0
            } else {
                x
            }
        }
        Activation::LeakyRelu => {
            if x < 0.0 {
                0.01 * x
            } else {
                x
            }
        }
        Activation::Gelu => 0.5 * x * (1.0 + erf(x / 2f64.sqrt())),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Elu => {
            if x <= 0.0 {
                x.exp() - 1.0
            } else {
                x
            }
        }
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => 1.0,
        Activation::Relu => f64::from(x > 0.0),
        Activation::LeakyRelu => {
            if x < 0.0 {
                0.01
            } else {
                1.0
            }
        }
        Activation::Elu => {
            if x <= 0.0 {
                x.exp()
            } else {
                1.0
            }
        }
        Activation::Tanh => 1.0 - x.tanh().powi(2),
        Activation::Sigmoid => activate(activation, x) * activate(activation, -x),
        Activation::Silu => {
            let s = activate(Activation::Sigmoid, x);
            s + x * s * (1.0 - s)
        }
        Activation::Gelu => {
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            0.5 * (1.0 + erf(x / 2f64.sqrt())) + x * density
        }
    }
}

/// The error function by its Taylor series, which is exact enough for small arguments, and its
/// limit beyond.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// Calls `visit(o, c, output (y, x), input (y, x), kernel place)` for every product of a layer, the
/// input being that after up-sampling.
fn for_each_product(
    case: &Case,
    [rows, columns]: [usize; 2],
    mut visit: impl FnMut(usize, usize, [usize; 2], [usize; 2], [usize; 2]),
) {
    let [pad_y, pad_x] = case.kernel.map(|side| side / 2);
    for o in 0..case.outputs {
        for c in 0..case.dims[1] {
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                for (sy, sx) in
                    (0..case.kernel[0]).flat_map(|a| (0..case.kernel[1]).map(move |b| (a, b)))
                {
                    let (from_y, from_x) = (y + sy, x + sx);
                    let inside = (pad_y..rows + pad_y).contains(&from_y)
                        && (pad_x..columns + pad_x).contains(&from_x);
                    if inside {
                        visit(o, c, [y, x], [from_y - pad_y, from_x - pad_x], [sy, sx]);
                    }
                }
            }
        }
    }
}

/// Output and gradients.
pub fn values(case: &Case) -> Values {
    let [x, weight, bias, dy] = case.numbers();
    let [batch, channels, rows, columns] = case.dims;
    let (size, double) = match case.form {
        Form::Upsample(size) => (size, 2),
        Form::Plain | Form::MaxPool => ([rows, columns], 1),
    };
    let place = |o: usize, c: usize, s: [usize; 2]| {
        ((o * channels + c) * case.kernel[0] + s[0]) * case.kernel[1] + s[1]
    };
    let mut out = Values {
        y: vec![],
        x: Some(vec![]),
        weight: vec![],
        bias: vec![],
    };
    let mut dw = vec![0.0; weight.len()];
    let mut db = vec![0.0; bias.len()];
    for n in 0..batch {
        let x = image(&x, case.dims, n);
        let dy = image(&dy, case.output_dims(), n);
        let mut sums = zeros([1, case.outputs, size[0], size[1]]);
        for (plane, &bias) in sums.iter_mut().zip(&bias) {
            plane
                .iter_mut()
                .flatten()
                .for_each(|v| *v = f64::from(bias));
        }
        for_each_product(case, size, |o, c, to, from, s| {
            sums[o][to[0]][to[1]] +=
                f64::from(weight[place(o, c, s)]) * x[c][from[0] / double][from[1] / double];
        });
        let activated: Image = sums
            .iter()
            .map(|plane| {
                plane
                    .iter()
                    .map(|row| row.iter().map(|&v| activate(case.activation, v)).collect())
                    .collect()
            })
            .collect();
        let mut g = zeros([1, case.outputs, size[0], size[1]]);
        let mut y = zeros(case.output_dims());
        for o in 0..case.outputs {
            for i in 0..y[o].len() {
                for j in 0..y[o][i].len() {
                    let mut best = [i, j];
                    if case.form == Form::MaxPool {
                        best = [2 * i, 2 * j];
                        for place in [[0, 1], [1, 0], [1, 1]] {
                            let [a, b] = [2 * i + place[0], 2 * j + place[1]];
                            // The values before the activation tell equal ones from nearly equal.
                            let wins = |a: usize, b: usize| {
                                let (new, old) = (sums[o][a][b], sums[o][best[0]][best[1]]);
                                match case.activation.from_output() {
                                    true => new > old,
                                    false => {
                                        activate(case.activation, new)
                                            > activate(case.activation, old)
                                    }
                                }
                            };
                            if a < size[0] && b < size[1] && wins(a, b) {
                                best = [a, b];
                            }
                        }
                    }
                    y[o][i][j] = activated[o][best[0]][best[1]];
                    g[o][best[0]][best[1]] =
                        dy[o][i][j] * slope(case.activation, sums[o][best[0]][best[1]]);
                }
            }
            db[o] += g[o].iter().flatten().sum::<f64>();
        }
        let mut dx = zeros(case.dims);
        for_each_product(case, size, |o, c, to, from, s| {
            let gradient = g[o][to[0]][to[1]];
            let (i, j) = (from[0] / double, from[1] / double);
            dw[place(o, c, s)] += gradient * x[c][i][j];
            dx[c][i][j] += gradient * f64::from(weight[place(o, c, s)]);
        });
        out.y.extend(flat(&y));
        out.x.as_mut().unwrap().extend(flat(&dx));
    }
    out.weight = dw.into_iter().map(|v| v as f32).collect();
    out.bias = db.into_iter().map(|v| v as f32).collect();
    out
}
