//! Scatter charts: a point for each picture, in the colour of its label.

use crate::chart::{self, COLORS, Chart, Drawing, Legend, Mark, Series, Ticks};

/// The most labels that can be told apart: further ones have the same colours with other marks.
pub const MOST_LABELS: usize = COLORS * Mark::ALL.len();

const SIZE: [f64; 2] = [760.0, 640.0];

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
    /// The names of the classes, the first for label 0; empty if labels have no names.
    pub classes: &'a [String],
}

impl Scatter<'_> {
    /// The chart.
    pub fn chart(&self) -> Chart {
        let [across, up] = &self.axes;
        let axis = |axis: &Axis| {
            let ticks = if axis.ticks {
                Ticks::Round
            } else {
                Ticks::None
            };
            chart::Axis::new(&axis.label).ticks(ticks)
        };
        Chart {
            title: self.title.clone(),
            note: self.subtitle.clone(),
            x: axis(across),
            y: axis(up),
            series: by_label(self.places, self.labels, self.classes),
            size: SIZE,
            legend: Legend::Beside(legend(self.classes).into()),
            equal: self.equal,
            ..Chart::default()
        }
    }
}

/// What the entries of a legend are.
pub fn legend(classes: &[String]) -> &'static str {
    match classes.is_empty() {
        true => "label",
        false => "class",
    }
}

/// A series for each label, ascending, called by the name of its class if it has one; one without a name where there are no labels, or more than [`MOST_LABELS`].
pub fn by_label(places: &[[f64; 2]], labels: Option<&[u8]>, classes: &[String]) -> Vec<Series> {
    let names = names(labels);
    let series = |class: usize, name: &str| {
        let mut series = Series::new(name, class % COLORS, Drawing::Dots, Vec::new());
        series.mark = Mark::ALL.get(class / COLORS).copied().unwrap_or_default();
        series
    };
    let mut all: Vec<Series> = (names.iter().enumerate())
        .map(|(class, name)| match classes.get(usize::from(*name)) {
            Some(known) => series(class, known),
            None => series(class, &name.to_string()),
        })
        .collect();
    if all.is_empty() {
        all.push(series(0, ""));
    }
    for (picture, &[x, y]) in places.iter().enumerate() {
        let label = labels.and_then(|labels| labels.get(picture));
        let class = label.and_then(|label| names.binary_search(label).ok());
        if let Some(series) = all.get_mut(class.unwrap_or(0)) {
            series.points.push((x, y));
        }
    }
    all
}

/// The labels that there are, ascending; none where they cannot be told apart.
fn names(labels: Option<&[u8]>) -> Vec<u8> {
    let mut names = labels.unwrap_or_default().to_vec();
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST_LABELS {
        names.clear();
    }
    names
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

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
            classes: &[],
        };
        scatter.chart().file()
    }

    fn texts(svg: &str) -> Vec<String> {
        let document = Document::parse(svg).unwrap();
        let all = document.descendants().filter(|it| it.has_tag_name("text"));
        all.map(|it| it.text().unwrap_or_default().to_owned())
            .collect()
    }

    /// How many dots there are for each label; those of the legend say nothing.
    fn dots(svg: &str) -> Vec<(String, usize)> {
        let document = Document::parse(svg).unwrap();
        let groups = document
            .descendants()
            .filter(|it| it.has_tag_name("g") && it.attribute("opacity") != Some("1"));
        let dots = |group: roxmltree::Node<'_, '_>| {
            let title = group.children().find(|it| it.has_tag_name("title"));
            let path = group.children().find(|it| it.has_tag_name("path")).unwrap();
            let name = title
                .and_then(|it| it.text())
                .unwrap_or_default()
                .to_owned();
            (name, path.attribute("d").unwrap().matches('M').count())
        };
        groups.map(dots).collect()
    }

    #[test]
    fn each_label_has_its_colour_and_an_entry() {
        let svg = svg(&[[0.0, 1.0], [2.0, 3.0], [1.0, 1.0]], Some(&[7, 255, 7]));
        let texts = texts(&svg);
        for text in [
            "codes & more",
            "of pictures",
            "across",
            "up",
            "label",
            "7",
            "255",
        ] {
            assert!(
                texts.iter().any(|it| it == text),
                "{text} is missing: {texts:?}"
            );
        }
        assert_eq!(dots(&svg), [("7".into(), 2), ("255".into(), 1)]);
        let [first, second] =
            [0, 1].map(|class| by_label(&[[0.0; 2]; 2], Some(&[7, 255]), &[])[class].color);
        assert_ne!(first, second);
        // A label beyond the names keeps its number.
        let named = by_label(&[[0.0; 2]; 2], Some(&[1, 2]), &["cat".into(), "dog".into()]);
        let names: Vec<&str> = named.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["dog", "2"]);
    }

    #[test]
    fn without_labels_or_with_too_many_there_is_one_colour_and_no_legend() {
        let places: Vec<[f64; 2]> = (0..=MOST_LABELS).map(|it| [it as f64, 0.0]).collect();
        let many: Vec<u8> = (0..=MOST_LABELS as u8).collect();
        for labels in [None, Some(many.as_slice())] {
            let svg = svg(&places, labels);
            assert!(!texts(&svg).iter().any(|it| it == "label"));
            assert_eq!(dots(&svg), [(String::new(), MOST_LABELS + 1)]);
        }
        const { assert!(MOST_LABELS >= 60) };
        let most = svg(&places[..MOST_LABELS], Some(&many[..MOST_LABELS]));
        let texts = texts(&most);
        for label in &many[..MOST_LABELS] {
            assert!(texts.iter().any(|it| *it == label.to_string()), "{label}");
        }
        // No two look alike.
        let all = by_label(&places[..MOST_LABELS], Some(&many[..MOST_LABELS]), &[]);
        for (index, one) in all.iter().enumerate() {
            assert!(
                all[..index]
                    .iter()
                    .all(|other| (other.color, other.mark) != (one.color, one.mark))
            );
        }
    }

    #[test]
    fn points_at_one_place_are_no_fault() {
        for places in [&[[3.0, 3.0]; 5][..], &[]] {
            let svg = svg(places, None);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
