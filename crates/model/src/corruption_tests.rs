//! Tests of corruptions: their statistics, their range and their streams.

use serde_json::{Value, json};

use super::*;
use crate::Noise;
use crate::fixtures::{assert_close, device, drawn_on_device, host, pictures};

/// Values drawn for each measurement. A mean of them has a standard error of a 200th of the standard
/// deviation; bounds below are five of them.
const COUNT: usize = 40_000;

fn corruption(json: Value) -> Corruption {
    serde_json::from_value(json).unwrap()
}

/// A source on the host.
fn from_host(seed: u64, place: usize) -> Source {
    Source::new(Noise::Host { seed }, place, &device())
}

/// Pictures corrupted with noise drawn on the host and on the device.
fn corrupt(corruption: &Corruption, images: &Tensor<4>) -> [Vec<f32>; 2] {
    let apply = |source: &mut Source| host(&corruption.apply(images.clone(), source).0);
    let noise = Noise::Device { seed: 5 };
    [
        apply(&mut from_host(5, 0)),
        drawn_on_device(5, || apply(&mut Source::new(noise, 0, &device()))),
    ]
}

/// The corrupted form of `COUNT` pixels of one value.
fn corrupted(corruption: &Corruption, pixel: f32) -> [Vec<f32>; 2] {
    let shape = [4, 1, 100, 100];
    corrupt(corruption, &Tensor::full(shape, pixel, &device()))
}

fn mean_and_deviation(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (mean, (squares.sum::<f64>() / n).sqrt())
}

fn share(values: &[f32], value: f32) -> f64 {
    values.iter().filter(|&&v| v == value).count() as f64 / values.len() as f64
}

/// Five standard errors of a share.
fn margin(probability: f64) -> f64 {
    5.0 * (probability * (1.0 - probability) / COUNT as f64).sqrt() + 1e-9
}

#[test]
fn gaussian_noise_has_its_deviation_whatever_the_pixel() {
    // Five deviations from either end, so that next to nothing is clipped.
    for pixel in [0.4, 0.5, 0.6] {
        for values in corrupted(
            &corruption(json!({ "kind": "gaussian", "std": 0.08 })),
            pixel,
        ) {
            let (mean, deviation) = mean_and_deviation(&values);
            assert!((mean - f64::from(pixel)).abs() < 0.08 / 40.0, "{mean}");
            assert!((deviation - 0.08).abs() < 0.08 / 56.0, "{deviation}");
        }
    }
}

#[test]
fn speckle_noise_grows_with_the_pixel() {
    let speckle = corruption(json!({ "kind": "speckle", "std": 0.2 }));
    for pixel in [0.25, 0.5] {
        for values in corrupted(&speckle, pixel) {
            let expected = 0.2 * f64::from(pixel);
            let (mean, deviation) = mean_and_deviation(&values);
            assert!((mean - f64::from(pixel)).abs() < expected / 40.0, "{mean}");
            assert!(
                (deviation - expected).abs() < expected / 56.0,
                "{deviation}"
            );
        }
    }
    for values in corrupted(&speckle, 0.0) {
        assert_eq!(share(&values, 0.0), 1.0);
    }
}

#[test]
fn masking_blacks_out_its_share_and_leaves_the_rest() {
    for probability in [0.0, 0.1, 0.5, 0.9, 1.0] {
        let masking = corruption(json!({ "kind": "masking", "probability": probability }));
        for values in corrupted(&masking, 0.75) {
            let black = share(&values, 0.0);
            assert!(
                (black - probability).abs() <= margin(probability),
                "{black}"
            );
            assert_eq!(
                values.iter().filter(|&&v| v == 0.75 || v == 0.0).count(),
                COUNT
            );
        }
    }
}

