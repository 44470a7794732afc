//! A proposal: a config for a folder of pictures that nobody has looked at yet, with the reasons for what it says and
//! the time that it will take.

use std::path::Path;
use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::{Distribution, Tensor};
use data::{DataError, Survey, Warning, counted, is_idx_folder};
use model::shape::values;
use model::{ImageShape, Noise};
use serde_json::{Value, json};

use crate::backend;
use crate::config::{self, Config, Override};
use crate::error::Result;
use crate::train::optimizer::Optimizer;
use crate::train::{self, pretrained};

/// Height and width that whole pictures are resized to, in pixels.
const RESIZED: usize = 64;

/// Sides of the squares that are cut from photographs, in pixels: the largest of which there are enough.
const SQUARES: [usize; 3] = [64, 32, 16];

/// Pictures up to this height and width are taken whole.
const SMALL: usize = 64;

/// Whole pictures of one kind that teach a code; fewer are cut into squares.
const MANY: usize = 1000;

/// Pictures so few that their colours and light have to be varied, or the model learns those by heart.
const FEW: usize = 50;

/// Epochs without improvement after which a training on so few ends.
const PATIENCE: usize = 20;

/// Values of an image for each value of its code: of a code to be explored, and of one to be stored.
const TO_EXPLORE: usize = 96;
const TO_STORE: usize = 24;

/// Side of the squares that teach a model of photographs to take few bits, in pixels; of the squares in them that have a
/// code each, as in `configs/papers/compress-photos.json`; and the most values of such a code.
const STORED: usize = 96;
const BLOCK: usize = 16;
const BLOCK_CODE: usize = 256;

/// Images for each value of a linear code, at least: fewer give components that hold for these images alone.
const PER_COMPONENT: usize = 8;

/// Images per step. Few and small ones, because the network is small and photographs are rich.
const BATCH: usize = 16;

/// Images of an epoch: about as many as show a change between two lines of the table.
const EPOCH: usize = 4000;

/// The most epochs: a time that seems to allow more is for so few pictures that more would learn them by heart.
const MOST_EPOCHS: usize = 400;

/// Steps that are timed.
const TIMED: usize = 4;

/// What the pictures are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// A small code to look at, to cluster and to walk in.
    Explore,
    /// A code that takes few bits, to store pictures in.
    Compress,
    /// Removing noise.
    Denoise,
    /// Finding the pictures that are unlike the others.
    Anomaly,
}

impl Aim {
    /// Every aim.
    pub const ALL: [Self; 4] = [Self::Explore, Self::Compress, Self::Denoise, Self::Anomaly];

    /// Its word on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Explore => "explore",
            Self::Compress => "compress",
            Self::Denoise => "denoise",
            Self::Anomaly => "anomaly",
        }
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Explore => "A small code to look at, to cluster and to walk in",
            Self::Compress => "A code that takes few bits, to store pictures in",
            Self::Denoise => "Removing noise",
            Self::Anomaly => "Finding the pictures that are unlike the others",
        }
    }
}

/// A config for a folder.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What is in the folder, in words.
    pub found: String,
    /// What is made of it, and why.
    pub plan: String,
    /// Seconds that the training takes on this machine, about.
    pub seconds: f64,
    /// Steps of the training.
    pub steps: usize,
    /// The text of the config.
    pub text: String,
    /// What is not read.
    pub warnings: Vec<Warning>,
}

/// How a model is trained.
#[derive(Clone, Copy)]
struct Steps {
    /// Images per step.
    batch: usize,
    /// Learning rate.
    rate: f64,
    /// Images of an epoch.
    epoch: usize,
    /// Whether the pictures are few.
    few: bool,
}

