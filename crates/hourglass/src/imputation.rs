//! Imputation: what a model makes of the missing values of rows.

use data::Batches;
use model::Autoencoder;

use crate::batched;
use crate::error::Result;
use crate::memory;

/// The values of all rows as a model sees them, `[row, channel]`, with what the model gives in the place of missing ones.
/// The others are as they were.
///
/// # Errors
/// If the device does not return its values.
pub fn filled(model: &Autoencoder, batches: &Batches) -> Result<Vec<f32>> {
    let all: Vec<u32> = (0..batches.len() as u32).collect();
    memory::check_batch(model, all.len().min(batched::BATCH))?;
    let mut filled = Vec::with_capacity(batches.len() * batches.shape().iter().product::<usize>());
    batched::each(batches, &all, |_, rows| -> Result<()> {
        let known = batched::values(rows.clone())?;
        let given = batched::values(model.forward(rows))?;
        let pairs = known.into_iter().zip(given);
        filled.extend(pairs.map(|(known, given)| if known.is_nan() { given } else { known }));
        Ok(())
    })?;
    Ok(filled)
}
