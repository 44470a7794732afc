//! The figures of a restoration: `restoration` in `summary.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How close pictures come to the clean ones; means over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// Of 10 log10(1 / the picture's mse), in dB; at most 100 dB a picture.
    pub psnr: f64,
    /// Structural similarity, mean over channels; `None` if pictures are smaller than its window.
    pub ssim: Option<f64>,
    /// Inside what the corruption `block` took away, where there is such a corruption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hole: Option<HoleFigures>,
    /// Distance in the plane of a* and b* of CIELAB (CIE 1976), mean over pixels, where colour was
    /// lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ab_error: Option<f64>,
}

/// Figures of missing pixels alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoleFigures {
    /// As [`Fidelity::psnr`].
    pub psnr: f64,
}

/// What a baseline was set to, where it has something to set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Side of the median's window, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Standard deviation of the Gaussian, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// How much of what the Gaussian takes away is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
}

/// A baseline's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineFigures {
    /// Of what it gives.
    #[serde(flatten)]
    pub fidelity: Fidelity,
    /// What it was set to.
    #[serde(flatten)]
    pub setting: Setting,
}

/// What came back of corrupted pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restoration {
    /// Of the corrupted input itself.
    pub input: Fidelity,
    /// Of the model's output.
    pub output: Fidelity,
    /// Of simple means, by their names.
    pub baselines: BTreeMap<String, BaselineFigures>,
}

/// A baseline in words, from its name in files: what it is and what it was set to.
pub fn label(name: &str, setting: &Setting) -> String {
    let words = match name {
        "median" => "median filter",
        "gaussian" => "gaussian filter",
        "unsharp" => "unsharp mask",
        "lanczos" => "Lanczos",
        "mean_colour" => "mean colour",
        _ => name,
    };
    match *setting {
        Setting {
            size: Some(size), ..
        } => format!("{words}, {size}x{size}"),
        Setting {
            sigma: Some(sigma),
            amount: Some(amount),
            ..
        } => format!("{words}, {amount} at sigma {sigma}"),
        Setting {
            sigma: Some(sigma), ..
        } => format!("{words}, sigma {sigma}"),
        _ => words.to_owned(),
    }
}

impl Restoration {
    /// How much closer the output comes than the input and the best of the baselines, in words; inside
    /// the hole if there is one.
    pub fn verdict(&self) -> String {
        let place = match self.output.hole {
            Some(_) => "inside the hole ",
            None => "",
        };
        let psnr = |found: &Fidelity| found.hole.map_or(found.psnr, |hole| hole.psnr);
        let than = |found: &Fidelity| {
            let gain = psnr(&self.output) - psnr(found);
            let word = if gain >= 0.0 { "more" } else { "less" };
            format!("{:.2} dB {word} than the", gain.abs())
        };
        let mut text = format!("{place}{} corrupted input", than(&self.input));
        let others = self.baselines.iter();
        let best = others.max_by(|a, b| psnr(&a.1.fidelity).total_cmp(&psnr(&b.1.fidelity)));
        if let Some((name, best)) = best {
            let words = label(name, &best.setting);
            text += &format!(", {} best baseline, {words}", than(&best.fidelity));
        }
        text
    }

    /// The mean over pictures of their figures; `None` of no picture. Where some pictures have no
    /// such figure, it is that over the others.
    pub fn mean(pictures: &[&Restoration]) -> Option<Restoration> {
        let first = pictures.first()?;
        let mean = |of: &dyn Fn(&Restoration) -> Option<Fidelity>| {
            Fidelity::mean(&pictures.iter().filter_map(|it| of(it)).collect::<Vec<_>>())
        };
        let baseline = |(name, figures): (&String, &BaselineFigures)| {
            let fidelity = mean(&|it| Some(it.baselines.get(name)?.fidelity));
            let setting = figures.setting;
            (name.clone(), BaselineFigures { fidelity, setting })
        };
        Some(Restoration {
            input: mean(&|it| Some(it.input)),
            output: mean(&|it| Some(it.output)),
            baselines: first.baselines.iter().map(baseline).collect(),
        })
    }
}

impl Fidelity {
    fn mean(all: &[Fidelity]) -> Fidelity {
        let mean = |of: &dyn Fn(&Fidelity) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Fidelity {
            psnr: mean(&|it| Some(it.psnr)).unwrap_or(f64::NAN),
            ssim: mean(&|it| it.ssim),
            hole: mean(&|it| Some(it.hole?.psnr)).map(|psnr| HoleFigures { psnr }),
            ab_error: mean(&|it| it.ab_error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restoration(psnr: f64, ssim: Option<f64>) -> Restoration {
        let fidelity = Fidelity {
            psnr,
            ssim,
            hole: None,
            ab_error: None,
        };
        let setting = Setting {
            sigma: Some(0.7),
            ..Setting::default()
        };
        let figures = BaselineFigures { fidelity, setting };
        Restoration {
            input: fidelity,
            output: fidelity,
            baselines: BTreeMap::from([("gaussian".into(), figures)]),
        }
    }

    #[test]
    fn a_mean_leaves_out_what_pictures_have_not() {
        let (one, other) = (restoration(20.0, Some(0.5)), restoration(30.0, None));
        let mean = Restoration::mean(&[&one, &other]).unwrap();
        assert_eq!((mean.output.psnr, mean.output.ssim), (25.0, Some(0.5)));
        assert_eq!(mean.baselines["gaussian"].setting.sigma, Some(0.7));
        assert_eq!(mean.baselines["gaussian"].fidelity, mean.input);
        assert_eq!(Restoration::mean(&[]), None);
    }

    #[test]
    fn settings_stand_beside_the_figures() {
        let json = serde_json::to_value(restoration(20.0, None)).unwrap();
        let expected = serde_json::json!({ "psnr": 20.0, "ssim": null, "sigma": 0.7 });
        assert_eq!(json["baselines"]["gaussian"], expected);
        let back: Restoration = serde_json::from_value(json).unwrap();
        assert_eq!(back, restoration(20.0, None));
    }
}
