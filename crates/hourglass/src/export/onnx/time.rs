//! Frames of clips in ONNX's terms: between pictures with frames from top to bottom and batches of frames, and what
//! happens along time alone.

use model::Time;

use super::Walk;
use super::graph::Value;
use crate::export::steps::Form;

/// The axis of frames in `[N, T, C, H, W]`, and that of channels.
const FRAMES: usize = 1;
const CHANNELS: usize = 2;

/// How many frames become one where time is halved.
const SIDE: usize = 2;

impl Walk<'_> {
    /// The same values in another form.
    pub(super) fn change(&mut self, x: Value, from: Form, to: Form) -> Value {
        let whole = |sides: &[usize]| -> Vec<i64> {
            let sides = sides.iter().map(|&it| it as i64);
            std::iter::once(-1).chain(sides).collect()
        };
        // Frames of one clip are next to each other in the batch, and those of one channel in a picture.
        let swapped = |walk: &mut Self, x: &str, sides: [usize; 4]| {
            let apart = walk.graph.reshape(x, &whole(&sides));
            walk.graph.transpose(&apart, &[0, 2, 1, 3, 4])
        };
        let x = match from {
            Form::Frames([channels, frames, height, width]) => {
                swapped(self, &x, [frames, channels, height, width])
            }
            Form::Flat(_) | Form::Maps(_) => x,
        };
        match to {
            Form::Flat(units) => self.graph.reshape(&x, &whole(&[units])),
            Form::Maps(shape) => self.graph.reshape(&x, &whole(&shape)),
            Form::Frames(sides @ [channels, _, height, width]) => {
                let x = swapped(self, &x, sides);
                self.graph.reshape(&x, &whole(&[channels, height, width]))
            }
        }
    }

    /// What happens along time, of maps `[N T, C, H, W]`.
    pub(super) fn time(&mut self, change: Time, x: Value, from: Form, to: Form) -> Value {
        let frames = from.frames();
        let [channels, height, width] = from.map();
        let sides = [frames, channels, height, width].map(|it| it as i64);
        let clips = [&[-1], sides.as_slice()].concat();
        let x = self.graph.reshape(&x, &clips);
        let x = match change {
            Time::Neighbours { count, stride } => self.neighbours(&x, frames, count, stride),
            Time::Max => match self.pairs(x, frames) {
                (one, Some(other)) => self.graph.node("Max", &[&one, &other], &[]),
                (one, None) => one,
            },
            Time::Average => match self.pairs(x, frames) {
                (one, Some(other)) => self.graph.node("Mean", &[&one, &other], &[]),
                (one, None) => one,
            },
            Time::Unshuffle => {
                let (one, other) = self.pairs(x, frames);
                let other = other.unwrap_or_else(|| one.clone());
                self.graph.concat(&[&one, &other], CHANNELS)
            }
            Time::Repeat { frames: after } => self.twice((&x, &x), from, after),
            Time::Spread { frames: after } => {
                let black = self.graph.node("Sub", &[&x, &x], &[]);
                self.twice((&x, &black), from, after)
            }
            Time::Shuffle { frames: after } => {
                let half = channels / SIDE;
                let one = self.graph.slice(&x, CHANNELS, [0, half], 1);
                let other = self.graph.slice(&x, CHANNELS, [half, channels], 1);
                let halves = Form::Frames([half, frames, height, width]);
                self.twice((&one, &other), halves, after)
            }
        };
        let maps = to.map().map(|it| it as i64);
        self.graph.reshape(&x, &[&[-1], maps.as_slice()].concat())
    }

    /// Each frame with those around it as channels, and every `stride`-th of them.
    fn neighbours(&mut self, x: &str, frames: usize, count: usize, stride: usize) -> Value {
        let around = [0, count / 2, 0, 0, 0];
        let padded = self.graph.pad(x, &around, &around, "constant");
        let each: Vec<Value> = (0..count)
            .map(|place| {
                let places = [place, place + frames];
                self.graph.slice(&padded, FRAMES, places, stride)
            })
            .collect();
        let each: Vec<&str> = each.iter().map(String::as_str).collect();
        self.graph.concat(&each, CHANNELS)
    }

    /// The first and the second of every two frames, the last of an odd number repeated; `None` if there is one only.
    fn pairs(&mut self, x: Value, frames: usize) -> (Value, Option<Value>) {
        if frames < SIDE {
            return (x, None);
        }
        let even = frames.next_multiple_of(SIDE);
        let x = match even == frames {
            true => x,
            false => {
                let last = self.graph.slice(&x, FRAMES, [frames - 1, frames], 1);
                self.graph.concat(&[&x, &last], FRAMES)
            }
        };
        let one = self.graph.slice(&x, FRAMES, [0, even], SIDE);
        let other = self.graph.slice(&x, FRAMES, [1, even], SIDE);
        (one, Some(other))
    }

    /// Frames of the one and of the other in turn, the first `after` of them.
    fn twice(&mut self, (one, other): (&str, &str), form: Form, after: usize) -> Value {
        let frames = form.frames();
        let [channels, height, width] = form.map();
        let row = channels * height * width;
        let apart = [frames, 1, row].map(|it| it as i64);
        let apart = [&[-1], apart.as_slice()].concat();
        let [one, other] = [one, other].map(|it| self.graph.reshape(it, &apart));
        let both = self.graph.concat(&[&one, &other], CHANNELS);
        let doubled = frames * SIDE;
        let sides = [doubled, channels, height, width].map(|it| it as i64);
        let x = self
            .graph
            .reshape(&both, &[&[-1], sides.as_slice()].concat());
        match doubled == after {
            true => x,
            false => self.graph.slice(&x, FRAMES, [0, after], 1),
        }
    }
}
