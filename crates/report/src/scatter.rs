//! Scatter charts: a point for each picture, in the colour of its label.

use kuva::plot::ScatterPlot;
use kuva::plot::legend::{LegendEntry, LegendPosition, LegendShape};
use kuva::plot::scatter::MarkerShape;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

use crate::plots::{TRAIN_COLOR, plain_number};

/// Tableau's ten colours, in the usual order: as many as the digits, all told apart on white.
const COLORS: [&str; 10] = [
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f",
    "#bcbd22", "#17becf",
];

/// Further labels have the same colours with other marks.
const MARKS: [MarkerShape; 6] = [
    MarkerShape::Circle,
    MarkerShape::Triangle,
    MarkerShape::Square,
    MarkerShape::Diamond,
    MarkerShape::Cross,
    MarkerShape::Star,
];

/// The most labels that can be told apart.
pub const MOST_LABELS: usize = COLORS.len() * MARKS.len();

/// Labels beside the chart; more would not fit its height and stand below it.
const LEGEND_LABELS: usize = 24;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 640.0;
const MARK_SIZE: f64 = 2.5;
/// Points lie over each other: where there are many it is darker.
const OPACITY: f64 = 0.65;

/// Free space about the points, as a share of their extent.
const MARGIN: f64 = 0.03;

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Whether its numbers mean anything.
    pub ticks: bool,
}

/// A point for each picture.
#[derive(Clone, Debug)]
pub struct Scatter<'a> {
    /// What is shown.
    pub title: String,
    /// Of which pictures.
    pub subtitle: String,
    /// From left to right, and from below to above.
    pub axes: [Axis; 2],
    /// Whether a unit is as long on both axes.
    pub equal: bool,
    /// The place of each picture.
    pub places: &'a [[f64; 2]],
    /// The label of each picture; without them, or with more than [`MOST_LABELS`], all have one
    /// colour.
    pub labels: Option<&'a [u8]>,
}

impl Scatter<'_> {
    /// The chart.
    pub fn scene(&self) -> Scene {
        let names = self.names();
        let group = |mark: usize| ScatterPlot::new().with_marker(mark_of(mark));
        let mut points = vec![(Vec::new(), Vec::new()); names.len().div_ceil(COLORS.len()).max(1)];
        for (picture, &[x, y]) in self.places.iter().enumerate() {
            let label = self.labels.and_then(|labels| labels.get(picture));
            let class = label.and_then(|label| names.binary_search(label).ok());
            let mark = class.map_or(0, |class| class / COLORS.len());
            if let Some((points, colors)) = points.get_mut(mark) {
                points.push((x, y));
                colors.push(class.map_or(TRAIN_COLOR, color_of).to_owned());
            }
        }
        let plots: Vec<Plot> = points
            .into_iter()
            .enumerate()
            .map(|(mark, (points, colors))| {
                let plot = group(mark).with_data(points).with_colors(colors);
                let plot = plot.with_size(MARK_SIZE).with_marker_opacity(OPACITY);
                Plot::Scatter(plot)
            })
            .collect();
        let [x, y] = [0, 1].map(|axis| self.extent(axis));
        let [across, up] = &self.axes;
        let format = |axis: &Axis| {
            let ticks = axis.ticks;
            TickFormat::Custom(std::sync::Arc::new(move |value| {
                if ticks {
                    plain_number(value)
                } else {
                    String::new()
                }
            }))
        };
        let mut layout = Layout::new(x, y)
            .with_title(self.title.clone())
            .with_subtitle(self.subtitle.clone())
            .with_x_label(across.label.clone())
            .with_y_label(up.label.clone())
            .with_x_tick_format(format(across))
            .with_y_tick_format(format(up))
            .with_show_grid(across.ticks && up.ticks)
            .with_width(WIDTH)
            .with_height(HEIGHT);
        layout = layout
            .with_x_axis_min(x.0)
            .with_x_axis_max(x.1)
            .with_y_axis_min(y.0)
            .with_y_axis_max(y.1);
        if self.equal {
            layout = layout.with_equal_aspect();
        }
        if !names.is_empty() {
            layout = layout
                .with_legend_title("label")
                .with_legend_entries(entries(&names))
                .with_legend_position(if names.len() > LEGEND_LABELS {
                    LegendPosition::OutsideBottomColumns
                } else {
                    LegendPosition::OutsideRightTop
                });
        }
        render_multiple(plots, layout)
    }

    /// The labels that there are, ascending; `None` if they cannot be told apart.
    fn names(&self) -> Vec<u8> {
        let mut names = self.labels.unwrap_or_default().to_vec();
        names.sort_unstable();
        names.dedup();
        if names.len() > MOST_LABELS {
            names.clear();
        }
        names
    }

    /// The ends of an axis; never the same.
    fn extent(&self, axis: usize) -> (f64, f64) {
        let values = self.places.iter().filter_map(|place| place.get(axis));
        let low = values.clone().copied().fold(f64::INFINITY, f64::min);
        let high = values.copied().fold(f64::NEG_INFINITY, f64::max);
        if low < high {
            let margin = (high - low) * MARGIN;
            (low - margin, high + margin)
        } else if low == high {
            (low - 1.0, low + 1.0)
        } else {
            (0.0, 1.0)
        }
    }
}

