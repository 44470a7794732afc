//! A series and the scores of its steps, as SVG: the channels over time, and where they are odd.

use crate::chart::{Axis, Chart, Drawing, Series};

/// The most places along the chart: longer series are drawn by the least and the largest value of each stretch.
const MOST: usize = 1200;

/// Width and height of each of the two charts, which lie above each other on a page and read as one.
const SIZE: [f64; 2] = [900.0, 260.0];

/// Channels that are drawn; more would hide each other.
const CHANNELS: usize = 4;

/// A series with the scores of its steps.
#[derive(Clone, Debug)]
pub struct Scored<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Names and values of its channels; what is missing is NaN.
    pub channels: Vec<(&'a str, &'a [f64])>,
    /// The score of each step; `None` where no window holds it.
    pub scores: &'a [Option<f64>],
    /// From which on a step is odd.
    pub threshold: f64,
    /// First and last step of what is odd.
    pub intervals: &'a [[usize; 2]],
}

impl Scored<'_> {
    /// The channels, with what is odd in another colour.
    pub fn values(&self) -> Chart {
        let mut series = Vec::new();
        let start = self.start();
        let shown = self.channels.iter().take(CHANNELS);
        for (number, (name, values)) in shown.clone().enumerate() {
            let all = values.iter().enumerate();
            let all = all.map(|(step, value)| (step >= start).then_some(*value));
            series.push(Series::new(name, number, Drawing::Line, thinned(all)));
        }
        for (number, (_, values)) in shown.enumerate() {
            for (place, [first, last]) in self.intervals.iter().enumerate() {
                // A single step has no line; its neighbours make one.
                let (first, last) = (first.saturating_sub(1), last + 1);
                let odd = values.iter().enumerate().skip(first).take(last - first + 1);
                let points = odd.map(|(step, value)| (step as f64, *value)).collect();
                let name = match number + place {
                    0 => "odd",
                    _ => "",
                };
                series.push(Series::new(name, ODD, Drawing::Stretch, points));
            }
        }
        let more = self.channels.len().saturating_sub(CHANNELS);
        Chart {
            title: self.name.to_owned(),
            note: match more {
                0 => String::new(),
                _ => format!("the first {CHANNELS} of {} channels", self.channels.len()),
            },
            x: self.across(),
            y: Axis::new("value"),
            series,
            size: SIZE,
            ..Chart::default()
        }
    }

    /// The first step that has a score: what lies before was trained on.
    fn start(&self) -> usize {
        let first = self.scores.iter().position(Option::is_some);
        first.unwrap_or_default()
    }

    /// The axis of both charts, which lie above each other.
    fn across(&self) -> Axis {
        let ends = [self.start(), self.scores.len().saturating_sub(1)];
        Axis {
            include: ends.map(|step| step as f64).to_vec(),
            ..Axis::new("step")
        }
    }

    /// The scores and the threshold.
    pub fn scores(&self) -> Chart {
        let level = Series::new(
            "threshold",
            ODD,
            Drawing::Level,
            vec![(self.start() as f64, self.threshold)],
        );
        let line = Series::new(
            "score",
            0,
            Drawing::Line,
            thinned(self.scores.iter().copied()),
        );
        Chart {
            x: self.across(),
            y: Axis::new("score"),
            series: vec![line, level],
            size: SIZE,
            ..Chart::default()
        }
    }
}

/// The colour of what is odd: the palette's second.
const ODD: usize = 1;

/// The points of a line that looks the same with fewer of them.
fn thinned(values: impl Iterator<Item = Option<f64>> + Clone) -> Vec<(f64, f64)> {
    let count = values.clone().flatten().count();
    let each = count.div_ceil(MOST / 2).max(1);
    let points = values
        .enumerate()
        .filter_map(|(step, value)| Some((step, value?)));
    let points: Vec<(usize, f64)> = points.filter(|(_, value)| value.is_finite()).collect();
    let plain = |(step, value): &(usize, f64)| (*step as f64, *value);
    if each == 1 {
        return points.iter().map(plain).collect();
    }
    let stretches = points.chunk_by(|one, other| one.0 / each == other.0 / each);
    let ends = stretches.flat_map(|all| {
        let by = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        let (least, most) = (all.iter().min_by(by), all.iter().max_by(by));
        let mut ends: Vec<&(usize, f64)> = least.into_iter().chain(most).collect();
        ends.sort_by_key(|(step, _)| *step);
        ends.dedup();
        ends
    });
    ends.map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_keep_their_peaks() {
        let value = |step: usize| {
            if step == 54_321 {
                9.0
            } else {
                (step % 7) as f64 / 7.0
            }
        };
        let points = thinned((0..100_000).map(|step| Some(value(step))));
        assert!(points.len() <= MOST, "{}", points.len());
        assert!(points.contains(&(54_321.0, 9.0)));
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(
            thinned([Some(1.0), None, Some(3.0)].into_iter()),
            [(0.0, 1.0), (2.0, 3.0)]
        );
    }
}
