//! The code over the pictures: a scatter chart of the codes, and a histogram of each unit.

use std::fmt::Write;

use super::chart::{COLORS, Chart, Drawing, Series};
use super::page::escape;
use hourglass::Result;
use hourglass::analysis::features::Features;
use hourglass::analysis::plane::{self, Plane};
use hourglass::analysis::units::{Unit, units};

/// The most units that get a histogram.
const SHOWN_UNITS: usize = 64;

/// Bars of a histogram.
const BINS: usize = 24;

/// Size of a histogram in SVG units.
const WIDTH: usize = 72;
const HEIGHT: f64 = 40.0;

/// The section on the code: a scatter chart, and a histogram per unit. `labels` has one label per row of `codes`.
///
/// # Errors
/// If the principal components cannot be found.
pub fn section(codes: &Features, labels: Option<&[u8]>) -> Result<String> {
    let all = units(codes);
    let dead = all.iter().filter(|unit| unit.is_dead()).count();
    let mut html = format!(
        "<p>{} units over {} pictures; {dead} dead (constant or never active).</p>",
        codes.width(),
        codes.len()
    );
    html += &format!("<figure>{}</figure>", scatter(codes, labels)?);
    html += &histograms(codes, &all);
    Ok(html)
}

/// A scatter chart of the codes, of as many pictures as can be distinguished, coloured by label.
///
/// # Errors
/// If the principal components cannot be found.
pub fn scatter(codes: &Features, labels: Option<&[u8]>) -> Result<String> {
    let shown: Vec<u32> = (0..codes.len().min(plane::shown(codes.width())) as u32).collect();
    let Plane { places, axes, .. } = Plane::of(&codes.select(&shown))?;
    let label = |index: usize| labels.and_then(|labels| labels.get(index)).copied();
    let mut kinds: Vec<Option<u8>> = (0..places.len()).map(label).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() > COLORS {
        kinds = vec![None];
    }
    let one = kinds.len() == 1;
    let series = kinds.iter().enumerate().map(|(color, kind)| Series {
        name: kind.map_or_else(|| "pictures".to_owned(), |label| label.to_string()),
        color,
        drawing: Drawing::Dots,
        points: places
            .iter()
            .enumerate()
            .filter(|(index, _)| one || label(*index) == *kind)
            .map(|(_, place)| (place[0], place[1]))
            .collect(),
    });
    let [x_label, y_label] = axes;
    let what = if codes.width() == 2 {
        "The code"
    } else {
        "Principal components of the code"
    };
    let chart = Chart {
        title: format!(
            "{what}, {} pictures{}",
            places.len(),
            if one { "" } else { " by label" }
        ),
        x_label,
        y_label,
        series: series.collect(),
    };
    Ok(chart.svg(false))
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
        let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
        let step = WIDTH / BINS;
        let bars: String = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(bin, &count)| {
                format!(
                    "M{} {HEIGHT}v-{:.1}",
                    bin * step + step / 2,
                    count as f64 / most * HEIGHT
                )
            })
            .collect();
        let words = format!(
            "unit {index}: {low:.3} to {high:.3}, mean {:.3}, standard deviation {:.3}, active for {:.1} % of the pictures",
            unit.mean,
            unit.deviation,
            unit.active * 100.0
        );
        let (class, color) = if unit.is_dead() {
            (" class=\"dead\"", 9)
        } else {
            ("", 0)
        };
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<li{class}><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>\
             <path class=\"s{color}\" stroke-width=\"2.4\" d=\"{bars}\"/><path class=\"axis\" d=\"M0 {HEIGHT}h{WIDTH}\"/></svg>{index}</li>",
            escape(&words)
        );
    }
    html + "</ul>"
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
        let html = section(&codes, Some(&labels)).unwrap();
        assert!(html.contains("3 units over 40 pictures; 1 dead"), "{html}");
        assert_eq!(html.matches("class=\"dead\"").count(), 1);
        assert_eq!(html.matches("stroke-linecap").count(), 4);
        let html = section(&codes, None).unwrap();
        assert_eq!(html.matches("stroke-linecap").count(), 1);
    }

    #[test]
    fn a_constant_code_and_one_of_many_labels_are_drawn() {
        let html = section(&Features::new(vec![1.0; 8], 2, 4), None).unwrap();
        assert!(html.contains("2 dead") && !html.contains("NaN"), "{html}");
        let html = section(&Features::new(vec![1.0; 8], 4, 2), None).unwrap();
        assert!(
            html.contains("nothing to show yet") && !html.contains("NaN"),
            "{html}"
        );
        let codes = Features::new((0..60).map(|i| i as f32).collect(), 1, 60);
        let labels: Vec<u8> = (0..60).collect();
        let html = section(&codes, Some(&labels)).unwrap();
        assert_eq!(html.matches("stroke-linecap").count(), 1);
    }
}
