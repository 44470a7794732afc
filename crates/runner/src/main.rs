//! The program `hourglass`.

use std::ffi::OsString;
use std::process::ExitCode;

/// Keeps freed pages for the next step's tensors: glibc's allocator returns large buffers to the
/// kernel and faults them in again, which takes two fifths of a training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(runner::main(&words))
}
