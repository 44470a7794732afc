//! The guide: the runs that the chapters use, with their models, and the digits that are shown.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use burn::tensor::{Tensor, TensorData};
use model::ImageShape;

use super::super::{Loaded, analysed};
use super::chapter::Next;
use super::{command, runs};
use crate::cli::TourArgs;
use hourglass::analysis::features::Features;
use hourglass::analysis::units::active;
use hourglass::batched::values;
use hourglass::config;
use hourglass::measure::pca::Pca;
use hourglass::measure::summary::Summary;
use hourglass::pictures::shown::{Shown, caption};
use hourglass::run::Run;
use hourglass::setup::Setup;

/// The most PCA components that a chapter needs: as many as the largest code compared with PCA has values.
const COMPONENTS: usize = 32;

/// Number of digits that are shown, one of each class if possible.
const DIGITS: usize = 10;

/// A finished run.
pub struct Known {
    /// Its figures.
    pub summary: Summary,
    /// The text of its config.
    pub json: &'static str,
    /// Its best weights.
    pub loaded: Loaded,
}

/// Everything that chapters use.
pub struct Guide {
    /// The tour's folder.
    pub folder: PathBuf,
    /// The pictures of all runs, and the device.
    pub setup: Setup,
    /// PCA of the pictures that the training may use.
    pub pca: Pca,
    /// Indices of the shown digits among the test pictures.
    pub chosen: Vec<u32>,
    known: BTreeMap<&'static str, Known>,
}

impl Guide {
    /// A guide with the pictures but no runs yet.
    ///
    /// # Errors
    /// If the backend is not available.
    pub fn new(folder: PathBuf, args: &TourArgs) -> Result<Self> {
        let (name, json) = runs::RUNS.first().context("a tour without runs")?;
        let located = config::parse(name, json, &args.overrides())?;
        let setup = Setup::new(located, args.quick)?;
        let pca = analysed::pca(&setup.train, COMPONENTS)?;
        let chosen = one_of_each(setup.test.labels(), setup.test.len());
        Ok(Self {
            folder,
            pca: pca.context("the pictures are too large for PCA")?,
            chosen,
            setup,
            known: BTreeMap::new(),
        })
    }

    /// Whether a run is known.
    pub fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// How many runs are known.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Adds a finished run.
    ///
    /// # Errors
    /// If its weights cannot be read.
    pub fn learn(
        &mut self,
        name: &'static str,
        json: &'static str,
        run: Run,
        summary: Summary,
    ) -> Result<()> {
        let loaded = Loaded::open(run, self.setup.backend.device.clone())?;
        let known = Known {
            summary,
            json,
            loaded,
        };
        self.known.insert(name, known);
        Ok(())
    }

    /// A run that the chapter lists.
    ///
    /// # Errors
    /// If the chapter does not list it among its runs.
    pub fn run(&self, name: &str) -> Result<&Known> {
        let known = self.known.get(name);
        known.with_context(|| format!("{name}: not trained for this chapter"))
    }

    /// Channels, height and width of the pictures.
    pub fn shape(&self) -> ImageShape {
        self.setup.shape()
    }

    /// All test pictures.
    pub fn all(&self) -> Vec<u32> {
        (0..self.setup.test.len() as u32).collect()
    }

    /// The caption of each shown digit.
    pub fn captions(&self) -> Vec<String> {
        let of = |&index: &u32| caption(&self.setup.test, index).unwrap_or_default();
        self.chosen.iter().map(of).collect()
    }

    /// The shown digits and a run's reconstructions of them.
    ///
    /// # Errors
    /// As [`Guide::run`], and if the device fails.
    pub fn shown(&self, name: &str) -> Result<Shown> {
        let Loaded { model, device, .. } = &self.run(name)?.loaded;
        Ok(Shown::of(
            model,
            device,
            &self.setup.test,
            &self.chosen,
            self.setup.config.seed,
        )?)
    }

    /// A run's reconstructions of pictures, which are not corrupted, row-major [pictures, channels, height, width].
    ///
    /// # Errors
    /// As [`Guide::run`], and if the device fails.
    pub fn through(&self, name: &str, pictures: &[f32]) -> Result<Vec<Vec<f32>>> {
        let Loaded { model, device, .. } = &self.run(name)?.loaded;
        let [channels, height, width] = self.shape();
        let image = (channels * height * width).max(1);
        let count = pictures.len() / image;
        let data = TensorData::new::<f32, _>(pictures.to_vec(), [count, channels, height, width]);
        let restored = values(model.forward(Tensor::<4>::from_data(data, device)))?;
        Ok(owned(restored.chunks_exact(image)))
    }

