//! What a model has to know of the fields of its samples.

use data::{FieldKind, Fields};
use model::{Category, Range};

/// What the values of samples with these fields are.
pub(crate) fn range(fields: &Fields) -> Range {
    let categories = fields
        .placed()
        .filter_map(|(first, field)| match &field.kind {
            FieldKind::Category { values, .. } => Some(Category {
                first,
                count: values.len(),
            }),
            FieldKind::Number { .. } => None,
        });
    Range::Real(categories.collect())
}
