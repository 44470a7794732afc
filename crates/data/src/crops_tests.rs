//! Tests of random crops.

use std::collections::BTreeSet;
use std::time::Instant;

use burn::tensor::Device;

use super::*;
use crate::{Augment, Batches, Collection, PictureOptions, Source, TestPart};

const SIDE: usize = 4;

/// Two pictures of 6 x 9 and 4 x 4 pixels in two channels, whose values say where they lie: row and
/// column in the first channel, and 100 more in the second; the other picture is 200 and more.
fn crops(flip: bool) -> Crops {
    let mut pictures = Whole::new("x", 2, [[6, 9], [4, 4]].into_iter()).unwrap();
    let picture = |rows: u8, columns: u8, base: u8| -> Vec<u8> {
        let channel = |base: u8| {
            (0..rows).flat_map(move |row| (0..columns).map(move |column| base + 10 * row + column))
        };
        channel(base).chain(channel(base + 100)).collect()
    };
    let mut rooms = pictures.rooms();
    assert!(rooms[0].put(&picture(6, 9, 0), [6, 9]));
    assert!(rooms[1].put(&picture(4, 4, 120), [4, 4]));
    Crops {
        pictures: Arc::new(Pictures::Bytes(pictures)),
        of: vec![0, 0, 1],
        each: None,
        flip,
    }
}

fn cut(crops: &Crops, indices: &[u32], first: u64, seed: u64) -> Vec<Vec<u8>> {
    let pixels = crops.cut([2, SIDE, SIDE], indices, first, seed).unwrap();
    let pixels = pixels.view().bytes();
    pixels.chunks(2 * SIDE * SIDE).map(<[u8]>::to_vec).collect()
}

#[test]
fn every_place_comes_and_half_of_the_crops_are_mirrored() {
    let indices: Vec<u32> = (0..2000).map(|place| place % 2).collect();
    for flip in [false, true] {
        let mut places = BTreeSet::new();
        let mut mirrored = 0;
        for crop in cut(&crops(flip), &indices, 0, 7) {
            let row = |line: usize| &crop[line * SIDE..(line + 1) * SIDE];
            let is_mirrored = row(0)[0] > row(0)[1];
            mirrored += usize::from(is_mirrored);
            let corner = *row(0).iter().min().unwrap();
            places.insert(corner);
            for line in 0..2 * SIDE {
                let start = corner + 10 * (line % SIDE) as u8 + 100 * (line / SIDE) as u8;
                let mut expected: Vec<u8> = (start..start + SIDE as u8).collect();
                if is_mirrored {
                    expected.reverse();
                }
                assert_eq!(row(line), expected);
            }
        }
        // 3 x 6 places, and of 2,000 a half give or take 4.5 standard deviations of 22.
        let all = (0..3).flat_map(|row| (0..6).map(move |column| 10 * row + column));
        assert_eq!(places, all.collect());
        let expected = if flip { 900..1100 } else { 0..1 };
        assert!(expected.contains(&mirrored), "{mirrored}");
    }
}

#[test]
fn the_seed_and_the_place_in_the_epoch_decide_whatever_the_batch_and_the_threads() {
    let crops = crops(true);
    let indices: Vec<u32> = (0..50).map(|place| place % 3).collect();
    let whole = cut(&crops, &indices, 0, 3);
    for threads in 1..4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let found = pool.unwrap().install(|| cut(&crops, &indices, 0, 3));
        assert!(found == whole, "{threads} threads differ");
    }
    assert_eq!(cut(&crops, &indices[20..30], 20, 3), whole[20..30]);
    assert_ne!(cut(&crops, &indices, 0, 4), whole);
    // The smaller picture has one place only, seen from either side.
    let small: BTreeSet<&Vec<u8>> = whole.iter().skip(2).step_by(3).collect();
    assert_eq!(small.len(), 2);
    let error = crops.cut([2, SIDE, SIDE], &[0, 3], 0, 3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "image 3 of a set of 3; allowed: less than 3"
    );
}

