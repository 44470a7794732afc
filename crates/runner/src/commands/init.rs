//! A config for a folder: a look at its pictures, and a config that suits them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hourglass::proposal::Proposal;
use serde_json::{Value, json};

use super::{DONE, UsageError, train};
use crate::cli::InitArgs;
use crate::{output, terminal};

pub fn run(args: &InitArgs) -> Result<u8> {
    let path = match &args.output {
        Some(path) => path.clone(),
        None => named_after(&args.folder),
    };
    output::check_new(&path, args.backend.force)?;
    let dir = as_seen_from(&path, &args.folder)?;
    let backend = args.backend.backend.as_deref();
    let seconds = args.minutes * 60.0;
    let proposal = Proposal::new(&args.folder, &dir, args.aim, seconds, backend)?;
    terminal::warn(&proposal.warnings);
    hourglass::files::write(&path, proposal.text.as_bytes())?;
    let next = format!("hourglass {}", output::word(&path));
    if args.json {
        let config: Value = serde_json::from_str(&proposal.text)?;
        terminal::print_json(&json!({
            "file": path, "found": proposal.found, "plan": proposal.plan, "steps": proposal.steps,
            "seconds": proposal.seconds, "config": config, "next": next,
        }))?;
        return Ok(DONE);
    }
    terminal::say(&format!(
        "found    {}\nplan     {}\ntime     about {} on this machine, for {} steps\nwrote    {}\nnext     {next}",
        proposal.found,
        proposal.plan,
        duration(proposal.seconds),
        proposal.steps,
        path.display(),
    ))?;
    Ok(DONE)
}

/// The config's name for a folder: its own.
fn named_after(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let stem = train::name_of(Path::new(whole.file_name().unwrap_or_default()));
    PathBuf::from(format!("{stem}.json"))
}

/// The folder as a config in the file `config` is to name it: as given if both are named from here, and else in full.
fn as_seen_from(config: &Path, folder: &Path) -> Result<String> {
    let beside = config
        .parent()
        .is_none_or(|parent| parent.as_os_str().is_empty());
    let dir = match beside || folder.is_absolute() {
        true => folder.to_owned(),
        false => folder
            .canonicalize()
            .with_context(|| format!("{}: cannot be read", folder.display()))?,
    };
    let unreadable = || {
        let text = format!(
            "{}: its name is not text, which a config needs; rename it",
            dir.display()
        );
        UsageError(text)
    };
    Ok(dir.to_str().ok_or_else(unreadable)?.to_owned())
}

/// A time in words.
fn duration(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} seconds"),
        ..5400.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}
