//! Where the parts of a chart lie.

use super::axis::{Ruler, Tick, range};
use super::font::{shortened, width, wrapped};
use super::number::significant;
use super::scene::{Anchor, Item, Paint, Scene};
use super::{Chart, Drawing, Legend, Scale, Series, Ticks};

/// Sizes of text.
const TITLE: f64 = 15.0;
const TEXT: f64 = 12.0;

/// From one line of text to the next, in proportion to its size.
const LINE: f64 = 1.4;

/// From the middle of a line of text down to its base line, in proportion to its size.
const BASE: f64 = 0.36;

/// About everything.
const PAD: f64 = 12.0;

/// Between parts.
const GAP: f64 = 8.0;

/// About so much of an axis is there for each tick.
const TICK_ACROSS: f64 = 80.0;
const TICK_UP: f64 = 45.0;

/// The length of a line in the legend, and the room between two names.
const SAMPLE: f64 = 22.0;
const BETWEEN: f64 = 18.0;

/// Curves of more points have no mark at each, which would run into a band; of these and more, so many tell their
/// figures.
const MARKED: usize = 30;
const TOLD: usize = 60;

/// Half the width of a mark: on a curve, alone, and of a dot among thousands.
const ON_CURVE: f64 = 2.5;
const LONE: f64 = 4.0;
const DOT: f64 = 2.0;

/// Those of other series are seen through dots.
const OPACITY: f64 = 0.85;

/// Half the width of the ends of an error bar.
const CAP: f64 = 3.0;

/// Thickness of curves and of what is thinner.
const THICK: f64 = 2.0;
const THIN: f64 = 1.0;