/// A set of patches of four pictures: 2, 1, 3 and 1 of them.
fn images(each: Option<usize>) -> Images {
    let sizes = [[4, 8], [4, 5], [4, 12], [7, 4]];
    let crops = Crops {
        pictures: Arc::new(Pictures::Bytes(
            Whole::new("x", 1, sizes.into_iter()).unwrap(),
        )),
        of: vec![0, 0, 1, 2, 2, 2, 3],
        each,
        flip: true,
    };
    Images::new(vec![0; 7 * 16], [1, 4, 4])
        .unwrap()
        .with_crops(crops)
}

#[test]
fn the_patches_of_a_picture_stay_on_one_side() {
    let images = images(None);
    assert_eq!((images.len(), images.pictures()), (7, 4));
    let runs = [vec![0, 1], vec![2], vec![3, 4, 5], vec![6]];
    let mut held = BTreeSet::new();
    for seed in 0..20 {
        let split = images.split(1, seed).unwrap();
        let place = runs
            .iter()
            .position(|run| *run == split.validation)
            .unwrap();
        held.insert(place);
        let rest: Vec<u32> = (0..7).filter(|it| !split.validation.contains(it)).collect();
        assert_eq!(split.train, rest);
    }
    assert_eq!(held.len(), 4, "each picture is held out by some seed");
    assert!(images.split(4, 1).is_err());
    assert_eq!(images.split(0, 1).unwrap().train.len(), 7);
}

#[test]
fn crops_are_counted_by_picture() {
    for (each, expected) in [
        (1, vec![0, 2, 3, 6]),
        (2, vec![0, 1, 2, 2, 3, 4, 6, 6]),
        (4, vec![0, 1, 0, 1, 2, 2, 2, 2, 3, 4, 5, 3, 6, 6, 6, 6]),
    ] {
        assert_eq!(images(Some(each)).split(0, 1).unwrap().train, expected);
    }
    let error = images(Some(1 << 27)).split(1, 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "crops: found 134217728 for each of 4 pictures; allowed: at most 268435456 in total"
    );
    // The same image stands for other crops at other places.
    let crops = crops(true);
    let several: BTreeSet<Vec<u8>> = cut(&crops, &[0; 50], 0, 1).into_iter().collect();
    assert!(several.len() > 20, "{}", several.len());
}

#[test]
fn whole_pictures_are_kept_and_dropped_with_their_patches() {
    let all = images(None);
    let mut fewer = all.clone();
    fewer.truncate_pictures(9);
    assert_eq!(fewer, all);
    fewer.truncate_pictures(2);
    assert_eq!((fewer.len(), fewer.pictures()), (3, 2));
    assert_ne!(fewer.sha256(), all.sha256());
    let selected = all.select(&[2, 6, 6]).unwrap();
    assert_eq!(selected.crops().unwrap().of, [1, 3, 3]);
    assert_eq!(selected.pictures(), 2);
}

