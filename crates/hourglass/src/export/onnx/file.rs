//! The file: a graph with its name, the versions that it needs, and what a reader should know.

use rten_onnx::onnx::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use rten_onnx::protobuf::{EncodeMessage, MessageWriter, ProtobufError, ValueWriter, WriteValue};

use super::OPSET;
use crate::export::ExportError;

/// Version of the file format that belongs to [`OPSET`].
const IR_VERSION: i64 = 8;

/// Numbers of two fields in ONNX's messages: of the graph in a model, and of a graph's name, which readers demand and
/// [`GraphProto`] lacks.
const GRAPH: u64 = 7;
const GRAPH_NAME: u64 = 2;

/// A graph with its name.
struct Named {
    name: String,
    graph: GraphProto,
}

impl EncodeMessage for Named {
    fn encode_fields<W: WriteValue>(
        &self,
        fields: &mut MessageWriter<'_, W>,
    ) -> Result<(), ProtobufError> {
        fields.write_string(GRAPH_NAME, &self.name)?;
        self.graph.encode_fields(fields)
    }
}

/// A model whose graph has a name.
struct File {
    about: ModelProto,
    graph: Named,
}

impl EncodeMessage for File {
    fn encode_fields<W: WriteValue>(
        &self,
        fields: &mut MessageWriter<'_, W>,
    ) -> Result<(), ProtobufError> {
        self.about.encode_fields(fields)?;
        fields.write_message(GRAPH, &self.graph)
    }
}

/// The bytes of the file. `about` are names and texts that a reader may look at.
pub(super) fn bytes(
    name: &str,
    graph: GraphProto,
    about: Vec<(&str, String)>,
) -> Result<Vec<u8>, ExportError> {
    let entry = |(key, value): (&str, String)| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    let file = File {
        about: ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("hourglass".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
            metadata_props: about.into_iter().map(entry).collect(),
            graph: None,
        },
        graph: Named {
            name: name.to_owned(),
            graph,
        },
    };
    let mut bytes = Vec::new();
    let written = file.encode(ValueWriter::new(&mut bytes));
    written.map_err(|error| ExportError::Encode(error.to_string()))?;
    Ok(bytes)
}
