//! Scales of colours: what the colours of pictures mean.

use super::{GAP, TEXT, text};
use crate::chart::{Anchor, Item, Paint, Scene};

/// Width, height and steps of a scale of colours.
pub(super) const BAR: f64 = 14.0;
pub(super) const BAR_HEIGHT: f64 = 120.0;
const BAR_STEPS: usize = 60;

/// What colours mean.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What its lower end, its middle and its upper end stand for.
    pub names: [String; 3],
    /// The colour at a place from 0, below, to 1, above; red, green and blue in [0, 1].
    pub color: fn(f32) -> [f32; 3],
}

impl Bar {
    /// Draws the scale with its upper left corner there, and the names to its right.
    pub(super) fn draw(&self, scene: &mut Scene, left: f64, top: f64) {
        let step = BAR_HEIGHT / BAR_STEPS as f64;
        for place in 0..BAR_STEPS {
            let above = 1.0 - (place as f32 + 0.5) / BAR_STEPS as f32;
            let [red, green, blue] = (self.color)(above).map(|it| (it * 255.0).round() as u8);
            scene.items.push(Item::Rectangle {
                place: [left, top + place as f64 * step],
                size: [BAR, step],
                paint: Paint::Rgb([red, green, blue]),
            });
        }
        let base = TEXT * 0.35;
        for (name, share) in self.names.iter().zip([1.0, 0.5, 0.0]) {
            let y = top + share * BAR_HEIGHT + base;
            let left = left + BAR + GAP;
            scene.items.push(text(name, left, y, TEXT, Anchor::Start));
        }
    }
}
