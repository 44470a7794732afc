//! Tests of the augmentation.

use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use serde_json::Value;

use super::*;
use crate::{Batches, Source, epoch_order};

const STRONG: Augment = Augment {
    shift: 2.0,
    rotation: 15.0,
    scale: 0.1,
    shear: 0.1,
    flip: true,
    interpolation: Interpolation::Bicubic,
    elastic: Some(Elastic {
        strength: 2.0,
        smoothness: 6.0,
    }),
    brightness: 0.5,
    shuffle_channels: true,
};

fn images() -> Images {
    let pixels = (0..40 * 3 * 9 * 11)
        .map(|i: u32| (i * 7 % 256) as u8)
        .collect();
    Images::new(pixels, [3, 9, 11]).unwrap()
}

fn all() -> Vec<u32> {
    (0..40).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap();
    values.iter().map(|it| it.as_f64().unwrap()).collect()
}

/// What SciPy makes of the same pictures: `tests/fixtures/scipy/make.py`.
#[test]
fn every_change_is_the_one_that_scipy_makes() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/scipy/augment.json"
    );
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let [_, height, width] = [0, 1, 2].map(|i| case["shape"][i].as_u64().unwrap() as usize);
        let size = [height, width];
        let change = Change {
            shift: [0, 1].map(|i| case["shift"][i].as_f64().unwrap()),
            rotation: case["rotation"].as_f64().unwrap(),
            scale: case["scale"].as_f64().unwrap(),
            shear: case["shear"].as_f64().unwrap(),
            flip: case["flip"].as_bool().unwrap(),
        };
        let mut room = Room::new(size);
        change.places(size, &mut room);
        if let Some(elastic) = case["elastic"].as_object() {
            let grids = elastic["points"].as_array().unwrap();
            let rows = grids.iter().flat_map(|grid| grid.as_array().unwrap());
            let points: Vec<f64> = rows.flat_map(numbers).collect();
            let mut points = points.into_iter();
            let warp = Elastic {
                strength: elastic["strength"].as_f64().unwrap(),
                smoothness: elastic["smoothness"].as_f64().unwrap(),
            }
            .warp(size);
            warp.displace(
                || points.next().unwrap() as f32,
                &mut room.control,
                &mut room.xs,
                &mut room.ys,
            );
            assert_eq!(points.next(), None, "{}", case["name"]);
        }
        let pixels: Vec<u8> = numbers(&case["pixels"])
            .iter()
            .map(|&it| it as u8)
            .collect();
        let expected = numbers(&case["result"]);
        let channels = pixels.chunks(height * width);
        for (pixels, expected) in channels.zip(expected.chunks(height * width)) {
            let mut found = vec![0.0; height * width];
            kernels::sample(
                pixels,
                size,
                &room.xs,
                &room.ys,
                Interpolation::Bilinear,
                &mut room.padded,
                &mut found,
            );
            for (found, expected) in found.iter().zip(expected) {
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-5, "{}: {found} {expected}", case["name"]);
            }
        }
    }
}

#[test]
fn without_changes_it_is_the_plain_gather() {
    let images = Arc::new(images());
    let plain = Batches::new(images.clone(), &Device::flex(), false);
    let values = |tensor: Tensor<4>| tensor.into_data().try_to_vec::<f32>().unwrap();
    let indices = [39, 0, 7, 7];
    let still = Augment {
        elastic: Some(Elastic {
            strength: 0.0,
            smoothness: 4.0,
        }),
        ..Augment::default()
    };
    for augment in [Augment::default(), still] {
        let changed = plain.augmented(&indices, &augment, 3).unwrap();
        assert_eq!(changed.dims(), [4, 3, 9, 11]);
        assert_eq!(values(changed), values(plain.gather(&indices).unwrap()));
    }
}

#[test]
fn the_seed_and_the_index_decide_whatever_the_batch_and_the_threads() {
    let images = images();
    let whole = STRONG.gather(&images, &all(), 5).unwrap();
    assert!(whole.iter().all(|it| (0.0..=1.0).contains(it)));
    for threads in 1..4 {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let found = pool.install(|| STRONG.gather(&images, &all(), 5).unwrap());
        assert!(found == whole, "{threads} threads differ");
    }
    let one = STRONG.gather(&images, &[31, 31], 5).unwrap();
    let length = images.image_len();
    assert_eq!(one[..length], whole[31 * length..32 * length]);
    assert_eq!(one[length..], one[..length]);
    let other = STRONG.gather(&images, &all(), 6).unwrap();
    let pairs = whole.chunks(length).zip(other.chunks(length));
    assert!(pairs.into_iter().all(|(one, other)| one != other));
}

