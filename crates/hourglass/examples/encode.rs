//! Encodes images with a run's best model, decodes the codes, and prints the error.
//!
//! ```text
//! cargo run --example encode -- runs/example
//! ```

use std::path::Path;
use std::sync::Arc;

use hourglass::backend;
use hourglass::config::BackendChoice;
use hourglass::data::Source;
use hourglass::{Loaded, Run};

fn main() -> hourglass::Result<()> {
    let folder = std::env::args().nth(1);
    let folder = folder.unwrap_or_else(|| "runs/example".into());
    let device = backend::open(BackendChoice::Auto)?.device;
    let loaded = Loaded::open(Run::open(Path::new(&folder), Path::new("runs"))?, device)?;

    // The first ten test digits, bytes in memory.
    let digits = Source::Mnist.load()?.test;
    let digits = Arc::new(digits.select(&(0..10).collect::<Vec<u32>>())?);
    let codes = loaded.encode(&digits)?;
    let units = codes.len() / digits.len();
    println!("{} digits, {units} values each", digits.len());

    for (index, decoded) in loaded.decode(&codes, units)?.iter().enumerate() {
        let pixels = digits.image(index).unwrap_or_default();
        let square = |(value, &pixel): (&f32, &u8)| (value - f32::from(pixel) / 255.0).powi(2);
        let error: f32 =
            decoded.iter().zip(&*pixels).map(square).sum::<f32>() / decoded.len() as f32;
        println!("digit {index}: mean squared error {error:.4}");
    }
    Ok(())
}
