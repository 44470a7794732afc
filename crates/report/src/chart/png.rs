//! Scenes as pixels, which need no font and no browser of whoever looks at them.

use image::{Rgb, RgbImage, imageops};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint as Brush, Path, PathBuilder, Pixmap,
    PremultipliedColorU8, Rect, Stroke, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::font;
use super::scene::{Anchor, Item, Mark, Paint, Scene};
use super::svg::rgb;

/// Pixels of a PNG for each unit of a chart, so that it stays sharp on fine screens.
pub const PNG_SCALE: u32 = 2;

/// The thickness of the lines of marks, as a share of their radius.
pub(super) const STROKE: f64 = 0.6;

/// The most pixels a side; larger ones are cut.
const LARGEST: u32 = 1 << 15;

impl Scene {
    /// The drawing on white, [`PNG_SCALE`] times as large.
    pub fn pixels(&self) -> RgbImage {
        let side = |it: f64| ((it * f64::from(PNG_SCALE)).ceil() as u32).clamp(1, LARGEST);
        let [width, height] = self.size.map(side);
        // There is none only of a size that is not within the limits above.
        let Some(mut pixmap) = Pixmap::new(width, height) else {
            return RgbImage::new(width, height);
        };
        pixmap.fill(Color::WHITE);
        for item in &self.items {
            item.draw(&mut pixmap);
        }
        let pixel = |it: &PremultipliedColorU8| [it.red(), it.green(), it.blue()];
        let bytes = pixmap.pixels().iter().flat_map(pixel).collect();
        let mut page = RgbImage::from_raw(width, height, bytes)
            .unwrap_or_else(|| RgbImage::from_pixel(width, height, Rgb([255; 3])));
        for item in &self.items {
            if let Item::Picture { place, pixels } = item {
                let (width, height) = pixels.dimensions();
                let (wide, high) = (width * PNG_SCALE, height * PNG_SCALE);
                let large = imageops::resize(pixels, wide, high, imageops::FilterType::Nearest);
                let [x, y] = place.map(|it| (it * f64::from(PNG_SCALE)) as i64);
                imageops::replace(&mut page, &large, x, y);
            }
        }
        page
    }
}

impl Item {
    /// Draws everything but pictures, which are laid on in the end.
    fn draw(&self, pixmap: &mut Pixmap) {
        match self {
            Self::Lines {
                lines,
                paint,
                width,
                dashed,
            } => {
                let path = through(lines, false);
                stroke(pixmap, path, *width, *dashed, *paint);
            }
            Self::Marks {
                places,
                mark,
                radius,
                paint,
                opacity,
                ..
            } => {
                draw_marks(pixmap, *mark, places, *radius, *paint, *opacity);
            }
            Self::Value {
                place, mark, paint, ..
            } => {
                if let Some((mark, radius)) = mark {
                    draw_marks(pixmap, *mark, &[*place], *radius, *paint, 1.0);
                }
            }
            Self::Text {
                place,
                text,
                size,
                anchor,
                upright,
                paint,
            } => draw_text(pixmap, *place, text, *size, (*anchor, *upright), *paint),
            Self::Rectangle {
                place: [x, y],
                size: [width, height],
                paint,
            } => {
                let rect = Rect::from_xywh(*x as f32, *y as f32, *width as f32, *height as f32);
                if let Some(rect) = rect {
                    let mut brush = brush(*paint, 1.0);
                    // Rectangles that touch, as those of a scale of colours, show no seam.
                    brush.anti_alias = false;
                    pixmap.fill_rect(rect, &brush, scaled(), None);
                }
            }
            Self::Picture { .. } => {}
        }
    }
}

fn scaled() -> Transform {
    Transform::from_scale(PNG_SCALE as f32, PNG_SCALE as f32)
}

fn brush(paint: Paint, opacity: f64) -> Brush<'static> {
    let [red, green, blue] = rgb(paint);
    let mut brush = Brush::default();
    brush.set_color_rgba8(
        red,
        green,
        blue,
        (opacity.clamp(0.0, 1.0) * 255.0).round() as u8,
    );
    brush.anti_alias = true;
    brush
}

fn through(lines: &[Vec<[f64; 2]>], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        for (number, [x, y]) in line.iter().enumerate() {
            match number {
                0 => path.move_to(*x as f32, *y as f32),
                _ => path.line_to(*x as f32, *y as f32),
            }
        }
        if closed {
            path.close();
        }
    }
    path.finish()
}

fn stroke(pixmap: &mut Pixmap, path: Option<Path>, width: f64, dashed: bool, paint: Paint) {
    let stroke = Stroke {
        width: width as f32,
        line_cap: LineCap::Butt,
        line_join: LineJoin::Round,
        dash: if dashed {
            StrokeDash::new(vec![6.0, 4.0], 0.0)
        } else {
            None
        },
        ..Stroke::default()
    };
    if let Some(path) = path {
        pixmap.stroke_path(&path, &brush(paint, 1.0), &stroke, scaled(), None);
    }
}

/// All in one, as in the SVG: what is seen through them is not each other.
fn draw_marks(
    pixmap: &mut Pixmap,
    mark: Mark,
    places: &[[f64; 2]],
    radius: f64,
    paint: Paint,
    opacity: f64,
) {
    let lines: Vec<Vec<[f64; 2]>> = places
        .iter()
        .flat_map(|place| mark.corners(*place, radius))
        .collect();
    let brush = brush(paint, opacity);
    let Some(path) = through(&lines, mark.is_filled() || mark == Mark::Ring) else {
        return;
    };
    if mark.is_filled() {
        pixmap.fill_path(&path, &brush, FillRule::Winding, scaled(), None);
    } else {
        let stroke = Stroke {
            width: (radius * STROKE) as f32,
            ..Stroke::default()
        };
        pixmap.stroke_path(&path, &brush, &stroke, scaled(), None);
    }
}

fn draw_text(
    pixmap: &mut Pixmap,
    [x, y]: [f64; 2],
    text: &str,
    size: f64,
    (anchor, upright): (Anchor, bool),
    paint: Paint,
) {
    let width = font::width(text, size);
    let start = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let mut letters = Letters {
        path: PathBuilder::new(),
        place: 0.0,
    };
    let unit = font::outline(text, size, &mut letters) as f32;
    let Some(path) = letters.path.finish() else {
        return;
    };
    // From the font's units, in which upwards is positive.
    let mut to_place = Transform::from_scale(unit, -unit).post_translate(start as f32, 0.0);
    if upright {
        to_place = to_place.post_rotate(-90.0);
    }
    let to_place = to_place
        .post_translate(x as f32, y as f32)
        .post_concat(scaled());
    pixmap.fill_path(&path, &brush(paint, 1.0), FillRule::Winding, to_place, None);
}

/// Outlines of letters as one path.
struct Letters {
    path: PathBuilder,
    /// Where the letter at hand starts.
    place: f32,
}

impl font::Pen for Letters {
    fn letter(&mut self, place: f64) {
        self.place = place as f32;
    }
}

impl OutlineBuilder for Letters {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.place + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.place + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.place + x1, y1, self.place + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let place = self.place;
        (self.path).cubic_to(place + x1, y1, place + x2, y2, place + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
