//! The verbs of the command line, one file each.

mod analysed;
mod anomaly;
mod backends;
mod cluster;
pub mod compare;
mod compress;
mod decode;
mod decompress;
mod encode;
mod evaluate;
mod export;
mod import;
mod init;
mod inspect;
mod kept;
mod man;
mod one_class;
#[cfg(feature = "report")]
mod plot;
mod probe;
mod reconstruct;
mod restore;
mod resume;
mod score;
#[cfg(feature = "serve")]
mod serve;
mod sweep;
#[cfg(feature = "report")]
mod tour;
mod train;
mod transfer;

use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use data::{ImageShape, Warning};
use hourglass::backend::{self, BackendError};
use hourglass::config::{self, ConfigError};
use hourglass::fields::Form;
use hourglass::import::ImportError;
use hourglass::run::{RunError, Status, loaded};
use hourglass::{Error, Loaded, Run, Setup};

use crate::cli::{BackendArg, Cli, Command, MOST_THREADS, RunArg};
use crate::{fetch, terminal};

/// Success.
pub const DONE: u8 = 0;
/// An error.
const FAILED: u8 = 1;
/// The command line or the config is invalid.
pub const USAGE: u8 = 2;
/// The loss stopped being a finite number.
const DIVERGED: u8 = 3;

/// A command line whose arguments are valid one by one but not together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A verb or an option that this program was built without.
#[cfg_attr(all(feature = "report", feature = "serve"), allow(dead_code))]
pub fn left_out(what: &str, feature: &str) -> UsageError {
    UsageError(format!(
        "{what}: this program was built without its feature \"{feature}\"; to have it: cargo run -p runner \
         --features {feature} -- ..."
    ))
}

/// Runs the command line and returns the program's exit code.
///
/// # Errors
/// What stopped it, in one line; [`exit_code`] gives the matching exit code.
pub fn run(cli: Cli) -> Result<u8> {
    let threads = threads(cli.threads)?;
    // This thread is one of the pool: handing each operator to another thread and waiting for it takes
    // a tenth of a training step. 0 means RAYON_NUM_THREADS, or else one thread per core.
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global()
        .context("the threads cannot be started; try fewer with --threads")?;
    match (cli.command, cli.train) {
        (Some(command), _) => match command {
            Command::Init(args) => init::run(&args),
            Command::Resume(args) => resume::run(&args),
            Command::Sweep(args) => sweep::run(&args),
            #[cfg(feature = "report")]
            Command::Tour(args) => tour::run(&args),
            Command::Evaluate(args) => evaluate::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Anomaly(args) => anomaly::run(&args),
            Command::Score(args) => score::run(&args),
            Command::Cluster(args) => cluster::run(&args),
            Command::Encode(args) => encode::run(&args),
            Command::Compress(args) => compress::run(&args),
            Command::Decompress(args) => decompress::run(&args),
            Command::Decode(args) => decode::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Import(args) => import::run(&args),
            Command::Reconstruct(args) => reconstruct::run(&args),
            Command::Restore(args) => restore::run(&args),
            #[cfg(feature = "report")]
            Command::Plot(args) => plot::run(&args),
            Command::Probe(args) => probe::run(&args),
            Command::Transfer(args) => transfer::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            #[cfg(feature = "serve")]
            Command::Serve(args) => serve::run(&args),
            #[cfg(not(feature = "report"))]
            Command::Tour(_) => Err(left_out("tour", "report").into()),
            #[cfg(not(feature = "report"))]
            Command::Plot(_) => Err(left_out("plot", "report").into()),
            #[cfg(not(feature = "serve"))]
            Command::Serve(_) => Err(left_out("serve", "serve").into()),
            Command::Backends(args) => backends::run(&args),
            Command::Schema => {
                terminal::print_json(&config::schema())?;
                Ok(DONE)
            }
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "hourglass", &mut script);
                terminal::print(String::from_utf8_lossy(&script).trim_end())?;
                Ok(DONE)
            }
            Command::Man { dir } => man::run(dir.as_deref()),
        },
        (None, args) => train::run(&args),
    }
}

/// The variables that say how many threads to use where the command line does not, and that the pool obeys.
const THREADS: [&str; 2] = ["RAYON_NUM_THREADS", "RAYON_RS_NUM_CPUS"];

/// The number of threads; 0 leaves it to the pool.
fn threads(asked: Option<u16>) -> Result<usize, UsageError> {
    if let Some(asked) = asked {
        return Ok(asked.into());
    }
    for name in THREADS {
        let Some(found) = std::env::var_os(name).filter(|found| !found.is_empty()) else {
            continue;
        };
        let number = found.to_str().and_then(|found| found.parse::<u16>().ok());
        if number.is_none_or(|number| number > MOST_THREADS) {
            return Err(UsageError(format!(
                "{name}: found {found:?}; allowed: an integer from 0, which is one per core, to {MOST_THREADS}"
            )));
        }
    }
    Ok(0)
}

/// Whether the text of an error has a line for each of several faults.
pub fn has_lines(error: &anyhow::Error) -> bool {
    let of_config = |error: &(dyn std::error::Error + 'static)| {
        let ours = error.downcast_ref::<Error>().map(Error::root);
        error.is::<ConfigError>() || matches!(ours, Some(Error::Config(_)))
    };
    error.chain().any(of_config)
}

