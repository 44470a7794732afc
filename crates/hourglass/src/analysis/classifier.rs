//! The classifier: an encoder, frozen or trained too, and a softmax layer on its code.

use std::f64::consts::PI;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use data::{Batches, Images};
use model::Autoencoder;

use crate::analysis::features::{Features, MOST_VALUES};
use crate::batched::{BATCH, values};
use crate::config::OptimizerConfig;
use crate::error::{Error, Result};
use crate::streams::Stream;
use crate::train::optimizer::Optimizer;

/// Steps of every training, whatever the number of labelled pictures.
pub const STEPS: usize = 1000;

/// Labelled pictures per step, or all of them if there are fewer.
pub const BATCH_SIZE: usize = 128;

/// Initial learning rate; it falls to 0 along a half cosine.
pub const LEARNING_RATE: f64 = 1e-3;

/// The most pictures that the scale of a code is measured on.
const MEASURED: usize = 2000;

/// Adam's parameters: its authors' defaults (Kingma & Ba 2015).
const ADAM: OptimizerConfig = OptimizerConfig::Adam {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.0,
};

/// Pictures with their classes, and their codes by a frozen encoder.
pub struct Pictures {
    images: Arc<Images>,
    batches: Batches,
    classes: Vec<u8>,
    /// The codes, one row per picture, if they fit in memory.
    codes: Option<Features>,
}

impl Pictures {
    /// Encodes the pictures once if their codes fit in memory; else each batch is encoded whenever it is
    /// needed.
    ///
    /// # Errors
    /// If the device fails, or a code is not a finite number.
    pub fn new(
        images: &Arc<Images>,
        classes: &[u8],
        encoder: &Autoencoder,
        code_size: usize,
        device: &Device,
    ) -> Result<Self> {
        let has_room = images.len().saturating_mul(code_size) <= MOST_VALUES;
        let all: Vec<u32> = (0..images.len() as u32).collect();
        let encode = || Features::encoded(encoder, device, images, &all, encoder.depth(), |_| ());
        Ok(Self {
            codes: has_room.then(encode).transpose()?,
            batches: Batches::new(Arc::clone(images), device, false),
            images: Arc::clone(images),
            classes: classes.to_vec(),
        })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class of each picture.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Codes `[indices, code_size]` by a frozen encoder.
    fn fixed(&self, encoder: &Autoencoder, indices: &[u32], device: &Device) -> Result<Tensor<2>> {
        match &self.codes {
            Some(codes) => {
                let rows = codes.select(indices);
                let shape = [rows.len(), rows.width()];
                let data = TensorData::new::<f32, _>(rows.values().to_vec(), shape);
                Ok(Tensor::from_data(data, device))
            }
            None => self.encode(encoder, indices),
        }
    }

    /// Codes `[indices, code_size]` by any encoder.
    fn encode(&self, encoder: &Autoencoder, indices: &[u32]) -> Result<Tensor<2>> {
        let input = encoder.clean_input(self.batches.gather(indices)?);
        Ok(encoder.encode(input))
    }

    /// One-hot classes, `[indices, classes]`.
    fn targets(&self, indices: &[u32], classes: usize, device: &Device) -> Tensor<2> {
        let mut values = vec![0f32; indices.len() * classes];
        for (row, &index) in values.chunks_exact_mut(classes).zip(indices) {
            let class = self.classes.get(index as usize);
            if let Some(value) = class.and_then(|&class| row.get_mut(usize::from(class))) {
                *value = 1.0;
            }
        }
        let data = TensorData::new::<f32, _>(values, [indices.len(), classes]);
        Tensor::from_data(data, device)
    }
}

/// The encoder of a classifier.
pub enum Encoder<'a> {
    /// Frozen: on the device without gradients, and the encoder that [`Pictures`] were made with.
    Frozen(&'a Autoencoder),
    /// Trained too, with this share of the learning rate; on the device with gradients.
    Trained(Box<Autoencoder>, f64),
}

impl Encoder<'_> {
    /// Codes without gradients.
    fn codes(&self, pictures: &Pictures, indices: &[u32], device: &Device) -> Result<Tensor<2>> {
        match self {
            Encoder::Frozen(encoder) => pictures.fixed(encoder, indices, device),
            Encoder::Trained(encoder, _) => pictures.encode(&encoder.valid(), indices),
        }
    }
}

