//! Serving: a local web page that lists runs, follows trainings and explores models.

use anyhow::Result;

use super::{DONE, chosen};
use crate::backend;
use crate::cli::ServeArgs;
use crate::serve::{self, Options};

pub fn run(args: &ServeArgs) -> Result<u8> {
    serve::serve(Options {
        runs: args.runs.runs.clone(),
        host: args.host.clone(),
        port: args.port,
        device: backend::open(chosen(&args.backend)?)?.device,
        backend: args.backend.clone(),
    })?;
    Ok(DONE)
}