#[test]
fn steps_see_crops_and_evaluations_the_grid() {
    let pixels = (0..3 * 2 * SIDE * SIDE).map(|it| it as u8).collect();
    let crops = crops(true);
    let images = Images::new(pixels, [2, SIDE, SIDE])
        .unwrap()
        .with_crops(crops.clone());
    let batches = Batches::new(Arc::new(images), &Device::flex(), true);
    let indices = [2, 0, 1, 0];
    let values = |tensor: burn::tensor::Tensor<4>| tensor.into_data().try_to_vec::<f32>().unwrap();
    let drawn = batches.draw(&indices, 10, 5).unwrap();
    let expected = cut(&crops, &indices, 10, 5).concat();
    let expected: Vec<f32> = expected.iter().map(|&it| f32::from(it) / 255.0).collect();
    assert_eq!(values(drawn.plain().unwrap()), expected);
    assert_eq!(
        values(drawn.changed(&Augment::default(), 5).unwrap()),
        expected
    );
    let moved = Augment {
        shift: 2.0,
        ..Augment::default()
    };
    let whole = values(drawn.changed(&moved, 5).unwrap());
    assert_ne!(whole, expected);
    // The same crop in another batch is changed alike.
    let later = batches.draw(&indices[2..], 12, 5).unwrap();
    let length = 2 * SIDE * SIDE;
    assert_eq!(
        values(later.changed(&moved, 5).unwrap()),
        whole[2 * length..]
    );
    let plain = values(batches.gather(&indices).unwrap());
    assert_eq!(plain[length], 0.0);
    assert!(batches.draw(&[3], 0, 5).is_err());
    assert!(batches.draw(&[], 0, 5).unwrap().plain().is_err());
}

fn photos(options: PictureOptions) -> Source {
    Source::Photos {
        collection: Collection::Small,
        options,
    }
}

/// Prints the time of one batch of 64 crops; run with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn time_of_a_batch_of_crops() {
    let options = PictureOptions {
        patch: Some(64),
        crops: Some(1000),
        test: TestPart::Share(0.2),
        ..PictureOptions::default()
    };
    let start = Instant::now();
    let train = Arc::new(photos(options).load().unwrap().train);
    println!("photos loaded in {:.3} s", start.elapsed().as_secs_f64());
    let order = crate::epoch_order(&train.split(0, 1).unwrap().train, 1);
    let batches = Batches::new(train, &Device::flex().autodiff(), false);
    let turned = Augment {
        rotation: 10.0,
        ..Augment::default()
    };
    for augment in [None, Some(turned)] {
        let mut times: Vec<f64> = (order.chunks_exact(64).enumerate())
            .map(|(number, indices)| {
                let start = Instant::now();
                let drawn = batches.draw(indices, 64 * number as u64, 1).unwrap();
                std::hint::black_box(match &augment {
                    Some(augment) => drawn.changed(augment, 1).unwrap(),
                    None => drawn.plain().unwrap(),
                });
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        let [fast, median] = [0, times.len() / 2].map(|i| times[i]);
        println!(
            "turned {}: {median:.3} ms, at best {fast:.3}",
            augment.is_some()
        );
    }
}

/// Writes crops of photographs, one of them a row, and says where; run with `--ignored
/// --nocapture`.
#[test]
#[ignore = "a picture to look at, not a check"]
fn picture_of_crops() {
    const COLUMNS: u64 = 12;
    const SIDE: usize = 64;
    let options = PictureOptions {
        patch: Some(SIDE),
        ..PictureOptions::default()
    };
    let train = photos(options).load().unwrap().train;
    let runs = train.crops().unwrap().runs();
    let size = (
        COLUMNS as u32 * SIDE as u32,
        runs.len() as u32 * SIDE as u32,
    );
    let mut picture = image::RgbImage::new(size.0, size.1);
    for (row, run) in (0..).zip(&runs) {
        let indices = vec![run.start; COLUMNS as usize];
        let crops = train.crops().unwrap();
        let pixels = crops
            .cut(train.shape(), &indices, row * COLUMNS, 1)
            .unwrap();
        for (column, crop) in (0..).zip(pixels.view().bytes().chunks(3 * SIDE * SIDE)) {
            for place in 0..SIDE * SIDE {
                let pixel = [0, 1, 2].map(|channel| crop[channel * SIDE * SIDE + place]);
                let x = column * SIDE as u32 + (place % SIDE) as u32;
                let y = row as u32 * SIDE as u32 + (place / SIDE) as u32;
                picture.put_pixel(x, y, image::Rgb(pixel));
            }
        }
    }
    let path = std::env::temp_dir().join("hourglass-crops.png");
    picture.save(&path).unwrap();
    println!("{}", path.display());
}
