//! Any config, written and read back; any text, read without a panic.

use crate::config::Override;
use std::path::PathBuf;

use model::config::{
    Activation, BlockSize, ConvConfig, Corruption, DenoisingConfig, DenseConfig, Downsample,
    ModelConfig, Penalty, ShrinkFilter, SparseConfig, Strength, Upsample,
};
use proptest::prelude::*;

use super::super::augment::{AugmentConfig, AugmentTarget, ElasticConfig, InterpolationChoice};
use super::super::init::InitConfig;
use super::super::{
    AspectChoice, BackendChoice, CollectionChoice, Config, DataConfig, GroupChoice, LossChoice,
    NamedConfig, OptimizerConfig, PicturesConfig, PretrainConfig, ScheduleConfig, TestChoice,
    TrackConfig, TrainConfig, parse, raw,
};
use super::LEAST;

fn activations() -> impl Strategy<Value = (Activation, Option<Activation>)> {
    use Activation as A;
    let activation = [
        A::Relu,
        A::LeakyRelu,
        A::Gelu,
        A::Silu,
        A::Elu,
        A::Tanh,
        A::Sigmoid,
    ];
    (
        prop::sample::select(activation.to_vec()),
        prop::option::of(prop::sample::select(activation.to_vec())),
    )
}

fn widths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..=65_536, 1..4)
}

fn models() -> impl Strategy<Value = ModelConfig> {
    let dense = (
        widths(),
        1usize..=65_536,
        activations(),
        prop::option::of(widths()),
        any::<bool>(),
        1e-3..100.0,
    )
        .prop_map(
            |(layers, code_size, (activation, code_activation), decoder, tied, initial_gain)| {
                ModelConfig::Dense(DenseConfig {
                    layers,
                    code_size,
                    activation,
                    code_activation,
                    decoder,
                    tied,
                    initial_gain,
                })
            },
        );
    let downsample = [
        Downsample::Max,
        Downsample::Average,
        Downsample::Stride,
        Downsample::Unshuffle,
    ];
    let upsample = [Upsample::Nearest, Upsample::Transposed, Upsample::Shuffle];
    let ways = (
        prop::sample::select(downsample.to_vec()),
        prop::sample::select(upsample.to_vec()),
    );
    let code_size = (prop::option::of(1usize..=65_536), widths());
    let decoder = prop::option::of(widths());
    let conv = (
        widths(),
        0usize..8,
        ways,
        code_size,
        activations(),
        any::<bool>(),
        (decoder, 1e-3..100.0, 1usize..=8),
    )
        .prop_map(
            |(channels, half, ways, (code_size, layers), activations, batch_norm, last)| {
                let (decoder, initial_gain, convolutions) = last;
                ModelConfig::Conv(ConvConfig {
                    channels,
                    convolutions,
                    layers,
                    kernel: 2 * half + 1,
                    downsample: ways.0,
                    upsample: ways.1,
                    code_size,
                    activation: activations.0,
                    code_activation: activations.1,
                    batch_norm,
                    decoder,
                    initial_gain,
                })
            },
        );
    let penalty = prop_oneof![
        (0.0..1e9).prop_map(|weight| Penalty::L1 { weight }),
        (1e-9..0.999, 0.0..1e9).prop_map(|(rho, beta)| Penalty::Kl { rho, beta }),
        (1usize..=65_536, 0.0..1e6)
            .prop_map(|(k, anneal_epochs)| Penalty::TopK { k, anneal_epochs }),
        (0.0..1e9).prop_map(|lambda| Penalty::Rate { lambda }),
    ];
    let corruption = prop_oneof![
        (strengths(1e-9..1e9), any::<bool>())
            .prop_map(|(std, clip)| Corruption::Gaussian { std, clip }),
        strengths(0.0..1.0).prop_map(|probability| Corruption::Masking { probability }),
        strengths(0.0..1.0).prop_map(|probability| Corruption::SaltAndPepper { probability }),
        (strengths(1e-9..1e9), any::<bool>())
            .prop_map(|(std, clip)| Corruption::Speckle { std, clip }),
        (1usize..=64).prop_map(|side| Corruption::Block {
            size: BlockSize::Square(side),
        }),
        [strengths(1..64usize), strengths(1..64)].prop_map(|sides| Corruption::Block {
            size: BlockSize::Sides(sides),
        }),
        strengths(1e-9..1e3).prop_map(|sigma| Corruption::Blur { sigma }),
        (
            2usize..=4,
            prop_oneof![Just(ShrinkFilter::Mean), Just(ShrinkFilter::Bicubic)]
        )
            .prop_map(|(factor, filter)| Corruption::Downscale { factor, filter }),
        Just(Corruption::Grayscale),
    ];
    let corruption = (prop::collection::vec(corruption, 1..4), any::<bool>());
    let (penalty, corruption) = (penalty.boxed(), corruption.boxed());
    prop_oneof![dense, conv].prop_recursive(4, 8, 1, move |of| {
        prop_oneof![
            (penalty.clone(), of.clone()).prop_map(|(penalty, of)| {
                ModelConfig::Sparse(SparseConfig {
                    penalty,
                    of: Box::new(of),
                })
            }),
            (corruption.clone(), of).prop_map(|((corruption, residual), of)| {
                ModelConfig::Denoising(DenoisingConfig {
                    corruption,
                    residual,
                    keep_luma: false,
                    fill_holes: false,
                    mark_missing: None,
                    of: Box::new(of),
                })
            }),
        ]
    })
}

