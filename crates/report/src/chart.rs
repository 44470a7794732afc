//! A chart of curves or of points as SVG within a page, whose colours follow the page's.

use std::fmt::Write;

use super::page::escape;
use crate::plots::plain_number;

/// Size of a chart in its own units, and room for what is written about it.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = 48.0;

/// About so many ticks an axis has.
const TICKS: f64 = 6.0;

/// Curves of more points have no mark at each, which would run into a band; every nth is marked.
const MARKS: usize = 60;

/// Colours that the style has.
pub const COLORS: usize = 10;

/// Ranges below this share of their values are rounding and drawn as one value.
const FLAT: f64 = 1e-12;

/// Width of a letter of a legend.
const LETTER: f64 = 7.2;

/// One curve, or the points of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// One of the style's [`COLORS`].
    pub color: usize,
    /// How it is drawn.
    pub drawing: Drawing,
    /// Places, from left to right for a curve. Those that are no finite numbers are left out.
    pub points: Vec<(f64, f64)>,
}

/// What is drawn of the points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// A line through them.
    Line,
    /// A dashed line, as of a baseline.
    Dashed,
    /// A mark each, with its figures.
    Marks,
    /// A dot each, of which there may be thousands.
    Dots,
}

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// What changes from left to right, with its unit.
    pub x_label: String,
    /// What changes upwards, with its unit.
    pub y_label: String,
    /// What is drawn.
    pub series: Vec<Series>,
}

impl Chart {
    /// The chart with a linear and one with a logarithmic upright axis, and a switch between them that needs no
    /// script. `id` is unique on the page. Without a point above zero there is no switch.
    pub fn switchable(&self, id: &str) -> String {
        let linear = self.svg(false);
        if !self.points().any(|(_, y)| y > 0.0) {
            return format!("<figure>{linear}</figure>");
        }
        format!(
            "<figure class=\"curves\"><div class=\"linear\">{linear}</div><div class=\"logarithmic\">{}</div>\
             <label class=\"switch\" for=\"{id}\"><input type=\"checkbox\" id=\"{id}\"> logarithmic scale</label></figure>",
            self.svg(true)
        )
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let all = self.series.iter().flat_map(|series| &series.points);
        all.copied().filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    /// The SVG; on a logarithmic axis what is not above zero is left out.
    pub fn svg(&self, logarithmic: bool) -> String {
        let shown =
            |&(x, y): &(f64, f64)| x.is_finite() && y.is_finite() && (!logarithmic || y > 0.0);
        let xs = range(self.points().filter(shown).map(|(x, _)| x));
        let ys = range(self.points().filter(shown).map(|(_, y)| y));
        let title = escape(&self.title);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\
             <text class=\"title\" x=\"{LEFT}\" y=\"18\">{title}</text>"
        );
        let (Some(xs), Some(ys)) = (xs, ys) else {
            let _ = write!(
                svg,
                "<text x=\"{LEFT}\" y=\"{TOP}\">nothing to show yet</text></svg>"
            );
            return svg;
        };
        let x_axis = Axis::new(xs, false, WIDTH - LEFT - RIGHT);
        let y_axis = Axis::new(ys, logarithmic, HEIGHT - TOP - BOTTOM);
        let x_at = |x: f64| LEFT + x_axis.at(x);
        let y_at = |y: f64| HEIGHT - BOTTOM - y_axis.at(y);
        let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in y_axis.ticks() {
            let y = y_at(tick);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                plain_number(tick)
            );
        }
        let counted = self.points().all(|(x, _)| x.fract() == 0.0);
        for tick in if counted {
            x_axis.whole_ticks()
        } else {
            x_axis.ticks()
        } {
            let x = x_at(tick);
            let _ = write!(
                svg,
                "<path class=\"axis\" d=\"M{x:.1} {floor}v4\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{}</text>",
                floor + 18.0,
                plain_number(tick)
            );
        }
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {TOP}V{floor}H{right}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (LEFT + right) / 2.0,
            HEIGHT - 8.0,
            escape(&self.x_label),
            (TOP + floor) / 2.0,
            escape(&self.y_label)
        );
        svg += &self.legend();
        for series in &self.series {
            let places: Vec<(f64, f64)> = series.points.iter().copied().filter(shown).collect();
            let place = |&(x, y): &(f64, f64)| format!("{:.1} {:.1}", x_at(x), y_at(y));
            let (color, name) = (series.color % COLORS, escape(&series.name));
            if series.drawing == Drawing::Dots {
                let dots: String = places
                    .iter()
                    .map(|point| format!("M{}h0", place(point)))
                    .collect();
                // Lines of no length with round ends are dots, in one path instead of an element each.
                let _ = write!(
                    svg,
                    "<path class=\"s{color}\" d=\"{dots}\" stroke-width=\"4\" stroke-linecap=\"round\" \
                     stroke-opacity=\".6\"><title>{name}</title></path>"
                );
                continue;
            }
            let line: Vec<String> = places.iter().map(place).collect();
            if series.drawing != Drawing::Marks && !line.is_empty() {
                let _ = write!(
                    svg,
                    "<path class=\"curve s{color}{}\" d=\"M{}\"/>",
                    dashes(series.drawing),
                    line.join("L")
                );
            }
            let radius = if series.drawing == Drawing::Marks {
                4.0
            } else {
                2.5
            };
            for (x, y) in places.iter().step_by(places.len().div_ceil(MARKS).max(1)) {
                let (left, top) = (x_at(*x), y_at(*y));
                let _ = write!(
                    svg,
                    "<circle class=\"hit\" cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"9\"><title>{name}: {} {}, {} {}</title>\
                     </circle><circle class=\"mark s{color}\" cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"{radius}\" \
                     pointer-events=\"none\"/>",
                    escape(&self.x_label),
                    plain_number(*x),
                    escape(&self.y_label),
                    significant(*y)
                );
            }
        }
        svg + "</svg>"
    }

    /// Names of the curves below the title, from left to right.
    fn legend(&self) -> String {
        let mut svg = String::new();
        let mut x = LEFT;
        for series in &self.series {
            let dashed = dashes(series.drawing);
            let _ = write!(
                svg,
                "<path class=\"curve s{}{dashed}\" d=\"M{x:.1} 36h20\"/><text x=\"{:.1}\" y=\"40\">{}</text>",
                series.color % COLORS,
                x + 26.0,
                escape(&series.name)
            );
            x += 42.0 + series.name.chars().count() as f64 * LETTER;
        }
        svg
    }
}