/// The exit code for an error.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let run = |error: &RunError| {
        matches!(
            error,
            RunError::OtherConfig { .. } | RunError::ConfigChanged { .. }
        )
    };
    let config = |error: &Error| match error.root() {
        Error::Config(_) | Error::Backend(_) | Error::Memory(_) => true,
        // The command line names what does not belong together.
        Error::Import(error) => matches!(
            error,
            ImportError::Missing { .. } | ImportError::Ambiguous { .. } | ImportError::Map { .. }
        ),
        Error::Run(error) => run(error),
        _ => false,
    };
    let usage = error.is::<ConfigError>()
        || error.is::<BackendError>()
        || error.is::<UsageError>()
        || error.downcast_ref().is_some_and(run)
        || error.downcast_ref().is_some_and(config);
    if usage { USAGE } else { FAILED }
}

/// A run's best model on the backend that was asked for, or the best one.
///
/// # Errors
/// If there is no such run or backend, the run has no checkpoint, or it diverged and `--force` is not given.
pub fn opened(run: &RunArg, backend: &BackendArg) -> Result<Loaded> {
    let run = Run::open(&run.name, &run.runs.runs)?;
    check_converged(&run, backend.force)?;
    Ok(Loaded::open(run, backend::open(chosen(backend)?)?.device)?)
}

/// Fails for the run of pictures of other channels than grey or colour, with a command that writes whole pictures.
pub fn usual_channels(loaded: &Loaded, command: &str) -> Result<()> {
    match loaded.meta.input_shape {
        [1 | 3, ..] => Ok(()),
        [channels, ..] => Err(UsageError(format!(
            "{}: was trained on pictures of {channels} channels, and {command} writes pictures of 1 or 3; evaluate, encode, \
             decode to .npy and score take it",
            loaded.run.folder().display()
        ))
        .into()),
    }
}

/// Which channels are drawn of pictures that have more than can be; `None` if all are.
pub fn drawn_channels([channels, ..]: ImageShape) -> Option<String> {
    let drawn = match channels {
        1 | 3 => return None,
        2 => "the first one",
        _ => "the first three, as red, green and blue,",
    };
    Some(format!(
        "note: pictures show {drawn} of {channels} channels"
    ))
}

/// Fails for the run of a table, with a command that is about pictures.
pub fn only_pictures(loaded: &Loaded, command: &str) -> Result<()> {
    match loaded.meta.fields {
        None => Ok(()),
        Some(_) => Err(UsageError(format!(
            "{}: was trained on {}, and {command} is for pictures; evaluate, encode, score, probe and cluster take it",
            loaded.run.folder().display(),
            match loaded.meta.form() {
                Form::Series => "series",
                _ => "a table",
            }
        ))
        .into()),
    }
}

/// Fails for the run of clips, with a command that takes pictures of any size.
pub fn no_clips(loaded: &Loaded, command: &str) -> Result<()> {
    match loaded.meta.clips() {
        None => Ok(()),
        Some(_) => Err(UsageError(format!(
            "{}: was trained on clips, and {command} is for pictures; reconstruct, encode and evaluate take videos",
            loaded.run.folder().display()
        ))
        .into()),
    }
}

/// Whether a run is known to have diverged.
pub fn has_diverged(run: &RunArg) -> bool {
    let state = Run::open(&run.name, &run.runs.runs).and_then(|run| run.state());
    state.is_ok_and(|state| state.status == Status::Diverged)
}

/// Fails for a run that diverged; with `force`, only warns.
pub fn check_converged(run: &Run, force: bool) -> Result<()> {
    let state = run.state()?;
    if state.status != Status::Diverged {
        return Ok(());
    }
    let folder = run.folder().display();
    let why = state
        .message
        .unwrap_or_else(|| format!("by step {}", state.step));
    let trained = match state.epoch {
        0 => "before the first epoch ended, so its weights are hardly trained".to_owned(),
        epoch => format!("after epoch {epoch}, so its weights are of that epoch or an earlier one"),
    };
    let text = format!("{folder}: diverged {trained}: {why}");
    if !force {
        bail!("{text}; train it with a smaller train.learning_rate, or use --force");
    }
    terminal::note(&format!("warning: {text}"));
    Ok(())
}

/// A run's own images, as it was trained and measured on them; warns about files that are not as they should
/// be. What there is to say about the whole set was said when the run was trained.
///
/// # Errors
/// If they cannot be loaded, or differ from those of the run.
pub fn own_images(run: &Run, backend: &BackendArg) -> Result<Setup> {
    // A config that cannot be read is told below.
    if let Ok(located) = config::load(&run.path("config.json"), &[]) {
        fetch::source_of(&located.data.source(located.seed), false)?;
    }
    let setup = loaded::own_images(run, backend.backend.as_deref(), backend.force, None)?;
    let single = |it: &&Warning| matches!(it, Warning::Skipped { .. } | Warning::Padded { .. });
    let warnings: Vec<Warning> = setup.warnings.iter().filter(single).cloned().collect();
    terminal::warn(&warnings);
    Ok(setup)
}

/// The backend that `--backend` names.
fn chosen(backend: &BackendArg) -> Result<config::BackendChoice> {
    let Some(name) = &backend.backend else {
        return Ok(config::BackendChoice::Auto);
    };
    let choice = serde_json::from_value(serde_json::Value::String(name.clone()));
    choice.map_err(|_| {
        let names = backend::ALL.map(|(_, name, _)| name).join(", ");
        UsageError(format!("--backend: found {name}; allowed: auto, {names}")).into()
    })
}
