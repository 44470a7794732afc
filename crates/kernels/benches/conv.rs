//! The convolution layers against Burn's own operators, each forward and with its backward pass, and
//! one training step of a whole network, all on batches of 128 images unless the name says another
//! number. Labels name the form, the channels, the kernel and the input's height and width.
//!
//! Elements are floating-point operations: products and sums of the direct convolution, whatever was
//! really computed; for the network, images.

use std::time::{Duration, Instant};

use burn::prelude::*;
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Distribution, activation, module};
use criterion::{Criterion, Throughput, criterion_group};
use kernels::Activation;
use kernels::conv::{Form, conv2d, conv2d_max_pool, upsample_conv2d};

/// The allocator of the binary, which keeps the memory of one step for the next.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Copy)]
struct Shape {
    batch: usize,
    form: Form,
    channels: [usize; 2],
    /// Its height and width.
    kernel: [usize; 2],
    size: [usize; 2],
    /// Whether the input's gradient is wanted, as it is beyond the first layer.
    tracked: bool,
    activation: Activation,
}

/// Which implementation a run takes.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Kernels,
    Burn,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            By::Kernels => "kernels",
            By::Burn => "burn",
        }
    }
}

fn layer(
    by: By,
    form: Form,
    x: Tensor<4>,
    w: Tensor<4>,
    b: Tensor<1>,
    act: Activation,
) -> Tensor<4> {
    if by == By::Kernels {
        return match form {
            Form::Plain => conv2d(x, w, b, act),
            Form::MaxPool => conv2d_max_pool(x, w, b, act),
            Form::Upsample(size) => upsample_conv2d(x, w, b, act, size),
        };
    }
    let [n, c, rows, columns] = x.dims();
    let [_, _, kernel @ ..] = w.dims();
    let options = ConvOptions::new([1, 1], kernel.map(|side| side / 2), [1, 1], 1);
    let x = match form {
        Form::Upsample([h, v]) => {
            let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
            let x = module::interpolate(x, nearest.with_output_size([2 * rows, 2 * columns]));
            if [h, v] == [2 * rows, 2 * columns] {
                x
            } else {
                x.slice([0..n, 0..c, 0..h, 0..v])
            }
        }
        _ => x,
    };
    let y = module::conv2d(x, w, Some(b), options);
    let y = match form {
        Form::MaxPool => {
            let pool = MaxPoolOptions::new([2, 2]).with_stride([2, 2]);
            module::max_pool2d(y, pool.with_ceil_mode(true))
        }
        _ => y,
    };
    match act {
        Activation::Relu => activation::relu(y),
        Activation::Sigmoid => activation::sigmoid(y),
        _ => y,
    }
}

impl Shape {
    fn output(&self) -> [usize; 2] {
        match self.form {
            Form::Plain | Form::MaxPool => self.size,
            Form::Upsample(size) => size,
        }
    }

    fn name(&self) -> String {
        let form = match self.form {
            Form::Plain => "conv",
            Form::MaxPool => "conv+pool",
            Form::Upsample(_) => "up+conv",
        };
        let ([c, o], [h, w], [a, b]) = (self.channels, self.size, self.kernel);
        format!("{form} {c}-{o} {a}x{b} on {h}x{w} batch {}", self.batch)
    }

    /// Floating-point operations of one image, forward.
    fn flops(&self) -> f64 {
        let [rows, columns] = self.output();
        let area: usize = self.kernel.iter().product();
        let products = rows * columns * area * self.channels[0] * self.channels[1];
        2.0 * products as f64
    }

    /// Seconds of `runs` passes, forward alone or with backward.
    fn time(&self, by: By, backward: bool, runs: u64) -> Duration {
        let device = if backward {
            Device::flex().autodiff()
        } else {
            Device::flex()
        };
        let Shape {
            batch,
            channels: [c, o],
            kernel: [a, b],
            size: [h, w],
            ..
        } = *self;
        let range = Distribution::Uniform(-0.2, 0.2);
        let x = Tensor::<4>::random([batch, h, w, c], range, &device);
        // Between the handwritten layers images lie channels last.
        let x = if by == By::Kernels {
            x.permute([0, 3, 1, 2])
        } else {
            x.reshape([batch, c, h, w])
        };
        let x = if self.tracked && backward {
            x.detach().require_grad()
        } else {
            x
        };
        let weight = Tensor::<4>::random([o, c, a, b], range, &device);
        let bias = Tensor::<1>::random([o], range, &device);
        let (weight, bias) = if backward {
            (weight.require_grad(), bias.require_grad())
        } else {
            (weight, bias)
        };
        let mut dy: Option<Tensor<4>> = None;
        let start = Instant::now();
        for _ in 0..runs {
            let y = layer(
                by,
                self.form,
                x.clone(),
                weight.clone(),
                bias.clone(),
                self.activation,
            );
            if backward {
                let dy = dy
                    .get_or_insert_with(|| Tensor::random(y.dims(), range, &device))
                    .clone();
                std::hint::black_box((y * dy).sum().backward());
            } else {
                std::hint::black_box(y);
            }
        }
        start.elapsed()
    }
}

