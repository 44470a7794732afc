//! Serving: a local web page that lists runs, follows trainings and explores models.

use anyhow::Result;

use super::{DONE, chosen};
use crate::cli::{BackendArg, ServeArgs};
use hourglass::backend;
use serve::Options;

use crate::{interrupt, terminal};

pub fn run(args: &ServeArgs) -> Result<u8> {
    let backend = BackendArg {
        backend: args.backend.clone(),
        force: false,
    };
    let options = Options {
        runs: args.runs.runs.clone(),
        host: args.host.clone(),
        port: args.port,
        device: backend::open(chosen(&backend)?)?.device,
        backend: args.backend.clone(),
    };
    serve::serve(options, |url, address| {
        interrupt::ends_program();
        if !address.ip().is_loopback() {
            terminal::note(&format!(
                "note: anyone who can reach {address} can see these runs and use their models"
            ));
        }
        terminal::print(url)
    })?;
    Ok(DONE)
}
