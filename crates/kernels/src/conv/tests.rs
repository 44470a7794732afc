//! The layers against plain loops in `f64` and against Burn's own operators, at each level.
//!
//! Images and weights are small whole numbers. Sums are then exact in whatever order, so equal
//! values in a pooling window are equal in every implementation, and the rule for them is tested.

use burn::prelude::*;
use burn::tensor::Distribution;
use proptest::prelude::*;

use super::{Form, is_fast, run};
use crate::Activation;
use crate::level::{self, Level};

mod naive;

/// A layer's inputs, and how they lie in memory.
#[derive(Clone, Debug)]
pub struct Case {
    pub form: Form,
    pub activation: Activation,
    /// Its height and width.
    pub kernel: [usize; 2],
    /// Images, channels, rows, columns.
    pub dims: [usize; 4],
    pub outputs: usize,
    pub layout: Layout,
    pub level: Level,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Layout {
    Contiguous,
    ChannelsLast,
    /// Part of a larger tensor, in each dimension.
    Sliced,
    /// Rows and columns exchanged.
    Transposed,
    /// Rows walked upwards.
    Flipped,
}

/// Output and the gradients of x, weight and bias.
#[derive(Debug)]
pub struct Values {
    pub y: Vec<f32>,
    pub x: Option<Vec<f32>>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Case {
    pub fn output_dims(&self) -> [usize; 4] {
        let [batch, _, rows, columns] = self.dims;
        let [rows, columns] = match self.form {
            Form::Plain => [rows, columns],
            Form::MaxPool => [rows.div_ceil(2), columns.div_ceil(2)],
            Form::Upsample(size) => size,
        };
        [batch, self.outputs, rows, columns]
    }

    /// Images, weights, bias and the gradient of the output, in row-major order.
    pub fn numbers(&self) -> [Vec<f32>; 4] {
        let mut state = self.seed;
        let mut numbers = |count: usize, most: i64, scale: f32| {
            let number = || {
                // Knuth's generator; its high bits are good enough.
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                ((state >> 33) as i64 % (2 * most + 1) - most) as f32 * scale
            };
            std::iter::repeat_with(number)
                .take(count)
                .collect::<Vec<_>>()
        };
        let area: usize = self.kernel.iter().product();
        // Powers of two keep sums exact and put them where the activations bend.
        [
            numbers(self.dims.iter().product(), 3, 0.5),
            numbers(self.outputs * self.dims[1] * area, 2, 0.125),
            numbers(self.outputs, 2, 0.25),
            numbers(self.output_dims().iter().product(), 3, 0.5),
        ]
    }

    fn values(
        &self,
        x_tracked: bool,
        layer: impl FnOnce(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
    ) -> Values {
        let device = Device::flex().autodiff();
        let [x, weight, bias, dy] = self.numbers();
        let x = Tensor::<4>::from_data(TensorData::new(x, self.dims), &device);
        let weight_dims = [self.outputs, self.dims[1], self.kernel[0], self.kernel[1]];
        let weight = Tensor::<4>::from_data(TensorData::new(weight, weight_dims), &device);
        let bias = Tensor::<1>::from_data(TensorData::new(bias, [self.outputs]), &device);
        let dy = Tensor::<4>::from_data(TensorData::new(dy, self.output_dims()), &device);
        let (x, dy) = (self.layout.lay(x), self.layout.lay(dy));
        let x = if x_tracked { x.require_grad() } else { x };
        let (weight, bias) = (weight.require_grad(), bias.require_grad());
        let y = layer(x.clone(), weight.clone(), bias.clone());
        assert_eq!(y.dims(), self.output_dims());
        let gradients = (y.clone() * dy).sum().backward();
        let vec = |t: TensorData| t.try_to_vec::<f32>().unwrap();
        Values {
            y: vec(y.into_data()),
            x: x_tracked.then(|| vec(x.grad(&gradients).unwrap().into_data())),
            weight: vec(weight.grad(&gradients).unwrap().into_data()),
            bias: vec(bias.grad(&gradients).unwrap().into_data()),
        }
    }

    fn ours(&self, x_tracked: bool) -> Values {
        level::with(self.level, || {
            self.values(x_tracked, |x, w, b| {
                run(x, w, b, self.form, self.activation)
            })
        })
    }

    /// By the operators that a model would use without this crate.
    fn burn(&self) -> Values {
        self.values(true, |x, w, b| self.reference(x, w, b))
    }

    fn reference(&self, x: Tensor<4>, w: Tensor<4>, b: Tensor<1>) -> Tensor<4> {
        use burn::tensor::module;
        use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
        let pad = self.kernel.map(|side| side / 2);
        let options = ConvOptions::new([1, 1], pad, [1, 1], 1);
        let [n, c, rows, columns] = x.dims();
        match self.form {
            Form::Plain => self.activate(module::conv2d(x, w, Some(b), options)),
            Form::Upsample([h, v]) => {
                let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
                let doubled = nearest.with_output_size([2 * rows, 2 * columns]);
                let x = module::interpolate(x, doubled).slice([0..n, 0..c, 0..h, 0..v]);
                self.activate(module::conv2d(x, w, Some(b), options))
            }
            Form::MaxPool => {
                let y = self.activate(module::conv2d(x, w, Some(b), options));
                let pool = MaxPoolOptions::new([2, 2]).with_stride([2, 2]);
                module::max_pool2d(y, pool.with_ceil_mode(true))
            }
        }
    }

    fn activate(&self, x: Tensor<4>) -> Tensor<4> {
        use burn::tensor::activation as act;
        match self.activation {
            Activation::None => x,
            Activation::Relu => act::relu(x),
            Activation::LeakyRelu => act::leaky_relu(x, 0.01),
            Activation::Gelu => act::gelu(x),
            Activation::Silu => act::silu(x),
            Activation::Elu => act::elu(x, 1.0),
            Activation::Tanh => act::tanh(x),
            Activation::Sigmoid => act::sigmoid(x),
        }
    }
}

impl Layout {
    /// The same values, lying in memory in another way.
    fn lay(self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        match self {
            Layout::Contiguous => x,
            // A permutation of contiguous memory: only the strides of the result differ.
            Layout::ChannelsLast => materialised(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]),
            Layout::Transposed => materialised(x.permute([0, 1, 3, 2])).permute([0, 1, 3, 2]),
            Layout::Flipped => materialised(x.flip([2])).flip([2]),
            Layout::Sliced => {
                let around = Tensor::zeros([n + 1, c + 2, h + 1, w + 3], &x.device());
                let ranges = [1..n + 1, 1..c + 1, 0..h, 2..w + 2];
                around.slice_assign(ranges.clone(), x).slice(ranges)
            }
        }
    }
}

/// The values in row-major order: a copy through data, since a reshape may be a view.
fn materialised(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_data(x.clone().into_data(), &x.device())
}

fn assert_close(name: &str, found: &[f32], expected: &[f32], case: &Case) {
    assert_eq!(found.len(), expected.len(), "{name} of {case:?}");
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        // Some units in the last place of the largest value that entered the sums.
        let near = (a - b).abs() <= 4e-6 * (1.0 + largest);
        assert!(near, "{name}[{i}] is {a}, expected {b}, in {case:?}");
    }
}

fn assert_values(found: &Values, expected: &Values, case: &Case) {
    assert_close("y", &found.y, &expected.y, case);
    if let (Some(found), Some(expected)) = (&found.x, &expected.x) {
        assert_close("dx", found, expected, case);
    }
    assert_close("dw", &found.weight, &expected.weight, case);
    assert_close("db", &found.bias, &expected.bias, case);
}

prop_compose! {
    fn cases()(
        form in 0..3usize,
        activation in prop::sample::select(crate::activation::ALL.to_vec()),
        kernel in prop::sample::select(vec![
            [1usize, 1], [3, 3], [3, 3], [5, 5], [1, 3], [1, 5], [1, 7], [1, 15],
        ]),
        is_series in any::<bool>(),
        dims in (1..6usize, 1..20usize, 1..11usize, 1..18usize),
        few in any::<bool>(),
        outputs in 1..41usize,
        crop in (0..2usize, 0..2usize),
        layout in prop::sample::select(vec![
            Layout::Contiguous, Layout::ChannelsLast, Layout::Sliced, Layout::Transposed, Layout::Flipped,
        ]),
        level in prop::sample::select(level::ALL.to_vec()),
        seed in any::<u64>(),
    ) -> Case {
        let (n, c, h, w) = dims;
        let is_series = is_series && kernel[0] == 1;
        let h = if is_series { 1 } else { h };
        let crop = if is_series { (1, crop.1) } else { crop };
        Case {
            form: match form {
                0 => Form::Plain,
                1 => Form::MaxPool,
                _ => Form::Upsample([2 * h - crop.0, 2 * w - crop.1]),
            },
            activation,
            kernel,
            dims: [n, if few { c.min(3) } else { c }, h, w],
            outputs: if few { outputs.div_ceil(10) } else { outputs },
            layout,
            level,
            seed,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layers_are_those_of_plain_loops(case in cases()) {
        let ours = case.ours(true);
        let naive = naive::values(&case);
        // The gradient of Burn's GELU is that of its tanh approximation.
        if case.activation == Activation::Gelu {
            assert_close("y", &ours.y, &naive.y, &case);
        } else {
            assert_values(&ours, &naive, &case);
        }
    }

    #[test]
    fn layers_are_those_of_burn(case in cases()) {
        assert_values(&case.ours(true), &case.burn(), &case);
    }
}

/// The sizes of the networks that the kernels are tuned for, and the smallest ones.
fn notable() -> Vec<Case> {
    let mut cases = Vec::new();
    for level in level::ALL {
        for (form, dims, outputs, kernel, activation) in [
            (Form::MaxPool, [3, 1, 28, 28], 16, 3, Activation::Relu),
            (Form::MaxPool, [3, 16, 14, 14], 32, 3, Activation::Relu),
            (
                Form::Upsample([14, 14]),
                [3, 32, 7, 7],
                16,
                3,
                Activation::Relu,
            ),
            (
                Form::Upsample([28, 28]),
                [3, 16, 14, 14],
                1,
                3,
                Activation::None,
            ),
            (Form::MaxPool, [2, 3, 33, 47], 24, 5, Activation::Elu),
            (
                Form::Upsample([33, 47]),
                [2, 24, 17, 24],
                3,
                3,
                Activation::Sigmoid,
            ),
            (Form::Plain, [1, 40, 9, 5], 24, 3, Activation::LeakyRelu),
            (Form::MaxPool, [1, 1, 1, 1], 1, 5, Activation::Relu),
            (Form::Upsample([1, 1]), [1, 1, 1, 1], 1, 3, Activation::Tanh),
            (Form::Upsample([2, 1]), [1, 1, 1, 1], 2, 5, Activation::None),
        ] {
            cases.push(Case {
                form,
                activation,
                kernel: [kernel; 2],
                dims,
                outputs,
                layout: Layout::Contiguous,
                level,
                seed: 1,
            });
        }
        cases.extend(series(level));
    }
    cases
}

/// Series, of which some are a single value or have more channels than a vector.
fn series(level: Level) -> Vec<Case> {
    use Activation::{Elu, LeakyRelu, None, Relu, Sigmoid, Tanh};
    let doubled = |length: usize, crop: usize| Form::Upsample([1, 2 * length - crop]);
    let case = |form, [channels, outputs]: [usize; 2], size, length, activation| Case {
        form,
        activation,
        kernel: [1, size],
        dims: [3, channels, 1, length],
        outputs,
        layout: Layout::Contiguous,
        level,
        seed: 1,
    };
    vec![
        case(Form::Plain, [1, 1], 1, 1, Relu),
        case(Form::MaxPool, [1, 3], 3, 1, Relu),
        case(doubled(1, 1), [3, 1], 15, 1, Tanh),
        case(doubled(1, 0), [17, 3], 5, 1, None),
        case(Form::MaxPool, [3, 17], 7, 2, Elu),
        case(Form::Plain, [17, 64], 9, 3, LeakyRelu),
        case(doubled(2, 1), [64, 17], 11, 2, Sigmoid),
        case(Form::MaxPool, [17, 3], 13, 7, Relu),
        case(doubled(4, 1), [3, 17], 7, 4, Relu),
        case(Form::MaxPool, [1, 16], 7, 140, Relu),
        case(Form::MaxPool, [16, 64], 3, 140, Relu),
        case(Form::Plain, [64, 64], 5, 100, Tanh),
        case(doubled(50, 0), [64, 17], 3, 50, Relu),
        case(doubled(500, 1), [17, 3], 7, 500, Sigmoid),
        case(Form::MaxPool, [3, 17], 15, 1000, Relu),
    ]
}

#[test]
fn notable_layers_are_those_of_plain_loops() {
    for case in notable() {
        assert_values(&case.ours(true), &naive::values(&case), &case);
    }
}

#[test]
fn an_untracked_input_changes_nothing_else() {
    for case in notable() {
        let (with, without) = (case.ours(true), case.ours(false));
        assert_eq!(with.y, without.y);
        assert_eq!(with.weight, without.weight);
        assert_eq!(with.bias, without.bias);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for case in notable() {
        // More images than tasks, so that tasks have several.
        let [_, channels, rows, columns] = case.dims;
        let dims = [
            70,
            channels,
            rows.min(9),
            columns.min(if rows == 1 { 70 } else { 9 }),
        ];
        let form = match case.form {
            Form::Upsample(_) => Form::Upsample([2 * dims[2] - 1, 2 * dims[3]]),
            form => form,
        };
        let case = Case { dims, form, ..case };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| case.ours(true))
        };
        let (one, two) = (on(1), on(2));
        assert_eq!(one.y, two.y);
        assert_eq!(one.x, two.x);
        assert_eq!(one.weight, two.weight);
        assert_eq!(one.bias, two.bias);
    }
}

#[test]
fn other_kernels_are_composed() {
    assert!(is_fast([3, 3], Activation::Relu));
    assert!(is_fast([1, 15], Activation::Relu));
    assert!(!is_fast([7, 7], Activation::Relu));
    assert!(!is_fast([7, 1], Activation::Relu));
    assert!(!is_fast([3, 3], Activation::Gelu));
    let notable = notable();
    for case in &notable[..5] {
        let case = Case {
            kernel: [7, 7],
            dims: [2, 3, 5, 6],
            form: match case.form {
                Form::Upsample(_) => Form::Upsample([9, 12]),
                form => form,
            },
            ..case.clone()
        };
        assert_values(&case.ours(true), &naive::values(&case), &case);
    }
}

/// Which values are NaN, and the other ones.
fn assert_same_with_nan(found: &[f32], expected: &[f32], case: &Case) {
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let same = a.is_nan() == b.is_nan() && (a.is_nan() || a == b || (a - b).abs() < 1e-4);
        assert!(same, "value {i} is {a}, expected {b}, in {case:?}");
    }
}

#[test]
fn nan_and_infinity_pass_through_as_in_burn() {
    let device = Device::flex();
    for case in notable() {
        let [x, weight, bias, _] = case.numbers();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = x.clone();
            let middle = x.len() / 2;
            x[middle] = bad;
            let x = Tensor::<4>::from_data(TensorData::new(x, case.dims), &device);
            // Weights without zeros, which times infinity are NaN: sums taken before or after that
            // product differ.
            let weight: Vec<f32> = weight.iter().map(|w| w.abs() + 0.25).collect();
            let dims = [case.outputs, case.dims[1], case.kernel[0], case.kernel[1]];
            let weight = Tensor::<4>::from_data(TensorData::new(weight, dims), &device);
            let bias =
                Tensor::<1>::from_data(TensorData::new(bias.clone(), [case.outputs]), &device);
            let ours = level::with(case.level, || {
                run(
                    x.clone(),
                    weight.clone(),
                    bias.clone(),
                    case.form,
                    case.activation,
                )
            });
            let expected = case
                .reference(x, weight, bias)
                .into_data()
                .try_to_vec::<f32>()
                .unwrap();
            let ours = ours.into_data().try_to_vec::<f32>().unwrap();
            assert_same_with_nan(&ours, &expected, &case);
        }
    }
}

