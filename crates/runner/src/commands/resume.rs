//! Resuming: a run that was interrupted continues as if it had never stopped.

use anyhow::{Result, bail};

use super::{DONE, UsageError};
use crate::checkpoint::Checkpoint;
use crate::cli::ResumeArgs;
use crate::config::{self, Located, Override};
use crate::environment::{Environment, Resumption};
use crate::run::{Run, Status};
use crate::setup::Setup;
use crate::summary::Summary;
use crate::{checkpoint, terminal};

pub fn run(args: &ResumeArgs) -> Result<u8> {
    let run = Run::open(&args.run.name, &args.run.runs.runs)?;
    let _lock = run.lock()?;
    let folder = run.folder().display();
    let mut environment: Environment = run.read_json("env.json")?;
    let mut overrides: Vec<Override> = args.set.iter().map(|it| Override::set(it)).collect();
    // Layers that were pre-trained one by one are not pre-trained again.
    let changes =
        |key: &str| key.starts_with("train.") && !format!("{key}.").starts_with("train.pretrain.");
    if let Some(fixed) = overrides.iter().find(|it| !changes(it.key())) {
        return Err(UsageError(format!(
            "--set {}: a resumed run cannot change this key; change a key under train, or start a new run",
            fixed.key()
        ))
        .into());
    }
    let asked = config::load(&run.path("config.json"), &overrides)?;
    // The run stays on the backend that its figures came from so far.
    let before = || environment.backend.clone();
    let backend = args.backend.backend.clone().unwrap_or_else(before);
    overrides.push(Override::flag("--backend", "backend", &backend));
    let located = config::load(&run.path("config.json"), &overrides)?;

    let state = run.state()?;
    checkpoint::settle(&run)?;
    let from = checkpoint::read(&run, "last")?;
    let epochs = located.train.epochs;
    if state.status == Status::Finished && (state.epoch >= epochs || args.set.is_empty()) {
        let summary: Summary = run.read_json("summary.json")?;
        if args.output.json {
            terminal::print_json(&summary)?;
        } else {
            terminal::print(&summary.table())?;
        }
        if !args.output.quiet {
            terminal::note(&format!(
                "{folder}: already finished after {} epochs; to train longer, add --set train.epochs={}",
                state.epoch,
                2 * state.epoch.max(1)
            ));
        }
        return Ok(DONE);
    }
    let setup = setup(located, environment.quick, from.as_ref())?;
    check(&run, &setup, &environment, from.as_ref())?;
    run.remove_drafts();
    if !args.set.is_empty() {
        let mut config = setup.config.without_schema();
        config.backend = asked.backend;
        run.write_json("config.json", &config)?;
    }
    environment.resumed.push(Resumption::new(&setup.backend));
    run.write_json("env.json", &environment)?;
    super::train::drive(&setup, &run, from.as_ref(), &args.output)
}

/// What a run continues from: its last checkpoint, or its start if it was killed before the first one.
///
/// # Errors
/// As [`Setup::new`] or [`Setup::to_start`].
pub fn setup(located: Located, quick: bool, from: Option<&Checkpoint>) -> Result<Setup> {
    match from {
        Some(_) => Setup::new(located, quick),
        None => Setup::to_start(located, quick),
    }
}

/// Checks that the data and the checkpoint are those of the run.
///
/// # Errors
/// If the images differ from those that the run was trained on, or the checkpoint is of another model.
pub fn check(
    run: &Run,
    setup: &Setup,
    environment: &Environment,
    from: Option<&Checkpoint>,
) -> Result<()> {
    environment.check_data(setup)?;
    if let Some(from) = from
        && (from.meta.model != setup.config.model || from.meta.input_shape != setup.shape())
    {
        bail!(
            "{}: the model in checkpoints/last does not match config.json",
            run.folder().display()
        );
    }
    Ok(())
}
