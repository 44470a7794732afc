//! Layers of one model in another: parameters by the name of their layer, taken from saved weights,
//! and frozen.

use burn::module::{Flag, Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::prelude::*;

use crate::path::{Parameter, Path};
use crate::weights::{self, WeightsError};
use crate::{Autoencoder, Layer};

/// The parameters of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerParameters {
    /// The layer's name, as [`Layer`] has it.
    pub layer: String,
    /// What it learns, and its batch normalisation's running statistics, in a fixed order.
    pub parameters: Vec<LayerParameter>,
    /// All that must not change while the layer is frozen, including the switch of its batch
    /// normalisation between training and evaluation.
    held: Vec<ParamId>,
}

/// A parameter of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerParameter {
    /// Its name within the layer, for example `weight` or `norm.bias`.
    pub name: String,
    /// Its name in files.
    pub stored: String,
    /// Its shape in files.
    pub shape: Vec<usize>,
}

/// A parameter that two layers do not have in the same shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name within the layer.
    pub parameter: String,
    /// Its shape in the one layer; `None` if it is not there.
    pub here: Option<Vec<usize>>,
    /// Its shape in the other layer; `None` if it is not there.
    pub there: Option<Vec<usize>>,
}

impl LayerParameters {
    /// The first parameter that another layer lacks or has in another shape, either way round; `None`
    /// if weights of one fit the other.
    pub fn differs(&self, other: &Self) -> Option<Difference> {
        let shape = |of: &Self, name: &str| {
            let parameter = of.parameters.iter().find(|it| it.name == name);
            parameter.map(|it| it.shape.clone())
        };
        let names = self.parameters.iter().chain(&other.parameters);
        let mut pairs = names.map(|it| Difference {
            parameter: it.name.clone(),
            here: shape(self, &it.name),
            there: shape(other, &it.name),
        });
        pairs.find(|it| it.here != it.there)
    }
}

/// The parameters of a model, layer by layer.
pub fn by_layer(model: &Autoencoder) -> Vec<LayerParameters> {
    let mut found = Found::default();
    model.visit(&mut found);
    let of = |layer: &Layer| {
        let mut parameters = Vec::new();
        let mut held = Vec::new();
        for (stored, id, shape) in &found.all {
            let Some(name) = within(stored, &layer.stored) else {
                continue;
            };
            held.push(*id);
            if let Some(shape) = shape {
                parameters.push(LayerParameter {
                    name: name.to_owned(),
                    stored: stored.clone(),
                    shape: shape.clone(),
                });
            }
        }
        LayerParameters {
            layer: layer.name(),
            parameters,
            held,
        }
    };
    model.layers().iter().map(of).collect()
}

/// The name of a parameter within the layer that is stored at `layer`; `None` if it is not in there.
fn within<'a>(stored: &'a str, layer: &str) -> Option<&'a str> {
    match stored.strip_prefix(layer)? {
        // A tied decoder's biases are parameters themselves, without anything around them.
        "" => Some("bias"),
        name => name.strip_prefix('.'),
    }
}

/// The model with layers of another in place of its own: for each pair the parameters of the first,
/// a layer of the model, from those of the second, a layer of the file.
///
/// # Errors
/// As [`weights::from_bytes`], if the file lacks the second layer or has it in other shapes.
pub fn take(
    model: Autoencoder,
    bytes: &[u8],
    pairs: &[(LayerParameters, LayerParameters)],
) -> Result<Autoencoder, WeightsError> {
    let taken = pairs.iter().flat_map(|(to, from)| {
        let same = |to: &LayerParameter| from.parameters.iter().find(|it| it.name == to.name);
        let pair = move |to: &LayerParameter| Some((to.stored.clone(), same(to)?.stored.clone()));
        to.parameters.iter().filter_map(pair).collect::<Vec<_>>()
    });
    weights::from_bytes_in_part(model, bytes, &taken.collect())
}

/// The model with these layers frozen: they have no gradients, and their batch normalisation does not
/// update its statistics.
pub fn freeze(model: Autoencoder, layers: &[&LayerParameters]) -> Autoencoder {
    let held = layers.iter().flat_map(|layer| layer.held.iter().copied());
    model.freeze_group(ParamGroup::from_ids(held.collect()))
}

/// Names, identities and shapes of all parameters; switches have no shape.
#[derive(Default)]
struct Found {
    path: Path,
    all: Vec<(String, ParamId, Option<Vec<usize>>)>,
}

impl ModuleVisitor for Found {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Parameter { id, name, shape } = self.path.parameter(param);
        self.all.push((name, id, Some(shape)));
    }
    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.all.push((self.path.name(), flag.id, None));
    }
}

#[cfg(test)]
#[path = "transplant_tests.rs"]
mod tests;
