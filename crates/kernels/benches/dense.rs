//! Time of the dense network's operators, each beside the same by Burn's own operators, and of a
//! whole training step:
//!
//! `cargo bench -p kernels --features flex --bench dense`, with `RAYON_NUM_THREADS` for the threads.

use std::hint::black_box;
use std::time::Duration;

use burn::tensor::activation::{log_sigmoid, relu, sigmoid};
use burn::tensor::{Device, Int, Tensor, TensorData};
use criterion::{Criterion, Throughput, criterion_group};
use kernels::{Activation, AdamStep, adam, bce_of_logits, gather, linear, mse_of_sigmoid};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 128;
const SMALL: [usize; 7] = [784, 512, 256, 32, 256, 512, 784];
const LARGE: [usize; 9] = [784, 1000, 500, 250, 30, 250, 500, 1000, 784];

/// Numbers in [-0.5, 0.5) without a pattern that a cache could profit from.
fn numbers(count: usize) -> Vec<f32> {
    let number = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 8;
    (0..count)
        .map(|i| number(i) as f32 / (1u32 << 24) as f32 - 0.5)
        .collect()
}

fn tensor<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(numbers(shape.iter().product()), shape);
    Tensor::from_data(data, device)
}

/// The library's best case, to set the rates of the layers against.
fn square(criterion: &mut Criterion) {
    const SIDE: usize = 2048;
    let (a, b) = (numbers(SIDE * SIDE), numbers(SIDE * SIDE));
    let mut c = vec![0f32; SIDE * SIDE];
    let side = SIDE as isize;
    let mut group = criterion.benchmark_group("product 2048x2048x2048");
    group.throughput(Throughput::Elements(2 * (SIDE * SIDE * SIDE) as u64));
    group.bench_function("gemm", |bencher| {
        bencher.iter(|| {
            // SAFETY: three square row-major matrices of the side.
            unsafe {
                gemm::gemm(
                    SIDE,
                    SIDE,
                    SIDE,
                    c.as_mut_ptr(),
                    1,
                    side,
                    false,
                    a.as_ptr(),
                    1,
                    side,
                    b.as_ptr(),
                    1,
                    side,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::Rayon(0),
                );
            }
        });
    });
}

type Layer = fn(Tensor<2>, Tensor<2>, Tensor<1>) -> Tensor<2>;

fn fused(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    linear(x, weight, bias, Activation::Relu)
}

fn composed(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    relu(burn::tensor::module::linear(x, weight, Some(bias)))
}

const LAYERS: [(&str, Layer); 2] = [("kernels", fused), ("burn", composed)];

/// Forward, and forward with all three gradients, in floating-point operations.
fn layers(criterion: &mut Criterion) {
    for [inputs, outputs] in [[784, 512], [512, 256], [256, 32], [32, 256], [1000, 500]] {
        let operations = 2 * (BATCH * inputs * outputs) as u64;
        let inner = Device::flex();
        let (x, weight) = (
            tensor([BATCH, inputs], &inner),
            tensor([inputs, outputs], &inner),
        );
        let bias = tensor([outputs], &inner);
        let title = format!("linear {inputs}-{outputs} batch {BATCH}");
        let mut group = criterion.benchmark_group(format!("{title}, forward"));
        group.throughput(Throughput::Elements(operations));
        for (name, layer) in LAYERS {
            group.bench_function(name, |bencher| {
                bencher.iter(|| layer(x.clone(), weight.clone(), bias.clone()));
            });
        }
        group.finish();
        let device = Device::flex().autodiff();
        let x = tensor([BATCH, inputs], &device).require_grad();
        let weight = tensor([inputs, outputs], &device).require_grad();
        let bias = tensor([outputs], &device).require_grad();
        let mut group = criterion.benchmark_group(format!("{title}, forward and backward"));
        group.throughput(Throughput::Elements(3 * operations));
        for (name, layer) in LAYERS {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    layer(x.clone(), weight.clone(), bias.clone())
                        .sum()
                        .backward()
                });
            });
        }
    }
}

fn mse(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (sigmoid(logits) - target).square().mean()
}

