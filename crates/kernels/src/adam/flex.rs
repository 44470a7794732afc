//! The step on the flex backend.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::{AdamOps, AdamStep, composed};
use crate::vectorise::vectorise;
use crate::{host, level};

/// Values that one thread updates at a time: large enough that handing them out costs nothing,
/// small enough that two threads share the largest layers evenly.
const CHUNK: usize = 1 << 14;

impl AdamOps for Flex {
    fn adam_step(
        w: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if ![&w, &g, &m, &v].into_iter().all(host::is_f32) {
            return composed::<Self>(w, g, m, v, step);
        }
        let g = host::contiguous(g);
        let [mut w, mut m, mut v] = [w, m, v].map(host::owned);
        let level = level::current();
        let parts = (
            host::values_mut(&mut w),
            host::values(&g),
            host::values_mut(&mut m),
            host::values_mut(&mut v),
        );
        if parts.0.len() <= CHUNK {
            update(level, parts.0, parts.1, parts.2, parts.3, step);
        } else {
            (
                parts.0.par_chunks_mut(CHUNK),
                parts.1.par_chunks(CHUNK),
                parts.2.par_chunks_mut(CHUNK),
                parts.3.par_chunks_mut(CHUNK),
            )
                .into_par_iter()
                .for_each(|(w, g, m, v)| update(level, w, g, m, v, step));
        }
        (w, m, v)
    }
}

vectorise! {
    /// Reads and writes each value once: the update is bound by memory.
    fn update(w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], step: AdamStep) {
        let [b1, b2] = step.betas.map(|beta| beta as f32);
        let [a1, a2] = step.betas.map(|beta| (1.0 - beta) as f32);
        let (l2, keep, epsilon) = (step.l2 as f32, step.keep as f32, step.epsilon as f32);
        let (rate, root) = (step.rate as f32, step.root as f32);
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            let g = *g + l2 * *w;
            *m = b1 * *m + a1 * g;
            *v = b2 * *v + a2 * (g * g);
            *w = keep * *w - rate * *m / (v.sqrt() * root + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use crate::level::{self, with};
    use crate::testing::{close, in_pool, numbers};
    use crate::{AdamStep, adam};

    fn step(t: i32, l2: f64, decay: f64) -> AdamStep {
        AdamStep {
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            l2,
            keep: 1.0 - 1e-2 * decay,
            rate: 1e-2 / (1.0 - 0.9f64.powi(t)),
            root: 1.0 / (1.0 - 0.999f64.powi(t)).sqrt(),
        }
    }

    fn tensor(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(
            TensorData::new(values.to_vec(), [values.len()]),
            &Device::flex(),
        )
    }

    /// Three steps of the operator, the state after them.
    fn three_steps(start: &[Vec<f32>; 4], l2: f64, decay: f64) -> [Vec<f32>; 3] {
        let [w, g, m, v] = start.each_ref().map(|values| tensor(values));
        let mut state = [w, m, v];
        for t in 1..=3 {
            let [w, m, v] = state;
            state = adam(w, g.clone() * t as f32, m, v, step(t, l2, decay));
        }
        state.map(|tensor| tensor.into_data().try_to_vec().unwrap())
    }

    /// The same in f64.
    fn naive(start: &[Vec<f32>; 4], l2: f64, decay: f64) -> [Vec<f64>; 3] {
        let wide = |values: &Vec<f32>| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let [mut w, g, mut m, mut v] = start.each_ref().map(wide);
        for t in 1..=3 {
            let s = step(t, l2, decay);
            for i in 0..w.len() {
                let g = g[i] * f64::from(t) + s.l2 * w[i];
                m[i] = s.betas[0] * m[i] + (1.0 - s.betas[0]) * g;
                v[i] = s.betas[1] * v[i] + (1.0 - s.betas[1]) * g * g;
                w[i] = s.keep * w[i] - s.rate * m[i] / (v[i].sqrt() * s.root + s.epsilon);
            }
        }
        [w, m, v]
    }

    #[test]
    fn steps_agree_with_f64_at_every_level_and_thread_count() {
        for (count, l2, decay) in [(1, 0.0, 0.0), (37, 0.1, 0.0), (40_000, 0.0, 0.3)] {
            let start = [1, 2, 3, 4].map(|seed| numbers(count, seed));
            let [w, g, m, v] = start;
            let start = [w, g, m, v.into_iter().map(f32::abs).collect()];
            let wanted = naive(&start, l2, decay);
            let mut first = None;
            for level in level::ALL {
                for threads in [1, 2] {
                    let got = in_pool(threads, || with(level, || three_steps(&start, l2, decay)));
                    for (got, wanted) in got.iter().zip(&wanted) {
                        close(got, wanted, 1e-5);
                    }
                    assert_eq!(
                        *first.get_or_insert(got.clone()),
                        got,
                        "{level:?}, {threads}"
                    );
                }
            }
        }
    }

    #[test]
    fn shared_tensors_are_left_alone() {
        let w = tensor(&[1.0, 2.0]);
        let kept = w.clone();
        let g = tensor(&[1.0, -1.0]);
        let [w, m, v] = adam(
            w,
            g.clone(),
            g.zeros_like(),
            g.zeros_like(),
            step(1, 0.0, 0.0),
        );
        assert_eq!(kept.into_data().try_to_vec::<f32>().unwrap(), [1.0, 2.0]);
        close(
            &w.into_data().try_to_vec::<f32>().unwrap(),
            &[0.99, 2.01],
            1e-6,
        );
        close(
            &m.into_data().try_to_vec::<f32>().unwrap(),
            &[0.1, -0.1],
            1e-6,
        );
        close(
            &v.into_data().try_to_vec::<f32>().unwrap(),
            &[0.001, 0.001],
            1e-6,
        );
    }
}
