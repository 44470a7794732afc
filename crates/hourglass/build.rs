//! Records the commit that the program is built from, and the version of Burn, for `env.json`.

use std::fs;
use std::process::Command;

/// The manifest of the workspace, from the folder of this crate.
const WORKSPACE: &str = "../../Cargo.toml";

fn main() {
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // An installed copy of the source has no repository, which is no reason not to build.
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=HOURGLASS_COMMIT={commit}");
    println!("cargo::rerun-if-changed={WORKSPACE}");
    println!("cargo::rustc-env=HOURGLASS_BURN={}", burn());
}

/// The version of Burn that the workspace pins.
///
/// # Panics
/// If the workspace pins none: a range of versions would not say which one trained.
fn burn() -> String {
    let manifest = fs::read_to_string(WORKSPACE).expect("the workspace has a Cargo.toml");
    let pin = manifest
        .lines()
        .find_map(|line| line.strip_prefix("burn = { version = \"="))
        .and_then(|rest| rest.split('"').next());
    pin.expect("the workspace pins Burn: burn = { version = \"=...\"")
        .to_owned()
}
