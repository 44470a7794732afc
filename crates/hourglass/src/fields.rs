//! What a model has to know of the fields of its samples, and what samples are called.

use data::{FieldKind, Fields};
use model::{Category, ImageShape, Range};

/// The form of the data, by which samples are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Images of pictures.
    Pictures,
    /// Clips of videos.
    Clips,
    /// Rows of a table.
    Table,
    /// Windows of series.
    Series,
}

impl Form {
    /// That of samples of this shape, which are no clips; `is_real` if they hold real values.
    pub fn of(is_real: bool, [.., steps]: ImageShape) -> Self {
        match (is_real, steps) {
            (false, _) => Form::Pictures,
            (true, 1) => Form::Table,
            (true, _) => Form::Series,
        }
    }

    /// What one sample is called.
    pub fn sample(self) -> &'static str {
        match self {
            Form::Pictures => "image",
            Form::Clips => "clip",
            Form::Table => "row",
            Form::Series => "window",
        }
    }

    /// What one is called where a picture may be larger than a model's image, which is then a part of it.
    pub fn whole(self) -> &'static str {
        match self {
            Form::Pictures => "picture",
            form => form.sample(),
        }
    }

    /// What the values of a sample are called that no model has changed.
    pub fn raw(self) -> &'static str {
        match self {
            Form::Pictures | Form::Clips => "raw pixels",
            Form::Table | Form::Series => "raw values",
        }
    }
}

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
