//! What a chart or a sheet is drawn of: lines, marks, texts and rectangles in their places.

use image::RgbImage;

/// A drawing, before it becomes SVG or PNG. Its origin is the upper left corner.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// What is shown, for those who hear the page.
    pub label: String,
    /// Width and height in its own units, which are pixels on the screen.
    pub size: [f64; 2],
    /// Its parts; later ones lie on top.
    pub items: Vec<Item>,
}

/// A part of a drawing.
#[derive(Clone, Debug)]
pub enum Item {
    /// Lines through points.
    Lines {
        /// Each from point to point.
        lines: Vec<Vec<[f64; 2]>>,
        /// Their colour.
        paint: Paint,
        /// How thick they are.
        width: f64,
        /// Whether they are dashed.
        dashed: bool,
    },
    /// The same mark at many places.
    Marks {
        /// Where.
        places: Vec<[f64; 2]>,
        /// Which.
        mark: Mark,
        /// Half its width.
        radius: f64,
        /// Its colour.
        paint: Paint,
        /// 1 covers what lies below.
        opacity: f64,
        /// What they all stand for.
        name: String,
    },
    /// One value, which tells its figures when pointed at.
    Value {
        /// Where.
        place: [f64; 2],
        /// Its mark, with half its width, if it has one.
        mark: Option<(Mark, f64)>,
        /// The mark's colour.
        paint: Paint,
        /// Its figures.
        tip: String,
    },
    /// A line of text.
    Text {
        /// The middle or an end of its base line.
        place: [f64; 2],
        /// What it says.
        text: String,
        /// Its size.
        size: f64,
        /// Which part of it is at the place.
        anchor: Anchor,
        /// Whether it is read from below to above.
        upright: bool,
        /// Its colour.
        paint: Paint,
    },
    /// A rectangle of one colour.
    Rectangle {
        /// Its upper left corner.
        place: [f64; 2],
        /// Width and height.
        size: [f64; 2],
        /// Its colour.
        paint: Paint,
    },
    /// A picture, a pixel of it a unit a side.
    Picture {
        /// Its upper left corner.
        place: [f64; 2],
        /// Its pixels.
        pixels: RgbImage,
    },
}

/// A colour by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Of text.
    Ink,
    /// Of axes and of what matters less.
    Soft,
    /// Of the lines of a grid.
    Grid,
    /// One of the [palette](super::PALETTE); colours come again after the last.
    Series(usize),
    /// Red, green and blue, on every page.
    Rgb([u8; 3]),
}

/// The form of a mark, in the order in which they are used when there are more series than colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// A dot.
    #[default]
    Circle,
    /// With a corner above.
    Triangle,
    /// With level sides.
    Square,
    /// A square on a corner.
    Diamond,
    /// Two lines from corner to corner.
    Cross,
    /// A level line and an upright one.
    Plus,
    /// A triangle with a corner below.
    Wedge,
    /// With five corners.
    Star,
    /// The edge of a circle.
    Ring,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Circle,
        Self::Triangle,
        Self::Square,
        Self::Diamond,
        Self::Cross,
        Self::Plus,
        Self::Wedge,
        Self::Star,
        Self::Ring,
    ];

    /// Whether it is filled, and not made of strokes.
    pub(super) fn is_filled(self) -> bool {
        !matches!(self, Self::Cross | Self::Plus | Self::Ring)
    }

    /// Its corners about a place, line by line; the lines of filled ones and of the ring are closed. Of about the same
    /// area whatever the form. A circle has as many corners as can be seen in one of its size.
    pub(super) fn corners(self, [x, y]: [f64; 2], radius: f64) -> Vec<Vec<[f64; 2]>> {
        let at = |(right, down): (f64, f64)| [x + right * radius, y + down * radius];
        let round = |corners: usize, of: fn(usize) -> f64| -> Vec<[f64; 2]> {
            let corner = |corner: usize| {
                let angle = corner as f64 / corners as f64 * std::f64::consts::TAU;
                at((of(corner) * angle.sin(), -of(corner) * angle.cos()))
            };
            (0..corners).map(corner).collect()
        };
        match self {
            Self::Circle | Self::Ring => vec![round(16, |_| 1.0)],
            Self::Triangle => vec![round(3, |_| 1.4)],
            Self::Wedge => vec![round(6, |_| 1.4).into_iter().skip(1).step_by(2).collect()],
            Self::Square => vec![
                [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
                    .map(at)
                    .into(),
            ],
            Self::Diamond => vec![round(4, |_| 1.3)],
            Self::Cross => vec![
                [(-0.9, -0.9), (0.9, 0.9)].map(at).into(),
                [(-0.9, 0.9), (0.9, -0.9)].map(at).into(),
            ],
            Self::Plus => vec![
                [(-1.2, 0.0), (1.2, 0.0)].map(at).into(),
                [(0.0, -1.2), (0.0, 1.2)].map(at).into(),
            ],
            Self::Star => vec![round(10, |corner| if corner % 2 == 0 { 1.5 } else { 0.6 })],
        }
    }
}

/// Which part of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}
