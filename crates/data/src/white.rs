//! White: which value of files with 16 bits becomes the largest one of images.

use rayon::prelude::*;

use crate::Warning;
use crate::load::Loader;
use crate::picture::{File, Header};
use crate::preparation::WHITE;

/// The largest values of 8, 10, 12 and 14 bits, which cameras and scanners store in files with 16.
const FEWER_BITS: [u16; 4] = [255, 1023, 4095, 16383];

/// How many times darker than white pictures may be before it is told.
const DARK: u16 = 8;

impl Loader<'_> {
    /// The largest value of each file with 16 bits.
    pub fn peaks<'f>(&self, files: impl Iterator<Item = &'f (File, Header)>) -> Vec<u16> {
        let deep: Vec<&File> = files
            .filter(|(_, header)| header.deep)
            .map(|it| &it.0)
            .collect();
        // Those that cannot be decoded are told of when they are read.
        deep.par_iter()
            .filter_map(|file| file.peak().ok())
            .collect()
    }

    /// The same loader, which takes for white what files with these largest values use, unless the options say what is
    /// white.
    pub fn with_white(&self, peaks: &[u16]) -> Self {
        let largest = peaks.iter().copied().max().filter(|&largest| largest > 0);
        let fewer = |largest| FEWER_BITS.into_iter().find(|&most| largest <= most);
        let found = largest.and_then(fewer).unwrap_or(WHITE);
        let mut same = self.clone();
        same.white = self.options.white.unwrap_or(found);
        same
    }

    /// The warning about what is white in files with these largest values.
    pub fn about_white(&self, peaks: &[u16]) -> Option<Warning> {
        let largest = peaks.iter().copied().max().filter(|&largest| largest > 0)?;
        let count = peaks.len();
        if self.options.white.is_none() {
            let white = self.white;
            return (white != WHITE).then_some(Warning::FewerBits {
                count,
                largest,
                white,
            });
        }
        let white = self.white;
        if largest > white {
            let count = peaks.iter().filter(|&&peak| peak > white).count();
            return Some(Warning::Clipped {
                count,
                largest,
                white,
            });
        }
        (largest <= white / DARK).then_some(Warning::Dark {
            count,
            largest,
            white,
        })
    }
}
