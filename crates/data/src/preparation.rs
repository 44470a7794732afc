//! How pictures become the images of a model: one description, which belongs to the run.

use serde::{Deserialize, Serialize};

use crate::folder::PictureFiles;
use crate::images::PictureOptions;
use crate::{DataError, ImageShape, Images, Warning, load};

/// The value of a file with 16 bits that is white, unless the pictures are known to use fewer bits.
pub const WHITE: u16 = u16::MAX;

/// How every picture becomes images of a model: what the run's training did, and therefore what all later
/// commands do. Values are divided by white, so that an image's are in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// What is done to a picture of another size.
    pub rule: Rule,
    /// Height and width of an image.
    pub size: [usize; 2],
    /// What is done to a picture of another aspect ratio; without meaning for patches.
    pub aspect: Aspect,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// The value of files with 16 bits that becomes 1; larger ones do too. In files with 8 bits that is 255.
    pub white: u16,
    /// How videos are cut into clips, if these are videos; the size is then that of a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clips: Option<Cut>,
}

/// How videos are cut into clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Frames of a clip.
    pub frames: usize,
    /// Frames from the start of one clip to that of the next.
    pub stride: usize,
}

/// What is done to a picture of another size than a model's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The training's pictures had this size; others are resized.
    AsIs,
    /// All are resized.
    Resized,
    /// All are cut into squares.
    Patches,
}

/// What is done to a picture of another aspect ratio before it is resized.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Nothing: its shapes are squeezed.
    #[default]
    Stretch,
    /// Its longer side is cut at both ends.
    Crop,
}

impl Preparation {
    /// For images of this shape which are as they come, with what is done to a picture of another aspect ratio.
    pub fn as_is([channels, height, width]: ImageShape, aspect: Aspect) -> Self {
        Self {
            rule: Rule::AsIs,
            size: [height, width],
            aspect,
            channels,
            white: WHITE,
            clips: None,
        }
    }

    /// Channels, height and width of an image; a clip has its frames from top to bottom.
    pub fn shape(&self) -> ImageShape {
        let [height, width] = self.size;
        [self.channels, self.frames().saturating_mul(height), width]
    }

    /// Frames of an image: those of a clip, or 1.
    pub fn frames(&self) -> usize {
        self.clips.map_or(1, |cut| cut.frames)
    }

    /// Side of the patches, if pictures are cut into some.
    pub fn patch(&self) -> Option<usize> {
        let [side, _] = self.size;
        (self.rule == Rule::Patches).then_some(side)
    }

    /// The same in words, without the channels.
    pub fn words(&self) -> String {
        let [height, width] = self.size;
        let mut words = match (self.rule, self.aspect) {
            (Rule::Patches, _) => format!("cut into patches of {height}x{width}"),
            (Rule::AsIs, aspect) => {
                let how = how(aspect);
                format!("{height}x{width} as they are; others {how} that shape and resized")
            }
            (Rule::Resized, aspect) => {
                format!("{} the shape of {height}x{width} and resized", how(aspect))
            }
        };
        if let Some(Cut { frames, stride }) = self.clips {
            words = format!("clips of {frames} frames, one every {stride}; frames {words}");
        }
        if self.white != WHITE {
            words += &format!("; 16-bit files: {} is white", self.white);
        }
        words
    }

    /// What [`load`](crate::Source::load) needs to know of it.
    fn options(&self, strict: bool) -> PictureOptions {
        PictureOptions {
            size: (self.rule != Rule::Patches).then_some(self.size),
            patch: self.patch(),
            aspect: self.aspect,
            channels: Some(self.channels),
            white: Some(self.white),
            strict,
            ..PictureOptions::default()
        }
    }

    /// Reads pictures as the images of a model, each named by its file, or patches by file and place.
    /// `place` names them all in errors.
    ///
    /// # Errors
    ///
    /// [`DataError::NoneReadable`] if none can be read, [`DataError::TooLarge`] if they are too many,
    /// and the first unreadable one's error if `strict`; otherwise it is left out with a warning.
    pub fn read(
        &self,
        place: &str,
        files: PictureFiles,
        strict: bool,
    ) -> Result<(Images, Vec<Warning>), DataError> {
        load::prepared(place, files.0, &self.options(strict))
    }
}

/// An aspect rule in words.
fn how(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Stretch => "stretched to",
        Aspect::Crop => "cropped to",
    }
}