/// A rectangle: where the points are.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Chart {
    /// The parts of the chart in their places.
    pub(super) fn scene(&self) -> Scene {
        let [width, height] = self.size;
        let mut scene = Scene {
            label: self.title.clone(),
            size: self.size,
            items: Vec::new(),
        };
        let mut y = PAD / 2.0;
        for (text, size, paint) in [
            (&self.title, TITLE, Paint::Ink),
            (&self.note, TEXT, Paint::Soft),
        ] {
            for line in wrapped(text, size, width - 2.0 * PAD) {
                y += size * LINE;
                scene.items.push(text_at(
                    [PAD, y - size * 0.2],
                    line,
                    size,
                    Anchor::Start,
                    paint,
                ));
            }
        }
        y += GAP;
        let (Some(xs), Some(ys)) = (self.extent(0), self.extent(1)) else {
            let place = [PAD, y + TEXT * LINE];
            scene.items.push(text_at(
                place,
                self.empty.clone(),
                TEXT,
                Anchor::Start,
                Paint::Ink,
            ));
            return scene;
        };
        let right = match &self.legend {
            Legend::Above => {
                y = self.legend_above(&mut scene, y);
                width - PAD
            }
            Legend::Beside(heading) => self.legend_beside(&mut scene, heading, y + GAP),
        };
        let named = |label: &str| if label.is_empty() { 0.0 } else { TEXT * LINE };
        let numbered = |ticks: Ticks| {
            if ticks == Ticks::None {
                0.0
            } else {
                TEXT * LINE
            }
        };
        let mut area = Area {
            left: PAD + named(&self.y.label),
            right,
            top: y + GAP,
            bottom: height - PAD / 2.0 - named(&self.x.label) - numbered(self.x.ticks) - GAP,
        };
        let (mut across, mut up) = (Ruler::new(xs, self.x.scale), Ruler::new(ys, self.y.scale));
        let high = area.bottom - area.top;
        let mut y_ticks = up.ticks(self.y.ticks, high / TICK_UP);
        area.left += widest(&y_ticks) + GAP;
        if self.equal {
            let wide = area.right - area.left;
            let unit = (across.span() / wide).max(up.span() / high);
            (across, up) = (across.widened(unit * wide), up.widened(unit * high));
            y_ticks = up.ticks(self.y.ticks, high / TICK_UP);
        }
        let x_ticks = across.ticks(self.x.ticks, (area.right - area.left) / TICK_ACROSS);
        let plot = Plot { area, across, up };
        plot.draw_axes(&mut scene, &x_ticks, &y_ticks);
        self.axis_labels(&mut scene, area);
        for series in &self.series {
            self.draw(&mut scene, series, &plot);
        }
        scene
    }

    /// The least and the largest number on an axis, with error bars; none without a point to draw.
    fn extent(&self, axis: usize) -> Option<(f64, f64)> {
        let mut values = Vec::new();
        for series in &self.series {
            for (index, (x, y)) in self.shown(series) {
                match axis {
                    // What is drawn across the whole chart makes it no wider.
                    0 if series.drawing == Drawing::Level => {}
                    0 => values.push(x),
                    _ => {
                        let error = series.error(index);
                        let ends = [y - error, y, y + error];
                        values.extend(ends.into_iter().filter(|it| self.y.scale.shows(*it)));
                    }
                }
            }
        }
        let include = if axis == 0 {
            &self.x.include
        } else {
            &self.y.include
        };
        let (low, high) = range(values.into_iter())?;
        range(include.iter().copied().chain([low, high]))
    }

    /// The points of a series that have a place, and their numbers.
    fn shown(&self, series: &Series) -> Vec<(usize, (f64, f64))> {
        let points = series.points.iter().copied().enumerate();
        points
            .filter(|(_, (x, y))| self.x.scale.shows(*x) && self.y.scale.shows(*y))
            .collect()
    }

    fn axis_labels(&self, scene: &mut Scene, area: Area) {
        let [width, height] = self.size;
        let text = |axis: &super::Axis, most: f64| {
            let label = match axis.scale {
                Scale::Log if !axis.label.is_empty() => format!("{} (logarithmic)", axis.label),
                _ => axis.label.clone(),
            };
            shortened(&label, TEXT, most)
        };
        // In the middle of the axis if that leaves all of it on the chart.
        let middle = |low: f64, high: f64, text: &str, whole: f64| {
            let half = self::width(text, TEXT) / 2.0 + 2.0;
            ((low + high) / 2.0).min(whole - half).max(half)
        };
        let label = text(&self.x, width - PAD);
        if !label.is_empty() {
            let x = middle(area.left, area.right, &label, width);
            let place = [x, height - PAD / 2.0 - TEXT * 0.3];
            scene
                .items
                .push(text_at(place, label, TEXT, Anchor::Middle, Paint::Ink));
        }
        let label = text(&self.y, height - PAD);
        if !label.is_empty() {
            let y = middle(area.top, area.bottom, &label, height);
            scene.items.push(Item::Text {
                place: [PAD + TEXT * 0.6, y],
                text: label,
                size: TEXT,
                anchor: Anchor::Middle,
                upright: true,
                paint: Paint::Ink,
            });
        }
    }

    /// Series that the legend names.
    fn named(&self) -> impl Iterator<Item = &Series> {
        let named = |series: &&Series| !series.name.is_empty() && !self.shown(series).is_empty();
        self.series.iter().filter(named)
    }

    /// Names in rows from left to right; where they end.
    fn legend_above(&self, scene: &mut Scene, top: f64) -> f64 {
        let [width, _] = self.size;
        let row = TEXT * LINE;
        let (mut x, mut y) = (PAD, top);
        for series in self.named() {
            let name = shortened(&series.name, TEXT, width - 2.0 * PAD - SAMPLE - GAP);
            let wide = SAMPLE + GAP + self::width(&name, TEXT);
            if x > PAD && x + wide > width - PAD {
                (x, y) = (PAD, y + row);
            }
            scene
                .items
                .extend(self.entry(series, name, [x, y + row / 2.0]));
            x += wide + BETWEEN;
        }
        if self.named().next().is_some() {
            y + row
        } else {
            y
        }
    }

    /// Names in columns at the right; where the chart ends before them.
    fn legend_beside(&self, scene: &mut Scene, heading: &str, top: f64) -> f64 {
        let [width, height] = self.size;
        let series: Vec<&Series> = self.named().collect();
        if series.is_empty() {
            return width - PAD;
        }
        let row = TEXT * LINE;
        let rows = (((height - PAD - top) / row) as usize)
            .saturating_sub(1)
            .max(1);
        // No column takes more than a third of the chart.
        let most = width / 3.0;
        let columns: Vec<Vec<(&Series, String)>> = (series.chunks(rows))
            .map(|column| {
                let name = |series: &&Series| shortened(&series.name, TEXT, most);
                column.iter().map(|it| (*it, name(it))).collect()
            })
            .collect();
        let wide = |column: &Vec<(&Series, String)>| {
            let names = column.iter().map(|(_, name)| self::width(name, TEXT));
            SAMPLE + GAP + names.fold(0.0, f64::max)
        };
        let between = BETWEEN * (columns.len() - 1) as f64;
        let all = columns.iter().map(wide).sum::<f64>() + between;
        let all = all.max(self::width(heading, TEXT));
        let mut x = width - PAD - all;
        let place = [x, top + row / 2.0 + TEXT * BASE];
        scene.items.push(text_at(
            place,
            heading.to_owned(),
            TEXT,
            Anchor::Start,
            Paint::Soft,
        ));
        for column in &columns {
            let mut y = top + row * 1.5;
            for (series, name) in column {
                scene.items.extend(self.entry(series, name.clone(), [x, y]));
                y += row;
            }
            x += wide(column) + BETWEEN;
        }
        width - PAD - all - BETWEEN
    }

    /// A name and how its series is drawn; `x` is its left end, and `y` its middle.
    fn entry(&self, series: &Series, name: String, [x, y]: [f64; 2]) -> Vec<Item> {
        let paint = Paint::Series(series.color);
        let lines = |dashed| Item::Lines {
            lines: vec![vec![[x, y], [x + SAMPLE, y]]],
            paint,
            width: THICK,
            dashed,
        };
        let mark = |radius| Item::Marks {
            places: vec![[x + SAMPLE / 2.0, y]],
            mark: series.mark,
            radius,
            paint,
            opacity: 1.0,
            name: String::new(),
        };
        let mut items = match series.drawing {
            Drawing::Line if self.shown(series).len() <= MARKED => {
                vec![lines(false), mark(ON_CURVE)]
            }
            Drawing::Line | Drawing::Stretch => vec![lines(false)],
            Drawing::Dashed | Drawing::Level => vec![lines(true)],
            Drawing::Marks | Drawing::Dots => vec![mark(LONE)],
        };
        let place = [x + SAMPLE + GAP, y + TEXT * BASE];
        items.push(text_at(place, name, TEXT, Anchor::Start, Paint::Ink));
        items
    }

    fn draw(&self, scene: &mut Scene, series: &Series, plot: &Plot) {
        let paint = Paint::Series(series.color);
        let shown = self.shown(series);
        let places: Vec<[f64; 2]> = shown.iter().map(|it| plot.at(it.1)).collect();
        let line = |lines, dashed, width| Item::Lines {
            lines,
            paint,
            width,
            dashed,
        };
        if !series.errors.is_empty() {
            let bars = shown.iter().flat_map(|&(index, (x, y))| {
                let error = series.error(index);
                let [[x, low], [_, high]] = [y - error, y + error].map(|y| plot.at((x, y)));
                let cap = |y| vec![[x - CAP, y], [x + CAP, y]];
                [vec![[x, low], [x, high]], cap(low), cap(high)]
            });
            scene.items.push(line(bars.collect(), false, THIN));
        }
        match series.drawing {
            Drawing::Dots => {
                scene.items.push(Item::Marks {
                    places,
                    mark: series.mark,
                    radius: DOT,
                    paint,
                    opacity: OPACITY,
                    name: series.name.clone(),
                });
                return;
            }
            Drawing::Level => {
                let ends = places.first().map(|[_, y]| {
                    let Area { left, right, .. } = plot.area;
                    vec![[left, *y], [right, *y]]
                });
                scene
                    .items
                    .extend(ends.map(|ends| line(vec![ends], true, THICK)));
            }
            Drawing::Line | Drawing::Stretch if places.len() > 1 => {
                scene.items.push(line(vec![places], false, THICK))
            }
            Drawing::Dashed if places.len() > 1 => {
                scene.items.push(line(vec![places], true, THICK))
            }
            Drawing::Line | Drawing::Stretch | Drawing::Dashed | Drawing::Marks => {}
        }
        let radius = match series.drawing {
            Drawing::Marks => Some(LONE),
            Drawing::Line if shown.len() <= MARKED => Some(ON_CURVE),
            // A line through one point is invisible.
            Drawing::Dashed if shown.len() == 1 => Some(ON_CURVE),
            _ => None,
        };
        let every = match series.drawing {
            Drawing::Marks => 1,
            Drawing::Level => shown.len().max(1),
            _ => shown.len().div_ceil(TOLD).max(1),
        };
        for &(index, point) in shown.iter().step_by(every) {
            scene.items.push(Item::Value {
                place: plot.at(point),
                mark: radius.map(|radius| (series.mark, radius)),
                paint,
                tip: self.tip(series, index, point),
            });
        }
    }

    /// What a point says of itself.
    fn tip(&self, series: &Series, index: usize, (x, y): (f64, f64)) -> String {
        let mut tip = match series.name.is_empty() {
            true => String::new(),
            false => format!("{}: ", series.name),
        };
        if series.drawing != Drawing::Level {
            let x = match x.fract() == 0.0 {
                true => x.to_string(),
                false => significant(x),
            };
            tip += &format!("{} {x}, ", self.x.label);
        }
        tip += &format!("{} {}", self.y.label, significant(y));
        if !series.errors.is_empty() {
            tip += &format!(" ± {}", significant(series.error(index)));
        }
        tip
    }
}