fn bce(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (log_sigmoid(logits.clone().neg()) + logits * target)
        .mean()
        .neg()
}

/// Value and gradient, in values.
fn losses(criterion: &mut Criterion) {
    type Loss = fn(Tensor<2>, Tensor<2>) -> Tensor<1>;
    let losses: [(&str, [Loss; 2]); 2] = [
        ("mse", [mse_of_sigmoid, mse]),
        ("bce", [bce_of_logits, bce]),
    ];
    let device = Device::flex().autodiff();
    let logits = tensor([BATCH, 784], &device).require_grad();
    let target = tensor([BATCH, 784], &device);
    for (name, losses) in losses {
        let mut group =
            criterion.benchmark_group(format!("{name} 784 batch {BATCH}, value and gradient"));
        group.throughput(Throughput::Elements((BATCH * 784) as u64));
        for (by, loss) in ["kernels", "burn"].into_iter().zip(losses) {
            group.bench_function(by, |bencher| {
                bencher.iter(|| loss(logits.clone(), target.clone()).backward());
            });
        }
    }
}

const STEP: AdamStep = AdamStep {
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    l2: 0.0,
    keep: 1.0,
    rate: 1e-3,
    root: 1.0,
};

type State = [Tensor<1>; 3];

/// One update of weight and moments by Burn's own operators.
fn composed_adam([w, m, v]: State, g: Tensor<1>) -> State {
    let AdamStep {
        betas: [b1, b2],
        epsilon,
        rate,
        ..
    } = STEP;
    let m = m * b1 + g.clone() * (1.0 - b1);
    let v = v * b2 + g.square() * (1.0 - b2);
    let w = w - m.clone() * rate / (v.clone().sqrt() + epsilon);
    [w, m, v]
}

/// One parameter of a million values.
fn optimizer(criterion: &mut Criterion) {
    let device = Device::flex();
    let count = 1 << 20;
    let g = tensor([count], &device);
    let mut group = criterion.benchmark_group("adam, a million values");
    group.throughput(Throughput::Elements(count as u64));
    type Update = fn(State, Tensor<1>) -> State;
    let fused: Update = |[w, m, v], g| adam(w, g, m, v, STEP);
    for (name, update) in [("kernels", fused), ("burn", composed_adam)] {
        group.bench_function(name, |bencher| {
            let mut state = [g.clone() + 0.0, g.clone().abs(), g.clone().abs()];
            bencher.iter(|| {
                let before =
                    std::mem::replace(&mut state, [0; 3].map(|_| Tensor::empty([0], &device)));
                state = update(before, g.clone());
            });
        });
    }
}

/// A batch of images: from bytes, and as Burn selects it, from a set that is kept as floats.
fn batch(criterion: &mut Criterion) {
    let device = Device::flex();
    let pixels: Vec<u8> = (0..10_000 * 784).map(|i| (i % 251) as u8).collect();
    let indices: Vec<u32> = (0..BATCH as u32).map(|i| i * 7919 % 10_000).collect();
    let mut group = criterion.benchmark_group(format!("gather 784 batch {BATCH}"));
    group.throughput(Throughput::Elements((BATCH * 784) as u64));
    group.bench_function("kernels", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            gather(&pixels, 784, &indices, &mut out).expect("the indices are in the set");
            Tensor::<2>::from_data(TensorData::new(out, [BATCH, 784]), &device)
        });
    });
    let floats: Vec<f32> = pixels
        .iter()
        .map(|&pixel| f32::from(pixel) / 255.0)
        .collect();
    let all = Tensor::<2>::from_data(TensorData::new(floats, [10_000, 784]), &device);
    group.bench_function("burn", |bencher| {
        bencher.iter(|| {
            let indices = Tensor::<1, Int>::from_data(indices.as_slice(), &device);
            all.clone().select(0, indices)
        });
    });
}

/// A network's parameters with Adam's moments.
struct Network {
    parameters: Vec<[Tensor<2>; 3]>,
    biases: Vec<[Tensor<1>; 3]>,
}

