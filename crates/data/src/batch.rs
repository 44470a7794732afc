//! Batches: selected images as one tensor of `f32` in [0, 1].

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::value::Value;
use crate::{Augment, DataError, Fields, ImageShape, Images, View};

/// Gathers batches of a set of images onto one device.
///
/// Either the pixels stay in host memory, and each batch is converted in one pass and uploaded. Or the
/// whole set is copied to the device once (*resident*), as `f32` and so with four times the size, and a
/// batch is selected there, which only uploads its indices. The values are identical to the bit. Tensors
/// are constants: on an autodiff device they have no gradient.
#[derive(Debug, Clone)]
pub struct Batches {
    images: Arc<Images>,
    device: Device,
    resident: Option<Tensor<2>>, // [N, C * H * W]
}

impl Batches {
    /// Prepares batches of `images` for `device`; with `resident`, all images are uploaded now.
    pub fn new(images: Arc<Images>, device: &Device, resident: bool) -> Self {
        let all = (resident && !images.is_empty()).then(|| {
            let mut values = Vec::with_capacity(images.values().len());
            images.values().append_seen(&mut values);
            let data = TensorData::new::<f32, _>(values, [images.len(), images.image_len()]);
            Tensor::from_data(data, device)
        });
        Batches {
            images,
            device: device.clone(),
            resident: all,
        }
    }

