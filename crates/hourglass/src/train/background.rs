//! Background work: files are written while the next steps are computed.

use std::thread::JoinHandle;

use crate::error::{Error, Result};

/// Work in a background thread, one piece at a time and in the order given.
#[derive(Debug, Default)]
pub struct Background {
    running: Option<JoinHandle<Result<()>>>,
}

impl Background {
    /// Starts a piece of work once the previous one is done.
    ///
    /// # Errors
    /// If the previous one failed, or no thread could be started; `work` is then not done.
    pub fn start(&mut self, work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        self.finish()?;
        let thread = std::thread::Builder::new().name("background".into());
        let running = thread.spawn(work);
        self.running = Some(running.map_err(|error| {
            Error::System(format!(
                "a thread to write files cannot be started: {error}"
            ))
        })?);
        Ok(())
    }

    /// Waits for the work in progress.
    ///
    /// # Errors
    /// If the work failed.
    pub fn finish(&mut self) -> Result<()> {
        match self.running.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::System(
                "the thread that writes files panicked".into(),
            )),
        }
    }
}

impl Drop for Background {
    /// Finishes the work even if the caller fails in the meantime.
    fn drop(&mut self) {
        // The caller's own error came first and is the one to report.
        let _ = self.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn work_is_done_in_order_and_an_error_stops_the_next() {
        let done = Arc::new(Mutex::new(Vec::new()));
        let mut background = Background::default();
        let work = |number: usize| {
            let done = Arc::clone(&done);
            move || {
                // The first piece takes longest.
                std::thread::sleep(std::time::Duration::from_millis(20 / (number as u64 + 1)));
                done.lock().unwrap().push(number);
                if number == 2 {
                    return Err(Error::System("the disk is full".into()));
                }
                Ok(())
            }
        };
        for number in 0..3 {
            background.start(work(number)).unwrap();
        }
        let error = background.start(work(3)).unwrap_err().to_string();
        assert_eq!(error, "the disk is full");
        background.finish().unwrap();
        assert_eq!(*done.lock().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn dropping_it_waits() {
        let done = Arc::new(Mutex::new(false));
        let mut background = Background::default();
        let theirs = Arc::clone(&done);
        let work = move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            *theirs.lock().unwrap() = true;
            Ok(())
        };
        background.start(work).unwrap();
        drop(background);
        assert!(*done.lock().unwrap());
    }
}
