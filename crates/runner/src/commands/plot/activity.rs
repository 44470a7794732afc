//! Statistics of each unit of the code: its mean, its standard deviation, and whether it is dead.

use std::sync::Arc;

use anyhow::Result;
use kuva::plot::ScatterPlot;
use kuva::plot::legend::LegendPosition;
use kuva::plot::scatter::MarkerShape;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

use super::{Files, Study};
use hourglass::analysis::units::Unit;
use report::plots::{TRAIN_COLOR, VALIDATION_COLOR, plain_number, write_chart};

/// Up to this many units get a bar for their standard deviation; more bars would merge into a band.
const WITH_BARS: usize = 64;

/// Up to this many units get a tick each; automatic ticks would fall between the units.
const WITH_TICKS: usize = 10;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;

/// Colour of means without bars.
const SPREAD_COLOR: &str = "#999999";

impl Study<'_> {
    /// `units`: one mark per unit of the code.
    pub(super) fn activity(&self, files: &mut Files<'_>) -> Result<()> {
        let dead = self.units.iter().filter(|unit| unit.is_dead()).count();
        let title = format!("{}: units of the code", self.name);
        let subtitle = format!(
            "{} pictures of {}; {dead} of {} units dead (never active, or the same for all pictures)",
            self.codes.len(),
            self.subject.data,
            self.units.len(),
        );
        Ok(write_chart(
            &scene(&title, &subtitle, &self.units),
            &files.stem("units"),
        )?)
    }
}

fn scene(title: &str, subtitle: &str, units: &[Unit]) -> Scene {
    let points = |of: fn(&Unit) -> f64, dead: bool| -> Vec<(f64, f64)> {
        let units = units.iter().enumerate().filter(|it| it.1.is_dead() == dead);
        units
            .map(|(place, unit)| (place as f64, of(unit)))
            .collect()
    };
    let bars = units.len() <= WITH_BARS;
    let size = if bars { 4.0 } else { 2.0 };
    let marks = |points: Vec<(f64, f64)>, name: &str, color: &str| {
        let plot = ScatterPlot::new().with_data(points).with_color(color);
        plot.with_size(size).with_legend(name)
    };
    let living = points(|unit| unit.mean, false);
    let deviations = points(|unit| unit.deviation, false);
    let dead = points(|unit| unit.mean, true);
    let mut plots = Vec::new();
    let (low, high) = if bars {
        let spread: Vec<f64> = deviations.iter().map(|point| point.1).collect();
        let ends = living.iter().zip(&spread);
        let ends: Vec<f64> = ends
            .flat_map(|(point, spread)| [point.1 - spread, point.1 + spread])
            .collect();
        let range = extent(ends.iter().chain(dead.iter().map(|point| &point.1)));
        if !living.is_empty() {
            let plot = marks(living, "mean, standard deviation", TRAIN_COLOR);
            plots.push(Plot::Scatter(plot.with_y_err(spread)));
        }
        range
    } else {
        let all = living.iter().chain(&deviations).chain(&dead);
        let range = extent(all.map(|point| &point.1));
        if !living.is_empty() {
            plots.push(Plot::Scatter(marks(
                deviations,
                "standard deviation",
                SPREAD_COLOR,
            )));
            plots.push(Plot::Scatter(marks(living, "mean", TRAIN_COLOR)));
        }
        range
    };
    if !dead.is_empty() {
        let plot = marks(dead, "dead (its mean)", VALIDATION_COLOR);
        plots.push(Plot::Scatter(plot.with_marker(MarkerShape::Cross)));
    }
    let count = units.len();
    let across = (-1.0, units.len() as f64);
    let mut layout = Layout::auto_from_plots(&plots)
        .with_title(title)
        .with_subtitle(subtitle)
        .with_x_label("unit")
        .with_y_label("value over the pictures")
        .with_x_axis_min(across.0)
        .with_x_axis_max(across.1)
        .with_y_axis_min(low)
        .with_y_axis_max(high)
        .with_x_tick_format(TickFormat::Custom(Arc::new(move |it| unit_name(it, count))))
        .with_y_tick_format(TickFormat::Custom(Arc::new(plain_number)))
        .with_legend_position(LegendPosition::OutsideRightTop)
        .with_width(WIDTH)
        .with_height(HEIGHT);
    if units.len() <= WITH_TICKS {
        layout = layout.with_x_tick_step(1.0);
    }
    render_multiple(plots, layout)
}

/// A unit's number, or nothing if there is no such unit.
fn unit_name(value: f64, units: usize) -> String {
    if value.fract() == 0.0 && value >= 0.0 && value < units as f64 {
        format!("{value}")
    } else {
        String::new()
    }
}

/// The ends of an axis with a margin; they always differ.
fn extent<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    let ends = values.fold((0f64, 0f64), |(low, high), &it| (low.min(it), high.max(it)));
    let room = (ends.1 - ends.0) * 0.05;
    if room > 0.0 {
        (ends.0 - room, ends.1 + room)
    } else {
        (-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use kuva::backend::svg::SvgBackend;

    use super::*;

    fn svg(units: &[Unit]) -> String {
        SvgBackend::new().render_scene(&scene("units & more", "of pictures", units))
    }

    fn unit(deviation: f64) -> Unit {
        Unit {
            mean: 0.5,
            deviation,
            active: 1.0,
        }
    }

    #[test]
    fn dead_units_are_marked() {
        let living = svg(&[unit(1.0), unit(2.0)]);
        assert!(living.contains("units &amp; more") && !living.contains("dead"));
        assert!(living.contains("mean, standard deviation"));
        let some = svg(&[unit(1.0), unit(0.0)]);
        assert!(some.contains("dead (its mean)") && some.contains("mean, standard deviation"));
        let all = svg(&[unit(0.0)]);
        assert!(all.contains("dead (its mean)") && !all.contains("standard deviation"));
        assert!(!all.contains("NaN"));
    }

    #[test]
    fn many_units_have_no_bars() {
        let svg = svg(&vec![unit(1.0); WITH_BARS + 1]);
        assert!(svg.contains(">standard deviation<") && svg.contains(">mean<"));
    }
}
