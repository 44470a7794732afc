//! Ctrl-C and termination: the first signal finishes the step and saves, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of an interrupted program: 128 + SIGINT, as in shells.
pub const EXIT_CODE: u8 = 130;

static STOP: AtomicBool = AtomicBool::new(false);

/// Listens for signals from now on.
pub fn listen() {
    let handler = || {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
        crate::terminal::note(
            "stopping after this step and saving; press Ctrl-C again to stop at once",
        );
    };
    // Fails only if a handler is already set, which is then used.
    let _ = ctrlc::set_handler(handler);
}

/// From now on the first signal ends the program at once, as intended for a server.
pub fn ends_program() {
    // Fails only if a handler is already set, which is then used.
    let _ = ctrlc::set_handler(|| std::process::exit(0));
}

/// Whether the program was asked to stop.
pub fn requested() -> bool {
    STOP.load(Ordering::SeqCst)
}