/// Trains a classifier on the labelled pictures and returns its test accuracy. `done` is called after
/// each step.
///
/// # Errors
/// If the device fails, or the training is no longer finite.
pub fn accuracy(
    mut encoder: Encoder,
    (train, labelled): (&Pictures, &[u32]),
    test: &Pictures,
    classes: usize,
    seed: u64,
    device: &Device,
    mut done: impl FnMut(),
) -> Result<f64> {
    let mut order = Order::new(labelled, seed);
    let measured = encoder.codes(train, &order.sample(MEASURED), device)?;
    let scale = Scale::of(measured)?;
    let mut head = Head::new(scale.width, classes, &device.clone().autodiff());
    let mut of_head = Optimizer::new(ADAM, None);
    let mut of_encoder = Optimizer::new(ADAM, None);
    for step in 0..STEPS {
        let batch = order.next(BATCH_SIZE);
        let wave = 0.5 * (1.0 + (PI * step as f64 / STEPS as f64).cos());
        let rate = LEARNING_RATE * wave;
        let targets = train.targets(&batch, classes, device).autodiff();
        encoder = match encoder {
            Encoder::Frozen(model) => {
                let codes = scale.apply(train.fixed(model, &batch, device)?);
                let grads = head.loss(codes.autodiff(), targets).backward();
                let grads = GradientsParams::from_grads(grads, &head);
                head = of_head.step(rate, head, grads);
                Encoder::Frozen(model)
            }
            Encoder::Trained(model, share) => {
                let input = model.clean_input(train.batches.gather(&batch)?);
                let codes = model.encode(input.autodiff());
                let mut grads = head.loss(scale.apply(codes), targets).backward();
                let head_grads = GradientsParams::from_module(&mut grads, &head);
                let grads = GradientsParams::from_module(&mut grads, &*model);
                head = of_head.step(rate, head, head_grads);
                let model = of_encoder.step(rate * share, *model, grads);
                Encoder::Trained(Box::new(model), share)
            }
        };
        done();
    }
    let head = head.valid();
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let mut hits = 0;
    for chunk in all.chunks(BATCH) {
        let codes = encoder.codes(test, chunk, device)?;
        let logits = values(head.logits(scale.apply(codes)))?;
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(Error::Classifier);
        }
        for (logits, &index) in logits.chunks_exact(classes).zip(chunk) {
            let class = test.classes.get(index as usize).copied().map(usize::from);
            hits += usize::from(largest(logits) == class);
        }
    }
    Ok(hits as f64 / test.len().max(1) as f64)
}

/// The index of the largest value, the first of equals; `None` if there are no values.
fn largest(values: &[f32]) -> Option<usize> {
    let places = 0..values.len();
    let larger = |&one: &usize, &other: &usize| {
        let [one_value, other_value] = [one, other].map(|at| values.get(at).copied());
        let order = one_value
            .unwrap_or_default()
            .total_cmp(&other_value.unwrap_or_default());
        order.then(other.cmp(&one))
    };
    places.max_by(larger)
}

/// An endless sequence of the labelled pictures: each pass has all of them in a new order.
struct Order<'a> {
    labelled: &'a [u32],
    seed: u64,
    /// Passes started.
    passes: u64,
    left: Vec<u32>,
}

impl<'a> Order<'a> {
    fn new(labelled: &'a [u32], seed: u64) -> Self {
        Self {
            labelled,
            seed,
            passes: 0,
            left: Vec::new(),
        }
    }

    /// The first pictures of an order that no pass uses.
    fn sample(&self, count: usize) -> Vec<u32> {
        let mut sample = data::epoch_order(self.labelled, Stream::Split.seed(self.seed, 0));
        sample.truncate(count);
        sample
    }

    /// The next `count` pictures of a pass, or the whole pass if it has fewer. A remainder that does not
    /// fill a batch is skipped.
    fn next(&mut self, count: usize) -> Vec<u32> {
        let count = count.min(self.labelled.len());
        if self.left.len() < count {
            self.passes += 1;
            self.left =
                data::epoch_order(self.labelled, Stream::Order.seed(self.seed, self.passes));
        }
        self.left.split_off(self.left.len() - count)
    }
}

/// The scale of a code before any training: means and deviations of its values. It is computed the
/// same way for every classifier, and stays fixed.
struct Scale {
    mean: Tensor<2>,
    factor: Tensor<2>,
    width: usize,
}

impl Scale {
    /// The scale of codes `[pictures, code_size]`. Values that vary less than the root of the mean
    /// variance are divided by that root instead: a few labelled pictures say little about a nearly
    /// constant value, and dividing by its tiny deviation would let it dominate.
    fn of(codes: Tensor<2>) -> Result<Self> {
        let ([rows, width], device) = (codes.dims(), codes.device());
        let codes = Features::new(values(codes)?, width, rows);
        let mean = codes.mean();
        let deviations = codes.deviation(&mean);
        let variance: f64 = deviations.iter().map(|it| it * it).sum();
        let least = (variance / deviations.len().max(1) as f64).sqrt();
        let factor = |&deviation: &f64| {
            let scale = deviation.max(least);
            if scale > 0.0 { 1.0 / scale } else { 1.0 }
        };
        let row = |values: Vec<f32>| {
            let data = TensorData::new::<f32, _>(values, [1, width]);
            Tensor::<2>::from_data(data, &device)
        };
        Ok(Self {
            mean: row(mean.iter().map(|&mean| mean as f32).collect()),
            factor: row(deviations.iter().map(|it| factor(it) as f32).collect()),
            width,
        })
    }

