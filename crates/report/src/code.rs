//! The code over the pictures: a scatter chart of the codes, and a histogram of each unit.

use data::counted;
use std::fmt::Write;

use super::chart::{Axis, Chart, Item, Legend, Paint, Place, Scene};
use crate::scatter::{by_label, legend};
use hourglass::Result;
use hourglass::analysis::features::Features;
use hourglass::analysis::plane::{self, Plane};
use hourglass::analysis::units::{CodeUse, Unit, units};

/// The most units that get a histogram.
const SHOWN_UNITS: usize = 64;

/// Bars of a histogram.
const BINS: usize = 24;

/// Size of a histogram in its own units.
const WIDTH: f64 = 72.0;
const HEIGHT: f64 = 40.0;

/// Size of the scatter, whose points are many.
const SCATTER: [f64; 2] = [640.0, 480.0];

/// The section on the code: a scatter and a histogram for each unit. `labels` has one for each row of `codes`,
/// and `classes` their names if they have some.
///
/// # Errors
/// If the principal components cannot be found.
pub fn section(codes: &Features, labels: Option<&[u8]>, classes: &[String]) -> Result<String> {
    let all = units(codes);
    let dead = CodeUse::of(&all).dead_units;
    let mut html = format!(
        "<p>{} over {}; {dead} dead (constant or never active).</p>",
        counted(codes.width(), "unit"),
        counted(codes.len(), "picture")
    );
    html += &format!("<figure>{}</figure>", scatter(codes, labels, classes)?);
    html += &histograms(codes, &all);
    Ok(html)
}

/// A scatter chart of the codes, of as many pictures as can be distinguished, coloured by label, whose names are
/// `classes` if they have some.
///
/// # Errors
/// If the principal components cannot be found.
pub fn scatter(codes: &Features, labels: Option<&[u8]>, classes: &[String]) -> Result<String> {
    let shown: Vec<u32> = (0..codes.len().min(plane::shown(codes.width())) as u32).collect();
    let Plane { places, axes, .. } = Plane::of(&codes.select(&shown))?;
    let series = by_label(&places, labels, classes);
    let one = series.len() == 1;
    let [x_label, y_label] = axes;
    let what = if codes.width() == 2 {
        "The code"
    } else {
        "Principal components of the code"
    };
    let chart = Chart {
        title: format!(
            "{what}, {}{}",
            counted(places.len(), "picture"),
            match one {
                true => String::new(),
                false => format!(" by {}", legend(classes)),
            }
        ),
        x: Axis::new(&x_label),
        y: Axis::new(&y_label),
        series,
        size: SCATTER,
        legend: Legend::Beside(legend(classes).into()),
        ..Chart::default()
    };
    Ok(chart.svg())
}

/// A small histogram per unit, for the first units.
fn histograms(codes: &Features, units: &[Unit]) -> String {
    let shown = units.len().min(SHOWN_UNITS);
    let mut html = format!(
        "<h3>Distribution of each unit</h3><p class=\"note\">Histograms over the pictures, from the unit's minimum to its maximum; {}.</p>\
         <ul class=\"units\">",
        if shown < units.len() {
            format!("the first {shown} of {}", units.len())
        } else {
            "dead units are faint".to_owned()
        }
    );
    for (index, unit) in units.iter().take(shown).enumerate() {
        let values = || codes.values().iter().skip(index).step_by(codes.width());
        let low = values().copied().fold(f32::INFINITY, f32::min);
        let high = values().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut counts = [0usize; BINS];
        for value in values() {
            let share = (value - low) / (high - low).max(f32::MIN_POSITIVE);
            // A share of 1 belongs to the last bin; one that is not a number, to the first.
            let bin = ((share * BINS as f32) as usize).min(BINS - 1);
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        let words = format!(
            "unit {index}: {low:.3} to {high:.3}, mean {:.3}, standard deviation {:.3}, active for {:.1} % of the pictures",
            unit.mean,
            unit.deviation,
            unit.active * 100.0
        );
        let class = if unit.is_dead() {
            " class=\"dead\""
        } else {
            ""
        };
        // Writing to a string cannot fail.
        let _ = write!(html, "<li{class}>{}{index}</li>", histogram(words, &counts));
    }
    html + "</ul>"
}

/// Bars on a line, without numbers.
fn histogram(words: String, counts: &[usize]) -> String {
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let step = WIDTH / counts.len().max(1) as f64;
    let bar = |(bin, &count): (usize, &usize)| {
        let x = (bin as f64 + 0.5) * step;
        vec![[x, HEIGHT], [x, HEIGHT * (1.0 - count as f64 / most)]]
    };
    let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let lines = |lines, paint, width| Item::Lines {
        lines,
        paint,
        width,
        dashed: false,
    };
    let scene = Scene {
        label: words,
        size: [WIDTH, HEIGHT],
        items: vec![
            lines(bars.map(bar).collect(), Paint::Series(0), step * 0.8),
            lines(vec![vec![[0.0, HEIGHT], [WIDTH, HEIGHT]]], Paint::Soft, 1.0),
        ],
    };
    // Only pictures can fail.
    scene.svg(Place::Page).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_a_colour_each_and_dead_units_are_faint() {
        let codes: Vec<f32> = (0..40)
            .flat_map(|i| [i as f32, (i * i) as f32 % 7.0, 3.0])
            .collect();
        let codes = Features::new(codes, 3, 40);
        let labels: Vec<u8> = (0..40).map(|i| i % 4).collect();
        let html = section(&codes, Some(&labels), &[]).unwrap();
        assert!(html.contains("3 units over 40 pictures; 1 dead"), "{html}");
        assert_eq!(html.matches("class=\"dead\"").count(), 1);
        assert_eq!(html.matches("<g opacity=\"0.85\">").count(), 4);
        let html = section(&codes, None, &[]).unwrap();
        assert_eq!(html.matches("<g opacity=\"0.85\">").count(), 1);
    }

    #[test]
    fn a_constant_code_and_one_of_many_labels_are_drawn() {
        let html = section(&Features::new(vec![1.0; 8], 2, 4), None, &[]).unwrap();
        assert!(html.contains("2 dead") && !html.contains("NaN"), "{html}");
        let html = section(&Features::new(vec![1.0; 8], 4, 2), None, &[]).unwrap();
        assert!(
            html.contains("nothing to show yet") && !html.contains("NaN"),
            "{html}"
        );
        // More labels than colours and marks tell apart.
        let codes = Features::new((0..64).map(|i| i as f32).collect(), 1, 64);
        let labels: Vec<u8> = (0..64).collect();
        let html = section(&codes, Some(&labels), &[]).unwrap();
        assert_eq!(html.matches("<g opacity=\"0.85\">").count(), 1);
    }
}