/// How the pictures of a folder become images.
struct Images {
    /// The config's `data` but for its folder.
    data: Vec<(&'static str, Value)>,
    shape: ImageShape,
    /// Images that training may use.
    count: usize,
    /// Images of an epoch.
    epoch: usize,
    /// In words, with the reason.
    why: String,
}

impl Proposal {
    /// Looks at a folder and proposes a config that trains for about so many seconds on the best backend, or the named
    /// one; `dir` is the folder as the config is to name it.
    ///
    /// # Errors
    /// A folder that cannot be read or has fewer than two pictures, and a backend that is not there.
    pub fn new(
        folder: &Path,
        dir: &str,
        aim: Aim,
        seconds: f64,
        backend: Option<&str>,
    ) -> Result<Self> {
        if is_idx_folder(folder) {
            return Self::of_idx(folder, dir, seconds, backend);
        }
        let survey = Survey::of(folder)?;
        let count = survey.sizes.len();
        if count < 2 {
            return Err(DataError::Option {
                option: "dir",
                found: counted(count, "picture that can be read"),
                allowed: "2 or more, because one is set aside for the test".into(),
            }
            .into());
        }
        let images = images_of(&survey, aim);
        let (model, words) = model_of(&images, aim);
        let mut data = vec![("dataset", json!("images")), ("dir", json!(dir))];
        data.extend(images.data);
        let why = format!("{}; {words}", images.why);
        let (found, warnings) = (found(&survey), survey.warnings);
        let (batch, rate) = match aim {
            // As in `configs/denoise-photos.json`: noise differs in every picture, so small batches do.
            Aim::Denoise => (4, 0.0015),
            Aim::Compress if is_stored(images.shape) => (8, 0.0005),
            _ => (BATCH, 0.001),
        };
        let steps = Steps {
            batch,
            rate,
            epoch: images.epoch,
            few: count < FEW,
        };
        let proposal = Self::timed(&data, &model, steps, seconds, backend)?;
        Ok(Self {
            found,
            plan: why,
            warnings,
            ..proposal
        })
    }

    /// Of a folder in MNIST's format, for which the shipped config for digits is a good start.
    fn of_idx(folder: &Path, dir: &str, seconds: f64, backend: Option<&str>) -> Result<Self> {
        let source = data::Source::Idx {
            dir: folder.to_owned(),
            limit: None,
        };
        let shape = source.shape()?;
        let count = source.extent(shape)?.images as usize;
        let data = [("dataset", json!("idx")), ("dir", json!(dir))];
        let (model, words) = digits(shape);
        // As in `configs/conv.json`.
        let steps = Steps {
            batch: 128,
            rate: 0.002,
            epoch: count,
            few: false,
        };
        let proposal = Self::timed(&data, &model, steps, seconds, backend)?;
        let [_, height, width] = shape;
        Ok(Self {
            found: format!("{count} images of {height}x{width} pixels in MNIST's format"),
            plan: format!("taken as they are; {words}"),
            ..proposal
        })
    }

