//! Computing: on threads of the library's own, while Python goes on and Ctrl-C is heard.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::error::failed;

/// How often it is asked whether Ctrl-C was pressed: sooner than anybody notices.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether a computation is to end, and what was raised meanwhile.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    raised: Mutex<Option<PyErr>>,
}

impl Stop {
    /// Asks the computation to end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Asks the computation to end with an exception; the first one is raised.
    pub fn raise(&self, error: PyErr) {
        self.ask();
        if let Ok(mut raised) = self.raised.lock() {
            raised.get_or_insert(error);
        }
    }

    /// Whether it is to end.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// What was raised.
    pub fn take(&self) -> Option<PyErr> {
        self.raised.lock().ok()?.take()
    }
}

/// Does work on a thread of the pool, where handing an operator to other threads is quickest, and waits for it. Other
/// threads of Python run meanwhile. If a signal raises an exception, such as `KeyboardInterrupt`, the work is asked to stop,
/// and the exception is in [`Stop::take`] when it has.
///
/// # Errors
/// A process that was forked from one which computed, because the pool's threads stayed there; a thread that cannot be
/// started.
pub fn computed<T: Send>(
    py: Python<'_>,
    stop: &Stop,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    check_fork()?;
    py.detach(|| {
        thread::scope(|scope| {
            let (done, result) = mpsc::channel();
            let worker = thread::Builder::new()
                .name("hourglass".into())
                .spawn_scoped(scope, move || {
                    // Who waits for it has not gone away.
                    let _ = done.send(rayon::scope(|_| work()));
                })
                .map_err(|error| failed(&format!("a thread cannot be started: {error}")))?;
            loop {
                match result.recv_timeout(PAUSE) {
                    Ok(result) => return Ok(result),
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(error) = Python::attach(|py| py.check_signals()) {
                            stop.raise(error);
                        }
                    }
                    // It panicked, which goes on here.
                    Err(RecvTimeoutError::Disconnected) => match worker.join() {
                        Err(panic) => std::panic::resume_unwind(panic),
                        Ok(()) => return Err(failed("the computation gave no result")),
                    },
                }
            }
        })
    })
}

/// The same for work that does not stop before its end, and then raises what a signal did.
///
/// # Errors
/// As [`computed`], and those of the work.
pub fn whole<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> hourglass::Result<T> + Send,
) -> PyResult<T> {
    let stop = Stop::default();
    let result = computed(py, &stop, work)?;
    match stop.take() {
        Some(error) => Err(error),
        None => result.map_err(crate::error::raised),
    }
}

/// Fails in a process that was forked after its parent had started the pool's threads: they are not in it, and the first
/// operator would wait for them forever.
fn check_fork() -> PyResult<()> {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id();
    let first = PROCESS.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst);
    match first {
        Err(other) if other != own => Err(failed(
            "this process was forked from one that had computed with hourglass, whose threads it does not have; start \
             processes with multiprocessing.get_context(\"spawn\"), or with joblib, which does",
        )),
        _ => Ok(()),
    }
}