/// A strength in the range, or a range in it.
fn strengths<T: Clone + std::fmt::Debug + PartialOrd + 'static>(
    range: std::ops::Range<T>,
) -> impl Strategy<Value = Strength<T>>
where
    std::ops::Range<T>: Strategy<Value = T>,
{
    prop_oneof![
        range.clone().prop_map(Strength::Fixed),
        (range.clone(), range).prop_map(|(low, high)| Strength::Range([low, high])),
    ]
}

fn augmentations() -> impl Strategy<Value = Option<AugmentConfig>> {
    let elastic = (0.0..16_384.0, 1.0..16_384.0).prop_map(|(strength, smoothness)| ElasticConfig {
        strength,
        smoothness,
    });
    let affine = (0.0..16_384.0, 0.0..=180.0, 0.0..0.9999, 0.0..=1.0);
    let target = prop::sample::select(vec![AugmentTarget::Changed, AugmentTarget::Original]);
    let interpolation = [InterpolationChoice::Bilinear, InterpolationChoice::Bicubic];
    let ways = (target, prop::sample::select(interpolation.to_vec()));
    let colours = (0.0..=1.0, any::<bool>());
    let augment = (
        affine,
        any::<bool>(),
        prop::option::of(elastic),
        ways,
        colours,
    )
        .prop_map(
            |((shift, rotation, scale, shear), flip, elastic, (target, interpolation), colours)| {
                AugmentConfig {
                    shift,
                    rotation,
                    scale,
                    shear,
                    flip,
                    elastic,
                    target,
                    interpolation,
                    brightness: colours.0,
                    shuffle_channels: colours.1,
                }
            },
        );
    prop::option::of(augment)
}

fn data_sets() -> impl Strategy<Value = DataConfig> {
    let count = || prop::option::of(1usize..1_000_000);
    let side = || prop::option::of(1usize..=16_384);
    let dir = || "[^\0]{1,20}".prop_map(PathBuf::from);
    let size = prop::option::of([1usize..=16_384, 1..=16_384]);
    let channels = prop::sample::select(vec![None, Some(1), Some(3)]);
    let names = prop::collection::vec("[^\0]{1,9}", 1..4);
    let test = prop_oneof![
        (1e-6..0.999).prop_map(TestChoice::Share),
        names.prop_map(TestChoice::Files),
    ];
    let crops = prop::option::of(1usize..=1_000_000);
    let seed = || prop::option::of(0_u64..=1 << 53);
    let shared = (
        [count(), count()],
        (augmentations(), size),
        (side(), crops, any::<Option<bool>>()),
        (channels, test),
    );
    prop_oneof![
        (1usize..60_000, count(), seed(), augmentations()).prop_map(
            |(validation, limit, split_seed, augment)| DataConfig::Mnist {
                validation,
                limit,
                split_seed,
                augment,
            }
        ),
        (dir(), 1usize..60_000, count(), seed(), augmentations()).prop_map(
            |(dir, validation, limit, split_seed, augment)| DataConfig::Idx {
                dir,
                validation,
                limit,
                split_seed,
                augment,
            }
        ),
        (
            prop::option::of(0.001..0.999),
            [count(), count()],
            seed(),
            augmentations()
        )
            .prop_map(|(test, [validation, limit], split_seed, augment)| {
                DataConfig::Array {
                    test,
                    validation,
                    limit,
                    split_seed,
                    augment,
                }
            }),
        (
            prop::option::of(dir()),
            1usize..60_000,
            count(),
            seed(),
            augmentations(),
            0..5
        )
            .prop_map(|(dir, validation, limit, split_seed, augment, which)| {
                let set = NamedConfig {
                    dir,
                    validation,
                    limit,
                    split_seed,
                    augment,
                };
                match which {
                    0 => DataConfig::FashionMnist { set },
                    1 => DataConfig::Kmnist { set },
                    2 => DataConfig::EmnistLetters { set },
                    3 => DataConfig::Cifar10 { set },
                    _ => DataConfig::Cifar100 { set },
                }
            }),
        (any::<bool>(), dir(), any::<bool>(), seed(), shared).prop_map(
            |(bundled, dir, strict, split_seed, shared)| {
                let (counts, (augment, size), (patch, crops, flip), (channels, test)) = shared;
                let [validation, limit] = counts;
                // They mean something with patches only, and size without.
                let (crops, flip, size) = match patch {
                    Some(_) => (crops, flip, None),
                    None => (None, None, size),
                };
                let aspect = size.map(|_| match strict {
                    true => AspectChoice::Crop,
                    false => AspectChoice::Stretch,
                });
                let pictures = PicturesConfig {
                    validation,
                    limit,
                    split_seed,
                    group: patch.map(|_| match strict {
                        true => GroupChoice::Folder,
                        false => GroupChoice::Name,
                    }),
                    augment,
                    size,
                    patch,
                    crops,
                    flip,
                    channels,
                    aspect,
                    white: bundled.then_some(4095),
                };
                if bundled {
                    DataConfig::Photos {
                        collection: match strict {
                            true => CollectionChoice::Large,
                            false => CollectionChoice::Small,
                        },
                        pictures,
                        test,
                    }
                } else {
                    DataConfig::Images {
                        dir,
                        pictures,
                        test,
                        strict,
                        cache: flip,
                    }
                }
            }
        ),
    ]
}

