//! Diffusion: missing pixels become the mean of their four neighbours, all at the same time, so that
//! the colours around a hole flow into it (the Laplace equation; the isotropic case of Bertalmio et
//! al., "Image Inpainting", 2000).

/// Iteration stops when no value changes by more than this: a quarter of a byte's step.
const STILL: f32 = 0.25 / 255.0;

/// The most sweeps over the missing pixels. A hole that is n pixels wide needs about n.
const MOST_SWEEPS: usize = 500;

/// A missing pixel, and the indices of its neighbours inside the picture.
struct Hole {
    at: usize,
    around: Vec<usize>,
}

/// Fills one plane `[height, width]` where `missing`, of the same size, is not 0. A plane that is
/// missing entirely stays unchanged.
pub(super) fn fill(plane: &mut [f32], missing: &[f32], [height, width]: [usize; 2]) {
    let around = |at: usize| {
        let (row, column) = (at / width, at % width);
        let places = [
            (row > 0).then(|| at - width),
            (column > 0).then(|| at - 1),
            (column + 1 < width).then_some(at + 1),
            (row + 1 < height).then_some(at + width),
        ];
        places.into_iter().flatten().collect()
    };
    let is_missing = |at: &usize| missing.get(*at).is_some_and(|&it| it != 0.0);
    let holes: Vec<Hole> = (0..plane.len())
        .filter(is_missing)
        .map(|at| Hole {
            at,
            around: around(at),
        })
        .collect();
    // Start from the mean of the known pixels at the rim, so that few sweeps are needed.
    let (mut sum, mut count) = (0.0, 0u32);
    for place in holes.iter().flat_map(|hole| &hole.around) {
        if !is_missing(place) {
            sum += f64::from(plane[*place]);
            count += 1;
        }
    }
    if count == 0 {
        return;
    }
    let mean = (sum / f64::from(count)) as f32;
    holes.iter().for_each(|hole| plane[hole.at] = mean);
    // Successive over-relaxation (Young 1954), with the best factor for a square of as many pixels.
    let across = (holes.len() as f64).sqrt().min(height.min(width) as f64) + 1.0;
    let relaxation = (2.0 / (1.0 + (std::f64::consts::PI / across).sin())) as f32;
    for _ in 0..MOST_SWEEPS {
        let mut largest = 0f32;
        for hole in &holes {
            let sum: f32 = hole.around.iter().map(|&place| plane[place]).sum();
            let change = relaxation * (sum / hole.around.len() as f32 - plane[hole.at]);
            plane[hole.at] += change;
            largest = largest.max(change.abs());
        }
        if largest < STILL {
            break;
        }
    }
    // Over-relaxation may overshoot on the way.
    holes
        .iter()
        .for_each(|hole| plane[hole.at] = plane[hole.at].clamp(0.0, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_continued_through_a_hole() {
        let size = [12, 16];
        let slope: Vec<f32> = (0..192)
            .map(|at| (at % 16 + at / 16) as f32 / 30.0)
            .collect();
        let inside = |at: usize| (2..10).contains(&(at / 16)) && (3..11).contains(&(at % 16));
        let missing: Vec<f32> = (0..192).map(|at| f32::from(u8::from(inside(at)))).collect();
        let mut plane = slope.clone();
        for (value, missing) in plane.iter_mut().zip(&missing) {
            *value *= 1.0 - missing;
        }
        fill(&mut plane, &missing, size);
        for (found, wanted) in plane.iter().zip(&slope) {
            assert!((found - wanted).abs() < 0.01, "{found} {wanted}");
        }
    }

    #[test]
    fn what_is_known_stays_and_without_anything_known_all_does() {
        let mut plane = [0.2, 0.0, 0.6, 0.9];
        fill(&mut plane, &[0.0, 1.0, 0.0, 0.0], [1, 4]);
        assert_eq!([plane[0], plane[2], plane[3]], [0.2, 0.6, 0.9]);
        assert!((plane[1] - 0.4).abs() < 1e-3);
        let mut plane = [0.0; 4];
        fill(&mut plane, &[1.0; 4], [2, 2]);
        assert_eq!(plane, [0.0; 4]);
        let mut plane = [0.5; 4];
        fill(&mut plane, &[0.0; 4], [2, 2]);
        assert_eq!(plane, [0.5; 4]);
    }
}
