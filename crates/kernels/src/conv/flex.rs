//! The handwritten layers on tensors of the flex backend.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;

use super::autodiff::{FastConv, Saved};
use super::axis::Axis;
use super::backward::Backward;
use super::forward::{Weights, forward};
use super::image::Images;
use super::plan::Plan;
use super::{ConvOps, Form, Layer, composed, in_two_steps, is_handwritten};
use crate::{host, level};

impl ConvOps for Flex {
    fn conv_layer(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, layer: Layer) -> FlexTensor {
        if !Flex::is_fast(&x, &weight, layer) {
            composed::<Flex>(x, weight, bias, layer)
        } else if !layer.activation.from_output() {
            in_two_steps::<Flex>(x, weight, bias, layer)
        } else {
            <Flex as FastConv>::forward(x, weight, bias, layer).0
        }
    }
}

impl FastConv for Flex {
    fn is_fast(x: &FlexTensor, weight: &FlexTensor, _layer: Layer) -> bool {
        let [_, _, rows, columns] = host::dims(weight);
        let is_filled =
            host::dims::<4>(x).into_iter().all(|n| n > 0) && weight.layout().num_elements() > 0;
        host::is_f32(x) && host::is_f32(weight) && is_filled && is_handwritten([rows, columns])
    }

    fn forward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        layer: Layer,
    ) -> (FlexTensor, Vec<u8>) {
        let (x, weight, bias) = (
            readable(x),
            host::contiguous(weight),
            host::contiguous(bias),
        );
        let (dims, weight_dims) = (host::dims(&x), host::dims(&weight));
        let plan = forward_plan(layer.form, dims, weight_dims);
        let [_, inputs, _, _] = weight_dims;
        let area = plan.area();
        let weights = Weights::new(&plan, host::values(&weight), [inputs * area, area]);
        let pool = layer.form == Form::MaxPool;
        let out = forward(
            level::current(),
            images(&x),
            &weights,
            host::values(&bias),
            layer.activation,
            pool,
        );
        let size = [plan.rows.output, plan.columns.output];
        let [rows, columns] = if pool {
            size.map(|n| n.div_ceil(2))
        } else {
            size
        };
        let shape = [dims[0], plan.outputs, rows, columns];
        (channels_last(out.values, shape), out.winners)
    }

    fn backward(saved: Saved<FlexTensor>, dy: FlexTensor) -> [Option<FlexTensor>; 3] {
        let [dims, weight_dims] = saved.shapes;
        let [outputs, _, _, _] = weight_dims;
        let plan = forward_plan(saved.layer.form, dims, weight_dims);
        let gradient = gradient_plan(saved.layer.form, dims, weight_dims);
        let x = saved.x.map(readable);
        let dy = readable(dy);
        let weight = saved.weight.map(host::contiguous);
        let gradients = Backward {
            plan: &plan,
            gradient: &gradient,
            activation: saved.layer.activation,
            x: x.as_ref().map(images),
            y: images(&saved.y),
            winners: (saved.layer.form == Form::MaxPool).then_some(saved.winners.as_slice()),
            dy: images(&dy),
            weight: weight.as_ref().map(host::values),
        }
        .run(level::current());
        [
            gradients.x.map(|x| channels_last(x, dims)),
            gradients
                .weight
                .map(|weight| host::tensor(weight, weight_dims)),
            Some(host::tensor(gradients.bias, [outputs])),
        ]
    }
}

/// The plan of the layer's output.
fn forward_plan(form: Form, x: [usize; 4], weight: [usize; 4]) -> Plan {
    let [outputs, inputs, kernel @ ..] = weight;
    let [rows, columns] = [0, 1].map(|i| match form {
        Form::Plain | Form::MaxPool => Axis::conv(x[2 + i], kernel[i]),
        Form::Upsample(size) => Axis::upsample(x[2 + i], size[i], kernel[i]),
    });
    Plan {
        rows,
        columns,
        inputs,
        outputs,
        kernel,
    }
}

/// The plan of the input's gradient.
fn gradient_plan(form: Form, x: [usize; 4], weight: [usize; 4]) -> Plan {
    let [outputs, inputs, kernel @ ..] = weight;
    let [rows, columns] = [0, 1].map(|i| match form {
        Form::Plain | Form::MaxPool => Axis::conv_gradient(x[2 + i], kernel[i]),
        Form::Upsample(size) => Axis::upsample_gradient(x[2 + i], size[i], kernel[i]),
    });
    Plan {
        rows,
        columns,
        inputs: outputs,
        outputs: inputs,
        kernel,
    }
}

/// The tensor itself, or a copy if it is one whose memory is walked backwards.
fn readable(tensor: FlexTensor) -> FlexTensor {
    if tensor.layout().has_positive_strides() || tensor.layout().strides().iter().all(|&s| s >= 0) {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

fn images(tensor: &FlexTensor) -> Images<'_> {
    let (values, strides) = host::strided(tensor);
    Images {
        values,
        dims: host::dims(tensor),
        strides: std::array::from_fn(|i| strides[i] as usize),
    }
}

fn channels_last(values: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    host::tensor_with_strides(values, shape, host::channels_last_strides(shape))
}
