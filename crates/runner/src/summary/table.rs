//! The table at the end of a training and of an evaluation: a model's figures above those of the
//! baselines.

use std::fmt::Write;

use model::ImageShape;

use crate::evaluation::{Baselines, CodeUse};
use crate::metrics::Figures;
use crate::restoration::{Fidelity, Restoration, Setting, label};

/// Room for the table's heading.
const NARROWEST: usize = 20;

/// A line of the table.
#[derive(Default)]
struct Row {
    name: String,
    mse: Option<f64>,
    bce: Option<f64>,
    psnr: Option<f64>,
    ssim: Option<f64>,
    hole: Option<f64>,
    ab_error: Option<f64>,
}

impl Row {
    fn of(name: impl Into<String>, mse: f64) -> Self {
        Self {
            name: name.into(),
            mse: Some(mse),
            ..Self::default()
        }
    }

    /// The same with what was measured of restored pictures.
    fn with(self, fidelity: &Fidelity) -> Self {
        Self {
            psnr: Some(fidelity.psnr),
            ssim: fidelity.ssim,
            hole: fidelity.hole.map(|hole| hole.psnr),
            ab_error: fidelity.ab_error,
            ..self
        }
    }
}

/// A model's figures above those of the baselines, for people.
pub fn table(
    name: &str,
    shape: ImageShape,
    test: &Figures,
    code: &CodeUse,
    baselines: Option<&Baselines>,
    restoration: Option<&Restoration>,
) -> String {
    let values = shape.iter().product::<usize>() as f64;
    let mut text = draw(&rows(name, test, baselines, restoration), values);
    let set = |it: &Restoration| {
        let mut settings = it.baselines.values().map(|it| it.setting);
        settings.any(|setting| setting != Setting::default())
    };
    if restoration.is_some_and(set) {
        text += "filters are set as is best on validation pictures\n";
    }
    if let Some(pca) = baselines.and_then(|baselines| baselines.pca) {
        let gain = pca.mse / test.mse;
        // Writing to a string cannot fail, here as below.
        let _ = if gain >= 1.0 {
            write!(text, "{gain:.2} times less error than PCA; ")
        } else if pca.code_size >= values as usize {
            write!(text, "PCA of as many values as the image has is exact; ")
        } else {
            write!(text, "{:.2} times more error than PCA; ", 1.0 / gain)
        };
    }
    let _ = write!(
        text,
        "{:.1} % of the code's units active per picture, {} dead",
        code.active_share * 100.0,
        code.dead_units
    );
    text
}

/// The model first, then what it is set beside.
fn rows(
    name: &str,
    test: &Figures,
    baselines: Option<&Baselines>,
    restoration: Option<&Restoration>,
) -> Vec<Row> {
    let model = Row {
        bce: Some(test.bce),
        psnr: Some(test.psnr),
        ssim: test.ssim,
        ..Row::of(name, test.mse)
    };
    let mut rows = vec![match restoration {
        Some(restoration) => model.with(&restoration.output),
        None => model,
    }];
    if let Some(pca) = baselines.and_then(|baselines| baselines.pca) {
        rows.push(Row::of(format!("PCA, code {}", pca.code_size), pca.mse));
    }
    if let Some(baselines) = baselines {
        rows.push(Row::of("mean picture", baselines.mean.mse));
    }
    if let Some(corrupted) = baselines.and_then(|baselines| baselines.corrupted) {
        let row = Row {
            psnr: Some(corrupted.psnr),
            ..Row::of("corrupted input", corrupted.mse)
        };
        rows.push(match restoration {
            Some(restoration) => row.with(&restoration.input),
            None => row,
        });
    }
    for (name, found) in restoration.iter().flat_map(|it| &it.baselines) {
        let row = Row {
            name: label(name, &found.setting),
            ..Row::default()
        };
        rows.push(row.with(&found.fidelity));
    }
    rows
}

/// The lines; columns that no row has a figure for are left out where they are of single corruptions.
fn draw(rows: &[Row], values: f64) -> String {
    let figure = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "-".into(), |figure| format!("{figure:.digits$}"))
    };
    let lengths = rows.iter().map(|row| row.name.chars().count());
    let width = lengths.max().unwrap_or_default().max(NARROWEST);
    let hole = rows.iter().any(|row| row.hole.is_some());
    let colours = rows.iter().any(|row| row.ab_error.is_some());
    let mut text = String::new();
    let mut line = |name: &str, cells: [&str; 7]| {
        let [mse, sum_sq, bce, psnr, ssim, in_hole, ab_error] = cells;
        let _ = write!(
            text,
            "{name:<width$} {mse:>9} {sum_sq:>9} {bce:>9} {psnr:>8} {ssim:>7}"
        );
        if hole {
            let _ = write!(text, " {in_hole:>9}");
        }
        if colours {
            let _ = write!(text, " {ab_error:>8}");
        }
        text.push('\n');
    };
    let heads = [
        "mse",
        "sum_sq",
        "bce",
        "psnr",
        "ssim",
        "hole psnr",
        "ab error",
    ];
    line("on the test images", heads);
    for row in rows {
        let cells = [
            figure(row.mse, 6),
            figure(row.mse.map(|mse| mse * values), 3),
            figure(row.bce, 6),
            figure(row.psnr, 2),
            figure(row.ssim, 4),
            figure(row.hole, 2),
            figure(row.ab_error, 2),
        ];
        line(&row.name, cells.each_ref().map(String::as_str));
    }
    text
}