    /// A config with as many epochs as the time allows.
    fn timed(
        data: &[(&str, Value)],
        model: &[(&str, Value)],
        steps: Steps,
        seconds: f64,
        backend: Option<&str>,
    ) -> Result<Self> {
        let train = |epochs: usize| {
            let mut train = vec![
                ("epochs", json!(epochs)),
                ("batch_size", json!(steps.batch)),
                ("learning_rate", json!(steps.rate)),
                ("schedule", json!("cosine")),
                ("loss", json!("mse")),
            ];
            train.extend(steps.few.then(|| ("patience", json!(PATIENCE))));
            train
        };
        let of = |epochs| text(data, model, &train(epochs));
        let per_step = seconds_per_step(&parsed(&of(1), backend)?)?;
        let steps = steps.epoch.div_ceil(steps.batch).max(1);
        let epochs = (seconds / (per_step * steps as f64)) as usize;
        let epochs = epochs.clamp(1, MOST_EPOCHS);
        let text = of(epochs);
        let steps = steps * epochs;
        Ok(Self {
            found: String::new(),
            plan: String::new(),
            seconds: per_step * steps as f64,
            steps,
            text,
            warnings: Vec::new(),
        })
    }
}

/// What is in a folder, in words.
fn found(survey: &Survey) -> String {
    let colour = if survey.colour { "colour" } else { "grey" };
    let count = counted(survey.sizes.len(), &format!("{colour} picture"));
    let sizes = match (survey.is_uniform(), survey.sizes.first()) {
        (true, Some([height, width])) => format!("{width}x{height} pixels"),
        _ => {
            let [least, most] = survey.sides();
            format!("{least} to {most} pixels a side")
        }
    };
    let parts = match (survey.validated, survey.tested) {
        (Some(validated), Some(tested)) => {
            format!(", {validated} for validation and {tested} for the test")
        }
        (Some(validated), None) => format!(", and {validated} for validation"),
        (None, Some(tested)) => format!(", and {tested} for the test"),
        (None, None) => String::new(),
    };
    format!("{count} of {sizes}{parts}")
}

/// How pictures become images for this aim.
fn images_of(survey: &Survey, aim: Aim) -> Images {
    let channels = if survey.colour { 3 } else { 1 };
    let count = survey.sizes.len();
    // A tenth is for the test, if it is not there already, and a tenth of the rest for validation, likewise.
    let tested = if survey.tested.is_some() {
        0
    } else {
        count.div_ceil(10)
    };
    let used = count - tested.min(count - 1);
    let trained = match survey.validated {
        Some(_) => used,
        None => used - (used / 10).min(used - 1),
    };
    let [_, most] = survey.sides();
    let whole = matches!(aim, Aim::Explore | Aim::Anomaly);
    if let (true, true, Some(&[height, width])) =
        (survey.is_uniform(), most <= SMALL, survey.sizes.first())
        && (aim == Aim::Denoise || teaches(used, [channels, height, width], aim))
    {
        return Images {
            data: Vec::new(),
            shape: [channels, height, width],
            count: used,
            epoch: trained,
            why: "small and of one size, so they are taken whole".into(),
        };
    }
    if whole && count >= MANY {
        return Images {
            data: vec![
                ("size", json!([RESIZED, RESIZED])),
                ("aspect", json!("crop")),
            ],
            shape: [channels, RESIZED, RESIZED],
            count: used,
            epoch: trained,
            why: format!("enough of them to learn whole pictures, resized to {RESIZED}x{RESIZED}"),
        };
    }
    let crops = EPOCH.div_ceil(trained).max(1);
    if aim == Aim::Compress && most > SMALL {
        return Images {
            data: vec![("patch", json!(STORED)), ("crops", json!(crops))],
            shape: [channels, STORED, STORED],
            count: survey.squares(STORED) * used / count,
            epoch: crops * trained,
            why: format!(
                "to keep every detail, the model learns squares of {STORED}x{STORED} pixels cut from them"
            ),
        };
    }
    let squares = |side: usize| survey.squares(side) * used / count;
    let enough = |side: &&usize| {
        aim == Aim::Denoise || teaches(squares(**side), [channels, **side, **side], aim)
    };
    let [.., smallest] = SQUARES;
    let side = SQUARES.iter().find(enough).copied().unwrap_or(smallest);
    let mut data = vec![("patch", json!(side)), ("crops", json!(crops))];
    if count < FEW {
        let varied = match survey.colour {
            true => json!({ "brightness": 0.5, "shuffle_channels": true }),
            false => json!({ "brightness": 0.5 }),
        };
        data.push(("augment", varied));
    }
    let reason = match whole {
        true => "too few to be taken whole, so the model learns",
        false => "to keep every detail, the model learns",
    };
    Images {
        data,
        shape: [channels, side, side],
        count: squares(side),
        epoch: crops * trained,
        why: format!("{reason} squares of {side}x{side} pixels cut from them"),
    }
}

/// Whether images of this shape teach a model of photographs to take few bits.
fn is_stored([_, height, width]: ImageShape) -> bool {
    [height, width] == [STORED; 2]
}

/// Values of a linear code of such images.
fn code_of(shape: ImageShape, aim: Aim) -> usize {
    let each = match aim {
        Aim::Compress => TO_STORE,
        _ => TO_EXPLORE,
    };
    1 << (values(shape) / each).max(1).ilog2()
}

/// Whether so many images can teach the linear code that is usual for their shape.
fn teaches(images: usize, shape: ImageShape, aim: Aim) -> bool {
    images >= code_of(shape, aim) * PER_COMPONENT
}

/// The config's model, and what it is in words.
fn model_of(images: &Images, aim: Aim) -> (Vec<(&'static str, Value)>, String) {
    let [channels, height, width] = images.shape;
    if aim == Aim::Denoise {
        let corruption = json!({ "kind": "gaussian", "std": [0.02, 0.12] });
        let of = json!({
            "kind": "conv", "channels": [64], "downsample": "unshuffle", "upsample": "shuffle",
            "convolutions": 2, "activation": "silu", "initial_gain": 2
        });
        let model = vec![
            ("kind", json!("denoising")),
            ("corruption", corruption),
            ("residual", json!(true)),
            ("of", of),
        ];
        let words = "a denoising model for weak to visible noise";
        return (model, words.into());
    }
    if aim == Aim::Compress && is_stored(images.shape) {
        let code_size = BLOCK_CODE.min(channels * BLOCK * BLOCK);
        let of =
            json!({ "kind": "linear", "code_size": code_size, "block": BLOCK, "mirror": true });
        let model = vec![
            ("kind", json!("sparse")),
            ("penalty", json!({ "kind": "rate", "lambda": 0.005 })),
            ("of", of),
        ];
        let words = "a code for each 16x16 of them that learns to take few bits; compress takes whole pictures of any size";
        return (model, words.into());
    }
    let is_drawn = channels == 1 && height.max(width) <= SMALL / 2 && images.count >= MANY;
    if is_drawn && aim != Aim::Compress {
        return digits(images.shape);
    }
    let wanted = code_of(images.shape, aim);
    // What so few images can teach.
    let most = (images.count / PER_COMPONENT).max(1);
    let code_size = wanted.min(1 << most.ilog2());
    let model = vec![("kind", json!("linear")), ("code_size", json!(code_size))];
    let mut words = format!(
        "a code of {} that starts as PCA's and is refined",
        counted(code_size, "value")
    );
    if code_size < wanted {
        words += &format!(
            " (not {wanted}, for which {} images would be needed and {} are there: take more or larger pictures)",
            wanted * PER_COMPONENT,
            images.count
        );
    }
    (model, words)
}

/// A model for small grey pictures of one thing each, such as digits: `configs/conv.json`.
fn digits([_, height, width]: ImageShape) -> (Vec<(&'static str, Value)>, String) {
    let levels = model::shape::max_depth(height, width).min(2);
    let channels: Vec<usize> = [16, 32].into_iter().take(levels).collect();
    let model = match levels {
        0 => vec![
            ("kind", json!("dense")),
            ("layers", json!([128])),
            ("code_size", json!(32)),
        ],
        _ => vec![
            ("kind", json!("conv")),
            ("channels", json!(channels)),
            ("code_size", json!(32)),
        ],
    };
    (model, "a code of 32 values".into())
}

/// The text of a config, a line for each of its three parts.
fn text(data: &[(&str, Value)], model: &[(&str, Value)], train: &[(&str, Value)]) -> String {
    let line = |pairs: &[(&str, Value)]| {
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    };
    let [data, model, train] = [data, model, train].map(line);
    format!("{{ \"data\":  {data},\n  \"model\": {model},\n  \"train\": {train} }}\n")
}

/// The config of a text that is written here, on this backend.
fn parsed(text: &str, backend: Option<&str>) -> Result<Config> {
    let backend = Override::flag("--backend", "backend", backend.unwrap_or("auto"));
    Ok(config::parse("the proposal", text, &[backend])?.config)
}

/// How long a training step takes, by making a few on noise; the first one sets things up and is not counted.
fn seconds_per_step(config: &Config) -> Result<f64> {
    let backend = backend::open(config.backend)?;
    let source = config.data.source(config.seed);
    let shape = source.shape()?;
    let device = backend.device.clone().autodiff();
    let model = config.model.init(shape, config.seed, &device)?;
    let stays = train::stay(&config.model, model.layers());
    let mut model = pretrained::freeze(model, &stays);
    let settings = &config.train;
    let mut optimizer = Optimizer::new(settings.optimizer.clone(), settings.clip_norm);
    let [channels, height, width] = shape;
    let loss = config.loss();
    let mut best = f64::INFINITY;
    for step in 0..=TIMED {
        let started = Instant::now();
        let images = Tensor::random(
            [settings.batch_size, channels, height, width],
            Distribution::Uniform(0.0, 1.0),
            &device,
        );
        let noise = Noise::Device { seed: step as u64 };
        let input = model.corrupt(images.clone(), noise);
        let losses = model.loss(input, images, loss, noise);
        let grads = GradientsParams::from_grads(losses.total.backward(), &model);
        // The least rate: these steps teach nothing.
        model = optimizer.step(f64::MIN_POSITIVE, model, grads);
        crate::batched::values(losses.reconstruction.without_autodiff())?;
        if step > 0 {
            best = best.min(started.elapsed().as_secs_f64());
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(count: usize, size: [usize; 2], colour: bool) -> Survey {
        Survey {
            validated: None,
            sizes: vec![size; count],
            tested: None,
            colour,
            warnings: Vec::new(),
        }
    }

    /// The keys of the config's `data` and `model` for pictures like these.
    fn proposed(survey: &Survey, aim: Aim) -> (Value, Value, String) {
        let images = images_of(survey, aim);
        let (model, words) = model_of(&images, aim);
        let mut data = vec![("dataset", json!("images")), ("dir", json!("x"))];
        let why = format!("{}; {words}", images.why);
        data.extend(images.data);
        let text = text(&data, &model, &[("epochs", json!(1))]);
        let parsed = parsed(&text, None).unwrap();
        parsed.model.plan(images.shape).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        (config["data"].clone(), config["model"].clone(), why)
    }

    #[test]
    fn photographs_are_cut_and_small_pictures_taken_whole() {
        let mixed = Survey {
            sizes: [[600, 800], [450, 700]].repeat(10),
            ..survey(0, [0, 0], true)
        };
        let (data, model, why) = proposed(&mixed, Aim::Explore);
        // 16 of 20 pictures are trained on, in about 4,000 squares an epoch.
        assert_eq!((&data["patch"], &data["crops"]), (&json!(64), &json!(236)));
        assert_eq!(data["augment"]["shuffle_channels"], json!(true));
        assert_eq!(model["code_size"], json!(128));
        assert!(why.contains("too few to be taken whole"), "{why}");
        assert_eq!(
            found(&mixed),
            "20 colour pictures of 450 to 800 pixels a side"
        );

        let (data, model, _) = proposed(&survey(6000, [28, 28], false), Aim::Explore);
        assert_eq!(data.as_object().unwrap().len(), 2, "{data}");
        assert_eq!(
            model,
            json!({ "kind": "conv", "channels": [16, 32], "code_size": 32 })
        );
        assert_eq!(
            found(&survey(6000, [28, 30], false)),
            "6000 grey pictures of 30x28 pixels"
        );

        let (data, ..) = proposed(&survey(2000, [218, 178], true), Aim::Anomaly);
        assert_eq!(
            (&data["size"], &data["aspect"]),
            (&json!([64, 64]), &json!("crop"))
        );
        // What is stored or cleaned keeps its pixels.
        for aim in [Aim::Compress, Aim::Denoise] {
            let (data, ..) = proposed(&survey(2000, [218, 178], true), aim);
            assert!(data["patch"].is_u64() && data["size"].is_null(), "{data}");
        }
    }

    #[test]
    fn a_code_is_no_larger_than_the_pictures_can_teach() {
        // Two pictures, one of which is trained on: 16 x 12 squares of 16 pixels.
        let (data, model, _) = proposed(&survey(2, [192, 256], true), Aim::Explore);
        assert_eq!(
            (&data["patch"], &model["code_size"]),
            (&json!(16), &json!(8))
        );
        let (data, model, why) = proposed(&survey(3, [64, 64], true), Aim::Explore);
        assert_eq!(
            (&data["patch"], &model["code_size"]),
            (&json!(16), &json!(4))
        );
        assert!(
            why.contains("not 8, for which 64 images would be needed and 32 are there"),
            "{why}"
        );
        let (data, model, _) = proposed(&survey(3000, [32, 32], true), Aim::Compress);
        assert_eq!(
            (&data["patch"], &model["code_size"]),
            (&Value::Null, &json!(128))
        );
        // A code for each square of photographs has more than enough of them.
        for (count, colour) in [(3, true), (300, true), (300, false)] {
            let (data, model, _) = proposed(&survey(count, [480, 640], colour), Aim::Compress);
            assert_eq!(
                (
                    &data["patch"],
                    &model["penalty"]["kind"],
                    &model["of"]["block"]
                ),
                (&json!(96), &json!("rate"), &json!(16))
            );
            assert_eq!(model["of"]["code_size"], json!(256));
        }
    }

    #[test]
    fn every_aim_has_a_model_for_every_shape() {
        for aim in Aim::ALL {
            for size in [[2, 1], [3, 200], [28, 28], [64, 64], [65, 64], [4000, 3000]] {
                for (count, colour) in [(2, false), (2, true), (1500, false), (1500, true)] {
                    proposed(&survey(count, size, colour), aim);
                }
            }
        }
    }

    #[test]
    fn a_folder_in_mnists_format_gets_the_model_for_digits() {
        let (model, _) = digits([1, 28, 28]);
        let text = text(&[("dataset", json!("mnist"))], &model, &[]);
        let shipped = include_str!("../../../configs/conv.json");
        let shipped: Value = serde_json::from_str(shipped).unwrap();
        let model = parsed(&text, None).unwrap().model;
        let shipped = json!({ "data": shipped["data"], "model": shipped["model"] });
        assert_eq!(model, parsed(&shipped.to_string(), None).unwrap().model);
    }
}
