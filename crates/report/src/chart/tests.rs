use roxmltree::{Document, Node};

use super::*;

fn chart(points: Vec<(f64, f64)>) -> Chart {
    Chart {
        title: "Loss <1> & \"more\"".into(),
        x: Axis::new("epoch").ticks(Ticks::Whole),
        y: Axis::new("mse"),
        series: vec![Series::new("training", 0, Drawing::Line, points)],
        ..Chart::default()
    }
}

fn number(node: &Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

/// All texts with the places of their anchors.
fn texts(document: &Document<'_>) -> Vec<(String, f64, f64)> {
    let all = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    all.map(|node| {
        let text = node.text().unwrap().to_owned();
        (text, number(&node, "x"), number(&node, "y"))
    })
    .collect()
}

/// Where values lie, and what they say when pointed at.
fn values(document: &Document<'_>) -> Vec<(f64, f64, String)> {
    let hits = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("hit"));
    hits.map(|node| {
        let title = node.first_element_child().unwrap();
        let tip = title.text().unwrap().to_owned();
        (number(&node, "cx"), number(&node, "cy"), tip)
    })
    .collect()
}

/// The place of a tick along its axis.
fn tick(document: &Document<'_>, anchor: &str, label: &str) -> f64 {
    let mut ticks = document
        .descendants()
        .filter(|node| node.attribute("text-anchor") == Some(anchor) && node.text() == Some(label));
    let node = ticks.next().unwrap_or_else(|| panic!("no tick {label}"));
    number(&node, if anchor == "end" { "y" } else { "x" })
}

#[test]
fn points_lie_where_the_ticks_say() {
    let points = vec![(1.0, 0.5), (2.0, 1.0), (4.0, 2.0)];
    for svg in [chart(points.clone()).svg(), chart(points).file()] {
        let document = Document::parse(&svg).unwrap();
        let found = values(&document);
        assert_eq!(found.len(), 3);
        for (place, x) in found.iter().zip(["1", "2", "4"]) {
            assert!(
                (place.0 - tick(&document, "middle", x)).abs() < 0.11,
                "{svg}"
            );
        }
        // Text stands below its tick by the same length everywhere.
        let below = tick(&document, "end", "1.0") - found[1].1;
        assert!((tick(&document, "end", "0.5") - found[0].1 - below).abs() < 0.21);
        assert!((tick(&document, "end", "2.0") - found[2].1 - below).abs() < 0.21);
        assert!(found[0].1 > found[1].1, "larger values are higher");
        // The curve runs through them.
        let line = (document.descendants())
            .find(|node| {
                node.attribute("d")
                    .is_some_and(|d| d.matches('L').count() == 2)
                    && node.attribute("stroke-width") == Some("2")
            })
            .unwrap();
        let start = format!("M{:.1} {:.1}L", found[0].0, found[0].1);
        assert!(line.attribute("d").unwrap().starts_with(&start), "{svg}");
    }
}

#[test]
fn a_logarithmic_axis_has_equal_lengths_for_equal_ratios() {
    let mut chart = chart(vec![(1.0, 0.001), (10.0, 0.1), (100.0, 10.0)]);
    chart.x = Axis::new("values in the code").scale(Scale::Log);
    chart.y.scale = Scale::Log;
    let svg = chart.svg();
    let document = Document::parse(&svg).unwrap();
    let found = values(&document);
    let middle = (found[0].0 + found[2].0) / 2.0;
    assert!(
        (found[1].0 - middle).abs() < 0.11
            && (found[1].0 - tick(&document, "middle", "10")).abs() < 0.11
    );
    assert!((found[1].1 - (found[0].1 + found[2].1) / 2.0).abs() < 0.11);
    let ticks = ["0.001", "0.01", "0.1", "1", "10"].map(|it| tick(&document, "end", it));
    for pair in ticks.windows(3) {
        assert!(
            (pair[0] - 2.0 * pair[1] + pair[2]).abs() < 0.31,
            "{ticks:?}"
        );
    }
    let texts: Vec<String> = texts(&document).into_iter().map(|it| it.0).collect();
    assert!(texts.contains(&"values in the code (logarithmic)".into()));
    assert!(texts.contains(&"mse (logarithmic)".into()));
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    let mut chart = chart(vec![
        (1.0, f64::NAN),
        (2.0, 0.5),
        (3.0, -1.0),
        (f64::INFINITY, 1.0),
        (4.0, 0.25),
    ]);
    chart.y.scale = Scale::Log;
    let svg = chart.svg();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let document = Document::parse(&svg).unwrap();
    let tips: Vec<String> = values(&document).into_iter().map(|it| it.2).collect();
    assert_eq!(
        tips,
        [
            "training: epoch 2, mse 0.5000",
            "training: epoch 4, mse 0.2500"
        ]
    );
    assert_eq!(
        document.root_element().attribute("aria-label"),
        Some("Loss <1> & \"more\"")
    );
    assert!(
        texts(&document)
            .iter()
            .any(|it| it.0 == "Loss <1> & \"more\"")
    );
}