    fn apply(&self, codes: Tensor<2>) -> Tensor<2> {
        let [mean, factor] = [&self.mean, &self.factor].map(|row| {
            if codes.is_autodiff() {
                row.clone().autodiff()
            } else {
                row.clone()
            }
        });
        (codes - mean) * factor
    }
}

/// The softmax layer.
#[derive(Module, Debug)]
struct Head {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Head {
    /// An untrained layer: all classes are equally likely.
    fn new(width: usize, classes: usize, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::zeros([width, classes], device)),
            bias: Param::from_tensor(Tensor::zeros([classes], device)),
        }
    }

    /// Logits `[batch, classes]` of codes `[batch, code_size]`.
    fn logits(&self, codes: Tensor<2>) -> Tensor<2> {
        kernels::linear(
            codes,
            self.weight.val(),
            self.bias.val(),
            kernels::Activation::None,
        )
    }

    /// The cross-entropy of codes with `targets` `[batch, classes]`, mean over the batch.
    fn loss(&self, codes: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let [batch, _] = targets.dims();
        (log_softmax(self.logits(codes), 1) * targets).sum() * (-1.0 / batch.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[[f32; 2]]) -> Tensor<2> {
        let data = TensorData::new::<f32, _>(rows.concat(), [rows.len(), 2]);
        Tensor::from_data(data, &Device::flex())
    }

    #[test]
    fn each_pass_has_every_picture_once_and_no_batch_is_cut() {
        let labelled: Vec<u32> = (10..20).collect();
        let mut order = Order::new(&labelled, 1);
        let mut passes = Vec::new();
        for _ in 0..3 {
            let mut pass = [order.next(5), order.next(5)].concat();
            passes.push(pass.clone());
            pass.sort_unstable();
            assert_eq!(pass, labelled);
        }
        assert!(passes[0] != passes[1] && passes[1] != passes[2]);
        // Of ten in fours two are left over; of more than there are it is all.
        let mut order = Order::new(&labelled, 1);
        let mut first = [order.next(4), order.next(4)].concat();
        first.sort_unstable();
        first.dedup();
        assert_eq!(
            (first.len(), order.next(4).len(), order.next(99).len()),
            (8, 4, 10)
        );
        assert_eq!((order.sample(3).len(), order.sample(99).len()), (3, 10));
    }

    #[test]
    fn the_first_of_the_largest_is_the_class() {
        assert_eq!(largest(&[-3.0, 2.0, 2.0, 1.0]), Some(1));
        assert_eq!(largest(&[-3.0]), Some(0));
        assert_eq!(largest(&[]), None);
    }

    #[test]
    fn values_are_moved_and_scaled_and_small_ones_not_blown_up() {
        // Deviations of 4 and 0.2: the root of the mean of their squares is 2.83.
        let codes = matrix(&[[1.0, 5.0], [9.0, 5.4]]);
        let scale = Scale::of(codes.clone()).unwrap();
        let found = values(scale.apply(codes)).unwrap();
        let expected = [-1.0, -0.070_62, 1.0, 0.070_62];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
        // Nothing to scale by.
        let same = matrix(&[[3.0, 4.0], [3.0, 4.0]]);
        let scale = Scale::of(same.clone()).unwrap();
        assert_eq!(values(scale.apply(same)).unwrap(), [0.0; 4]);
    }

    #[test]
    fn who_knows_nothing_pays_the_logarithm_of_the_classes_and_learns() {
        let device = Device::flex().autodiff();
        let codes = matrix(&[[1.0, 0.0], [0.0, 1.0]]);
        let targets = codes.clone();
        let mut head = Head::new(2, 2, &device);
        let mut optimizer = Optimizer::new(ADAM, None);
        let mut losses = Vec::new();
        for _ in 0..50 {
            let loss = head.loss(codes.clone().autodiff(), targets.clone().autodiff());
            losses.extend(values(loss.clone().without_autodiff()).unwrap());
            let grads = GradientsParams::from_grads(loss.backward(), &head);
            head = optimizer.step(0.1, head, grads);
        }
        assert!((losses[0] - 2f32.ln()).abs() < 1e-6, "{}", losses[0]);
        assert!(losses[49] < 0.1, "{}", losses[49]);
    }
}