fn shapes() -> Vec<Shape> {
    use Activation::{None, Relu, Sigmoid};
    let shape = |form, channels: [usize; 2], kernel, size, activation| Shape {
        batch: 128,
        form,
        channels,
        kernel: [kernel; 2],
        size,
        tracked: channels[0] > 3,
        activation,
    };
    let odd = |shape: Shape| Shape { batch: 50, ..shape };
    let series = |form, channels, kernel, length| Shape {
        kernel: [1, kernel],
        ..shape(form, channels, kernel, [1, length], Relu)
    };
    vec![
        shape(Form::MaxPool, [1, 16], 3, [28, 28], Relu),
        shape(Form::MaxPool, [16, 32], 3, [14, 14], Relu),
        shape(Form::Upsample([14, 14]), [32, 16], 3, [7, 7], Relu),
        shape(Form::Upsample([28, 28]), [16, 1], 3, [14, 14], None),
        shape(Form::MaxPool, [24, 40], 3, [7, 7], Relu),
        shape(Form::Upsample([7, 7]), [40, 24], 3, [4, 4], Relu),
        shape(Form::MaxPool, [16, 32], 5, [14, 14], Relu),
        shape(Form::Upsample([14, 14]), [32, 16], 5, [7, 7], Relu),
        shape(Form::Plain, [16, 16], 3, [14, 14], Relu),
        shape(Form::Plain, [64, 128], 3, [7, 7], Relu),
        shape(Form::Plain, [64, 64], 1, [14, 14], Relu),
        shape(Form::Upsample([14, 14]), [128, 64], 3, [7, 7], Relu),
        odd(shape(Form::MaxPool, [3, 16], 3, [33, 47], Relu)),
        odd(shape(
            Form::Upsample([33, 47]),
            [16, 3],
            3,
            [17, 24],
            Sigmoid,
        )),
        series(Form::MaxPool, [1, 16], 7, 140),
        series(Form::MaxPool, [16, 32], 3, 140),
        series(Form::MaxPool, [16, 32], 7, 140),
        series(Form::MaxPool, [32, 64], 7, 70),
        series(Form::Upsample([1, 140]), [32, 16], 3, 70),
        series(Form::Upsample([1, 140]), [32, 16], 7, 70),
        series(Form::MaxPool, [32, 64], 7, 512),
    ]
}

fn layers(criterion: &mut Criterion) {
    for shape in shapes() {
        for (pass, backward, cost) in [
            ("forward", false, 1.0),
            (
                "forward and backward",
                true,
                if shape.tracked { 3.0 } else { 2.0 },
            ),
        ] {
            let mut group = criterion.benchmark_group(format!("{}, {pass}", shape.name()));
            let operations = shape.flops() * cost * shape.batch as f64;
            group.throughput(Throughput::Elements(operations as u64));
            for by in [By::Kernels, By::Burn] {
                group.bench_function(by.name(), |b| {
                    b.iter_custom(|runs| shape.time(by, backward, runs))
                });
            }
        }
    }
}

/// One layer of the network.
type Stage = (Form, [usize; 2], Activation);

/// The network that the kernels are tuned for: 1-16-32-16-1 channels on 28x28 pixels.
const NETWORK: [Stage; 4] = [
    (Form::MaxPool, [1, 16], Activation::Relu),
    (Form::MaxPool, [16, 32], Activation::Relu),
    (Form::Upsample([14, 14]), [32, 16], Activation::Relu),
    (Form::Upsample([28, 28]), [16, 1], Activation::Sigmoid),
];

/// As many steps of gradient descent on the mean squared error through Burn's autodiff.
fn train(by: By, steps: u64) -> Duration {
    let device = Device::flex().autodiff();
    device.seed(1);
    let x = Tensor::<4>::random([128, 1, 28, 28], Distribution::Uniform(0.0, 1.0), &device);
    let mut parameters: Vec<(Tensor<4>, Tensor<1>)> = NETWORK
        .iter()
        .map(|&(_, [c, o], _)| {
            let bound = 1.0 / (9.0 * c as f64).sqrt();
            let range = Distribution::Uniform(-bound, bound);
            let weight = Tensor::random([o, c, 3, 3], range, &device).require_grad();
            (weight, Tensor::random([o], range, &device).require_grad())
        })
        .collect();
    let start = Instant::now();
    for _ in 0..steps {
        let mut y = x.clone();
        for ((weight, bias), (form, _, act)) in parameters.iter().zip(NETWORK) {
            y = layer(by, form, y, weight.clone(), bias.clone(), act);
        }
        let gradients = (y - x.clone()).square().mean().backward();
        for (weight, bias) in &mut parameters {
            let (dw, db) = (weight.grad(&gradients), bias.grad(&gradients));
            let step = |dw: Option<Tensor<4>>| dw.expect("every weight has a gradient") * 0.1;
            *weight = Tensor::from_inner(weight.clone().inner() - step(dw)).require_grad();
            let db = db.expect("every bias has a gradient") * 0.1;
            *bias = Tensor::from_inner(bias.clone().inner() - db).require_grad();
        }
    }
    start.elapsed()
}

fn network(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train 1-16-32-16-1 on 28x28 batch 128");
    group.throughput(Throughput::Elements(128));
    for by in [By::Kernels, By::Burn] {
        group.bench_function(by.name(), |b| b.iter_custom(|steps| train(by, steps)));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300)).sample_size(10);
    targets = network, layers
}

fn main() {
    // As in the program: this thread is one of those that compute.
    let pool = rayon::ThreadPoolBuilder::new().use_current_thread();
    pool.build_global().expect("the threads start");
    benches();
    Criterion::default().configure_from_args().final_summary();
}
