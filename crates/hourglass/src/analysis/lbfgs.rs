//! L-BFGS: finds the minimum of a smooth function of many variables from its gradients.

use std::collections::VecDeque;

/// Number of steps used to estimate the curvature: between 3 and 20 (Nocedal & Wright 2006, 7.2).
const MEMORY: usize = 10;

/// The share of the decrease predicted by the slope that a step must reach (ibid., 3.1).
const SUFFICIENT: f64 = 1e-4;

/// The most halvings of a step; after them, rounding stops the search.
const HALVINGS: usize = 30;

/// Minimises `value_and_gradient` from `start`, until no component of the gradient exceeds
/// `tolerance`, no step decreases the value, or after `iterations` (Nocedal & Wright 2006, algorithms
/// 7.4 and 7.5, with a backtracking line search, which is enough for a convex function).
pub fn minimise(
    start: Vec<f64>,
    mut value_and_gradient: impl FnMut(&[f64]) -> (f64, Vec<f64>),
    iterations: usize,
    tolerance: f64,
) -> Vec<f64> {
    let mut point = start;
    let (mut value, mut gradient) = value_and_gradient(&point);
    let mut steps: VecDeque<Step> = VecDeque::with_capacity(MEMORY + 1);
    for _ in 0..iterations {
        if gradient.iter().all(|part| part.abs() <= tolerance) {
            break;
        }
        let mut direction = direction(&steps, &gradient);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            // The curvature is spoilt by rounding errors.
            steps.clear();
            direction = gradient.iter().map(|part| -part).collect();
            slope = -dot(&gradient, &gradient);
        }
        // Without curvature information, a step of length at most 1.
        let mut length = if steps.is_empty() {
            (1.0 / (-slope).sqrt()).min(1.0)
        } else {
            1.0
        };
        let mut found = None;
        for _ in 0..HALVINGS {
            let next: Vec<f64> = point
                .iter()
                .zip(&direction)
                .map(|(at, by)| at + length * by)
                .collect();
            let (next_value, next_gradient) = value_and_gradient(&next);
            if next_value <= value + SUFFICIENT * length * slope {
                found = Some((next, next_value, next_gradient));
                break;
            }
            length /= 2.0;
        }
        let Some((next, next_value, next_gradient)) = found else {
            break;
        };
        let step = Step::new(&point, &next, &gradient, &next_gradient);
        if let Some(step) = step {
            steps.push_back(step);
            if steps.len() > MEMORY {
                steps.pop_front();
            }
        }
        (point, value, gradient) = (next, next_value, next_gradient);
    }
    point
}

/// A past step.
struct Step {
    /// Change of the point.
    change: Vec<f64>,
    /// Change of the gradient.
    bend: Vec<f64>,
    /// 1 / (change * bend).
    scale: f64,
}

impl Step {
    /// The step between two points; `None` if the function does not curve upwards between them by more
    /// than rounding error.
    fn new(from: &[f64], to: &[f64], before: &[f64], after: &[f64]) -> Option<Self> {
        let difference = |to: &[f64], from: &[f64]| -> Vec<f64> {
            to.iter().zip(from).map(|(to, from)| to - from).collect()
        };
        let (change, bend) = (difference(to, from), difference(after, before));
        let product = dot(&change, &bend);
        let least = f64::EPSILON * dot(&bend, &bend);
        (product > least).then(|| Self {
            change,
            bend,
            scale: 1.0 / product,
        })
    }
}

/// The negative gradient multiplied by the inverse curvature estimated from the steps.
fn direction(steps: &VecDeque<Step>, gradient: &[f64]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|part| -part).collect();
    let mut shares = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let share = step.scale * dot(&step.change, &direction);
        add(&mut direction, &step.bend, -share);
        shares.push(share);
    }
    if let Some(last) = steps.back() {
        let scale = 1.0 / (last.scale * dot(&last.bend, &last.bend));
        direction.iter_mut().for_each(|part| *part *= scale);
    }
    for (step, share) in steps.iter().zip(shares.iter().rev()) {
        let back = step.scale * dot(&step.bend, &direction);
        add(&mut direction, &step.change, share - back);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += times * what;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_bowl_is_descended() {
        // Curvatures from 1 to 1000, the minimum at (1, 2, ..., 20).
        let curvature = |at: usize| 1000f64.powf(at as f64 / 19.0);
        let mut calls = 0;
        let found = minimise(
            vec![0.0; 20],
            |point| {
                calls += 1;
                let off = |at: usize| point[at] - (at + 1) as f64;
                let value = (0..20)
                    .map(|at| curvature(at) * off(at).powi(2) / 2.0)
                    .sum();
                (value, (0..20).map(|at| curvature(at) * off(at)).collect())
            },
            500,
            1e-9,
        );
        for (at, value) in found.iter().enumerate() {
            assert!((value - (at + 1) as f64).abs() < 1e-8, "{at}: {value}");
        }
        assert!(calls < 400, "{calls}");
    }
}