fn color_of(class: usize) -> &'static str {
    COLORS.get(class % COLORS.len()).unwrap_or(&TRAIN_COLOR)
}

fn mark_of(group: usize) -> MarkerShape {
    MARKS.get(group).copied().unwrap_or_default()
}

fn entries(names: &[u8]) -> Vec<LegendEntry> {
    let entry = |(class, name): (usize, &u8)| LegendEntry {
        label: name.to_string(),
        color: color_of(class).to_owned(),
        shape: LegendShape::Marker(mark_of(class / COLORS.len())),
        dasharray: None,
    };
    names.iter().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use kuva::backend::svg::SvgBackend;

    use super::*;

    fn svg(places: &[[f64; 2]], labels: Option<&[u8]>) -> String {
        let axis = |label: &str, ticks| Axis {
            label: label.into(),
            ticks,
        };
        let scatter = Scatter {
            title: "codes & more".into(),
            subtitle: "of pictures".into(),
            axes: [axis("across", true), axis("up", false)],
            equal: true,
            places,
            labels,
        };
        SvgBackend::new().render_scene(&scatter.scene())
    }

    #[test]
    fn each_label_has_its_colour_and_an_entry() {
        let svg = svg(&[[0.0, 1.0], [2.0, 3.0], [1.0, 1.0]], Some(&[7, 255, 7]));
        for text in [
            "codes &amp; more",
            "of pictures",
            "across",
            "up",
            ">label<",
            ">7<",
            ">255<",
        ] {
            assert!(svg.contains(text), "{text} is missing");
        }
        // A point for each picture and a mark in the legend for each label.
        assert_eq!(svg.matches(COLORS[0]).count(), 3);
        assert_eq!(svg.matches(COLORS[1]).count(), 2);
    }

    #[test]
    fn without_labels_or_with_too_many_there_is_one_colour_and_no_legend() {
        let places: Vec<[f64; 2]> = (0..61).map(|it| [f64::from(it), 0.0]).collect();
        let many: Vec<u8> = (0..61).collect();
        for labels in [None, Some(many.as_slice())] {
            let svg = svg(&places, labels);
            assert!(!svg.contains(">label<"));
            assert_eq!(svg.matches(&TRAIN_COLOR.to_lowercase()).count(), 61);
        }
        let sixty = svg(&places[..60], Some(&many[..60]));
        assert!(sixty.contains(">0<") && sixty.contains(">59<"));
    }

    #[test]
    fn points_at_one_place_are_no_fault() {
        for places in [&[[3.0, 3.0]; 5][..], &[]] {
            let svg = svg(places, None);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
