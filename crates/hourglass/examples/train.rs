//! Trains a small autoencoder on MNIST's bundled digits and prints how it compares with PCA.
//!
//! ```text
//! cargo run --example train
//! ```

use std::path::Path;

use hourglass::train::observer::{Epoch, Observer};
use hourglass::{Config, Outcome, Run, Setup, Start, train};

/// A config as in a file; [`Config::load`] reads one.
const CONFIG: &str = r#"{
    "data": {"dataset": "mnist", "limit": 6000},
    "model": {"kind": "dense", "layers": [256], "code_size": 32},
    "train": {"epochs": 2}
}"#;

/// Prints a line for each epoch.
struct Lines;

impl Observer for Lines {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> hourglass::Result<()> {
        let row = epoch.row;
        println!("epoch {}: training loss {:.4}", row.epoch, row.train_loss);
        Ok(())
    }
}

fn main() -> hourglass::Result<()> {
    let setup = Setup::from_config(Config::parse(CONFIG)?)?;
    let runs = std::env::args().nth(1).unwrap_or_else(|| "runs".into());
    let run = Run::start(&setup, Path::new(&runs), "example")?;
    match train(&setup, &run, Start::default(), &mut Lines)? {
        Outcome::Finished(finished) => println!("{}", finished.summary.measured().table(None)),
        Outcome::Interrupted => println!("interrupted"),
        Outcome::Diverged(when) => println!("diverged: {when}"),
    }
    println!("the run is in {}", run.folder().display());
    Ok(())
}
