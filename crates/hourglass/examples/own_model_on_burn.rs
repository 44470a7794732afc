//! The models within another Burn program: an autoencoder from JSON, trained by Burn's own optimizer.
//!
//! ```text
//! cargo run --example own_model_on_burn
//! ```

use std::sync::Arc;

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::Device;
use hourglass::data::{Batches, Source};
use hourglass::model::{Loss, ModelConfig, Noise};

/// Steps of training, and images in each.
const STEPS: usize = 60;
const BATCH: usize = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config: ModelConfig =
        serde_json::from_str(r#"{"kind": "conv", "channels": [8, 16], "code_size": 16}"#)?;
    let device = Device::flex();
    let digits = Arc::new(Source::Mnist.load()?.train);
    let batches = Batches::new(Arc::clone(&digits), &device, false);

    let mut model = config.init(digits.shape(), 42, &device.clone().autodiff())?;
    let mut optimizer = AdamConfig::new().init();
    for step in 0..STEPS {
        let indices: Vec<u32> = (0..BATCH).map(|at| (step * BATCH + at) as u32).collect();
        let images = batches.gather(&indices)?.autodiff();
        let noise = Noise::Device { seed: step as u64 };
        let losses = model.loss(images.clone(), images, Loss::Bce, noise);
        let gradients = GradientsParams::from_grads(losses.total.backward(), &model);
        model = optimizer.step(2e-3, model, gradients);
        if (step + 1) % 20 == 0 {
            println!(
                "step {}: loss {:.4}",
                step + 1,
                losses.reconstruction.into_scalar::<f32>()
            );
        }
    }
    Ok(())
}