#[test]
fn one_option_leaves_the_chance_of_the_others() {
    let draw = |augment: Augment| augment.draw(&mut ChaCha8Rng::seed_from_u64(4));
    let strong = draw(STRONG);
    let turned = draw(Augment {
        rotation: 15.0,
        ..Augment::default()
    });
    assert_eq!(turned.rotation, strong.rotation);
    assert_eq!(
        (turned.shift, turned.scale, turned.shear),
        ([0.0; 2], 1.0, 0.0)
    );
    assert!(!turned.flip);
}

/// The first picture's three channels as they are gathered under many seeds, beside the plain ones.
fn channels(augment: Augment) -> (Vec<Vec<f32>>, Vec<Vec<Vec<f32>>>) {
    let images = images();
    let split = |values: Vec<f32>| values.chunks(9 * 11).map(<[f32]>::to_vec).collect();
    let gather = |augment: Augment, seed| split(augment.gather(&images, &[0], seed).unwrap());
    let changed = (0..600).map(|seed| gather(augment, seed)).collect();
    (gather(Augment::default(), 0), changed)
}

#[test]
fn channels_come_in_every_order_equally_often() {
    let (plain, changed) = channels(Augment {
        shuffle_channels: true,
        ..Augment::default()
    });
    let mut orders = std::collections::BTreeMap::<Vec<usize>, usize>::new();
    for channels in changed {
        let place = |it: &Vec<f32>| plain.iter().position(|other| other == it).unwrap();
        *orders
            .entry(channels.iter().map(place).collect())
            .or_default() += 1;
    }
    assert_eq!(orders.len(), 6);
    // A hundred each, with a standard deviation of 9.
    assert!(
        orders.values().all(|&it| (64..=136).contains(&it)),
        "{orders:?}"
    );
}

