//! From numbers to places along an axis, and the ticks on it.

/// Ranges below this share of their values are rounding and drawn as one value.
const FLAT: f64 = 1e-12;

/// Free space before the first value and behind the last, as a share of the range.
const ROOM: f64 = 0.04;

/// Below this many decades a logarithmic axis has ticks at 2 and 5 of each too.
const FEW_DECADES: f64 = 2.5;

/// Beyond so many decimals, and from this size, ticks are written with an exponent.
const MOST_DECIMALS: i32 = 6;
const LARGE: f64 = 1e7;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long; values that are not above zero cannot be drawn.
    Log,
}

impl Scale {
    /// Logarithmic if all values are above zero and the largest is at least `ratio` times the smallest: on a linear
    /// axis the small ones would lie on top of each other.
    pub fn over(values: impl Iterator<Item = f64>, ratio: f64) -> Self {
        match range(values.filter(|it| it.is_finite())) {
            Some((least, most)) if least > 0.0 && most >= ratio * least => Self::Log,
            _ => Self::Linear,
        }
    }

    /// Whether a value has a place.
    pub(super) fn shows(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    fn of(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
        }
    }
}

/// Where the ticks of an axis are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ticks {
    /// At round numbers.
    #[default]
    Round,
    /// At whole numbers, for what is counted.
    Whole,
    /// Nowhere: the numbers mean nothing.
    None,
}

/// An axis of a chart.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// What it shows, with its unit; "(logarithmic)" is added where it is.
    pub label: String,
    /// How values lie along it.
    pub scale: Scale,
    /// Where its ticks are.
    pub ticks: Ticks,
    /// Values that it reaches whatever is drawn.
    pub include: Vec<f64>,
}

impl Axis {
    /// A linear axis with ticks at round numbers.
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ..Self::default()
        }
    }

    /// The axis with another scale.
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// The axis with other ticks.
    pub fn ticks(mut self, ticks: Ticks) -> Self {
        self.ticks = ticks;
        self
    }
}

/// The least and the largest of numbers.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// A tick, and what is written at it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// An axis of a known range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruler {
    scale: Scale,
    /// Ends, as logarithms on a logarithmic axis.
    low: f64,
    high: f64,
}

impl Ruler {
    /// Has room for all of the range.
    pub fn new((low, high): (f64, f64), scale: Scale) -> Self {
        let (mut low, mut high) = (scale.of(low), scale.of(high));
        let size = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
        if high - low <= size * FLAT {
            let room = match scale {
                Scale::Log => 0.5,
                // Neither end is 0 where the value is not, so that it stays in the middle.
                Scale::Linear if size > f64::MIN_POSITIVE => size / 2.0,
                Scale::Linear => 1.0,
            };
            (low, high) = (low - room, high + room);
        }
        let room = (high - low) * ROOM;
        Self {
            scale,
            low: low - room,
            high: high + room,
        }
    }

    /// The length of the axis in its own units.
    pub fn span(&self) -> f64 {
        self.high - self.low
    }

    /// Made longer at both ends alike.
    pub fn widened(self, span: f64) -> Self {
        let room = ((span - self.span()) / 2.0).max(0.0);
        Self {
            low: self.low - room,
            high: self.high + room,
            ..self
        }
    }

    /// The place of a value, from 0 to 1. What lies beyond the ends, as the foot of an error bar below zero on a
    /// logarithmic axis, is put there.
    pub fn at(&self, value: f64) -> f64 {
        let place = (self.scale.of(value) - self.low) / self.span();
        if place.is_nan() {
            0.0
        } else {
            place.clamp(0.0, 1.0)
        }
    }

    /// About `count` ticks.
    pub fn ticks(&self, ticks: Ticks, count: f64) -> Vec<Tick> {
        match ticks {
            Ticks::None => Vec::new(),
            Ticks::Whole => self.round(count, 1.0),
            Ticks::Round if self.scale == Scale::Log => self.powers(count),
            Ticks::Round => self.round(count, 0.0),
        }
    }

    /// Multiples of 1, 2 or 5 times a power of ten; of at least `least`.
    fn round(&self, count: f64, least: f64) -> Vec<Tick> {
        let (low, high) = match self.scale {
            Scale::Linear => (self.low, self.high),
            Scale::Log => (10f64.powf(self.low), 10f64.powf(self.high)),
        };
        let raw = ((high - low) / count.max(1.0)).max(least);
        let power = raw.log10().floor();
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * 10f64.powf(power));
        // A sixth digit of rounding must not double the step.
        let step = step.into_iter().find(|step| *step >= raw * (1.0 - 1e-6));
        let step = step.unwrap_or(raw);
        let first = (low / step).ceil();
        let count = ((high / step).floor() - first).max(-1.0);
        let decimals = -(step.log10() + 1e-6).floor() as i32;
        (0..(count + 1.0) as usize)
            .map(|index| (first + index as f64) * step)
            .map(|value| Tick {
                label: written(value, decimals),
                value,
            })
            .collect()
    }

    /// 1, 2 and 5 of each power of ten where few decades are shown, else powers alone; where these would be fewer than
    /// three, round numbers.
    fn powers(&self, count: f64) -> Vec<Tick> {
        let few = self.span() < FEW_DECADES;
        let digits: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        // Of many decades not all have a tick.
        let every = (self.span() / count).ceil().max(1.0) as usize;
        let all = (first..=last).step_by(if few { 1 } else { every });
        let all = all.flat_map(|power| digits.iter().map(move |digit| (power, *digit)));
        let ticks: Vec<Tick> = all
            .map(|(power, digit)| Tick {
                value: digit * 10f64.powi(power),
                label: written(digit * 10f64.powi(power), -power),
            })
            .filter(|tick| (self.low..=self.high).contains(&tick.value.log10()))
            .collect();
        match ticks.len() {
            0..=2 => self.round(count, 0.0),
            _ => ticks,
        }
    }
}

