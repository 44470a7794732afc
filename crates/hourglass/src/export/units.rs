//! Units: from the data's own to those that a model sees, and back, one number for each channel.

use data::FieldKind;

use super::Exported;

/// What is taken away from each channel, and what the rest is then divided by.
pub(super) struct Units {
    pub(super) means: Vec<f32>,
    pub(super) deviations: Vec<f32>,
}

/// The units of a table's or a series' channels; `None` for pictures. Those of a category stay as they are.
pub(super) fn of(exported: &Exported<'_>) -> Option<Units> {
    let fields = exported.meta.fields.as_ref()?;
    let (mut means, mut deviations) = (Vec::new(), Vec::new());
    for (_, field) in fields.placed() {
        match &field.kind {
            FieldKind::Number { mean, deviation } => {
                means.push(*mean as f32);
                deviations.push(*deviation as f32);
            }
            FieldKind::Category { values, .. } => {
                means.extend(values.iter().map(|_| 0.0));
                deviations.extend(values.iter().map(|_| 1.0));
            }
        }
    }
    Some(Units { means, deviations })
}
