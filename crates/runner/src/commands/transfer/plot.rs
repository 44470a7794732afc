//! The chart: accuracy over the number of labels, as SVG.

use std::path::Path;

use anyhow::Result;

use hourglass::files;
use report::chart::{self, Axis, Chart, Drawing, Scale};

/// One line of the picture.
pub struct Series {
    /// Its name in the legend.
    pub name: &'static str,
    /// Numbers of labels with the accuracy and its standard deviation.
    pub points: Vec<(usize, f64, f64)>,
}

/// Draws accuracy over labels, one line per classifier. The file appears whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(title: &str, seeds: usize, series: &[Series], path: &Path) -> Result<()> {
    let chart = chart(title, seeds, series);
    Ok(files::write(path, chart.file().as_bytes())?)
}

fn chart(title: &str, seeds: usize, series: &[Series]) -> Chart {
    let line = |(color, line): (usize, &Series)| {
        let points = line.points.iter();
        let points = points.map(|&(count, mean, _)| (count as f64, mean));
        let drawn = chart::Series::new(line.name, color, Drawing::Line, points.collect());
        match seeds > 1 {
            true => drawn.errors(line.points.iter().map(|it| it.2).collect()),
            false => drawn,
        }
    };
    Chart {
        title: title.to_owned(),
        note: match seeds > 1 {
            true => format!("mean and standard deviation over {seeds} seeds"),
            false => String::new(),
        },
        x: Axis::new("labelled pictures").scale(Scale::Log),
        y: Axis::new("test accuracy"),
        series: series.iter().enumerate().map(line).collect(),
        ..Chart::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(title: &str, seeds: usize, series: &[Series]) -> String {
        chart(title, seeds, series).file()
    }

    #[test]
    fn the_picture_names_what_it_shows() {
        let series = |name| Series {
            name,
            points: vec![(100, 0.7, 0.02), (1000, 0.9, 0.01), (60_000, 0.98, 0.001)],
        };
        let all = ["frozen", "fine-tuned", "from scratch"].map(series);
        let several = svg("Transfer of conv", 3, &all);
        for text in [
            "Transfer of conv",
            "frozen",
            "fine-tuned",
            "from scratch",
            "labelled pictures (logarithmic)",
            "test accuracy",
            "mean and standard deviation over 3 seeds",
        ] {
            assert!(several.contains(text), "{text} is missing");
        }
        let document = roxmltree::Document::parse(&several).unwrap();
        let tips: Vec<&str> = (document.descendants())
            .filter(|node| node.attribute("class") == Some("hit"))
            .map(|node| node.first_element_child().unwrap().text().unwrap())
            .collect();
        assert_eq!(tips.len(), 9);
        assert_eq!(
            tips[3],
            "fine-tuned: labelled pictures 100, test accuracy 0.7000 ± 0.02000"
        );
        for color in &chart::PALETTE[..3] {
            let [red, green, blue] = color;
            let color = format!("#{red:02x}{green:02x}{blue:02x}");
            assert!(several.contains(&color), "{color}");
        }
        let single = svg("Transfer of conv", 1, &all);
        assert!(!single.contains("deviation") && single.len() < several.len());
    }

    #[test]
    fn a_single_count_and_none_are_drawn_too() {
        for points in [vec![(100, 0.5, 0.0)], Vec::new()] {
            let svg = svg(
                "",
                1,
                &[Series {
                    name: "frozen",
                    points,
                }],
            );
            assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
