//! t-SNE: a map on which pictures with similar codes are close together (van der Maaten & Hinton
//! 2008, with the Barnes-Hut tree of van der Maaten 2014). Only neighbourhoods are meaningful, not the
//! size of groups or the distances between them.

use bhtsne::{Neighbor, tSNE};
use rayon::ThreadPoolBuilder;

use super::features::Features;
use super::neighbours::nearest;
use crate::error::{Error, Result};

/// Steps of gradient descent: the default of the library and of scikit-learn.
pub const STEPS: usize = 1000;

/// Roughly the number of neighbours that count per picture; good values are between 5 and 50.
const PERPLEXITY: usize = 30;

/// How many neighbours are searched per unit of perplexity, as in all implementations.
const LOOKED_AT: usize = 3;

/// The fewest pictures for a map: with fewer, all others would be neighbours of each.
pub const FEWEST: usize = 10;

/// How far a cell must be away, relative to its size, to count as a single point: the usual compromise.
const THETA: f32 = 0.5;

/// The standard deviation of the initial map, as in scikit-learn: small enough to only set the
/// arrangement.
const START_DEVIATION: f64 = 1e-4;

/// A map of pictures.
#[derive(Clone, Debug)]
pub struct Map {
    /// The position of each row.
    pub places: Vec<[f64; 2]>,
    /// The perplexity used.
    pub perplexity: usize,
}

/// Maps the rows, starting from the positions `start` (their first two principal components). `step` is
/// called after each of the [`STEPS`] with their number. `None` if there are fewer rows than
/// [`FEWEST`], or all rows are the same.
///
/// # Errors
/// If its thread cannot be started.
pub fn map(
    rows: &Features,
    start: &[[f64; 2]],
    step: impl FnMut(usize) + Send,
) -> Result<Option<Map>> {
    let count = rows.len();
    let mut centred = rows.clone();
    centred.centre();
    let spread = deviation(start);
    if count < FEWEST || start.len() != count || spread <= 0.0 {
        return Ok(None);
    }
    let perplexity = PERPLEXITY.min((count - 1) / LOOKED_AT);
    let start: Vec<f32> = start
        .iter()
        .flatten()
        .map(|place| (place / spread * START_DEVIATION) as f32)
        .collect();
    let neighbours = neighbours(&centred, perplexity * LOOKED_AT);
    // The library adds results in the order in which its threads finish; one thread always gives the
    // same bits.
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|error| Error::System(format!("t-SNE's thread cannot be started: {error}")))?;
    let places = pool.install(move || descend(&neighbours, start, perplexity, step));
    let places: Vec<[f64; 2]> = places
        .as_chunks::<2>()
        .0
        .iter()
        .map(|place| place.map(f64::from))
        .collect();
    let finite = places.iter().flatten().all(|place| place.is_finite());
    Ok(finite.then_some(Map { places, perplexity }))
}

/// The library's own search is random and may return another of several equally distant neighbours;
/// these are always the same. Because of the perplexity, the unit of length does not matter.
fn neighbours(rows: &Features, count: usize) -> Vec<Vec<Neighbor<f32>>> {
    let found = nearest(rows.values(), rows.width(), count);
    let largest = found.iter().flatten().fold(0f32, |most, it| most.max(it.0));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let neighbour = |&(distance, index): &(f32, u32)| Neighbor {
        index: index as usize,
        distance: distance / unit,
    };
    let found = found.iter();
    found
        .map(|row| row.iter().map(neighbour).collect())
        .collect()
}

fn descend(
    neighbours: &[Vec<Neighbor<f32>>],
    start: Vec<f32>,
    perplexity: usize,
    mut step: impl FnMut(usize),
) -> Vec<f32> {
    // The rows themselves are no longer needed.
    let rows = vec![(); neighbours.len()];
    let mut tsne: tSNE<'_, f32, (), 2> = tSNE::new(&rows);
    tsne.perplexity(perplexity as f32)
        .epochs(STEPS)
        .initial_embedding(start)
        .epoch_callback(|epoch, _| step(epoch + 1))
        .barnes_hut_with_neighbors(THETA, neighbours);
    tsne.embedding()
}

/// The standard deviation of positions along the axis where it is largest.
fn deviation(places: &[[f64; 2]]) -> f64 {
    let count = places.len().max(1) as f64;
    let along = |axis: fn(&[f64; 2]) -> f64| {
        let mean = places.iter().map(axis).sum::<f64>() / count;
        let squares = places.iter().map(|place| (axis(place) - mean).powi(2));
        (squares.sum::<f64>() / count).sqrt()
    };
    along(|place| place[0]).max(along(|place| place[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::principal::Principal;

    /// Groups of points about far corners of a cube, and where their components put them.
    fn groups(count: usize, each: usize) -> (Features, Vec<[f64; 2]>) {
        let mut values = Vec::new();
        for point in 0..count * each {
            let group = point % count;
            for axis in 0..3 {
                let corner = if group >> axis & 1 == 1 { 10.0 } else { 0.0 };
                let noise = ((point * 37 + axis * 101) % 97) as f32 / 97.0;
                values.push(corner + noise);
            }
        }
        let rows = Features::new(values, 3, count * each);
        let start = Principal::fit(&rows, 2).unwrap().unwrap().places(&rows);
        (rows, start)
    }

    fn squared(one: [f64; 2], other: [f64; 2]) -> f64 {
        (one[0] - other[0]).powi(2) + (one[1] - other[1]).powi(2)
    }

    #[test]
    fn what_is_near_stays_near() {
        let (rows, start) = groups(8, 40);
        let mut steps = 0;
        let map = map(&rows, &start, |step| steps = step).unwrap().unwrap();
        assert_eq!((map.perplexity, map.places.len(), steps), (30, 320, STEPS));
        // The point that is nearest on the map is one of the same group.
        for (point, &place) in map.places.iter().enumerate() {
            let others = map.places.iter().enumerate().filter(|it| it.0 != point);
            let nearest = others
                .min_by(|one, other| squared(*one.1, place).total_cmp(&squared(*other.1, place)));
            assert_eq!(nearest.unwrap().0 % 8, point % 8);
        }
    }

    #[test]
    fn a_map_is_the_same_each_time() {
        let (rows, start) = groups(4, 30);
        let once = map(&rows, &start, |_| ()).unwrap().unwrap().places;
        let again = map(&rows, &start, |_| ()).unwrap().unwrap().places;
        assert!(once == again);
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let threads = pool.install(|| map(&rows, &start, |_| ()).unwrap().unwrap().places);
        assert!(once == threads);
    }

    #[test]
    fn few_rows_and_equal_ones_are_no_fault() {
        let (rows, start) = groups(3, 3);
        assert!(map(&rows, &start, |_| ()).unwrap().is_none());
        let (rows, start) = groups(5, 2);
        assert_eq!(map(&rows, &start, |_| ()).unwrap().unwrap().perplexity, 3);
        let same = Features::new(vec![1.0; 60], 3, 20);
        assert!(map(&same, &[[0.0; 2]; 20], |_| ()).unwrap().is_none());
        // Two points, many times each.
        let values: Vec<f32> = (0..200).map(|it| (it % 2) as f32).collect();
        let start: Vec<[f64; 2]> = (0..200).map(|it| [(it % 2) as f64 - 0.5, 0.0]).collect();
        let found = map(&Features::new(values, 1, 200), &start, |_| ()).unwrap();
        assert_eq!(found.unwrap().places.len(), 200);
    }
}