/// The class of a dashed line.
fn dashes(drawing: Drawing) -> &'static str {
    match drawing {
        Drawing::Dashed => " dashed",
        _ => "",
    }
}

/// A number with the four digits that people compare.
pub fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0);
    format!("{value:.*}", digits as usize)
}

/// The least and the largest of numbers.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// From numbers to lengths along an axis.
struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    length: f64,
}

impl Axis {
    /// An axis on which all of the range has room.
    fn new((low, high): (f64, f64), logarithmic: bool, length: f64) -> Self {
        let (mut low, mut high) = match logarithmic {
            true => (low.log10(), high.log10()),
            false => (low, high),
        };
        let middle = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
        if high - low <= middle * FLAT {
            let room = if logarithmic { 0.5 } else { middle / 2.0 };
            (low, high) = (low - room, high + room);
        }
        let room = (high - low) * 0.04;
        Self {
            low: low - room,
            high: high + room,
            logarithmic,
            length,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.log10()
        } else {
            value
        };
        (value - self.low) / (self.high - self.low) * self.length
    }

    /// Ticks at whole numbers, for what is counted.
    fn whole_ticks(&self) -> Vec<f64> {
        let mut ticks = self.ticks();
        ticks.retain(|tick| tick.fract() == 0.0);
        ticks
    }

    /// Round numbers along the axis: multiples of 1, 2 or 5 times a power of ten, or on a logarithmic one 1, 2 and 5
    /// of each power of ten where few of these are to be seen, and powers alone else.
    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let digits: &[f64] = if self.high - self.low < 2.5 {
                &[1.0, 2.0, 5.0]
            } else {
                &[1.0]
            };
            let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
            let all = (first..=last)
                .flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)));
            return all
                .filter(|tick| (self.low..=self.high).contains(&tick.log10()))
                .collect();
        }
        let raw = (self.high - self.low) / TICKS;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
        let step = step.into_iter().find(|step| *step >= raw).unwrap_or(raw);
        let first = (self.low / step).ceil();
        let count = ((self.high / step).floor() - first) as usize;
        (0..=count)
            .map(|index| (first + index as f64) * step)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "Loss <1>".into(),
            x_label: "epoch".into(),
            y_label: "mse".into(),
            series: vec![Series {
                name: "training".into(),
                color: 0,
                drawing: Drawing::Line,
                points,
            }],
        }
    }

    #[test]
    fn ticks_are_round_and_lie_on_the_axis() {
        let ticks = |low, high, logarithmic| Axis::new((low, high), logarithmic, 100.0).ticks();
        assert_eq!(ticks(0.0, 20.0, false), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(
            ticks(0.01, 1.0, true),
            [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
        );
        assert_eq!(ticks(1e-4, 1.0, true).len(), 5);
        for (low, high) in [(3.0, 3.0), (0.0, 0.0), (-1e9, 1e9), (1e-30, 2e-30)] {
            let axis = Axis::new((low, high), false, 100.0);
            let ticks = axis.ticks();
            assert!((1..=12).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            assert!(
                ticks
                    .iter()
                    .all(|tick| (0.0..=100.0).contains(&axis.at(*tick)))
            );
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let svg = chart(vec![(1.0, f64::NAN), (2.0, 0.5), (3.0, -1.0), (4.0, 0.25)]).svg(true);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<title>").count(), 2);
        assert!(
            svg.contains("<title>training: epoch 2, mse 0.5000</title>"),
            "{svg}"
        );
        assert!(svg.contains("Loss &lt;1&gt;"));
        assert!(
            chart(Vec::new())
                .switchable("a")
                .contains("nothing to show yet")
        );
    }

    #[test]
    fn numbers_have_four_digits() {
        let all = [0.0043641, 23.4567, 1234.5, 1e-6].map(significant);
        assert_eq!(all, ["0.004364", "23.46", "1234", "0.000001000"]);
    }
}
