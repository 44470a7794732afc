//! Operations in ONNX's terms. A new one does not compile before it is here.

use model::Operation;
use model::config::Activation;

use super::graph::{Attribute, Value};
use super::{ExportError, Walk};
use crate::export::steps::{Form, Step};

/// How many rows and columns become one where a map is halved.
const SIDE: usize = 2;

impl Walk<'_> {
    /// What a step makes of its input; `kept` is what came into the layer, and `place` is the layer's among all.
    pub(super) fn step(
        &mut self,
        step: &Step,
        (x, kept): (Value, Option<&str>),
        place: usize,
    ) -> Result<Value, ExportError> {
        match step {
            Step::Keep => Ok(x),
            Step::Change { from, to } => Ok(self.change(x, *from, *to)),
            Step::Compute {
                operation,
                stored,
                from,
                to,
            } => match stored {
                Some(stored) => self.weighted(*operation, stored, &x, place),
                None => Ok(self.plain(*operation, x, kept, (*from, *to))),
            },
        }
    }

    /// An operation with parameters.
    fn weighted(
        &mut self,
        operation: Operation,
        stored: &str,
        x: &str,
        place: usize,
    ) -> Result<Value, ExportError> {
        let of = |part: &str| format!("{stored}.{part}");
        match operation {
            Operation::Linear { tied: true, .. } => {
                let mirror = self.exported.mirror(place);
                let mirror = mirror.ok_or_else(|| ExportError::Parameter(stored.to_owned()))?;
                let weight = self.parameter(&format!("{mirror}.weight"))?;
                let bias = self.parameter(stored)?;
                Ok(self.graph.node("Gemm", &[x, &weight, &bias], &[]))
            }
            Operation::Linear { .. } => {
                let (weight, bias) = (self.parameter(&of("weight"))?, self.parameter(&of("bias"))?);
                // PyTorch's layout is [outputs, inputs].
                let transposed = [("transB", Attribute::Int(1))];
                Ok(self.graph.node("Gemm", &[x, &weight, &bias], &transposed))
            }
            Operation::Convolution { kernel, stride, .. } => {
                let (weight, bias) = (self.parameter(&of("weight"))?, self.parameter(&of("bias"))?);
                let [rows, columns] = kernel.map(|side| side / 2);
                let attributes = [
                    ("kernel_shape", Attribute::Ints(&kernel)),
                    ("pads", Attribute::Ints(&[rows, columns, rows, columns])),
                    ("strides", Attribute::Ints(&[stride, stride])),
                ];
                Ok(self.graph.node("Conv", &[x, &weight, &bias], &attributes))
            }
            Operation::Transposed { kernel, extra, .. } => {
                let (weight, bias) = (self.parameter(&of("weight"))?, self.parameter(&of("bias"))?);
                let [rows, columns] = kernel.map(|side| side / 2);
                let attributes = [
                    ("kernel_shape", Attribute::Ints(&kernel)),
                    ("pads", Attribute::Ints(&[rows, columns, rows, columns])),
                    ("output_padding", Attribute::Ints(&extra)),
                    ("strides", Attribute::Ints(&[SIDE, SIDE])),
                ];
                let inputs = [x, weight.as_str(), bias.as_str()];
                Ok(self.graph.node("ConvTranspose", &inputs, &attributes))
            }
            Operation::BatchNorm { .. } => {
                let names = ["weight", "bias", "running_mean", "running_var"];
                let parts: Result<Vec<Value>, _> =
                    names.iter().map(|part| self.parameter(&of(part))).collect();
                let parts = parts?;
                let mut inputs = vec![x];
                inputs.extend(parts.iter().map(String::as_str));
                let epsilon = [("epsilon", Attribute::Float(model::NORM_EPSILON as f32))];
                Ok(self.graph.node("BatchNormalization", &inputs, &epsilon))
            }
            Operation::Activation(_)
            | Operation::Output(_)
            | Operation::MaxPool
            | Operation::AveragePool { .. }
            | Operation::Upsample { .. }
            | Operation::AddInput
            | Operation::Unshuffle { .. }
            | Operation::Shuffle { .. }
            | Operation::Time(_) => Err(ExportError::Parameter(stored.to_owned())),
        }
    }

    /// An operation without parameters.
    fn plain(
        &mut self,
        operation: Operation,
        x: Value,
        kept: Option<&str>,
        (from, to): (Form, Form),
    ) -> Value {
        match operation {
            Operation::Activation(activation) | Operation::Output(activation) => {
                self.activation(activation, &x)
            }
            Operation::MaxPool => {
                let [_, height, _] = from.map();
                let window = [height.min(SIDE), SIDE];
                self.pool("MaxPool", x, from, window)
            }
            Operation::AveragePool { window } => self.pool("AveragePool", x, from, window),
            Operation::Upsample { size } => {
                let [_, height, width] = from.map();
                let larger = self.nearest(&x);
                self.crop(larger, [height * SIDE, width * SIDE], size)
            }
            Operation::AddInput => match kept {
                Some(kept) => self.graph.node("Add", &[&x, kept], &[]),
                None => x,
            },
            Operation::Unshuffle { window } => self.unshuffle(x, from, window),
            Operation::Shuffle { window, size } => self.shuffle(&x, from, window, size),
            Operation::Time(change) => self.time(change, x, from, to),
            // These have parameters.
            Operation::Linear { .. }
            | Operation::Convolution { .. }
            | Operation::Transposed { .. }
            | Operation::BatchNorm { .. } => x,
        }
    }

    fn activation(&mut self, activation: Activation, x: &str) -> Value {
        let graph = &mut self.graph;
        match activation {
            Activation::Relu => graph.node("Relu", &[x], &[]),
            Activation::LeakyRelu => {
                let slope = Attribute::Float(Activation::LEAKY_SLOPE as f32);
                graph.node("LeakyRelu", &[x], &[("alpha", slope)])
            }
            Activation::Elu => {
                let alpha = Attribute::Float(Activation::ELU_ALPHA as f32);
                graph.node("Elu", &[x], &[("alpha", alpha)])
            }
            Activation::Tanh => graph.node("Tanh", &[x], &[]),
            Activation::Sigmoid => graph.node("Sigmoid", &[x], &[]),
            Activation::Silu => {
                let gate = graph.node("Sigmoid", &[x], &[]);
                graph.node("Mul", &[x, &gate], &[])
            }
            // x (1 + erf(x / sqrt(2))) / 2: the operator Gelu came with set 20.
            Activation::Gelu => {
                let [root, one, half] =
                    [std::f32::consts::SQRT_2, 1.0, 0.5].map(|it| graph.float(it));
                let scaled = graph.node("Div", &[x, &root], &[]);
                let erf = graph.node("Erf", &[&scaled], &[]);
                let gate = graph.node("Add", &[&erf, &one], &[]);
                let gated = graph.node("Mul", &[x, &gate], &[]);
                graph.node("Mul", &[&gated, &half], &[])
            }
        }
    }

    /// A map whose last row and column are repeated where windows lack one.
    pub(super) fn whole_windows(&mut self, x: Value, from: Form, window: [usize; 2]) -> Value {
        let [_, height, width] = from.map();
        let lacking = [
            height.next_multiple_of(window[0]) - height,
            width.next_multiple_of(window[1]) - width,
        ];
        match lacking {
            [0, 0] => x,
            [rows, columns] => self.graph.pad(&x, &[0; 4], &[0, 0, rows, columns], "edge"),
        }
    }

    /// One value for each window.
    pub(super) fn pool(
        &mut self,
        operator: &str,
        x: Value,
        from: Form,
        window: [usize; 2],
    ) -> Value {
        let x = self.whole_windows(x, from, window);
        let attributes = [
            ("kernel_shape", Attribute::Ints(&window)),
            ("strides", Attribute::Ints(&window)),
        ];
        self.graph.node(operator, &[&x], &attributes)
    }

    /// Each pixel four times.
    fn nearest(&mut self, x: &str) -> Value {
        let scales = self
            .graph
            .constant(&[4], &[1.0, 1.0, SIDE as f32, SIDE as f32]);
        let attributes = [
            ("mode", Attribute::Word("nearest")),
            (
                "coordinate_transformation_mode",
                Attribute::Word("asymmetric"),
            ),
            ("nearest_mode", Attribute::Word("floor")),
        ];
        // The second input is a region, which this mode has none of.
        self.graph.node("Resize", &[x, "", &scales], &attributes)
    }

    /// The first rows and columns.
    fn crop(&mut self, mut x: Value, from: [usize; 2], to: [usize; 2]) -> Value {
        for (side, (from, to)) in from.into_iter().zip(to).enumerate() {
            if from != to {
                x = self.graph.slice(&x, 2 + side, [0, to], 1);
            }
        }
        x
    }

    /// Windows to channels, in PyTorch's order, which ONNX's SpaceToDepth does not have.
    fn unshuffle(&mut self, x: Value, from: Form, [high, wide]: [usize; 2]) -> Value {
        let x = self.whole_windows(x, from, [high, wide]);
        let [channels, height, width] = from.map();
        let [channels, rows, columns, high, wide] = [
            channels,
            height.div_ceil(high),
            width.div_ceil(wide),
            high,
            wide,
        ]
        .map(|it| it as i64);
        let apart = (self.graph).reshape(&x, &[-1, channels, rows, high, columns, wide]);
        let moved = self.graph.transpose(&apart, &[0, 1, 3, 5, 2, 4]);
        let deep = channels * high * wide;
        self.graph.reshape(&moved, &[-1, deep, rows, columns])
    }

    /// Channels to windows, and the first rows and columns of them.
    fn shuffle(
        &mut self,
        x: &str,
        from: Form,
        [high, wide]: [usize; 2],
        size: [usize; 2],
    ) -> Value {
        let [deep, rows, columns] = from.map();
        let [channels, rows_in, columns_in, tall, broad] =
            [deep / (high * wide), rows, columns, high, wide].map(|it| it as i64);
        let apart = [-1, channels, tall, broad, rows_in, columns_in];
        let apart = self.graph.reshape(x, &apart);
        let moved = self.graph.transpose(&apart, &[0, 1, 4, 2, 5, 3]);
        let larger = [-1, channels, rows_in * tall, columns_in * broad];
        let larger = self.graph.reshape(&moved, &larger);
        self.crop(larger, [rows * high, columns * wide], size)
    }
}
