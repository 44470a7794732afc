//! Masks: which pixels of a picture are odd, and how well error maps tell them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use data::PictureFiles;
use hourglass::analysis::error::AnalysisError;
use hourglass::analysis::normality::Map;
use hourglass::analysis::roc::ManyScores;
use hourglass::run::checkpoint::Meta;
use serde::Serialize;

use super::samples::{Source, Whole};

/// The byte from which a pixel of a mask is odd: half of white, because masks that are made smaller have soft edges.
const ODD: u8 = 128;

/// How well error maps tell odd pixels.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pixels {
    /// Area under the receiver operating characteristic over all pixels; `None` if all are of one kind.
    pub auroc: Option<f64>,
    /// Pixels that are normal.
    pub normal: u64,
    /// Pixels that are odd.
    pub odd: u64,
    /// Pictures without a mask, which are taken as normal.
    #[serde(rename = "pictures_without_mask")]
    pub without: usize,
}

/// A folder of masks, and what was compared with them.
pub struct Masks<'a> {
    folder: &'a Path,
    meta: &'a Meta,
    scores: ManyScores,
    with: usize,
    without: usize,
}

impl<'a> Masks<'a> {
    /// A folder of masks.
    ///
    /// # Errors
    /// If it is no folder.
    pub fn new(folder: &'a Path, meta: &'a Meta) -> Result<Self> {
        if !folder.is_dir() {
            bail!("--masks {}: no such folder", folder.display());
        }
        Ok(Self {
            folder,
            meta,
            scores: ManyScores::default(),
            with: 0,
            without: 0,
        })
    }

    /// Compares a picture's error map with its mask.
    ///
    /// # Errors
    /// A mask that cannot be read, or of another size than its picture.
    pub fn compare(&mut self, whole: &Whole, map: &Map, source: &Source) -> hourglass::Result<()> {
        let odd = match self.find(whole) {
            Some(file) => {
                self.with += 1;
                self.read(&file, map, source)?
            }
            None => {
                self.without += 1;
                vec![0; map.values.len()]
            }
        };
        for (value, mask) in map.values.iter().zip(odd) {
            self.scores.push(*value, mask >= ODD);
        }
        Ok(())
    }

    /// What was found.
    ///
    /// # Errors
    /// If no picture had a mask.
    pub fn finish(self) -> Result<Pixels> {
        if self.with == 0 {
            bail!(
                "--masks {}: found no mask of the {} pictures; they are called NAME or NAME_mask.png as the pictures are",
                self.folder.display(),
                self.without
            );
        }
        let [normal, odd] = self.scores.counts();
        Ok(Pixels {
            auroc: self.scores.auroc(),
            normal,
            odd,
            without: self.without,
        })
    }

    /// The file of a picture's mask.
    fn find(&self, whole: &Whole) -> Option<PathBuf> {
        let files = whole.masks.iter().flat_map(|name| {
            let stem = name.file_stem().unwrap_or_default().to_string_lossy();
            let beside = |end: &str| name.with_file_name(format!("{stem}{end}"));
            [name.clone(), beside("_mask.png"), beside(".png")]
        });
        // A name may lead out of the folder, so only its usual parts are taken.
        let plain = |path: &PathBuf| {
            let parts = path.components();
            parts
                .into_iter()
                .all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        files
            .filter(plain)
            .map(|it| self.folder.join(it))
            .find(|it| it.is_file())
    }

    /// A mask in the size of a map.
    fn read(&self, file: &Path, map: &Map, source: &Source) -> hourglass::Result<Vec<u8>> {
        let [height, width] = map.size;
        if self.meta.prepared().patch().is_none() {
            // As its picture was, in one channel.
            let mut how = self.meta.prepared();
            how.channels = 1;
            how.white = data::WHITE;
            let place = file.display().to_string();
            let (mask, _) = how.read(&place, PictureFiles::one(file.to_owned()), true)?;
            return Ok(mask.pixels().into_owned());
        }
        let [_, tall, wide] = data::picture_shape(file)?;
        let wanted = source.size().unwrap_or([height, width]);
        let covers = tall >= height && wide >= width;
        if source.size().is_some_and(|size| size != [tall, wide]) || !covers {
            return Err(AnalysisError::MaskSize {
                mask: file.display().to_string(),
                found: format!("{tall} x {wide}"),
                wanted: format!("{} x {}", wanted[0], wanted[1]),
            }
            .into());
        }
        let mask = data::read_picture(file, [1, tall, wide], data::WHITE)?;
        // The tiles of a test part leave out a rest at the right and at the bottom.
        let rows = mask.chunks_exact(wide.max(1)).take(height);
        Ok(rows
            .flat_map(|row| row.iter().take(width))
            .copied()
            .collect())
    }
}