#[test]
fn each_channel_has_a_brightness_of_its_own_up_to_white() {
    let (plain, changed) = channels(Augment {
        brightness: 0.5,
        ..Augment::default()
    });
    let mut factors = Vec::new();
    for channels in &changed {
        for (before, after) in plain.iter().zip(channels) {
            // The darkest value that is not black does not reach white.
            let pairs = || before.iter().zip(after).filter(|(it, _)| **it > 0.0);
            let (dark, found) = pairs()
                .min_by(|one, other| one.0.total_cmp(other.0))
                .unwrap();
            let factor = found / dark;
            for (before, after) in before.iter().zip(after) {
                assert!((after - (before * factor).min(1.0)).abs() < 1e-5);
            }
            factors.push(factor);
        }
    }
    assert!(factors.iter().all(|it| (0.499..1.501).contains(it)));
    let mean = factors.iter().sum::<f32>() / factors.len() as f32;
    // Of 1,800 uniform numbers; their standard error is 0.007.
    assert!((mean - 1.0).abs() < 0.03, "{mean}");
    assert!(factors.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn colours_leave_shapes_as_they_were_and_the_order_the_brightness() {
    let moved = Augment {
        brightness: 0.0,
        shuffle_channels: false,
        ..STRONG
    };
    let coloured = Augment {
        brightness: 0.5,
        ..moved
    };
    let (images, length) = (images(), 9 * 11);
    let gather = |augment: Augment| augment.gather(&images, &[5], 8).unwrap();
    let (plain, bright, both) = (gather(moved), gather(coloured), gather(STRONG));
    let ratio = |one: &[f32], other: &[f32]| {
        let pairs = one
            .iter()
            .zip(other)
            .filter(|(a, b)| **a > 0.05 && **b < 1.0);
        let ratios: Vec<f32> = pairs.map(|(a, b)| b / a).collect();
        assert!(ratios.len() > 20);
        let spread = ratios
            .iter()
            .map(|it| (it - ratios[0]).abs())
            .fold(0.0, f32::max);
        (ratios[0], spread)
    };
    let of = |values: &[f32], channel: usize| values[channel * length..][..length].to_vec();
    for channel in 0..3 {
        let (factor, spread) = ratio(&of(&plain, channel), &of(&bright, channel));
        assert!(spread < 1e-4, "{spread}");
        // The same place has the same factor whichever channel comes there.
        let found = (0..3).map(|from| ratio(&of(&plain, from), &of(&both, channel)));
        let found: Vec<_> = found.filter(|(_, spread)| *spread < 1e-4).collect();
        assert_eq!(found.len(), 1);
        assert!((found[0].0 - factor).abs() < 1e-4);
    }
}

/// Over 2,000 draws the mean of a uniform number has a standard error of 0.013 of its limit.
#[test]
fn draws_fill_their_limits_evenly() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let changes: Vec<Change> = (0..2000).map(|_| STRONG.draw(&mut random)).collect();
    let parts = |it: &Change| {
        let [across, down] = it.shift;
        [
            across / 2.0,
            down / 2.0,
            it.rotation / 15.0,
            (it.scale - 1.0) / 0.1,
            it.shear / 0.1,
        ]
    };
    for part in 0..5 {
        let values = || changes.iter().map(|it| parts(it)[part]);
        assert!((values().sum::<f64>() / 2000.0).abs() < 0.05);
        assert!(values().fold(f64::MIN, f64::max) > 0.99);
        assert!(values().fold(f64::MAX, f64::min) < -0.99);
        // A difference from 1 over a tenth is rounded.
        assert!(values().all(|it| it.abs() < 1.0 + 1e-9));
    }
    let flipped = changes.iter().filter(|it| it.flip).count();
    assert!((900..1100).contains(&flipped), "{flipped}");
}

#[test]
fn bad_indices_are_errors() {
    let images = Arc::new(images());
    let batches = Batches::new(images, &Device::flex(), false);
    let error = batches.augmented(&[3, 40], &STRONG, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "image 40 of a set of 40; allowed: less than 40"
    );
    assert!(batches.augmented(&[], &STRONG, 1).is_err());
}

/// Prints the time of one batch of 128; run with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn time_of_an_augmented_batch() {
    let train = Arc::new(Source::Mnist.load().unwrap().train);
    let order = epoch_order(&(0..60_000).collect::<Vec<_>>(), 1);
    let batches = Batches::new(train, &Device::flex().autodiff(), false);
    let affine = Augment {
        elastic: None,
        ..STRONG
    };
    let blurred = Augment {
        interpolation: Interpolation::Bilinear,
        ..affine
    };
    for (name, augment) in [
        ("affine, bilinear", blurred),
        ("affine", affine),
        ("affine and elastic", STRONG),
    ] {
        let mut times: Vec<f64> = order
            .chunks_exact(128)
            .map(|indices| {
                let start = Instant::now();
                std::hint::black_box(batches.augmented(indices, &augment, 1).unwrap());
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        let [fast, median] = [0, times.len() / 2].map(|i| times[i]);
        println!("{name}: {median:.3} ms per batch of 128, at best {fast:.3}");
    }
}

/// Writes digits, below them two epochs' changes of each, and says where; run with `--ignored
/// --nocapture`.
#[test]
#[ignore = "a picture to look at, not a check"]
fn picture_of_changed_digits() {
    const COLUMNS: usize = 12;
    let train = Source::Mnist.load().unwrap().train;
    let indices: Vec<u32> = (0..COLUMNS as u32).collect();
    let rows = [(Augment::default(), 1), (STRONG, 1), (STRONG, 2)];
    let mut picture = image::GrayImage::new(28 * COLUMNS as u32, 28 * rows.len() as u32);
    for (row, (augment, seed)) in (0..).zip(rows) {
        let values = augment.gather(&train, &indices, seed).unwrap();
        for (place, value) in (0..).zip(values) {
            let (digit, y, x) = (place / 784, place % 784 / 28, place % 28);
            let pixel = image::Luma([(value * 255.0).round() as u8]);
            picture.put_pixel(28 * digit + x, 28 * row + y, pixel);
        }
    }
    let path = std::env::temp_dir().join("hourglass-augmented.png");
    picture.save(&path).unwrap();
    println!("{}", path.display());
}