    /// A run's codes of test pictures, one row each.
    ///
    /// # Errors
    /// As [`Guide::run`], and if the device fails.
    pub fn codes(&self, name: &str, indices: &[u32]) -> Result<Features> {
        let Loaded { model, device, .. } = &self.run(name)?.loaded;
        Ok(Features::encoded(
            model,
            device,
            &self.setup.test,
            indices,
            model.depth(),
            |_| (),
        )?)
    }

    /// Commands to try, each with what it does. TOUR is replaced by the tour's folder.
    pub fn next(&self, lines: &[(&str, &'static str)]) -> Vec<Next> {
        let next = |&(words, does): &(&str, &'static str)| Next {
            command: command(words, &self.folder),
            does,
        };
        lines.iter().map(next).collect()
    }
}

/// Owned copies of pictures.
pub fn owned<'a>(pictures: impl IntoIterator<Item = &'a [f32]>) -> Vec<Vec<f32>> {
    pictures.into_iter().map(<[f32]>::to_vec).collect()
}

/// Codes as pictures, each from black at its smallest value to white at its largest, and their shape.
pub fn code_pictures(codes: &Features) -> (Vec<Vec<f32>>, ImageShape) {
    let picture = |row: &[f32]| -> Vec<f32> {
        let low = row.iter().copied().fold(f32::INFINITY, f32::min);
        let high = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let range = (high - low).max(f32::MIN_POSITIVE);
        row.iter().map(|value| (value - low) / range).collect()
    };
    let rows = codes.values().chunks_exact(codes.width());
    (rows.map(picture).collect(), code_shape(codes.width()))
}

/// Codes as pictures in which active units are white, and their shape.
pub fn active_pictures(codes: &Features) -> (Vec<Vec<f32>>, ImageShape) {
    let white = |active: &bool| f32::from(u8::from(*active));
    let rows = active(codes);
    let rows = rows.chunks_exact(codes.width());
    let pictures = rows.map(|row| row.iter().map(white).collect()).collect();
    (pictures, code_shape(codes.width()))
}

/// The shape of a code as a picture: as square as whole rows allow.
fn code_shape(width: usize) -> ImageShape {
    let height = (1..=width).take_while(|it| it * it <= width);
    let height = height
        .filter(|it| width.is_multiple_of(*it))
        .last()
        .unwrap_or(1);
    [1, height, width / height]
}

/// The first picture of each label, in label order, or simply the first pictures if there are too few labels.
fn one_of_each(labels: Option<&[u8]>, count: usize) -> Vec<u32> {
    let mut first: BTreeMap<u8, u32> = BTreeMap::new();
    for (&label, index) in labels.unwrap_or_default().iter().zip(0..) {
        first.entry(label).or_insert(index);
    }
    if first.len() < DIGITS {
        return (0..count.min(DIGITS) as u32).collect();
    }
    first.into_values().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digit_of_each_label_is_shown() {
        let labels: Vec<u8> = (0..40).map(|place| 9 - (place / 2 % 10) as u8).collect();
        assert_eq!(
            one_of_each(Some(&labels), 40),
            [18, 16, 14, 12, 10, 8, 6, 4, 2, 0]
        );
        assert_eq!(one_of_each(Some(&[3, 3, 1]), 3), [0, 1, 2]);
        assert_eq!(one_of_each(None, 20).len(), 10);
    }

    #[test]
    fn codes_are_pictures_from_black_to_white() {
        let codes = Features::new(vec![-1.0, 0.0, 1.0, 3.0, 5.0, 5.0, 5.0, 5.0], 4, 2);
        let (pictures, shape) = code_pictures(&codes);
        assert_eq!(shape, [1, 2, 2]);
        assert_eq!(pictures[0], [0.0, 0.25, 0.5, 1.0]);
        assert_eq!(pictures[1], [0.0; 4]);
        let codes = Features::new(vec![-1.0, 0.0, 0.009, 0.02], 2, 2);
        assert_eq!(active_pictures(&codes).0, [[1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(
            code_pictures(&Features::new(vec![0.0; 7], 7, 1)).1,
            [1, 1, 7]
        );
    }
}
