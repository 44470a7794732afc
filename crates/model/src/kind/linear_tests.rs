//! Tests of the linear kind: it starts as PCA does, and its shapes and defaults are the documented ones.

use serde_json::{Value, json};

use crate::fixtures::{assert_close, config, device, host, pictures};
use crate::{Autoencoder, Loss, Noise};

fn linear(more: Value) -> Value {
    let mut json = json!({ "kind": "linear", "code_size": 2, "channels": 5, "convolutions": 3 });
    for (key, value) in more.as_object().into_iter().flatten() {
        json[key] = value.clone();
    }
    json
}

fn started(json: Value, shape: [usize; 3], components: &[f32], mean: &[f32]) -> Autoencoder {
    let model = config(json).init(shape, 3, &device()).unwrap();
    assert_eq!(model.layers().from_components(), ["code", "expand"]);
    model.with_components(components, mean)
}

/// Two directions at right angles, of length one: every second value each.
fn directions(size: usize) -> Vec<f32> {
    let one = |first: usize| {
        let count = (first..size).step_by(2).count() as f32;
        (0..size).map(move |at| match at % 2 == first {
            true => 1.0 / count.sqrt(),
            false => 0.0,
        })
    };
    one(0).chain(one(1)).collect()
}

/// Codes, pictures and the loss are those of PCA by hand, whatever the size: rounding of f32 is all that differs.
#[test]
fn it_starts_as_principal_components_give_it() {
    for (shape, halvings) in [
        ([1, 4, 4], 1),
        ([3, 5, 7], 2),
        ([2, 8, 4], 0),
        ([1, 1, 1], 0),
    ] {
        let size = shape.iter().product();
        let mirror = shape[0] == 1;
        let json =
            linear(json!({ "code_size": 2.min(size), "halvings": halvings, "mirror": mirror }));
        let components = &directions(size)[..2.min(size) * size];
        let mean: Vec<f32> = (0..size).map(|at| (at % 7) as f32 / 9.0).collect();
        let model = started(json, shape, components, &mean);
        let images = pictures(3, shape, 1);
        let (mut codes, mut back) = (Vec::new(), Vec::new());
        for image in host(&images).chunks(size) {
            let code = components.chunks(size).map(|direction| -> f64 {
                let each = image.iter().zip(&mean).zip(direction);
                each.map(|((x, m), d)| f64::from(x - m) * f64::from(*d))
                    .sum()
            });
            let code: Vec<f64> = code.collect();
            back.extend((0..size).map(|at| {
                let parts = code.iter().zip(components.chunks(size));
                f64::from(mean[at]) + parts.map(|(z, d)| z * f64::from(d[at])).sum::<f64>()
            }));
            codes.extend(code);
        }
        assert_close(&host(&model.encode(images.clone())), &codes, 1e-5, "codes");
        let clamped: Vec<f64> = back.iter().map(|it| it.clamp(0.0, 1.0)).collect();
        assert_close(
            &host(&model.forward(images.clone())),
            &clamped,
            1e-5,
            "pictures",
        );
        let decoded = model.decode(model.encode(images.clone())).unwrap();
        assert_close(&host(&decoded), &clamped, 1e-5, "decoded");
        let noise = Noise::Host { seed: 0 };
        let loss = model
            .loss(images.clone(), images.clone(), Loss::Mse, noise)
            .total;
        let squares = back
            .iter()
            .zip(host(&images))
            .map(|(b, x)| (b - f64::from(x)).powi(2));
        let expected = squares.sum::<f64>() / back.len() as f64;
        assert_close(&host(&loss), &[expected], 1e-6, "loss");
    }
}

