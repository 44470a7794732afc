//! Level: the instruction set of the operators, chosen at run time, so that one binary runs at full speed
//! on any processor without compiler flags.

use std::cell::Cell;
use std::sync::OnceLock;

/// An instruction set, from the least to the most capable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust, which the compiler vectorises for the target's baseline (SSE2 on x86-64, NEON
    /// on 64-bit ARM).
    Portable,
    /// AVX2 with FMA: vectors of 8 floats.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL) with FMA: vectors of 16 floats.
    Avx512,
}

/// Every level, from the least to the most capable.
pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

/// The most capable level of this processor.
pub fn best() -> Level {
    static BEST: OnceLock<Level> = OnceLock::new();
    *BEST.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                return Level::Avx512;
            }
            if avx2 {
                return Level::Avx2;
            }
        }
        Level::Portable
    })
}

/// The level of an operator called on this thread: the best one, unless a caller of [`with`] requested
/// a lower one. Read it once at the start of an operator and pass it to the threads that share the
/// work.
pub fn current() -> Level {
    FORCED.get().unwrap_or_else(best)
}

/// Runs `work` with the operators on this thread using `level`, or the best level of the processor if
/// that is lower. For tests and benchmarks.
pub fn with<T>(level: Level, work: impl FnOnce() -> T) -> T {
    /// Restores the old level, even if `work` panics.
    struct Restore(Option<Level>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    let _restore = Restore(FORCED.replace(Some(level.min(best()))));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_level_ends_with_its_work() {
        assert_eq!(current(), best());
        with(Level::Portable, || assert_eq!(current(), Level::Portable));
        let panicked = std::panic::catch_unwind(|| with(Level::Portable, || panic!("as it may")));
        assert!(panicked.is_err());
        assert_eq!(current(), best());
    }
}
