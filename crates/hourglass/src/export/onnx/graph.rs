//! A graph in ONNX's terms: nodes, constants, inputs and outputs, collected one after the other.

use std::cell::RefCell;
use std::collections::HashMap;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

/// The name of what a node gives, a constant or an input.
pub(super) type Value = String;

/// What a node is told beside its inputs.
pub(super) enum Attribute<'a> {
    /// A whole number.
    Int(i64),
    /// Several of them.
    Ints(&'a [usize]),
    /// A number.
    Float(f32),
    /// A word.
    Word(&'static str),
}

/// A graph under construction.
#[derive(Default)]
pub(super) struct Graph {
    proto: GraphProto,
    /// The layer at hand, with which the names of its values begin.
    scope: String,
    /// Constants that are used more than once, such as shapes.
    known: HashMap<Vec<i64>, Value>,
}

/// The first part of a name that a node's values get.
const CONSTANT: &str = "constant";

impl Graph {
    /// Names what follows after a layer.
    pub(super) fn enter(&mut self, layer: &str) {
        self.scope = layer.to_owned();
    }

    /// A node of one output.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> Value {
        let outputs = self.nodes(operator, inputs, 1, attributes);
        outputs.into_iter().next().unwrap_or_default()
    }

    /// A node of several outputs.
    pub(super) fn nodes(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: usize,
        attributes: &[(&str, Attribute<'_>)],
    ) -> Vec<Value> {
        let name = format!("{}/{operator}_{}", self.scope, self.proto.node.len());
        let outputs: Vec<Value> = match outputs {
            1 => vec![name.clone()],
            count => (0..count).map(|it| format!("{name}.{it}")).collect(),
        };
        self.proto.node.push(NodeProto {
            name: Some(name),
            op_type: Some(operator.to_owned()),
            input: inputs.iter().map(|it| (*it).to_owned()).collect(),
            output: outputs.clone(),
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
        outputs
    }

    /// Whether a constant of this name is there.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut all = self.proto.initializer.iter();
        all.any(|it| it.name.as_deref() == Some(name))
    }

    /// Numbers under a name.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.initializer(name.to_owned(), DataType::FLOAT, shape, bytes)
    }

    /// One number.
    pub(super) fn float(&mut self, value: f32) -> Value {
        let name = self.unnamed();
        self.floats(&name, &[], &[value])
    }

    /// Numbers without a name of their own.
    pub(super) fn constant(&mut self, shape: &[usize], values: &[f32]) -> Value {
        let name = self.unnamed();
        self.floats(&name, shape, values)
    }

    /// Whole numbers.
    pub(super) fn ints(&mut self, values: &[i64]) -> Value {
        if let Some(known) = self.known.get(values) {
            return known.clone();
        }
        let bytes = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        let name = self.unnamed();
        let name = self.initializer(name, DataType::INT64, &[values.len()], bytes);
        self.known.insert(values.to_vec(), name.clone());
        name
    }

    fn unnamed(&self) -> String {
        format!("{CONSTANT}_{}", self.proto.initializer.len())
    }

    fn initializer(
        &mut self,
        name: String,
        kind: DataType,
        shape: &[usize],
        bytes: Vec<u8>,
    ) -> Value {
        self.proto.initializer.push(TensorProto {
            dims: shape.iter().map(|&it| it as i64).collect(),
            data_type: Some(kind),
            raw_data: Some(RefCell::new(bytes)),
            name: Some(name.clone()),
            ..TensorProto::default()
        });
        name
    }

    /// An input of the whole graph, `[batch, ...]`.
    pub(super) fn input(&mut self, name: &str, shape: &[usize]) -> Value {
        self.proto.input.push(value(name, shape));
        name.to_owned()
    }

    /// Makes a value an output of the whole graph under a name, `[batch, ...]`.
    pub(super) fn output(&mut self, name: &str, from: &str, shape: &[usize]) {
        self.proto.node.push(NodeProto {
            name: Some(format!("{name}/Identity")),
            op_type: Some("Identity".into()),
            input: vec![from.to_owned()],
            output: vec![name.to_owned()],
            ..NodeProto::default()
        });
        self.proto.output.push(value(name, shape));
    }

    /// The graph as ONNX has it.
    pub(super) fn finish(self) -> GraphProto {
        self.proto
    }
}

impl Graph {
    /// The same values in another shape, of which one length may be -1: whatever is left.
    pub(super) fn reshape(&mut self, x: &str, shape: &[i64]) -> Value {
        let shape = self.ints(shape);
        self.node("Reshape", &[x, &shape], &[])
    }

    /// The axes in another order.
    pub(super) fn transpose(&mut self, x: &str, order: &[usize]) -> Value {
        self.node("Transpose", &[x], &[("perm", Attribute::Ints(order))])
    }

    /// Every `step`-th of the places from `start` to before `end` along an axis.
    pub(super) fn slice(
        &mut self,
        x: &str,
        axis: usize,
        [start, end]: [usize; 2],
        step: usize,
    ) -> Value {
        let [start, end, axis, step] = [start, end, axis, step].map(|it| self.ints(&[it as i64]));
        self.node("Slice", &[x, &start, &end, &axis, &step], &[])
    }

    /// Values one after the other along an axis.
    pub(super) fn concat(&mut self, all: &[&str], axis: usize) -> Value {
        self.node("Concat", all, &[("axis", Attribute::Int(axis as i64))])
    }

    /// The border repeated, or zeros, by so many places before and after each axis.
    pub(super) fn pad(
        &mut self,
        x: &str,
        before: &[usize],
        after: &[usize],
        mode: &'static str,
    ) -> Value {
        let places: Vec<i64> = before.iter().chain(after).map(|&it| it as i64).collect();
        let places = self.ints(&places);
        self.node("Pad", &[x, &places], &[("mode", Attribute::Word(mode))])
    }
}

/// What an input or output of the graph is: numbers, of any batch.
fn value(name: &str, shape: &[usize]) -> ValueInfoProto {
    let batch = Dimension {
        dim_value: None,
        dim_param: Some("batch".into()),
    };
    let sides = shape.iter().map(|&side| Dimension {
        dim_value: Some(side as i64),
        dim_param: None,
    });
    let tensor = TypeProtoTensor {
        elem_type: Some(DataType::FLOAT),
        shape: Some(TensorShapeProto {
            dim: std::iter::once(batch).chain(sides).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor),
            ..TypeProto::default()
        }),
    }
}

fn attribute((name, value): &(&str, Attribute<'_>)) -> AttributeProto {
    let plain = AttributeProto {
        name: Some((*name).to_owned()),
        ..AttributeProto::default()
    };
    match value {
        Attribute::Int(value) => AttributeProto {
            i: Some(*value),
            r#type: Some(AttributeType::INT),
            ..plain
        },
        Attribute::Ints(values) => AttributeProto {
            ints: values.iter().map(|&it| it as i64).collect(),
            r#type: Some(AttributeType::INTS),
            ..plain
        },
        Attribute::Float(value) => AttributeProto {
            f: Some(*value),
            r#type: Some(AttributeType::FLOAT),
            ..plain
        },
        Attribute::Word(word) => AttributeProto {
            s: Some((*word).to_owned()),
            r#type: Some(AttributeType::STRING),
            ..plain
        },
    }
}