#[test]
fn salt_and_pepper_come_in_equal_shares() {
    for probability in [0.0, 0.1, 0.5, 1.0] {
        let kind = json!({ "kind": "salt_and_pepper", "probability": probability });
        for values in corrupted(&corruption(kind), 0.75) {
            let (pepper, salt) = (share(&values, 0.0), share(&values, 1.0));
            let half = probability / 2.0;
            assert!((pepper - half).abs() <= margin(half), "{pepper}");
            assert!((salt - half).abs() <= margin(half), "{salt}");
            let rest = share(&values, 0.75);
            assert!((pepper + salt + rest - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn pictures_stay_in_zero_to_one_and_noise_is_clipped_not_scaled() {
    for kind in ["gaussian", "speckle"] {
        let strong = corruption(json!({ "kind": kind, "std": 3.0 }));
        for values in corrupted(&strong, 0.5) {
            assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
            // P(n < -1/6) = 0.4338 for gaussian noise, P(n < -1/3) = 0.3694 for speckle.
            let expected = if kind == "gaussian" { 0.4338 } else { 0.3694 };
            for end in [0.0, 1.0] {
                let clipped = share(&values, end);
                assert!(
                    (clipped - expected).abs() < margin(expected) + 1e-4,
                    "{clipped}"
                );
            }
        }
    }
}

#[test]
fn host_noise_is_normal_or_uniform() {
    let shape = [1, 1, 200, 200];
    let normal = host(&from_host(9, 0).normal(shape));
    let (mean, deviation) = mean_and_deviation(&normal);
    assert!(mean.abs() < 5.0 / 200.0);
    assert!((deviation - 1.0).abs() < 5.0 / 200.0 / 2.0_f64.sqrt());
    // The fourth moment of a normal value is 3, that of a uniform one 1.8; its standard error is
    // sqrt(96 / n).
    let fourth = normal.iter().map(|&v| f64::from(v).powi(4)).sum::<f64>() / COUNT as f64;
    assert!(
        (fourth - 3.0).abs() < 5.0 * (96.0 / COUNT as f64).sqrt(),
        "{fourth}"
    );
    // Sine and cosine of one angle, and neighbours in general, are uncorrelated.
    let products = normal.windows(2).map(|pair| f64::from(pair[0] * pair[1]));
    let correlation = products.sum::<f64>() / COUNT as f64;
    assert!(correlation.abs() < 5.0 / 200.0, "{correlation}");

    let uniform = host(&from_host(9, 0).uniform(shape));
    assert!(uniform.iter().all(|v| (0.0..1.0).contains(v)));
    let (mean, deviation) = mean_and_deviation(&uniform);
    let expected = 1.0 / 12.0_f64.sqrt();
    assert!((mean - 0.5).abs() < 5.0 * expected / 200.0);
    assert!((deviation - expected).abs() < 5.0 * expected / 200.0);
}

#[test]
fn host_noise_depends_on_seed_and_place_and_nothing_else() {
    let draws: [fn(&mut Source, usize) -> Tensor<4>; 3] = [
        |source, batch| source.normal([batch, 1, 1, 101]),
        |source, batch| source.uniform([batch, 1, 1, 101]),
        |source, batch| source.for_pictures(batch, 101),
    ];
    for draw in draws {
        let noise = host(&draw(&mut from_host(3, 0), 1));
        assert_eq!(noise.len(), 101);
        assert_eq!(host(&draw(&mut from_host(3, 0), 1)), noise);
        assert_ne!(host(&draw(&mut from_host(4, 0), 1)), noise);
        assert_ne!(host(&draw(&mut from_host(3, 1), 1)), noise);
        // A longer batch begins like a shorter one.
        assert_eq!(host(&draw(&mut from_host(3, 0), 3))[..101], noise);
    }
    // What is drawn for a picture does not depend on how many values there are.
    let mut source = from_host(3, 0);
    source.normal([2, 1, 5, 5]);
    let after = host(&source.for_pictures(4, 1));
    assert_eq!(after, host(&from_host(3, 0).for_pictures(4, 1)));
    assert_ne!(after, host(&from_host(3, 0).uniform([4, 1, 1, 1])));
}

/// The first values of the generator under Box and Muller, from which every earlier figure of a
/// denoising model comes.
#[test]
fn host_noise_stays_what_it_was() {
    let normal = host(&from_host(7, 1).normal([1, 1, 1, 4]));
    let expected = [1.4661605, -0.07275455, 0.4757668, 0.027086789];
    // Logarithms and cosines differ in their last bits from machine to machine.
    assert_close(&normal, &expected, 1e-6, "normal");
    let uniform = host(&from_host(7, 1).uniform([1, 1, 1, 4]));
    assert_eq!(uniform, [0.6595408, 0.99210876, 0.10733497, 0.009051383]);
}

/// Many pictures, each with a strength of its own between the ends of the range.
#[test]
fn a_range_gives_each_picture_a_strength_of_its_own() {
    let (pictures, pixels) = (200, 900);
    let grey = Tensor::full([pictures, 1, 30, 30], 0.5, &device());
    let spread = |values: &[f32]| mean_and_deviation(values).1;
    let black = |values: &[f32]| share(values, 0.0);
    let ends = |values: &[f32]| share(values, 0.0) + share(values, 1.0);
    type Measure<'a> = &'a dyn Fn(&[f32]) -> f64;
    let cases: [(Value, [f64; 2], Measure<'_>); 4] = [
        (
            json!({ "kind": "gaussian", "std": [0.02, 0.1] }),
            [0.02, 0.1],
            &spread,
        ),
        (
            json!({ "kind": "speckle", "std": [0.04, 0.2] }),
            [0.02, 0.1],
            &spread,
        ),
        (
            json!({ "kind": "masking", "probability": [0.2, 0.6] }),
            [0.2, 0.6],
            &black,
        ),
        (
            json!({ "kind": "salt_and_pepper", "probability": [0.2, 0.6] }),
            [0.2, 0.6],
            &ends,
        ),
    ];
    for (json, [low, high], measure) in cases {
        for values in corrupt(&corruption(json.clone()), &grey) {
            let found: Vec<f32> = values.chunks(pixels).map(|it| measure(it) as f32).collect();
            // Five standard errors of a share of 900 values, the larger of the two measures'.
            let margin = 5.0 * (0.25 / pixels as f64).sqrt() * high.min(1.0);
            let inside = |&it: &f32| (low - margin..high + margin).contains(&f64::from(it));
            assert!(found.iter().all(inside), "{json}: {found:?}");
            let (mean, deviation) = mean_and_deviation(&found);
            let width = high - low;
            // A uniform value has a deviation of the range's width by the root of twelve.
            assert!(
                (mean - (low + high) / 2.0).abs() < 0.15 * width,
                "{json}: {mean}"
            );
            assert!(
                (deviation / width * 12.0_f64.sqrt() - 1.0).abs() < 0.2,
                "{json}: {deviation}"
            );
        }
    }
}

#[test]
fn a_range_of_one_value_is_that_value() {
    let x = pictures(3, [1, 12, 10], 0);
    for (kind, key, value) in [
        ("gaussian", "std", 0.2),
        ("speckle", "std", 0.2),
        ("masking", "probability", 0.5),
        ("salt_and_pepper", "probability", 0.5),
        ("blur", "sigma", 1.25),
    ] {
        let fixed = corruption(json!({ "kind": kind, key: value }));
        let range = corruption(json!({ "kind": kind, key: [value, value] }));
        let values = |of: &Corruption| host(&of.apply(x.clone(), &mut from_host(2, 0)).0);
        let expected: Vec<f64> = values(&fixed).into_iter().map(f64::from).collect();
        assert_close(&values(&range), &expected, 1e-6, kind);
    }
}

#[test]
fn every_kind_stays_in_zero_to_one_and_keeps_height_and_width() {
    let x = pictures(5, [3, 13, 10], 0);
    for json in [
        json!({ "kind": "gaussian", "std": [0.0, 3.0] }),
        json!({ "kind": "speckle", "std": [0.0, 3.0] }),
        json!({ "kind": "masking", "probability": [0.0, 1.0] }),
        json!({ "kind": "salt_and_pepper", "probability": [0.0, 1.0] }),
        json!({ "kind": "block", "size": [[1, 13], [1, 10]] }),
        json!({ "kind": "blur", "sigma": [0.0, 20.0] }),
        json!({ "kind": "downscale", "factor": 4 }),
        json!({ "kind": "grayscale" }),
    ] {
        let of = corruption(json);
        let [channels, height, width] = of.check([3, 13, 10]).unwrap();
        for values in corrupt(&of, &x) {
            assert_eq!(
                values.len(),
                5 * channels * height * width,
                "{}",
                of.label()
            );
            // A mean of ones may be a rounding above one.
            let inside = |v: &f32| (0.0..=1.0 + 1e-6).contains(v);
            assert!(values.iter().all(inside), "{}", of.label());
        }
    }
}

#[test]
fn noise_that_is_not_clipped_keeps_its_mean_and_deviation_at_black_and_white() {
    for pixel in [0.0, 1.0] {
        let gaussian = corruption(json!({ "kind": "gaussian", "std": 0.5, "clip": false }));
        for values in corrupted(&gaussian, pixel) {
            let (mean, deviation) = mean_and_deviation(&values);
            assert!((mean - f64::from(pixel)).abs() < 0.5 / 40.0, "{mean}");
            assert!((deviation - 0.5).abs() < 0.5 / 56.0, "{deviation}");
        }
    }
    let speckle = corruption(json!({ "kind": "speckle", "std": 0.5, "clip": false }));
    for values in corrupted(&speckle, 1.0) {
        let (_, deviation) = mean_and_deviation(&values);
        assert!((deviation - 0.5).abs() < 0.5 / 56.0, "{deviation}");
    }
}

#[test]
fn labels_name_kind_and_strength() {
    for (json, label) in [
        (json!({ "kind": "gaussian", "std": 0.1 }), "gaussian 0.1"),
        (
            json!({ "kind": "speckle", "std": [0, 0.25] }),
            "speckle 0..0.25",
        ),
        (json!({ "kind": "masking" }), "masking 0.5"),
        (json!({ "kind": "salt_and_pepper" }), "salt_and_pepper 0.25"),
        (json!({ "kind": "block", "size": 8 }), "block 8x8"),
        (
            json!({ "kind": "block", "size": [4, [2, 6]] }),
            "block 4x2..6",
        ),
        (json!({ "kind": "blur" }), "blur 1.5"),
        (json!({ "kind": "downscale" }), "downscale 2"),
        (
            json!({ "kind": "gaussian", "std": 0.1, "clip": false }),
            "gaussian 0.1, not clipped",
        ),
        (
            json!({ "kind": "downscale", "filter": "bicubic" }),
            "downscale 2, bicubic",
        ),
        (json!({ "kind": "grayscale" }), "grayscale"),
    ] {
        assert_eq!(corruption(json).label(), label);
    }
}

#[test]
fn what_cannot_work_is_refused_with_its_key() {
    let refused = |json: Value, images: ImageShape| {
        let error = corruption(json).check(images).unwrap_err();
        (error.key, error.found)
    };
    let images = [1, 10, 12];
    for (json, key, word) in [
        (
            json!({ "kind": "gaussian", "std": [0.5, 0.1] }),
            "std",
            "0.5 to 0.1",
        ),
        (
            json!({ "kind": "speckle", "std": [0.5, 0.1] }),
            "std",
            "0.5 to 0.1",
        ),
        (
            json!({ "kind": "masking", "probability": [1, 0] }),
            "probability",
            "1 to 0",
        ),
        (
            json!({ "kind": "salt_and_pepper", "probability": [1, 0] }),
            "probability",
            "1 to 0",
        ),
        (
            json!({ "kind": "blur", "sigma": [2, 1] }),
            "sigma",
            "2 to 1",
        ),
        (
            json!({ "kind": "block", "size": [[5, 4], 4] }),
            "size",
            "5 to 4",
        ),
        (json!({ "kind": "block", "size": 11 }), "size", "11x11"),
        (
            json!({ "kind": "block", "size": [10, [1, 13]] }),
            "size",
            "10x1..13",
        ),
        (json!({ "kind": "block", "size": 0 }), "size", "0x0"),
        (json!({ "kind": "downscale", "factor": 0 }), "factor", "0"),
        (json!({ "kind": "downscale", "factor": 5 }), "factor", "5"),
        (json!({ "kind": "grayscale" }), "kind", "1 channel"),
    ] {
        let (found, text) = refused(json.clone(), images);
        assert_eq!(found, key, "{json}");
        assert!(text.contains(word), "{text}");
    }
    let block = corruption(json!({ "kind": "block", "size": [10, 12] }));
    assert_eq!(block.check(images).unwrap(), images);
    let grey = corruption(json!({ "kind": "grayscale" }));
    assert_eq!(grey.check([3, 10, 12]).unwrap(), images);
}