#[test]
fn training_goes_down_through_a_chain_of_layers() {
    let device = Device::flex().autodiff();
    device.seed(7);
    let x = Tensor::<4>::random([8, 1, 9, 11], Distribution::Uniform(0.0, 1.0), &device);
    let mut weights = [
        Tensor::<4>::random([8, 1, 3, 3], Distribution::Uniform(-0.3, 0.3), &device).require_grad(),
        Tensor::<4>::random([1, 8, 3, 3], Distribution::Uniform(-0.1, 0.1), &device).require_grad(),
    ];
    let bias = |n: usize| Tensor::<1>::zeros([n], &device);
    let mut losses = Vec::new();
    for _ in 0..30 {
        let [down, up] = weights.clone();
        let code = super::conv2d_max_pool(x.clone(), down, bias(8), Activation::Relu);
        let y = super::upsample_conv2d(code, up, bias(1), Activation::Sigmoid, [9, 11]);
        let loss = (y - x.clone()).square().mean();
        let gradients = loss.backward();
        losses.push(loss.into_scalar::<f32>());
        weights = weights.map(|w| {
            let gradient = w.grad(&gradients).unwrap();
            Tensor::from_inner(w.inner() - gradient).require_grad()
        });
    }
    assert!(
        losses.is_sorted_by(|before, after| before > after),
        "{losses:?}"
    );
}