#[test]
fn without_a_point_the_chart_says_so() {
    for points in [Vec::new(), vec![(1.0, f64::NAN)]] {
        let svg = chart(points).switchable("a");
        assert!(
            svg.contains("nothing to show yet") && !svg.contains("training"),
            "{svg}"
        );
        assert!(!svg.contains("checkbox"));
    }
    let svg = chart(vec![(1.0, 1.0)]).switchable("a");
    assert_eq!(
        (svg.matches("<svg").count(), svg.matches("id=\"a\"").count()),
        (2, 1)
    );
}

#[test]
fn error_bars_reach_from_below_to_above_their_point() {
    let mut chart = chart(vec![(1.0, 4.0), (2.0, 8.0)]);
    chart.series[0].errors = vec![1.0, 2.0];
    let svg = chart.svg();
    let document = Document::parse(&svg).unwrap();
    let found = values(&document);
    assert_eq!(found[1].2, "training: epoch 2, mse 8.000 ± 2.000");
    // One value is so many units long.
    let unit = (found[0].1 - found[1].1) / 4.0;
    let bars = (document.descendants())
        .find(|node| {
            node.attribute("class") == Some("line s0")
                && node.attribute("stroke-width") == Some("1")
        })
        .unwrap();
    let bars: Vec<[f64; 4]> = (bars.attribute("d").unwrap().split('M').skip(1))
        .map(|line| {
            let numbers: Vec<f64> = line
                .split([' ', 'L'])
                .map(|it| it.parse().unwrap())
                .collect();
            numbers.try_into().unwrap()
        })
        .collect();
    for (bar, (x, y, error)) in [
        (bars[0], (found[0].0, found[0].1, 1.0)),
        (bars[3], (found[1].0, found[1].1, 2.0)),
    ] {
        let [left, low, right, high] = bar;
        assert_eq!((left, right), (x, x));
        assert!(
            (low - y - error * unit).abs() < 0.2 && (y - high - error * unit).abs() < 0.2,
            "{bar:?}"
        );
    }
    // A bar that reaches below zero ends at the axis.
    chart.y.scale = Scale::Log;
    chart.series[0].errors = vec![5.0, 2.0];
    let svg = chart.svg();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn the_legend_names_what_there_is_and_covers_no_point() {
    let series = |name: &str, color| {
        let points = (0..20)
            .map(|it| (f64::from(it), f64::from(it * color as i32)))
            .collect();
        Series::new(name, color, Drawing::Marks, points)
    };
    for legend in [Legend::Above, Legend::Beside("run".into())] {
        let mut chart = chart(Vec::new());
        let names: Vec<String> = (0..12)
            .map(|it| format!("a run with a long name {it}"))
            .collect();
        chart.series.extend(
            names
                .iter()
                .enumerate()
                .map(|(color, name)| series(name, color)),
        );
        chart.series.push(series("", 1));
        chart.legend = legend.clone();
        chart.size = [800.0, 500.0];
        let svg = chart.svg();
        let document = Document::parse(&svg).unwrap();
        let found = values(&document);
        assert_eq!(found.len(), 13 * 20);
        let (top, right) = found.iter().fold((f64::MAX, 0f64), |(top, right), it| {
            (top.min(it.1), right.max(it.0))
        });
        let texts = texts(&document);
        assert!(texts.iter().all(|it| it.0 != "training"), "it has no point");
        for name in names {
            let (_, x, y) = texts.iter().find(|it| it.0 == name).unwrap();
            let end = x + text_width(&name, 12.0);
            assert!(
                end <= 800.0 && (*y < top || *x > right),
                "{name} at {x} {y}, {legend:?}"
            );
        }
    }
}

#[test]
fn what_is_too_long_is_broken_or_cut_at_the_edge() {
    let long = "a-run-of-a-long-name_model.code_size=32_train.learning_rate=0.001_seed=7_and-more_and-more_and-more";
    let mut chart = chart(vec![(1.0, 1.0), (2.0, 2.0)]);
    (chart.title, chart.note, chart.series[0].name) = (long.into(), long.into(), long.into());
    (chart.x.label, chart.y.label) = (long.into(), long.into());
    let svg = chart.svg();
    let document = Document::parse(&svg).unwrap();
    for node in document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
    {
        let size = number(&node, "font-size");
        let length = text_width(node.text().unwrap(), size);
        let (start, most) = match (node.attribute("transform"), node.attribute("text-anchor")) {
            (Some(_), _) => (number(&node, "y") - length / 2.0, ALONE[1]),
            (_, None) => (number(&node, "x"), ALONE[0]),
            (_, Some("middle")) => (number(&node, "x") - length / 2.0, ALONE[0]),
            (_, Some(_)) => (number(&node, "x") - length, ALONE[0]),
        };
        assert!(
            start >= 0.0 && start + length <= most,
            "{node:?} from {start} to {}",
            start + length
        );
    }
}

#[test]
fn long_curves_have_no_marks_but_tell_their_figures() {
    let points = |count: u32| (1..=count).map(|it| (f64::from(it), 0.1)).collect();
    for (count, marks, told) in [(1, 1, 1), (30, 30, 30), (31, 0, 31), (600, 0, 60)] {
        let svg = chart(points(count)).svg();
        let document = Document::parse(&svg).unwrap();
        assert_eq!(values(&document).len(), told, "{count}");
        let drawn = svg.matches("stroke-linecap=\"round\"").count();
        // The legend has one too.
        assert_eq!(drawn, if marks > 0 { marks + 1 } else { 0 }, "{count}");
    }
}

#[test]
fn a_level_goes_across_the_chart() {
    let mut chart = chart(vec![(1.0, 1.0), (9.0, 3.0)]);
    chart
        .series
        .push(Series::new("PCA", 1, Drawing::Level, vec![(5.0, 2.0)]));
    let svg = chart.svg();
    let document = Document::parse(&svg).unwrap();
    let found = values(&document);
    assert_eq!(found[2].2, "PCA: mse 2.000");
    let lines: Vec<Node<'_, '_>> = document
        .descendants()
        .filter(|it| it.attribute("stroke-dasharray").is_some())
        .collect();
    // One in the legend, and the level.
    assert_eq!(lines.len(), 2);
    let path = lines[1]
        .attribute("d")
        .unwrap()
        .trim_start_matches('M')
        .to_owned();
    let ends: Vec<f64> = path
        .split([' ', 'L'])
        .map(|it| it.parse().unwrap())
        .collect();
    assert!(
        ends[0] < found[0].0 && ends[2] > found[1].0 && ends[1] == ends[3],
        "{path}"
    );
    assert!((ends[1] - (found[0].1 + found[1].1) / 2.0).abs() < 0.11);
}

#[test]
fn equal_axes_have_equal_units() {
    let mut chart = chart(vec![(0.0, 0.0), (10.0, 0.0), (0.0, 1.0)]);
    chart.x.ticks = Ticks::None;
    (chart.equal, chart.series[0].drawing) = (true, Drawing::Marks);
    let svg = chart.svg();
    let document = Document::parse(&svg).unwrap();
    let found = values(&document);
    let (across, up) = ((found[1].0 - found[0].0) / 10.0, found[0].1 - found[2].1);
    assert!((across - up).abs() < 0.2, "{across} {up}");
}

#[test]
fn pixels_are_where_the_svg_has_them() {
    let mut chart = chart(vec![(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)]);
    chart.series[0].drawing = Drawing::Marks;
    let svg = chart.file();
    let document = Document::parse(&svg).unwrap();
    let pixels = chart.pixels();
    assert_eq!(
        pixels.dimensions(),
        (ALONE[0] as u32 * PNG_SCALE, ALONE[1] as u32 * PNG_SCALE)
    );
    for (x, y, _) in values(&document) {
        let at = [x, y].map(|it| (it * f64::from(PNG_SCALE)) as u32);
        assert_eq!(pixels.get_pixel(at[0], at[1]).0, palette::PALETTE[0]);
    }
    assert_eq!(pixels.get_pixel(0, 0).0, [255; 3]);
    // Letters are drawn: the title has ink.
    let ink = |x: u32, y: u32| pixels.get_pixel(x, y).0[0] < 100;
    assert!((24..200).any(|x| (10..50).any(|y| ink(x, y))));
    // The file has the same colour.
    assert!(svg.contains("#0072b2") && !svg.contains("class=\"line s0\""));
}

#[test]
fn every_mark_is_drawn_and_told_apart() {
    let mut seen = Vec::new();
    for mark in Mark::ALL {
        let scene = Scene {
            size: [20.0; 2],
            items: vec![Item::Marks {
                places: vec![[10.0; 2]],
                mark,
                radius: 5.0,
                paint: Paint::Ink,
                opacity: 1.0,
                name: String::new(),
            }],
            ..Scene::default()
        };
        Document::parse(&scene.svg(Place::File).unwrap()).unwrap();
        let pixels = scene.pixels();
        let dark = pixels.pixels().filter(|it| it.0[0] < 128).count();
        assert!((40..500).contains(&dark), "{mark:?}: {dark}");
        assert!(!seen.contains(&pixels), "{mark:?}");
        seen.push(pixels);
    }
}
