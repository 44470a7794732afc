//! Penalties: what a sparse autoencoder adds to the loss, or does to the code, so that few units
//! are active for any one picture.

use burn::prelude::*;

use crate::config::Penalty;

/// Mean activations are kept this far from 0 and 1 before the logarithms of the KL penalty.
const KL_MARGIN: f32 = 1e-6;

impl Penalty {
    /// What the penalty adds to the loss, shape `[1]`, for codes of shape `[batch, code_size]`;
    /// `None` for top-k, which changes the code instead.
    ///
    /// - L1: `weight * mean over pictures of sum over units of |h|`
    /// - KL: `beta * sum over units of KL(rho || mean over pictures of h)`, with codes in (0, 1)
    ///   (Ng, "Sparse autoencoder", CS294A lecture notes, 2011)
    pub(crate) fn forward(&self, code: &Tensor<2>) -> Option<Tensor<1>> {
        match *self {
            Penalty::L1 { weight } => {
                let pictures = code.dims()[0] as f64;
                Some(code.clone().abs().sum() * (weight / pictures))
            }
            Penalty::Kl { rho, beta } => {
                let mean = code.clone().mean_dim(0).clamp(KL_MARGIN, 1.0 - KL_MARGIN);
                let entropy = rho * rho.ln() + (1.0 - rho) * (1.0 - rho).ln();
                let cross = mean.clone().log() * rho + (mean.neg() + 1.0).log() * (1.0 - rho);
                Some((cross.neg() + entropy).sum() * beta)
            }
            Penalty::TopK { .. } => None,
        }
    }

    /// The code as the decoder sees it: top-k keeps the `k` largest units of each picture and sets
    /// the others to zero (Makhzani & Frey, "k-Sparse Autoencoders", 2013); others change nothing.
    ///
    /// The gradient passes through the kept units only.
    pub(crate) fn constrain(&self, code: Tensor<2>) -> Tensor<2> {
        let Penalty::TopK { k } = *self else {
            return code;
        };
        let [pictures, _] = code.dims();
        let (_, kept) = code.clone().detach().topk_with_indices(k, 1);
        let ones = Tensor::ones([pictures, k], &code.device());
        let mask =
            code.zeros_like()
                .detach()
                .scatter(1, kept, ones, burn::tensor::IndexingUpdateOp::Add);
        code * mask
    }
}