/// A number with so many decimals; none if they are negative.
fn written(value: f64, decimals: i32) -> String {
    if value != 0.0 && (decimals > MOST_DECIMALS || value.abs() >= LARGE) {
        let digits = (value.abs().log10().floor() as i32 + decimals).clamp(0, 6);
        return format!("{value:.*e}", digits as usize);
    }
    let text = format!("{value:.*}", decimals.max(0) as usize);
    // Rounding leaves a sign on zero.
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|it| matches!(it, '0' | '.')) => digits.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, scale: Scale, ticks: Ticks) -> Vec<String> {
        let ruler = Ruler::new((low, high), scale);
        let ticks = ruler.ticks(ticks, 6.0);
        for tick in &ticks {
            assert!((0.0..=1.0).contains(&ruler.at(tick.value)), "{tick:?}");
        }
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_and_lie_on_the_axis() {
        use Scale::{Linear, Log};
        let round = |low, high, scale| labels(low, high, scale, Ticks::Round);
        assert_eq!(round(0.0, 20.0, Linear), ["0", "5", "10", "15", "20"]);
        assert_eq!(
            round(1.0, 1.2, Linear),
            ["1.00", "1.05", "1.10", "1.15", "1.20"]
        );
        assert_eq!(
            round(-1.0, 1.0, Linear),
            ["-1.0", "-0.5", "0.0", "0.5", "1.0"]
        );
        assert_eq!(
            round(0.01, 1.0, Log),
            ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]
        );
        assert_eq!(round(1e-4, 1.0, Log).len(), 5);
        assert_eq!(round(2.0, 128.0, Log), ["2", "5", "10", "20", "50", "100"]);
        // Too short for 1, 2 and 5.
        assert_eq!(
            round(0.021, 0.028, Log),
            ["0.022", "0.024", "0.026", "0.028"]
        );
        for (low, high) in [
            (3.0, 3.0),
            (0.0, 0.0),
            (-1e9, 1e9),
            (1e-30, 2e-30),
            (1e12, 1e12),
        ] {
            let ticks = round(low, high, Linear);
            assert!((1..=12).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            assert!(ticks.iter().all(|it| it.len() < 9), "{ticks:?}");
        }
        for (low, high) in [(1e-30, 1e30), (1e-300, 1e-300), (5.0, 5.0)] {
            let ticks = round(low, high, Log);
            assert!((1..=12).contains(&ticks.len()), "{low} {high}: {ticks:?}");
        }
    }

    #[test]
    fn what_is_counted_has_whole_ticks() {
        let whole = |low, high| labels(low, high, Scale::Linear, Ticks::Whole);
        assert_eq!(whole(1.0, 3.0), ["1", "2", "3"]);
        assert_eq!(whole(1.0, 1.0), ["1"]);
        assert_eq!(whole(1.0, 20.0), ["5", "10", "15", "20"]);
        assert!(labels(0.0, 1.0, Scale::Linear, Ticks::None).is_empty());
    }

    #[test]
    fn equal_differences_or_ratios_are_equally_long() {
        let at = |scale| {
            let ruler = Ruler::new((1.0, 100.0), scale);
            [1.0, 10.0, 100.0].map(|value| ruler.at(value))
        };
        let [first, middle, last] = at(Scale::Log);
        assert!((middle - 0.5).abs() < 1e-12 && (first + last - 1.0).abs() < 1e-12);
        let [first, middle, last] = at(Scale::Linear);
        assert!(((middle - first) / (last - first) - 9.0 / 99.0).abs() < 1e-12);
        assert_eq!(Ruler::new((1.0, 9.0), Scale::Log).at(-1.0), 0.0);
    }

    #[test]
    fn only_values_above_a_ratio_are_logarithmic() {
        let over = |values: &[f64]| Scale::over(values.iter().copied(), 10.0);
        assert_eq!(over(&[2.0, 128.0, 16.0]), Scale::Log);
        assert_eq!(over(&[2.0, f64::NAN, 20.0]), Scale::Log);
        for linear in [&[2.0, 19.0][..], &[0.0, 128.0], &[-1.0, 128.0], &[]] {
            assert_eq!(over(linear), Scale::Linear, "{linear:?}");
        }
    }
}
