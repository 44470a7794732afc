//! Resuming: a run that was interrupted continues as if it had never stopped.

use anyhow::Result;
use hourglass::Run;
use hourglass::config::{self, Override};
use hourglass::measure::summary::Summary;
use hourglass::run::changes;
use hourglass::run::environment::Environment;
use hourglass::run::resumed::Resumed;
use hourglass::run::{RunError, Status};

use super::{DONE, UsageError, one_class};
use crate::cli::ResumeArgs;
use crate::{fetch, terminal};

pub fn run(args: &ResumeArgs) -> Result<u8> {
    let run = Run::open(&args.run.name, &args.run.runs.runs)?;
    run.check_trained_here()?;
    if let Some(code) = one_class::resume(&run, args)? {
        return Ok(code);
    }
    let lock = run.lock()?;
    let folder = run.folder().display();
    let environment: Environment = run.read_json("env.json")?;
    let mut overrides: Vec<Override> = args.set.iter().map(|it| Override::set(it)).collect();
    if overrides.iter().any(|it| it.key() == "backend") {
        let text =
            "--set backend: cannot be set here, because a run keeps its backend; use --backend";
        return Err(UsageError(text.into()).into());
    }
    let changed = match run.check_config() {
        Err(RunError::ConfigChanged { .. }) if args.backend.force => true,
        checked => checked.map(|()| false)?,
    };
    let asked = config::load(&run.path("config.json"), &overrides)?;
    changes::check(&run, &asked)?;
    if changed {
        run.accept_config()?;
        terminal::note(&format!(
            "note: {folder}: goes on with its config.json as it is now"
        ));
    }
    // The run goes on where it was: with the backend that its figures came from so far.
    let backend = args.backend.backend.clone();
    let backend = backend.unwrap_or(environment.backend);
    overrides.push(Override::flag("--backend", "backend", &backend));
    let located = config::load(&run.path("config.json"), &overrides)?;
    let located = located.with_force(args.backend.force);

    let state = run.state()?;
    let epochs = located.train.epochs;
    if state.status == Status::Finished && (state.epoch >= epochs || args.set.is_empty()) {
        let summary: Summary = run.read_json("summary.json")?;
        if args.output.json {
            terminal::print_json(&summary)?;
        } else {
            terminal::say(&summary.measured().table(terminal::width()))?;
        }
        if !args.output.quiet {
            terminal::note(&format!(
                "{folder}: already finished after {} epochs; to train longer, add --set train.epochs={}",
                state.epoch,
                state.epoch.max(1).saturating_mul(2)
            ));
        }
        return Ok(DONE);
    }
    fetch::source_of(&located.data.source(located.seed), args.output.quiet)?;
    let Resumed { setup, from, holes } = Resumed::prepare(&run, located)?;
    terminal::warn(&setup.warnings);
    terminal::warn_of_holes(&holes);
    if !args.set.is_empty() {
        let mut config = setup.config.without_schema();
        config.backend = asked.backend;
        run.change_config(&config)?;
    }
    super::train::drive(&setup, (&run, &lock), from.as_ref(), &args.output)
}
