//! The figures of a restoration: `restoration` in `summary.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How close pictures are to the clean ones; means over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// PSNR, 10 log10(1 / the picture's mse), in dB; at most 100 dB per picture.
    pub psnr: f64,
    /// Structural similarity, mean over channels; `None` if pictures are smaller than its window.
    pub ssim: Option<f64>,
    /// Figures inside the blocks that the corruption `block` removed, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hole: Option<HoleFigures>,
    /// Mean distance in the a*b* plane of CIELAB (CIE 1976), if colour was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ab_error: Option<f64>,
}

/// Figures of the missing pixels alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoleFigures {
    /// As [`Fidelity::psnr`].
    pub psnr: f64,
}

/// The settings of a baseline, if it has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Side of the median's window, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Standard deviation of the Gaussian, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// Strength of the unsharp mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
}

/// A baseline's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineFigures {
    /// Figures of its output.
    #[serde(flatten)]
    pub fidelity: Fidelity,
    /// Its settings.
    #[serde(flatten)]
    pub setting: Setting,
}

/// How well corrupted pictures were restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restoration {
    /// Figures of the corrupted input itself.
    pub input: Fidelity,
    /// Figures of the model's output.
    pub output: Fidelity,
    /// The baselines by name.
    pub baselines: BTreeMap<String, BaselineFigures>,
}

/// A baseline's name and settings in words, from its name in files.
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
    /// How much better the output is than the input and the best baseline, in words; measured inside the
    /// hole if there is one.
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

    /// The mean of the pictures' figures; `None` without pictures. Pictures without a figure are left
    /// out of its mean.
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