fn inits() -> impl Strategy<Value = InitConfig> {
    let layers = prop::option::of(prop::collection::vec("[a-z0-9.]{0,12}", 1..4));
    ("[^\0]{1,20}", layers, any::<bool>()).prop_map(|(from, layers, freeze)| InitConfig {
        from: from.into(),
        layers,
        freeze,
    })
}

fn tracks() -> impl Strategy<Value = TrackConfig> {
    ("https?://[a-z0-9.:]{1,20}/?", "[^\0]{1,20}")
        .prop_map(|(mlflow, experiment)| TrackConfig { mlflow, experiment })
}

fn trainings() -> impl Strategy<Value = TrainConfig> {
    let share = || 0.0..0.9999;
    let adam = (share(), share(), 1e-12..1.0, 0.0..10.0, any::<bool>());
    let optimizer = prop_oneof![
        adam.prop_map(|(beta1, beta2, epsilon, weight_decay, decoupled)| {
            if decoupled {
                OptimizerConfig::AdamW {
                    beta1,
                    beta2,
                    epsilon,
                    weight_decay,
                }
            } else {
                OptimizerConfig::Adam {
                    beta1,
                    beta2,
                    epsilon,
                    weight_decay,
                }
            }
        }),
        (0.01..0.9999, any::<bool>(), 0.0..10.0).prop_map(|(momentum, nesterov, weight_decay)| {
            OptimizerConfig::Sgd {
                momentum,
                nesterov,
                weight_decay,
            }
        }),
    ];
    let schedule = prop_oneof![
        (0.0..100.0).prop_map(|warmup_epochs| ScheduleConfig::Constant { warmup_epochs }),
        (0.0..100.0, 0.0..1e-4).prop_map(|(warmup_epochs, final_learning_rate)| {
            ScheduleConfig::Cosine {
                warmup_epochs,
                final_learning_rate,
            }
        }),
        (1usize..100, 0.01..=1.0)
            .prop_map(|(every, factor)| ScheduleConfig::Step { every, factor }),
    ];
    let losses = vec![LossChoice::Auto, LossChoice::Mse, LossChoice::Bce];
    let sizes = (
        1usize..1_000_000,
        1usize..1_000_000,
        prop::sample::select(losses),
    );
    let patience = (prop::option::of(1usize..1000), 0.0..1.0);
    let pretrain = prop::option::of(1usize..1000);
    (
        (sizes, pretrain),
        optimizer,
        1e-4..1e9,
        schedule,
        prop::option::of(1e-9..1e9),
        patience,
    )
        .prop_map(
            |(
                ((epochs, batch_size, loss), pretrain),
                optimizer,
                learning_rate,
                schedule,
                clip_norm,
                patience,
            )| {
                TrainConfig {
                    epochs,
                    batch_size,
                    loss,
                    optimizer,
                    learning_rate,
                    schedule,
                    clip_norm,
                    patience: patience.0,
                    min_delta: patience.1,
                    pretrain: pretrain.map(|epochs| PretrainConfig::Layerwise { epochs }),
                }
            },
        )
}

proptest! {
    #[test]
    fn a_resolved_config_reads_back_as_itself(
        texts in (prop::option::of(".*"), prop::option::of(".*")),
        seed in 0u64..=1 << 53,
        init in prop::option::of(inits()),
        data in data_sets(),
        model in models(),
        mut train in trainings(),
        tensorboard: bool,
        track in prop::option::of(tracks()),
    ) {
        if model.gives_values() {
            train.loss = LossChoice::Mse;
        }
        let backend = BackendChoice::Cuda;
        let (schema, description) = texts;
        let config = Config { schema, description, seed, backend, data, model, init, train, tensorboard, track };
        let text = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(parse("c.json", &text, &[]).unwrap().config, config);
    }

    #[test]
    fn no_text_panics(
        text in r#"([\[\]{}:,"'\\/*\-+.eE0x1\n\t \u{feff}\u{a0}é]|null|true|NaN|"a":|\\u[dD]8){0,40}"#,
        argument in r#"([.=\[\]{}:,"0-9]|model|layers|train|seed|optimizer){0,12}"#,
    ) {
        // Most of these are refused; what matters is that they end in an answer, and that what is
        // taken for JSON is JSON.
        let mut faults = Vec::new();
        if raw::parse(&text, &mut faults).is_ok() {
            let text = text.trim_start_matches('\u{feff}');
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        }
        let _ = parse("c.json", LEAST, &[Override::set(&argument)]);
    }
}
