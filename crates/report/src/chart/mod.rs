//! Charts: a description of curves or points becomes SVG, for a page or as a file, or PNG.

mod axis;
mod font;
mod layout;
mod number;
mod palette;
mod png;
mod scene;
mod svg;
#[cfg(test)]
mod tests;

use image::{ImageError, RgbImage};

pub use axis::{Axis, Scale, Ticks};
pub use font::width as text_width;
pub use number::{plain_number, significant};
pub use palette::{COLORS, PALETTE, STYLE};
pub use png::PNG_SCALE;
pub use scene::{Anchor, Item, Mark, Paint, Scene};
pub use svg::{Place, escape, png};

/// The size of a chart of which two stand side by side on a page. None is shown larger than it is, so that text is as
/// large in all of them.
pub const BESIDE: [f64; 2] = [470.0, 300.0];

/// The size of a chart alone: as a file, or across a page.
pub const ALONE: [f64; 2] = [640.0, 400.0];

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// A line below it.
    pub note: String,
    /// From left to right.
    pub x: Axis,
    /// From below to above.
    pub y: Axis,
    /// What is drawn; later ones lie on top.
    pub series: Vec<Series>,
    /// Width and height.
    pub size: [f64; 2],
    /// Where the names of series stand.
    pub legend: Legend,
    /// Whether a unit is as long on both axes, which both are linear.
    pub equal: bool,
    /// What is said where there is no point to draw.
    pub empty: String,
}

impl Default for Chart {
    fn default() -> Self {
        Self {
            title: String::new(),
            note: String::new(),
            x: Axis::default(),
            y: Axis::default(),
            series: Vec::new(),
            size: ALONE,
            legend: Legend::Above,
            equal: false,
            empty: "nothing to show yet".into(),
        }
    }
}

/// Where the names of the series stand; never over the points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Legend {
    /// In rows above the chart.
    Above,
    /// In columns to the right of it, below a heading.
    Beside(String),
}

/// One curve, or the points of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says; it says nothing of series without a name.
    pub name: String,
    /// Which colour of the palette; they come again after the last.
    pub color: usize,
    /// How it is drawn.
    pub drawing: Drawing,
    /// The form of its marks.
    pub mark: Mark,
    /// Places, from left to right for a curve. Those that are no finite numbers, and those that are not above zero on a
    /// logarithmic axis, are left out.
    pub points: Vec<(f64, f64)>,
    /// The length of an error bar to each side of a point; empty if there are none.
    pub errors: Vec<f64>,
}

impl Series {
    /// A series without error bars whose marks are circles.
    pub fn new(name: &str, color: usize, drawing: Drawing, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            color,
            drawing,
            mark: Mark::default(),
            points,
            errors: Vec::new(),
        }
    }

    /// The series with the length of an error bar to each side of every point.
    pub fn errors(mut self, errors: Vec<f64>) -> Self {
        self.errors = errors;
        self
    }
}

/// What is drawn of the points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// A line through them.
    Line,
    /// A line without marks, as a stretch of another one in its own colour.
    Stretch,
    /// A dashed line, as of a baseline.
    Dashed,
    /// A dashed line across the whole chart at the height of the first point, for what is the same everywhere.
    Level,
    /// A mark each, with its figures.
    Marks,
    /// A dot each, of which there may be thousands.
    Dots,
}

impl Chart {
    /// The chart with a linear and one with a logarithmic upright axis, and a switch between them that needs no
    /// script. `id` is unique on the page. Without a point above zero there is no switch.
    pub fn switchable(&self, id: &str) -> String {
        let scaled = |scale| {
            let y = self.y.clone().scale(scale);
            Self { y, ..self.clone() }.svg()
        };
        let linear = scaled(Scale::Linear);
        if !self.points().any(|(_, y)| y > 0.0) {
            return format!("<figure>{linear}</figure>");
        }
        format!(
            "<figure class=\"curves\"><div class=\"linear\">{linear}</div><div class=\"logarithmic\">{}</div>\
             <label class=\"switch\" for=\"{id}\"><input type=\"checkbox\" id=\"{id}\"> logarithmic scale</label></figure>",
            scaled(Scale::Log)
        )
    }

    /// SVG for a page, which has the style.
    pub fn svg(&self) -> String {
        self.written(Place::Page)
    }

    /// SVG with colours of its own.
    pub fn file(&self) -> String {
        self.written(Place::File)
    }

    fn written(&self, place: Place) -> String {
        // Only pictures can fail, and charts hold none.
        self.scene().svg(place).unwrap_or_default()
    }

    /// The chart as [`PNG_SCALE`] times as many pixels.
    pub fn pixels(&self) -> RgbImage {
        self.scene().pixels()
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let all = self.series.iter().flat_map(|series| &series.points);
        all.copied().filter(|(x, y)| x.is_finite() && y.is_finite())
    }
}

/// The bytes of a PNG file of a chart.
///
/// # Errors
/// If they cannot be encoded.
pub fn chart_png(chart: &Chart) -> Result<Vec<u8>, ImageError> {
    png(&chart.pixels())
}
