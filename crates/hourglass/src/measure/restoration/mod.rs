//! Restoration: how well a model and simple baselines restore corrupted pictures, and how pictures of
//! any size go through a model of a fixed size.

mod baseline;
mod closer;
mod colour;
mod degraded;
mod diffusion;
mod figures;
mod filters;
mod fit;
mod measurement;
mod median;
pub mod tiles;
mod view;
pub mod whole;

pub use baseline::Baseline;
pub use degraded::{Corrupted, Degraded, Small, corrupt, scale};
pub use figures::{BaselineFigures, Fidelity, HoleFigures, Restoration, Setting, label};
pub use fit::{Baselines, needs_training_images};
pub use measurement::{Batch, Measurement};
pub use view::{Channels, View};

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::colour::ab_error;
    use super::median::median;

    #[derive(Deserialize)]
    struct Fixture {
        color: Vec<f32>,
        other: Vec<f32>,
        ab_error: f64,
        shape: [usize; 2],
        plane: Vec<f32>,
        median_3: Vec<f32>,
        median_5: Vec<f32>,
    }

    #[test]
    fn colours_and_medians_agree_with_scikit_image_and_scipy() {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/scikit-image/restoration.json"
        ));
        let fixture: Fixture = serde_json::from_str(text).unwrap();
        let error = ab_error(&fixture.color, &fixture.other);
        assert!(
            (error - fixture.ab_error).abs() < 1e-3,
            "{error} {}",
            fixture.ab_error
        );
        let of = |size| median(&fixture.plane, fixture.shape, size);
        assert_eq!(of(3), fixture.median_3);
        assert_eq!(of(5), fixture.median_5);
    }
}