impl Network {
    fn new(widths: &[usize]) -> Self {
        let device = Device::flex();
        let zeros = |tensor: Tensor<2>| [tensor.clone(), tensor.zeros_like(), tensor.zeros_like()];
        let parameters = widths
            .windows(2)
            .map(|w| zeros(tensor([w[0], w[1]], &device) * (12.0 / w[0] as f64).sqrt()));
        let bias = |w: &[usize]| [(); 3].map(|()| Tensor::zeros([w[1]], &device));
        Self {
            parameters: parameters.collect(),
            biases: widths.windows(2).map(bias).collect(),
        }
    }

    fn forward(&self, layers: usize, x: Tensor<2>) -> Tensor<2> {
        let tracked = |i: usize| (self.parameters[i][0].clone(), self.biases[i][0].clone());
        (0..layers).fold(x, |x, i| {
            let (weight, bias) = tracked(i);
            let last = i + 1 == self.parameters.len();
            linear(
                x,
                weight,
                bias,
                if last {
                    Activation::None
                } else {
                    Activation::Relu
                },
            )
        })
    }

    /// A whole step: gather, forward, loss, backward, Adam.
    fn step(&mut self, pixels: &[u8], indices: &[u32]) {
        let mut values = Vec::new();
        gather(pixels, 784, indices, &mut values).expect("the indices are in the set");
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_data(TensorData::new(values, [indices.len(), 784]), &device);
        let weights: Vec<_> = self
            .parameters
            .iter()
            .map(|p| p[0].clone().autodiff().require_grad())
            .collect();
        let biases: Vec<_> = self
            .biases
            .iter()
            .map(|p| p[0].clone().autodiff().require_grad())
            .collect();
        let mut y = x.clone();
        for (i, (weight, bias)) in weights.iter().zip(&biases).enumerate() {
            let last = i + 1 == weights.len();
            let activation = if last {
                Activation::None
            } else {
                Activation::Relu
            };
            y = linear(y, weight.clone(), bias.clone(), activation);
        }
        let mut grads = mse_of_sigmoid(y, x).backward();
        let device = Device::flex();
        let layers = self.parameters.iter_mut().zip(&mut self.biases);
        for ((p, b), (weight, bias)) in layers.zip(weights.into_iter().zip(biases)) {
            let g = weight
                .grad_remove(&mut grads)
                .expect("a gradient")
                .flatten(0, 1);
            let shape = weight.dims();
            drop(weight);
            let [w, m, v] = std::mem::replace(p, [(); 3].map(|()| Tensor::empty([0, 0], &device)));
            let [w, m, v] = [w, m, v].map(|tensor| tensor.flatten(0, 1));
            *p = adam(w, g, m, v, STEP).map(|tensor| tensor.reshape(shape));
            let g = bias.grad_remove(&mut grads).expect("a gradient");
            drop(bias);
            let [w, m, v] = std::mem::replace(b, [(); 3].map(|()| Tensor::empty([0], &device)));
            *b = adam(w, g, m, v, STEP);
        }
    }
}

/// Whole training steps, and encoding, in images.
fn networks(criterion: &mut Criterion) {
    let pixels: Vec<u8> = (0..10_000 * 784).map(|i| (i * 31 % 251) as u8).collect();
    let indices: Vec<u32> = (0..BATCH as u32).map(|i| i * 7919 % 10_000).collect();
    let mut group = criterion.benchmark_group("network");
    for (name, widths) in [
        ("784-512-256-32", &SMALL[..]),
        ("784-1000-500-250-30", &LARGE[..]),
    ] {
        let mut network = Network::new(widths);
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function(format!("step {name}"), |bencher| {
            bencher.iter(|| network.step(&pixels, &indices));
        });
        let x = tensor([1000, 784], &Device::flex());
        group.throughput(Throughput::Elements(1000));
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| black_box(network.forward(widths.len() / 2, x.clone())));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20);
    targets = square, layers, losses, optimizer, batch, networks
}

fn main() {
    // As in the program: this thread is one of those that compute.
    let pool = rayon::ThreadPoolBuilder::new().use_current_thread();
    pool.build_global().expect("the threads start");
    benches();
    Criterion::default().configure_from_args().final_summary();
}