/// With a code for each square, every square is what principal components of squares give, at any size of the image; and
/// if bits count, the code has the step that suits what they weigh.
#[test]
fn squares_start_as_principal_components_give_them() {
    let (side, channels) = (4, 3);
    let size = channels * side * side;
    let components = directions(size);
    let mean: Vec<f32> = (0..size).map(|at| 0.3 + (at % 7) as f32 / 20.0).collect();
    let plain = linear(json!({ "block": side, "mirror": true }));
    let lambda = 0.01;
    let cheap = json!({
        "kind": "sparse", "penalty": { "kind": "rate", "lambda": lambda }, "of": plain,
    });
    let step = (6.0 * 3.0 * lambda / std::f64::consts::LN_2).sqrt();
    for (json, step) in [(plain.clone(), 1.0), (cheap, step)] {
        let model = config(json.clone()).init([3, 8, 8], 3, &device()).unwrap();
        assert_eq!(model.layers().from_components(), ["code", "decoder.0"]);
        assert_eq!(model.component_shape(), Some([3, 4, 4]));
        let model = model.with_components(&components, &mean);
        let (rows, columns) = (2, 3);
        let shape = [3, rows * side, columns * side];
        let model = model.for_images(&config(json), shape).unwrap();
        assert_eq!(model.layers().code().output, [2, rows, columns]);
        let image = pictures(1, shape, 1);
        let pixels = host(&image);
        let code = host(&model.encode_unrounded(image.clone()));
        // Whole numbers of steps, or as they are.
        let kept = host(&model.encode(image.clone()));
        let restored = host(&model.forward(image));
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
        {
            let place = |at: usize| {
                let (channel, within) = (at / (side * side), at % (side * side));
                let (y, x) = (row * side + within / side, column * side + within % side);
                (channel * rows * side + y) * columns * side + x
            };
            for (unit, direction) in components.chunks(size).enumerate() {
                let each = direction.iter().zip(&mean).enumerate();
                let along: f64 = each
                    .map(|(at, (d, m))| f64::from(*d) * f64::from(pixels[place(at)] - m))
                    .sum();
                let found = code[(unit * rows + row) * columns + column];
                assert!(
                    (f64::from(found) - along / step).abs() < 1e-4,
                    "{found} {}",
                    along / step
                );
            }
            for at in 0..size {
                let parts = components
                    .chunks(size)
                    .enumerate()
                    .map(|(unit, direction)| {
                        f64::from(kept[(unit * rows + row) * columns + column])
                            * step
                            * f64::from(direction[at])
                    });
                let expected = (f64::from(mean[at]) + parts.sum::<f64>()).clamp(0.0, 1.0);
                assert!((f64::from(restored[place(at)]) - expected).abs() < 1e-4);
            }
        }
    }
    // Sides that are no multiple of the squares' come back as they were.
    let odd = config(plain).init([3, 9, 13], 3, &device()).unwrap();
    assert_eq!(
        odd.forward(pictures(1, [3, 9, 13], 0)).dims(),
        [1, 3, 9, 13]
    );
}

#[test]
fn a_seed_draws_the_convolutions_and_the_last_starts_at_zero() {
    let model = |seed| {
        let model = config(linear(json!({})))
            .init([1, 8, 8], seed, &device())
            .unwrap();
        crate::fixtures::parameters(&model)
    };
    let (one, other) = (model(1), model(2));
    let is_last = |name: &str| name.starts_with("decoder.0.after.1.");
    let mut zeros = 0;
    for ((name, _, a), (_, _, b)) in one.iter().zip(&other) {
        match is_last(name) {
            true => assert!(a.iter().all(|&it| it == 0.0), "{name}"),
            false => assert_ne!(a, b, "{name}"),
        }
        zeros += usize::from(is_last(name));
    }
    assert_eq!(zeros, 2, "weight and bias");
}

#[test]
fn the_more_is_missing_the_coarser_the_convolutions_look() {
    let words = |code_size: usize, shape| {
        let json = json!({ "kind": "linear", "code_size": code_size });
        let plan = config(json).plan(shape).unwrap();
        plan.layers.decoder()[1].kind()
    };
    let shape = [3, 64, 64];
    let fine = "unshuffle, 6 x conv 3x3 12 -> 12, shuffle, added to its input";
    assert_eq!(words(512, shape), fine);
    let coarse =
        "unshuffle, unshuffle, 6 x conv 3x3 48 -> 48, shuffle, shuffle, added to its input";
    assert_eq!(words(128, shape), coarse);
    assert!(words(1, [1, 2, 1]).starts_with("unshuffle, 6 x"));
    assert!(words(1, [1, 1, 1]).starts_with("6 x"));
}

#[test]
fn what_cannot_work_is_refused() {
    let refused = |json: Value| config(json).plan([3, 8, 8]).unwrap_err().to_string();
    let grey = json!({ "kind": "denoising", "corruption": "grayscale", "of": linear(json!({})) });
    assert!(refused(grey).contains("of.kind: found \"linear\""));
    let residual = json!({
        "kind": "denoising", "corruption": "gaussian", "residual": true, "of": linear(json!({}))
    });
    assert!(refused(residual).contains("of.kind: found \"linear\""));
    assert!(refused(linear(json!({ "halvings": 4 }))).contains("halvings: found 4"));
    assert!(refused(linear(json!({ "code_size": 0 }))).contains("code_size"));
    for block in [0, 1, 3, 16, 128] {
        let refused = refused(linear(json!({ "block": block })));
        assert!(
            refused.starts_with(&format!("block: found {block}")),
            "{refused}"
        );
    }
    assert!(
        refused(linear(json!({ "block": 2, "code_size": 13 }))).contains("squares of 12 values")
    );
}

#[test]
fn its_loss_is_the_squared_error_whatever_is_around_it() {
    let wrapped = json!({ "kind": "denoising", "corruption": "gaussian", "of": linear(json!({})) });
    for json in [linear(json!({})), wrapped] {
        let config = config(json);
        assert!(config.gives_values() && !config.is_residual());
        assert_eq!(config.default_loss(), Loss::Mse);
    }
}
