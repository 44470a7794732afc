//! Sets as Burn's `Dataset`, so that Burn's own loaders take them: `DataLoaderBuilder::new(batcher).build(images)`.

use burn_dataset::{Dataset, DatasetError};

use crate::{DataError, ImageShape, Images};

/// One image or row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What a model sees: of pictures in [0, 1], of tables and series standardised, with NaN for a missing value.
    pub values: Vec<f32>,
    /// Channels, height and width of the values.
    pub shape: ImageShape,
    /// Its label, if the set has labels.
    pub label: Option<u8>,
}

impl Dataset<Sample> for Images {
    /// Unlike what the trait says, an index past the end is an error and no panic.
    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let count = Images::len(self);
        let past_the_end = || {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            DatasetError::new(DataError::Index { index, count })
        };
        let sample = self.sample(index).ok_or_else(past_the_end)?;
        let mut values = Vec::with_capacity(sample.len());
        sample.append_seen(&mut values);
        Ok(Sample {
            values,
            shape: self.shape(),
            label: self.labels().and_then(|labels| labels.get(index).copied()),
        })
    }

    fn len(&self) -> usize {
        Images::len(self)
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::transform::{PartialDataset, ShuffledDataset};

    use super::*;

    fn images() -> Images {
        Images::new((0..24).collect(), [1, 2, 3])
            .unwrap()
            .with_labels(vec![5, 6, 7, 8])
            .unwrap()
    }

    #[test]
    fn items_are_the_images_as_models_see_them() {
        let images = images();
        let item = images.get(2).unwrap();
        let wanted = [12.0, 13.0, 14.0, 15.0, 16.0, 17.0].map(|it: f32| it / 255.0);
        assert_eq!(item.values, wanted);
        assert_eq!((item.shape, item.label), ([1, 2, 3], Some(7)));
        let error = images.get(4).unwrap_err().to_string();
        assert_eq!(error, "image 4 of a set of 4; allowed: less than 4");
    }

    #[test]
    fn burns_transforms_take_them() {
        let part = PartialDataset::<_, Sample>::new(images(), 1, 3);
        let labels: Vec<_> = part.iter().map(|it| it.unwrap().label).collect();
        assert_eq!(labels, [Some(6), Some(7)]);
        let shuffled = ShuffledDataset::<_, Sample>::new(images(), 42_u64);
        let mut labels: Vec<_> = shuffled.iter().map(|it| it.unwrap().label).collect();
        labels.sort();
        assert_eq!(labels, [5, 6, 7, 8].map(Some));
    }
}
