//! Statistics of each unit of the code: its mean, its standard deviation, and whether it is dead.

use anyhow::Result;
use data::counted;

use super::{Files, Study};
use hourglass::analysis::units::{CodeUse, Unit};
use report::chart::{Axis, Chart, Drawing, Legend, Mark, Series, Ticks};
use report::plots::write_chart;

/// Up to this many units get a bar for their standard deviation; more bars would merge into a band.
const WITH_BARS: usize = 64;

const SIZE: [f64; 2] = [960.0, 420.0];

impl Study<'_> {
    /// `units`: one mark per unit of the code.
    pub(super) fn activity(&self, files: &mut Files<'_>) -> Result<()> {
        let dead = CodeUse::of(&self.units).dead_units;
        let title = format!("{}: units of the code", self.name);
        let subtitle = format!(
            "{} of {}; {dead} of {} dead (never active, or the same for all pictures)",
            counted(self.codes.len(), "picture"),
            self.subject.data,
            counted(self.units.len(), "unit"),
        );
        Ok(write_chart(
            &chart(title, subtitle, &self.units),
            &files.stem("units"),
        )?)
    }
}

fn chart(title: String, subtitle: String, units: &[Unit]) -> Chart {
    let points = |of: fn(&Unit) -> f64, dead: bool| -> Vec<(f64, f64)> {
        let units = units.iter().enumerate().filter(|it| it.1.is_dead() == dead);
        units
            .map(|(place, unit)| (place as f64, of(unit)))
            .collect()
    };
    let bars = units.len() <= WITH_BARS;
    let drawing = if bars { Drawing::Marks } else { Drawing::Dots };
    let means = points(|unit| unit.mean, false);
    let deviations = points(|unit| unit.deviation, false);
    let mut series = Vec::new();
    if bars {
        let spread = deviations.iter().map(|point| point.1).collect();
        let means = Series::new("mean, standard deviation", 0, drawing, means);
        series.push(means.errors(spread));
    } else {
        series.push(Series::new("standard deviation", 4, drawing, deviations));
        series.push(Series::new("mean", 0, drawing, means));
    }
    let mut dead = Series::new(
        "dead (its mean)",
        1,
        drawing,
        points(|unit| unit.mean, true),
    );
    dead.mark = Mark::Cross;
    series.push(dead);
    let mut up = Axis::new("value over the pictures");
    up.include = vec![0.0];
    Chart {
        title,
        note: subtitle,
        x: Axis::new("unit").ticks(Ticks::Whole),
        y: up,
        series,
        size: SIZE,
        legend: Legend::Above,
        ..Chart::default()
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn svg(units: &[Unit]) -> String {
        chart("units & more".into(), "of pictures".into(), units).file()
    }

    fn unit(deviation: f64) -> Unit {
        Unit {
            mean: 0.5,
            deviation,
            is_constant: deviation == 0.0,
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
    fn each_unit_has_its_mean_and_its_deviation() {
        let svg = svg(&[unit(1.0), unit(2.0), unit(0.0)]);
        let document = Document::parse(&svg).unwrap();
        let tips: Vec<&str> = (document.descendants())
            .filter(|node| node.attribute("class") == Some("hit"))
            .map(|node| node.first_element_child().unwrap().text().unwrap())
            .collect();
        assert_eq!(tips.len(), 3);
        assert!(
            tips[1].ends_with("unit 1, value over the pictures 0.5000 ± 2.000"),
            "{tips:?}"
        );
        assert_eq!(
            tips[2],
            "dead (its mean): unit 2, value over the pictures 0.5000"
        );
        let texts: Vec<&str> = (document.descendants())
            .filter(|node| node.has_tag_name("text"))
            .filter_map(|node| node.text())
            .collect();
        // Units are counted: no tick lies between them.
        assert!(
            ["0", "1", "2"].iter().all(|it| texts.contains(it)) && !texts.contains(&"0.5"),
            "{texts:?}"
        );
    }

    #[test]
    fn many_units_have_no_bars() {
        let svg = svg(&vec![unit(1.0); WITH_BARS + 1]);
        assert!(svg.contains(">standard deviation<") && svg.contains(">mean<"));
        assert!(!svg.contains('±'));
    }
}
