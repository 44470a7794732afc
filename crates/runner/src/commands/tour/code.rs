//! The first chapters: what an autoencoder does, and what it loses.

use anyhow::Result;
use serde_json::json;

use super::chapter::{Chapter, Table, columns, error};
use super::guide::{Guide, code_pictures, owned};
use hourglass::measure::summary::{Summary, compression};

/// Encoder, code and decoder.
pub fn there_and_back(guide: &Guide) -> Result<Chapter> {
    let found = &guide.run("code-32")?.summary;
    let shown = guide.shown("code-32")?;
    let (codes, code_shape) = code_pictures(&guide.codes("code-32", &guide.chosen)?);
    let shape = guide.shape();
    let (values, mean) = (shape.iter().product::<usize>(), found.baselines.mean.mse);
    Ok(Chapter {
        title: "An encoder turns a picture into a code, a decoder turns it back",
        text: vec![
            format!(
                "An autoencoder is two networks trained together. The encoder turns the {values} pixel values \
                 of a picture into a code of {} numbers, which is {}; the decoder turns the code back into a picture.",
                found.code_size,
                compression(found.compression_ratio)
            ),
            format!(
                "It learned this from {} digits without any labels, because each picture is its own target. \
                 On {} digits that it never saw, its mean squared error per pixel is {}.",
                guide.setup.split.train.len(),
                guide.setup.test.len(),
                error(found.test.mse)
            ),
        ],
        runs: vec!["code-32"],
        figures: json!({
            "code_size": found.code_size,
            "compression_ratio": found.compression_ratio,
            "mse": found.test.mse,
            "psnr": found.test.psnr,
            "mean_picture_mse": mean,
        }),
        next: guide.next(&[
            (
                "hourglass inspect TOUR/code-32",
                "list its layers, from the picture to the code and back",
            ),
            (
                "hourglass serve --runs TOUR",
                "draw a digit of your own, and see its code and its reconstruction",
            ),
        ]),
        pictures: columns(
            vec![
                ("input", owned(shown.inputs()), shape),
                ("code", codes, code_shape),
                ("reconstruction", owned(shown.restored()), shape),
            ],
            &guide.captions(),
        ),
        table: Table {
            caption: format!(
                "{} test digits; error: mean squared error per pixel",
                guide.setup.test.len()
            ),
            columns: vec!["", "error", "PSNR, dB"],
            rows: vec![
                vec![
                    format!("autoencoder, code {}", found.code_size),
                    error(found.test.mse),
                    format!("{:.1}", found.test.psnr),
                ],
                vec![
                    "the mean digit, whatever the input".into(),
                    error(mean),
                    "-".into(),
                ],
            ],
        },
        charts: Vec::new(),
    })
}

/// Lossy compression: the smaller the code, the more is lost.
pub fn the_smaller(guide: &Guide) -> Result<Chapter> {
    const RUNS: [(&str, &str); 3] = [
        ("code-2", "from 2 values"),
        ("code-8", "from 8 values"),
        ("code-32", "from 32 values"),
    ];
    let shape = guide.shape();
    let mut found: Vec<&Summary> = Vec::new();
    let mut rows = vec![("input", owned(guide.shown("code-2")?.inputs()), shape)];
    for (run, name) in RUNS {
        found.push(&guide.run(run)?.summary);
        rows.push((name, owned(guide.shown(run)?.restored()), shape));
    }
    let errors: Vec<String> = found
        .iter()
        .map(|it| format!("{} with {} values", error(it.test.mse), it.code_size))
        .collect();
    let row = |it: &&Summary| {
        vec![
            it.code_size.to_string(),
            compression(it.compression_ratio),
            error(it.test.mse),
            format!("{:.1}", it.test.psnr),
        ]
    };
    Ok(Chapter {
        title: "A smaller code loses more detail",
        text: vec![
            format!(
                "This compression is lossy: whatever does not fit into the code is lost, and the details that \
                 make a digit unusual are lost first. The error is {}.",
                errors.join(", ")
            ),
            "The small code is also the reason why the network learns anything: because it cannot copy a \
             picture, it has to find out what pictures have in common."
                .into(),
        ],
        runs: RUNS.map(|(run, _)| run).to_vec(),
        figures: found
            .iter()
            .map(|it| json!({ "code_size": it.code_size, "mse": it.test.mse, "psnr": it.test.psnr }))
            .collect(),
        next: guide.next(&[
            (
                "hourglass TOUR/code-8/config.json --set model.code_size=16 --name code-16",
                "train the same network with a code of 16 values",
            ),
            (
                "hourglass compare TOUR/code-2 TOUR/code-8 TOUR/code-32",
                "compare these three; add --html FILE for a page",
            ),
            (
                "hourglass compress TOUR/code-32",
                "measure how many bytes its codes take, compared with JPEG, WebP and PNG",
            ),
        ]),
        pictures: columns(rows, &guide.captions()),
        table: Table {
            caption: format!("{} test digits; error: mean squared error per pixel", guide.setup.test.len()),
            columns: vec!["values in the code", "compression", "error", "PSNR, dB"],
            rows: found.iter().map(row).collect(),
        },
        charts: Vec::new(),
    })
}
