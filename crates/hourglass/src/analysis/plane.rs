//! The plane on which codes are shown: their two units if they have two, else the two directions of largest variance.

use super::features::Features;
use super::principal::Principal;
use crate::measure::pca::PcaError;

/// Pictures on a plane: enough to see the classes, few enough to distinguish them.
const SHOWN: usize = 2000;

/// For codes wider than this, only this many pictures are shown, so that the principal components need a matrix of at
/// most this size.
const WIDE: usize = 500;

/// The number of pictures shown for codes of this many units.
pub fn shown(width: usize) -> usize {
    if width > WIDE { WIDE } else { SHOWN }
}

/// A plane through codes, and their positions on it.
#[derive(Clone, Debug)]
pub struct Plane {
    /// The place of each row; `None` if all rows are the same.
    pub places: Vec<[f64; 2]>,
    /// What each axis shows.
    pub axes: [String; 2],
    /// The code at the place (0, 0).
    pub origin: Vec<f32>,
    /// What a step of 1 along each axis adds to a code; zeros for a missing axis.
    pub directions: [Vec<f32>; 2],
}

impl Plane {
    /// The plane of the rows.
    ///
    /// # Errors
    /// If the principal components cannot be found.
    pub fn of(rows: &Features) -> Result<Self, PcaError> {
        let width = rows.width();
        if width == 2 {
            let pair = |row: &[f32]| Some([f64::from(*row.first()?), f64::from(*row.get(1)?)]);
            return Ok(Self {
                places: rows.values().chunks_exact(2).filter_map(pair).collect(),
                axes: ["unit 0".to_owned(), "unit 1".to_owned()],
                origin: vec![0.0; 2],
                directions: [vec![1.0, 0.0], vec![0.0, 1.0]],
            });
        }
        let Some(principal) = Principal::fit(rows, 2)? else {
            return Ok(Self {
                places: Vec::new(),
                axes: [String::new(), String::new()],
                origin: rows.row(0).to_vec(),
                directions: [vec![0.0; width], vec![0.0; width]],
            });
        };
        let axis = |component: usize| {
            let share = principal.explained().get(component).copied();
            format!(
                "component {} ({:.1} % of the variance)",
                component + 1,
                share.unwrap_or_default() * 100.0
            )
        };
        let direction = |component: usize| {
            let direction = principal.directions().get(component).cloned();
            direction.unwrap_or_else(|| vec![0.0; width])
        };
        Ok(Self {
            places: principal.places(rows),
            axes: [0, 1].map(axis),
            origin: principal.mean().iter().map(|it| *it as f32).collect(),
            directions: [0, 1].map(direction),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code at a place of the plane.
    fn at(plane: &Plane, place: [f64; 2]) -> Vec<f64> {
        let [across, up] = &plane.directions;
        let along = across.iter().zip(up);
        along
            .zip(&plane.origin)
            .map(|((across, up), origin)| {
                f64::from(*origin) + f64::from(*across) * place[0] + f64::from(*up) * place[1]
            })
            .collect()
    }

    #[test]
    fn codes_that_lie_on_a_plane_are_found_again_from_their_places() {
        let flat = |i: usize| {
            let (a, b) = ((i as f32 * 0.7).sin(), (i as f32 * 1.3).cos());
            [3.0 + a, 1.0 - 2.0 * b, a + b, 5.0]
        };
        for (values, width) in [
            ((0..30).flat_map(flat).collect::<Vec<f32>>(), 4),
            (
                (0..30).flat_map(|i| [i as f32, 7.0 - i as f32]).collect(),
                2,
            ),
            ((0..30).map(|i| i as f32 * 0.1).collect(), 1),
        ] {
            let rows = Features::new(values, width, 30);
            let plane = Plane::of(&rows).unwrap();
            assert_eq!(plane.places.len(), 30);
            for (index, place) in plane.places.iter().enumerate() {
                for (found, expected) in at(&plane, *place).iter().zip(rows.row(index)) {
                    assert!(
                        (found - f64::from(*expected)).abs() < 1e-4,
                        "width {width}, row {index}"
                    );
                }
            }
        }
    }

    #[test]
    fn equal_codes_have_no_places() {
        let plane = Plane::of(&Features::new(vec![2.0; 12], 4, 3)).unwrap();
        assert!(plane.places.is_empty());
        assert_eq!(at(&plane, [5.0, 5.0]), [2.0; 4]);
    }
}
