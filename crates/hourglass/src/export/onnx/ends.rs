//! Both ends of a model in ONNX's terms: what becomes of an input before the encoder, and of the decoder's last values
//! before they are a reconstruction.

use model::corruption::{LUMA, resample::interpolation};
use model::{Category, Gives, Range, holes};

use super::Walk;
use super::graph::{Attribute, Value};
use crate::export::steps::Form;
use crate::export::units;

/// How many rows and columns become one where holes are filled from a smaller picture.
const SIDE: usize = 2;

impl Walk<'_> {
    /// What was given in the data's own units, as the model sees it.
    pub(super) fn in_own_units(&mut self, x: Value) -> Value {
        let Some(units) = units::of(self.exported) else {
            return x;
        };
        let shape = [units.means.len(), 1, 1];
        let means = self.graph.constant(&shape, &units.means);
        let deviations = self.graph.constant(&shape, &units.deviations);
        let centred = self.graph.node("Sub", &[&x, &means], &[]);
        self.graph.node("Div", &[&centred, &deviations], &[])
    }

    /// What the model gives, in the data's own units.
    pub(super) fn in_data_units(&mut self, x: Value) -> Value {
        let Some(units) = units::of(self.exported) else {
            return x;
        };
        let shape = [units.means.len(), 1, 1];
        let means = self.graph.constant(&shape, &units.means);
        let deviations = self.graph.constant(&shape, &units.deviations);
        let scaled = self.graph.node("Mul", &[&x, &deviations], &[]);
        self.graph.node("Add", &[&scaled, &means], &[])
    }

    /// Inputs as the encoder gets them: without missing values, and with a mask of them if it was made for one.
    pub(super) fn open(&mut self, x: Value) -> Value {
        match self.exported.model.plan().ends.gives {
            Gives::Logits | Gives::Values | Gives::Difference | Gives::Colours => x,
            Gives::Real => self.filled(&x),
            Gives::Marked => {
                let missing = self.graph.node("IsNaN", &[&x], &[]);
                let marks = self.graph.node("Cast", &[&missing], &[("to", FLOAT)]);
                let filled = self.filled(&x);
                self.graph.concat(&[&filled, &marks], 1)
            }
            Gives::Holes => self.open_holes(&x),
        }
    }

    /// 0 where a value is missing.
    fn filled(&mut self, x: &str) -> Value {
        let missing = self.graph.node("IsNaN", &[x], &[]);
        let zero = self.graph.float(0.0);
        self.graph.node("Where", &[&missing, &zero, x], &[])
    }

    /// The reconstruction of the decoder's last values; `input` is the encoder's.
    pub(super) fn complete(&mut self, raw: Value, input: Option<&str>) -> Value {
        let model = self.exported.model;
        let values = match (model.plan().ends.gives, input) {
            (Gives::Logits, _) => return self.graph.node("Sigmoid", &[&raw], &[]),
            (Gives::Difference, Some(input)) => self.graph.node("Add", &[&raw, input], &[]),
            (Gives::Colours, Some(input)) => {
                let grey = self.grey(&raw);
                let colours = self.graph.node("Sub", &[&raw, &grey], &[]);
                self.graph.node("Add", &[&colours, input], &[])
            }
            (Gives::Holes, Some(input)) => self.close_holes(&raw, input),
            (Gives::Values | Gives::Real | Gives::Marked, _) => raw,
            // Residual models always have the input.
            (Gives::Difference | Gives::Colours | Gives::Holes, None) => raw,
        };
        match model.range() {
            Range::Real(categories) => self.shares(values, categories),
            Range::Unit | Range::Clip(_) => self.clip(&values, [0.0, 1.0]),
        }
    }

    fn clip(&mut self, x: &str, limits: [f32; 2]) -> Value {
        let [least, most] = limits.map(|it| self.graph.float(it));
        self.graph.node("Clip", &[x, &least, &most], &[])
    }

    /// The luma of colours, `[N, 1, H, W]`.
    fn grey(&mut self, x: &str) -> Value {
        let luma = LUMA.map(|it| it as f32);
        let weights = self.graph.constant(&[1, luma.len(), 1, 1], &luma);
        self.graph.node("Conv", &[x, &weights], &[])
    }

    /// Numbers as they are, and the probability of each category.
    fn shares(&mut self, x: Value, categories: &[Category]) -> Value {
        if categories.is_empty() {
            return x;
        }
        let channels = self.exported.model.output_shape()[0];
        let (mut parts, mut next) = (Vec::new(), 0);
        for &Category { first, count } in categories {
            if next < first {
                parts.push(self.graph.slice(&x, 1, [next, first], 1));
            }
            let logits = self.graph.slice(&x, 1, [first, first + count], 1);
            let axis = [("axis", Attribute::Int(1))];
            parts.push(self.graph.node("Softmax", &[&logits], &axis));
            next = first + count;
        }
        if next < channels {
            parts.push(self.graph.slice(&x, 1, [next, channels], 1));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.graph.concat(&parts, 1)
    }

    /// Pictures filled where they are black in all channels, and a channel that is 1 there.
    fn open_holes(&mut self, x: &str) -> Value {
        let [_, height, width] = self.exported.model.plan().ends.output;
        let (zero, one) = (self.graph.float(0.0), self.graph.float(1.0));
        let axis = self.graph.ints(&[1]);
        let largest = self.graph.node("ReduceMax", &[x, &axis], &[]);
        let black = self.graph.node("LessOrEqual", &[&largest, &zero], &[]);
        let missing = self.graph.node("Cast", &[&black], &[("to", FLOAT)]);
        let known = self.graph.node("Sub", &[&one, &missing], &[]);
        let filled = self.smooth(x, &known, [height, width]);
        self.graph.concat(&[&filled, &missing], 1)
    }

    /// The picture with a correction inside its holes.
    fn close_holes(&mut self, correction: &str, opened: &str) -> Value {
        let channels = self.exported.model.output_shape()[0];
        let filled = self.graph.slice(opened, 1, [0, channels], 1);
        let mask = self.graph.slice(opened, 1, [channels, channels + 1], 1);
        let inside = self.graph.node("Mul", &[correction, &mask], &[]);
        self.graph.node("Add", &[&filled, &inside], &[])
    }

    /// What [`holes`] fills pictures with: means of ever larger cells, and then ever finer diffusion.
    fn smooth(&mut self, colour: &str, weight: &str, [height, width]: [usize; 2]) -> Value {
        let least = self.graph.float(holes::NOTHING as f32);
        let divisor = self.graph.node("Max", &[weight, &least], &[]);
        let known = self.graph.node("Div", &[colour, &divisor], &[]);
        if height.max(width) <= 1 {
            return known;
        }
        let form = |channels| Form::Maps([channels, height, width]);
        let window = [SIDE, SIDE];
        let smaller = self.pool("AveragePool", colour.to_owned(), form(1), window);
        let weights = self.pool("AveragePool", weight.to_owned(), form(1), window);
        let size = [height.div_ceil(SIDE), width.div_ceil(SIDE)];
        let coarse = self.smooth(&smaller, &weights, size);
        let larger = self.enlarge(&coarse, size, [height, width]);
        let nothing = self.graph.node("Less", &[weight, &least], &[]);
        let unknown = self.graph.node("Cast", &[&nothing], &[("to", FLOAT)]);
        let mut filled = larger;
        for sweep in 0..=holes::SWEEPS {
            if sweep > 0 {
                filled = self.around(&filled, [height, width]);
            }
            let inside = self.graph.node("Mul", &[&filled, &unknown], &[]);
            filled = self.graph.node("Add", &[&known, &inside], &[]);
        }
        filled
    }

    /// Bicubic interpolation to twice the height and width, or one less.
    fn enlarge(&mut self, x: &str, from: [usize; 2], to: [usize; 2]) -> Value {
        let weights = |to, from| -> Vec<f32> {
            let weights = interpolation([to, from], SIDE).into_iter();
            weights.map(|it| it as f32).collect()
        };
        let rows = (self.graph).constant(&[to[0], from[0]], &weights(to[0], from[0]));
        let columns = (self.graph).constant(&[to[1], from[1]], &weights(to[1], from[1]));
        let columns = self.graph.transpose(&columns, &[1, 0]);
        let tall = self.graph.node("MatMul", &[&rows, x], &[]);
        let both = self.graph.node("MatMul", &[&tall, &columns], &[]);
        self.clip(&both, [0.0, 1.0])
    }

    /// The mean of each pixel's four neighbours; the border goes on as it is.
    fn around(&mut self, x: &str, [height, width]: [usize; 2]) -> Value {
        let one = [0, 0, 1, 1];
        let padded = self.graph.pad(x, &one, &one, "edge");
        let middle = |graph: &mut super::Graph, axis, side: usize| {
            graph.slice(&padded, axis, [1, side + 1], 1)
        };
        let rows = middle(&mut self.graph, 3, width);
        let columns = middle(&mut self.graph, 2, height);
        let above = self.graph.slice(&rows, 2, [0, height], 1);
        let below = self.graph.slice(&rows, 2, [2, height + 2], 1);
        let left = self.graph.slice(&columns, 3, [0, width], 1);
        let right = self.graph.slice(&columns, 3, [2, width + 2], 1);
        let upright = self.graph.node("Add", &[&above, &below], &[]);
        let level = self.graph.node("Add", &[&left, &right], &[]);
        let all = self.graph.node("Add", &[&upright, &level], &[]);
        let quarter = self.graph.float(0.25);
        self.graph.node("Mul", &[&all, &quarter], &[])
    }
}

/// ONNX's number of the type f32, which a cast names.
const FLOAT: Attribute<'static> = Attribute::Int(1);
