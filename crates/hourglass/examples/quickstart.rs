//! The README's program: trains, encodes and decodes.
//!
//! ```text
//! cargo run --example quickstart -- configs/conv.json
//! ```

use std::path::{Path, PathBuf};

use hourglass::{Config, Loaded, Run, Setup, Start, train};

fn main() -> hourglass::Result<()> {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let config = Config::load(&path.unwrap_or("configs/conv.json".into()))?;
    let setup = Setup::from_config(config)?;
    let run = Run::start(&setup, Path::new("runs"), "mine")?;
    train(&setup, &run, Start::default(), &mut ())?;

    let loaded = Loaded::open(run, setup.backend.device.clone())?;
    let codes = loaded.encode(&setup.test)?;
    let units = codes.len() / setup.test.len();
    let images = loaded.decode(&codes, units)?;
    println!("{} images from {units} values each", images.len());
    Ok(())
}
