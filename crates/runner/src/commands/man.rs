//! Manual pages: that of the program, and one for each command.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use hourglass::files;

use super::DONE;
use crate::cli::Cli;
use crate::terminal;

pub fn run(dir: Option<&Path>) -> Result<u8> {
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives every command its whole name and what it has from the program.
    program.build();
    let Some(dir) = dir else {
        let page = page(program)?;
        terminal::print(String::from_utf8_lossy(&page).trim_end())?;
        return Ok(DONE);
    };
    fs::create_dir_all(dir)
        .with_context(|| format!("{}: the folder cannot be made", dir.display()))?;
    let verbs: Vec<Command> = program.get_subcommands().cloned().collect();
    for command in verbs.into_iter().chain([program]) {
        let name = command.get_display_name().unwrap_or(command.get_name());
        let path = dir.join(format!("{name}.1"));
        files::write(&path, &page(command)?)?;
    }
    Ok(DONE)
}

/// The page of a command, in the language of `man`.
fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
