//! Paths: the name of a parameter in files, from the fields that lead to it.

use burn::module::{Param, ParamId};
use burn::prelude::*;

/// The path of field names from the module to the parameter at hand.
#[derive(Default)]
pub(crate) struct Path(Vec<(String, String)>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.0.push((name.to_owned(), container.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    /// Dotted name without the levels that only Rust has (enum variants, an autoencoder's network, the
    /// main convolution of a block), and with PyTorch's words for what batch normalisation learns.
    pub(crate) fn name(&self) -> String {
        let fields = self.0.iter().filter(|(name, container)| {
            let wraps = matches!(
                (container.as_str(), name.as_str()),
                ("Struct:Autoencoder", "network") | ("Struct:Block", "main")
            );
            !container.starts_with("Enum:") && !wraps
        });
        let words = fields.map(
            |(name, container)| match (container.as_str(), name.as_str()) {
                ("Struct:BatchNorm", "gamma") => "weight",
                ("Struct:BatchNorm", "beta") => "bias",
                (_, name) => name,
            },
        );
        words.collect::<Vec<_>>().join(".")
    }

    /// Whether the parameter is the weight of a dense layer, which Burn keeps `[inputs, outputs]`.
    pub(crate) fn is_dense_weight(&self) -> bool {
        self.last() == Some(("weight", "Struct:Linear"))
    }

    /// The last field's name and the type of what holds it.
    pub(crate) fn last(&self) -> Option<(&str, &str)> {
        let (name, container) = self.0.last()?;
        Some((name, container))
    }

    /// The parameter at hand, as files have it.
    pub(crate) fn parameter<const D: usize>(&self, param: &Param<Tensor<D>>) -> Parameter {
        let mut shape: Vec<usize> = param.lazy_shape().iter().copied().collect();
        if self.is_dense_weight() {
            shape.reverse();
        }
        Parameter {
            id: param.id,
            name: self.name(),
            shape,
        }
    }
}

/// A parameter of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its identity in this process.
    pub id: ParamId,
    /// Its name in files.
    pub name: String,
    /// Its shape in files.
    pub shape: Vec<usize>,
}
