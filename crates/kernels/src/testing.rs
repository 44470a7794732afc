//! What the operators' tests share.

/// Numbers in [-2, 2), the same for each seed.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    // Splitmix64 (Steele, Lea & Flood 2014).
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count)
        .map(|_| (next() >> 40) as f32 / (1u64 << 22) as f32 - 2.0)
        .collect()
}

/// Fails if a value differs from the expected one by more than `tolerance` times the larger of 1 and
/// the largest wanted magnitude, or if only one of the two is NaN or infinite.
#[track_caller]
pub(crate) fn close<T: Copy + Into<f64>>(got: &[f32], wanted: &[T], tolerance: f64) {
    assert_eq!(got.len(), wanted.len());
    let finite = wanted
        .iter()
        .map(|&w| w.into().abs())
        .filter(|w| w.is_finite());
    let allowed = tolerance * finite.fold(1.0, f64::max);
    for (i, (&got, &wanted)) in got.iter().zip(wanted).enumerate() {
        let (got, wanted) = (f64::from(got), wanted.into());
        let same = got == wanted || (got.is_nan() && wanted.is_nan());
        assert!(
            same || (got - wanted).abs() <= allowed,
            "value {i}: {got}, wanted {wanted}"
        );
    }
}

/// Runs `work` on a pool of so many threads.
pub(crate) fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads can be started").install(work)
}
