//! Tests of corruptions: their statistics, their range and their streams.

use burn::tensor::TensorData;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{device, drawn_on_device, host};

/// Values drawn for each measurement. A mean of them has a standard error of a 200th of the standard
/// deviation; bounds below are five of them.
const COUNT: usize = 40_000;

fn corruption(json: Value) -> Corruption {
    serde_json::from_value(json).unwrap()
}

/// The corrupted form of `COUNT` pixels of one value, with noise drawn on the host and on the
/// device.
fn corrupted(corruption: &Corruption, pixel: f32) -> [Vec<f32>; 2] {
    let shape = [4, 1, 100, 100];
    let clean = || Tensor::full(shape, pixel, &device());
    let drawn = TensorData::new(corruption.draw_on_host(COUNT, 5, 0), shape);
    let from_host = Tensor::from_data(drawn, &device());
    let from_device = drawn_on_device(5, || corruption.draw(shape, &device()));
    [from_host, from_device].map(|noise| host(&corruption.apply(clean(), noise)))
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
    let gaussian = corruption(json!({ "kind": "gaussian" }));
    let normal = gaussian.draw_on_host(COUNT, 9, 0);
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

    let masking = corruption(json!({ "kind": "masking" }));
    let uniform = masking.draw_on_host(COUNT, 9, 0);
    assert!(uniform.iter().all(|v| (0.0..1.0).contains(v)));
    let (mean, deviation) = mean_and_deviation(&uniform);
    let expected = 1.0 / 12.0_f64.sqrt();
    assert!((mean - 0.5).abs() < 5.0 * expected / 200.0);
    assert!((deviation - expected).abs() < 5.0 * expected / 200.0);
}

#[test]
fn host_noise_depends_on_seed_and_stream_and_nothing_else() {
    for kind in ["gaussian", "masking", "salt_and_pepper", "speckle"] {
        let of = corruption(json!({ "kind": kind }));
        let noise = of.draw_on_host(101, 3, 0);
        assert_eq!(noise.len(), 101);
        assert_eq!(of.draw_on_host(101, 3, 0), noise);
        assert_ne!(of.draw_on_host(101, 4, 0), noise);
        assert_ne!(of.draw_on_host(101, 3, 1), noise);
        // A longer batch begins like a shorter one.
        assert_eq!(of.draw_on_host(300, 3, 0)[..101], noise);
    }
    let of = corruption(json!({ "kind": "gaussian" }));
    assert!(of.draw_on_host(0, 3, 0).is_empty());
}