impl Series {
    /// The length of a point's error bar to each side.
    fn error(&self, index: usize) -> f64 {
        let error = self.errors.get(index).copied();
        error.filter(|it| it.is_finite()).unwrap_or(0.0)
    }
}

/// Where points are drawn.
struct Plot {
    area: Area,
    across: Ruler,
    up: Ruler,
}

impl Plot {
    fn at(&self, (x, y): (f64, f64)) -> [f64; 2] {
        let Area {
            left,
            right,
            top,
            bottom,
        } = self.area;
        [
            left + self.across.at(x) * (right - left),
            bottom - self.up.at(y) * (bottom - top),
        ]
    }

    /// The axes, their ticks, and a grid at them. A tick whose number would touch the one before has none.
    fn draw_axes(&self, scene: &mut Scene, x_ticks: &[Tick], y_ticks: &[Tick]) {
        let Area {
            left,
            right,
            top,
            bottom,
        } = self.area;
        let xs: Vec<f64> = x_ticks
            .iter()
            .map(|it| left + self.across.at(it.value) * (right - left))
            .collect();
        let ys: Vec<f64> = y_ticks
            .iter()
            .map(|it| bottom - self.up.at(it.value) * (bottom - top))
            .collect();
        let upright = xs.iter().map(|x| vec![[*x, bottom], [*x, top]]);
        let level = ys.iter().map(|y| vec![[left, *y], [right, *y]]);
        let lines = |lines: Vec<Vec<[f64; 2]>>, paint| Item::Lines {
            lines,
            paint,
            width: THIN,
            dashed: false,
        };
        scene
            .items
            .push(lines(upright.chain(level).collect(), Paint::Grid));
        scene.items.push(lines(
            vec![vec![[left, top], [left, bottom], [right, bottom]]],
            Paint::Soft,
        ));
        let mut end = f64::NEG_INFINITY;
        for (tick, x) in x_ticks.iter().zip(xs) {
            let half = width(&tick.label, TEXT) / 2.0;
            // The last one may not be cut by the edge either.
            if x - half < end + GAP || x + half > scene.size[0] {
                continue;
            }
            end = x + half;
            let place = [x, bottom + TEXT * LINE];
            scene.items.push(text_at(
                place,
                tick.label.clone(),
                TEXT,
                Anchor::Middle,
                Paint::Ink,
            ));
        }
        let mut above = f64::INFINITY;
        for (tick, y) in y_ticks.iter().zip(ys) {
            if y > above - TEXT {
                continue;
            }
            above = y;
            let place = [left - GAP * 0.75, y + TEXT * BASE];
            scene.items.push(text_at(
                place,
                tick.label.clone(),
                TEXT,
                Anchor::End,
                Paint::Ink,
            ));
        }
    }
}

fn widest(ticks: &[Tick]) -> f64 {
    ticks
        .iter()
        .map(|it| width(&it.label, TEXT))
        .fold(0.0, f64::max)
}

fn text_at(place: [f64; 2], text: String, size: f64, anchor: Anchor, paint: Paint) -> Item {
    Item::Text {
        place,
        text,
        size,
        anchor,
        upright: false,
        paint,
    }
}
