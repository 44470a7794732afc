//! Kinds: the one place that knows which kinds of model a config may name. A base kind is a network;
//! a wrapper adds something to the model that it holds.

use burn::prelude::*;

use crate::config::{Corruption, ModelConfig, Penalty};
use crate::error::ModelError;
use crate::forward::Weights;
use crate::plan::{Ends, Plan};

mod conv;
mod denoising;
mod dense;
mod linear;
mod sparse;

pub(crate) use denoising::Corruptions;
pub(crate) use linear::Components;
pub(crate) use sparse::Penalties;

/// A kind that is a network by itself.
pub(crate) trait Base {
    /// Its name in configs.
    fn name(&self) -> &'static str;

    /// Checks the config against the shapes at both ends and plans the network.
    ///
    /// # Errors
    /// The first key that cannot work.
    fn plan(&self, ends: Ends) -> Result<Plan, ModelError>;

    /// The planned network with Burn's lazy initial weights.
    fn init(&self, plan: &Plan, device: &Device) -> Network;

    /// What initial weights are multiplied by.
    fn initial_gain(&self) -> f64;

    /// The widths of a decoder that is not the encoder's mirror by itself.
    fn decoder(&self) -> Option<&[usize]>;

    /// The network with initial weights that are not drawn.
    fn start(&self, network: Network) -> Network {
        network
    }

    /// Whether the decoder gives the picture's values and not logits, whatever is around it.
    fn gives_values(&self) -> bool {
        false
    }
}

/// A kind around another model. What it does not answer, it leaves as it is.
pub(crate) trait Wrapper {
    /// Its name in configs.
    fn name(&self) -> &'static str;

    /// The model inside.
    fn of(&self) -> &ModelConfig;

    /// Checks the wrapper against the shapes at its ends; those of the model inside.
    ///
    /// # Errors
    /// The first key that cannot work.
    fn inside(&self, ends: Ends) -> Result<Ends, ModelError> {
        Ok(ends)
    }

    /// Checks the wrapper against the network inside.
    ///
    /// # Errors
    /// The first key that cannot work.
    fn check(&self, _plan: &Plan) -> Result<(), ModelError> {
        Ok(())
    }

    /// What it adds to the loss or does to the code.
    fn penalty(&self) -> Option<&Penalty> {
        None
    }

    /// What it does to inputs, in this order.
    fn corruptions(&self) -> &[Corruption] {
        &[]
    }

    /// Whether the network gives a difference from its input.
    fn is_residual(&self) -> bool {
        false
    }

    /// Whether the decoder gives the picture's values and not logits.
    fn gives_values(&self) -> bool {
        self.is_residual()
    }
}

/// What a config is: a base, or a wrapper around another config.
enum Sort<'a> {
    Base(&'a dyn Base),
    Wrapper(&'a dyn Wrapper),
}

impl ModelConfig {
    fn sort(&self) -> Sort<'_> {
        match self {
            ModelConfig::Dense(dense) => Sort::Base(dense),
            ModelConfig::Conv(conv) => Sort::Base(conv),
            ModelConfig::Linear(linear) => Sort::Base(linear),
            ModelConfig::Sparse(sparse) => Sort::Wrapper(sparse),
            ModelConfig::Denoising(denoising) => Sort::Wrapper(denoising),
        }
    }

    /// The wrappers from the outside in, and the base under them.
    pub(crate) fn walk(&self) -> (Vec<&dyn Wrapper>, &dyn Base) {
        let (mut wrappers, mut at) = (Vec::new(), self);
        loop {
            match at.sort() {
                Sort::Base(base) => return (wrappers, base),
                Sort::Wrapper(wrapper) => {
                    wrappers.push(wrapper);
                    at = wrapper.of();
                }
            }
        }
    }

    /// The network between these ends.
    ///
    /// # Errors
    /// The first key that cannot work, as a path below this config.
    pub(crate) fn plan_between(&self, ends: Ends) -> Result<Plan, ModelError> {
        match self.sort() {
            Sort::Base(base) => base.plan(ends),
            Sort::Wrapper(wrapper) => {
                let ends = wrapper.inside(ends)?;
                let plan = wrapper.of().plan_between(ends);
                let plan = plan.map_err(|error| error.within("of"))?;
                wrapper.check(&plan)?;
                Ok(plan)
            }
        }
    }
}

/// The trainable part, under any wrappers.
///
/// There is one of it in a program, so what the smaller variant wastes is nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub(crate) enum Network {
    Dense(dense::Dense),
    Conv(conv::Conv),
}

impl Network {
    /// With principal components in the layers that hold them.
    pub(crate) fn with_components(self, components: Components<'_>) -> Self {
        match self {
            Network::Conv(conv) => Network::Conv(conv.with_components(components)),
            dense => dense,
        }
    }

    /// The weights of each layer, in the order of the plan.
    pub(crate) fn weights(&self) -> Vec<Weights<'_>> {
        match self {
            Network::Dense(dense) => dense.weights(),
            Network::Conv(conv) => conv.weights(),
        }
    }
}