    /// The images at `indices`, in this order; an index may occur several times.
    ///
    /// # Shapes
    ///
    /// - output: `[indices.len(), channels, height, width]`, of pictures in [0, 1]: pixel / 255, or
    ///   pixel / 65535
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] if an index is past the end, [`DataError::EmptyBatch`] without indices.
    pub fn gather(&self, indices: &[u32]) -> Result<Tensor<4>, DataError> {
        if let (Some(all), false) = (&self.resident, indices.is_empty()) {
            let [channels, height, width] = self.shape();
            let shape = [indices.len(), channels, height, width];
            let rows = self.rows(indices)?;
            return Ok(all.clone().select(0, rows).reshape(shape));
        }
        match self.images.values() {
            View::Bytes(pixels) => self.convert(pixels, indices),
            View::Deep(pixels) => self.convert(pixels, indices),
            View::Real(_) => {
                let mut values = Vec::with_capacity(indices.len() * self.images.image_len());
                for &index in indices {
                    match self.images.sample(index as usize) {
                        Some(View::Real(sample)) => values.extend_from_slice(sample),
                        _ => return Err(self.past_the_end(index)),
                    }
                }
                self.upload(values, indices.len())
            }
        }
    }

    /// The images at `indices` with small random changes, which depend on `seed` and each image's index.
    /// They are computed on the CPU and uploaded, even if the set is resident.
    ///
    /// # Shapes
    ///
    /// - output: `[indices.len(), channels, height, width]`, in [0, 1]
    ///
    /// # Errors
    ///
    /// As [`gather`](Self::gather).
    pub fn augmented(
        &self,
        indices: &[u32],
        augment: &Augment,
        seed: u64,
    ) -> Result<Tensor<4>, DataError> {
        let values = augment.gather(&self.images, indices, seed)?;
        self.upload(values, indices.len())
    }

    /// Whether the whole set is on the device.
    pub fn resident(&self) -> bool {
        self.resident.is_some()
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Shape of each image, `[channels, height, width]`.
    pub fn shape(&self) -> ImageShape {
        self.images.shape()
    }

    /// What the channels stand for, if these are no pictures.
    pub fn fields(&self) -> Option<&Arc<Fields>> {
        self.images.fields()
    }

    /// Frames that each image has from top to bottom: those of a clip, or 1.
    pub fn frames(&self) -> usize {
        self.images.frames()
    }

    pub(crate) fn images(&self) -> &Images {
        &self.images
    }

    /// Images of the set's shape from `pixels`, in [0, 1], on the device.
    pub(crate) fn convert<T: Value>(
        &self,
        pixels: &[T],
        indices: &[u32],
    ) -> Result<Tensor<4>, DataError> {
        let mut values = Vec::new();
        kernels::gather(pixels, self.images.image_len(), indices, &mut values)
            .map_err(|error| self.past_the_end(error.index))?;
        self.upload(values, indices.len())
    }

    /// This many images of the set's shape on the device.
    pub(crate) fn upload(&self, values: Vec<f32>, count: usize) -> Result<Tensor<4>, DataError> {
        if count == 0 {
            return Err(DataError::EmptyBatch);
        }
        let [channels, height, width] = self.shape();
        let data = TensorData::new::<f32, _>(values, [count, channels, height, width]);
        Ok(Tensor::from_data(data, &self.device))
    }

    /// The indices as a tensor. They are checked here because a backend would panic on a bad index, or
    /// read out of bounds.
    fn rows(&self, indices: &[u32]) -> Result<Tensor<1, Int>, DataError> {
        let count = self.len();
        if let Some(&index) = indices.iter().find(|&&index| index as usize >= count) {
            return Err(self.past_the_end(index));
        }
        let rows: Vec<i64> = indices.iter().copied().map(i64::from).collect();
        let data = TensorData::new(rows, [indices.len()]);
        Ok(Tensor::from_data(data, &self.device))
    }

    fn past_the_end(&self, index: u32) -> DataError {
        DataError::Index {
            index,
            count: self.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{Source, epoch_order};

    /// Every byte value, at differing places: 64 images of 3 x 2 x 5.
    fn images() -> Arc<Images> {
        let pixels = (0..64 * 30).map(|i: u32| (i * 7 % 256) as u8).collect();
        Arc::new(Images::new(pixels, [3, 2, 5]).unwrap())
    }

    #[test]
    fn both_paths_give_the_pixels_over_255() {
        let images = images();
        let indices = [63, 0, 17, 17, 5];
        let naive: Vec<f32> = indices
            .iter()
            .flat_map(|&i| images.image(i as usize).unwrap().into_owned())
            .map(|pixel| pixel as f32 / 255.0)
            .collect();
        for device in [Device::flex(), Device::flex().autodiff()] {
            for resident in [false, true] {
                let batches = Batches::new(images.clone(), &device, resident);
                assert_eq!(batches.resident(), resident);
                assert_eq!((batches.len(), batches.shape()), (64, [3, 2, 5]));
                let batch = batches.gather(&indices).unwrap();
                assert_eq!(batch.dims(), [5, 3, 2, 5]);
                assert_eq!(batch.device().is_autodiff(), device.is_autodiff());
                assert!(!batch.is_require_grad());
                assert_eq!(batch.into_data().try_to_vec::<f32>().unwrap(), naive);
            }
        }
    }

    #[test]
    fn bad_indices_are_errors() {
        for resident in [false, true] {
            let batches = Batches::new(images(), &Device::flex(), resident);
            let error = batches.gather(&[3, 64]).unwrap_err().to_string();
            assert_eq!(error, "image 64 of a set of 64; allowed: less than 64");
            assert!(batches.gather(&[u32::MAX]).is_err());
            assert!(matches!(batches.gather(&[]), Err(DataError::EmptyBatch)));
        }
    }

    #[test]
    fn sixteen_bits_are_gathered_cut_and_changed_as_bytes_are() {
        let bytes = images();
        let deep: Vec<u16> = (bytes.pixels().iter())
            .map(|&it| u16::from(it) * 257)
            .collect();
        let deep = Images::deep(deep, bytes.shape()).unwrap();
        let of = |images: Images| Batches::new(images.into(), &Device::flex(), false);
        let (bytes, deep) = (of((*bytes).clone()), of(deep));
        let indices = [3, 60, 3];
        let plain = |of: &Batches| of.gather(&indices).unwrap().into_data();
        assert_eq!(plain(&deep), plain(&bytes));
        let augment = Augment {
            rotation: 20.0,
            shift: 1.0,
            ..Augment::default()
        };
        let changed = |of: &Batches| -> Vec<f32> {
            let changed = of.augmented(&indices, &augment, 7).unwrap();
            changed.into_data().try_to_vec().unwrap()
        };
        for (one, other) in changed(&deep).iter().zip(changed(&bytes)) {
            assert!((one - other).abs() < 1e-6, "{one} {other}");
        }
        // One step of 65535 is seen.
        let fine = Images::deep(vec![1000, 1001], [1, 1, 2]).unwrap();
        let seen = of(fine).gather(&[0]).unwrap().into_data();
        assert_eq!(
            seen.try_to_vec::<f32>().unwrap(),
            [1000.0 / 65535.0, 1001.0 / 65535.0]
        );
    }

    #[test]
    fn an_empty_set_has_no_batches() {
        let empty = Arc::new(Images::new(Vec::new(), [1, 2, 2]).unwrap());
        let batches = Batches::new(empty, &Device::flex(), true);
        assert!(batches.is_empty() && batches.gather(&[0]).is_err());
    }

    /// Prints the time of one batch of 128; run with `--ignored --nocapture`.
    #[test]
    #[ignore = "a measurement, not a check"]
    fn time_of_a_batch() {
        let start = Instant::now();
        let train = Arc::new(Source::Mnist.load().unwrap().train);
        println!("MNIST loaded in {:.3} s", start.elapsed().as_secs_f64());
        let order = epoch_order(&(0..60_000).collect::<Vec<_>>(), 1);
        for resident in [false, true] {
            let batches = Batches::new(train.clone(), &Device::flex().autodiff(), resident);
            let start = Instant::now();
            let chunks = order.chunks_exact(128);
            let count = chunks.len();
            for indices in chunks {
                std::hint::black_box(batches.gather(indices).unwrap());
            }
            let each = start.elapsed().as_secs_f64() / count as f64;
            println!("resident {resident}: {:.4} ms per batch of 128", each * 1e3);
        }
    }
}
