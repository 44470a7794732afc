//! Steps: a plan's operations one after the other, each with its shapes and the names of its parameters, and between
//! them the changes of form that a layer needs.

use model::{Layer, Operation};

/// How a batch is laid out between two operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `[N, units]`.
    Flat(usize),
    /// `[N, C, H, W]`.
    Maps([usize; 3]),
    /// Of clips, `[N T, C, H, W]`, written `[C, T, H, W]`.
    Frames([usize; 4]),
}

impl Form {
    /// That of a map of this shape.
    fn of_map(shape: &[usize]) -> Self {
        match *shape {
            [channels, height, width] => Form::Maps([channels, height, width]),
            [channels, frames, height, width] => Form::Frames([channels, frames, height, width]),
            _ => Form::Flat(shape.iter().product()),
        }
    }

    /// Frames of one sample.
    pub(super) fn frames(self) -> usize {
        match self {
            Form::Frames([_, frames, ..]) => frames,
            Form::Flat(_) | Form::Maps(_) => 1,
        }
    }

    /// Channels, height and width of one map; a flat sample's units are channels of one place.
    pub(super) fn map(self) -> [usize; 3] {
        match self {
            Form::Flat(units) => [units, 1, 1],
            Form::Maps(shape) => shape,
            Form::Frames([channels, _, height, width]) => [channels, height, width],
        }
    }
}

/// One step of an exported network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The same values in another form.
    Change {
        /// As they are.
        from: Form,
        /// As they are to be.
        to: Form,
    },
    /// What comes into the layer is kept, because it will be added.
    Keep,
    /// An operation.
    Compute {
        /// What is computed.
        operation: Operation,
        /// Where its parameters are in files.
        stored: Option<String>,
        /// What comes in.
        from: Form,
        /// What comes out.
        to: Form,
    },
}

/// The steps of a layer for what comes in this form, and the form that they leave. The function that makes a
/// reconstruction of logits is not among them: it follows the last layer.
pub(super) fn of_layer(layer: &Layer, mut form: Form) -> (Vec<Step>, Form) {
    let is_dense = matches!(layer.operations.first(), Some(Operation::Linear { .. }));
    let needed = match is_dense {
        true => Form::Flat(layer.input.iter().product()),
        false => Form::of_map(&layer.input),
    };
    let mut steps = change(form, needed);
    form = needed;
    if layer.operations.contains(&Operation::AddInput) {
        steps.push(Step::Keep);
    }
    let mut shape = match is_dense {
        true => vec![layer.input.iter().product()],
        false => layer.input.clone(),
    };
    for (operation, stored) in layer.operations.iter().zip(layer.stored_operations()) {
        if matches!(operation, Operation::Output(_)) {
            continue;
        }
        shape = operation.output(shape);
        let to = Form::of_map(&shape);
        steps.push(Step::Compute {
            operation: *operation,
            stored,
            from: form,
            to,
        });
        form = to;
    }
    (steps, form)
}

/// The step from one form to another, if they differ.
pub(super) fn change(from: Form, to: Form) -> Vec<Step> {
    match from == to {
        true => Vec::new(),
        false => vec![Step::Change { from, to }],
    }
}
