//! Ctrl-C and termination: the first signal finishes the step and saves, the second stops at once. A program that was
//! started with nohup goes on when its terminal is closed.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of an interrupted program: 128 + SIGINT, as in shells.
pub const EXIT_CODE: u8 = 130;

static STOP: AtomicBool = AtomicBool::new(false);

/// Listens for signals from now on.
pub fn listen() {
    on_signal(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
        crate::terminal::note(
            "stopping after this step and saving; press Ctrl-C again to stop at once",
        );
    });
}

/// From now on the first signal ends the program at once, as intended for a server.
pub fn ends_program() {
    on_signal(|| std::process::exit(0));
}

/// Whether the program was asked to stop.
pub fn requested() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// Calls `handler` on each signal; only the first caller's is.
fn on_signal(handler: impl FnMut() + Send + 'static) {
    static SET: Once = Once::new();
    SET.call_once(|| handle(handler));
}

#[cfg(unix)]
fn handle(mut handler: impl FnMut() + Send + 'static) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut wanted = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    // Where it fails, a signal ends the program at once, which loses no more than a kill does.
    if let Ok(mut signals) = Signals::new(wanted) {
        let thread = std::thread::Builder::new().name("signals".into());
        let _ = thread.spawn(move || signals.forever().for_each(|_| handler()));
    }
}

#[cfg(not(unix))]
fn handle(handler: impl FnMut() + Send + 'static) {
    // Fails only if a handler is already set, which is then used.
    let _ = ctrlc::set_handler(handler);
}

/// Whether whoever started this program had it ignore a signal. Only Linux tells without system calls of its own.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
