//! Sample pictures as PNG files: a row of inputs above a row of reconstructions, so that people can see
//! what figures do not show.

use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, RgbImage, codecs::png::PngEncoder};
use model::ImageShape;

use crate::error::{At, Result};
use crate::files;

pub mod heat;
pub mod names;
pub mod samples;
pub mod shown;
pub mod shrink;

/// A picture, `[channels, height, width]` with values in [0, 1].
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its values.
    pub values: &'a [f32],
    /// Channels, height and width.
    pub shape: ImageShape,
}

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// There is nothing to draw.
    #[error("a grid of no images")]
    Empty,
    /// The values are not as many as the shape says.
    #[error("an image has {found} values instead of {values} for {channels} x {height} x {width}")]
    Shape {
        /// Values given.
        found: usize,
        /// Values of the shape.
        values: usize,
        /// Of the shape.
        channels: usize,
        /// Of the shape.
        height: usize,
        /// Of the shape.
        width: usize,
    },
    /// Neither grey nor in colour.
    #[error(
        "a picture has {channels} channels; only 1 (grey) or 3 (red, green, blue) can be drawn"
    )]
    Channels {
        /// Channels given.
        channels: usize,
    },
    /// Larger than the file format allows.
    #[error("a picture of {width} x {height} pixels is too large for a PNG file")]
    Large {
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
    },
    /// The encoder failed.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] image::ImageError),
}

/// Images in a grid are enlarged by whole factors to about this many pixels per side, because smaller
/// ones are hard to see.
const SEEN_SIDE: usize = 84;

/// The grey between the images of a grid, distinct from both black and white.
const SEPARATOR: u8 = 128;

/// Channels that a picture of so many is drawn with: the first three as red, green and blue, or the first one as grey.
pub fn drawn_channels(channels: usize) -> usize {
    match channels {
        0..3 => 1,
        _ => 3,
    }
}

/// What is drawn of a picture: the planes of its first channels.
pub fn drawn<T>(picture: &[T], [channels, height, width]: ImageShape) -> &[T] {
    let end = drawn_channels(channels) * height * width;
    picture.get(..end).unwrap_or(picture)
}

/// Writes rows of images from top to bottom, with lines between neighbours; small images are
/// enlarged. Each image has the `shape` [channels, height, width], of which
/// [`drawn_channels`] are drawn, and values in [0, 1] (others are clipped). The file appears whole or not at
/// all.
///
/// # Errors
/// If there is no image, an image is not of `shape`, or the file cannot be written.
pub fn grid(rows: &[Vec<&[f32]>], shape: [usize; 3], path: &Path) -> Result<()> {
    let [_, height, width] = shape;
    let scale = (SEEN_SIDE / height.max(width).max(1)).max(1);
    let line = (1, SEPARATOR);
    let canvas = Canvas::grid(rows, shape, scale, line).at(|| path.display().to_string())?;
    canvas.save(path)
}

/// Writes one image, [channels, height, width], of which [`drawn_channels`] are drawn, in its own size. Values are in
/// [0, 1] (others are clipped). The file appears whole or not at all.
///
/// # Errors
/// If the image is not of `shape`, or the file cannot be written.
pub fn save_picture(image: &[f32], shape: [usize; 3], path: &Path) -> Result<()> {
    let mut canvas = Canvas::new(shape[0], shape[1], shape[2]);
    canvas
        .draw(image, shape, 0, 0, 1)
        .at(|| path.display().to_string())?;
    canvas.save(path)
}

/// Writes a picture from its bytes, row-major [height, width, channels] with 1 or 3 channels. The file
/// appears whole or not at all.
///
/// # Errors
/// If the bytes are not of `shape` = [channels, height, width], or the file cannot be written.
pub fn save_bytes(bytes: Vec<u8>, shape: [usize; 3], path: &Path) -> Result<()> {
    let [channels, height, width] = shape;
    checked(bytes.len(), shape).at(|| path.display().to_string())?;
    let canvas = Canvas {
        channels,
        height,
        width,
        bytes,
    };
    canvas.save(path)
}

/// Draws rows of images in memory, in colour, with each value as a square of side `scale`. `line` is
/// the width and brightness of the lines between neighbours.
///
/// # Errors
/// If there is no image, or an image is not of `shape`.
pub fn grid_picture(
    rows: &[Vec<&[f32]>],
    shape: [usize; 3],
    scale: usize,
    line: (usize, u8),
) -> Result<RgbImage, PictureError> {
    let canvas = Canvas::grid(rows, shape, scale, line)?;
    let (width, height) = canvas.size()?;
    let bytes = match canvas.color()? {
        ExtendedColorType::L8 => canvas.bytes.iter().flat_map(|&it| [it; 3]).collect(),
        _ => canvas.bytes,
    };
    let large = PictureError::Large {
        width: canvas.width,
        height: canvas.height,
    };
    RgbImage::from_raw(width, height, bytes).ok_or(large)
}

/// Refuses values that are not as many as a shape says.
fn checked(found: usize, [channels, height, width]: [usize; 3]) -> Result<(), PictureError> {
    let values = channels * height * width;
    if found == values {
        return Ok(());
    }
    Err(PictureError::Shape {
        found,
        values,
        channels,
        height,
        width,
    })
}

/// The bytes of a picture, row-major [height, width, channels] as for PNG.
struct Canvas {
    channels: usize,
    height: usize,
    width: usize,
    bytes: Vec<u8>,
}

impl Canvas {
    fn new(channels: usize, height: usize, width: usize) -> Self {
        let channels = drawn_channels(channels);
        let bytes = vec![SEPARATOR; channels * height * width];
        Self {
            channels,
            height,
            width,
            bytes,
        }
    }

    /// Rows of images from top to bottom, with lines of this width and brightness between neighbours.
    fn grid(
        rows: &[Vec<&[f32]>],
        shape: [usize; 3],
        scale: usize,
        (line, brightness): (usize, u8),
    ) -> Result<Self, PictureError> {
        let [channels, height, width] = shape;
        let columns = rows.iter().map(Vec::len).max();
        let columns = columns.filter(|it| *it > 0).ok_or(PictureError::Empty)?;
        let (cell_height, cell_width) = (height * scale + line, width * scale + line);
        let mut canvas = Canvas::new(
            channels,
            rows.len() * cell_height - line,
            columns * cell_width - line,
        );
        canvas.bytes.fill(brightness);
        for (row, images) in rows.iter().enumerate() {
            for (column, image) in images.iter().enumerate() {
                canvas.draw(image, shape, row * cell_height, column * cell_width, scale)?;
            }
        }
        Ok(canvas)
    }

    /// Draws an image with its first pixel at (`top`, `left`) and each value as a square of side
    /// `scale`.
    fn draw(
        &mut self,
        image: &[f32],
        [channels, height, width]: [usize; 3],
        top: usize,
        left: usize,
        scale: usize,
    ) -> Result<(), PictureError> {
        checked(image.len(), [channels, height, width])?;
        for y in 0..height * scale {
            for x in 0..width * scale {
                let to = ((top + y) * self.width + left + x) * self.channels;
                for channel in 0..self.channels {
                    let value = image[(channel * height + y / scale) * width + x / scale];
                    self.bytes[to + channel] = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
                }
            }
        }
        Ok(())
    }

    fn color(&self) -> Result<ExtendedColorType, PictureError> {
        match self.channels {
            1 => Ok(ExtendedColorType::L8),
            3 => Ok(ExtendedColorType::Rgb8),
            channels => Err(PictureError::Channels { channels }),
        }
    }

    /// Width and height as an encoder takes them.
    fn size(&self) -> Result<(u32, u32), PictureError> {
        let large = |_| PictureError::Large {
            width: self.width,
            height: self.height,
        };
        let width = u32::try_from(self.width).map_err(large)?;
        Ok((width, u32::try_from(self.height).map_err(large)?))
    }

    /// The bytes of a PNG file.
    fn png(&self) -> Result<Vec<u8>, PictureError> {
        let mut png = Vec::new();
        let (width, height) = self.size()?;
        PngEncoder::new(&mut png).write_image(&self.bytes, width, height, self.color()?)?;
        Ok(png)
    }

    fn save(&self, path: &Path) -> Result<()> {
        let png = self.png().at(|| path.display().to_string())?;
        Ok(files::write(path, &png)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        entries.map(|e| name(e).into_string().unwrap()).collect()
    }

    #[test]
    fn a_grid_enlarges_separates_and_clips() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        let (black, white) = ([-1.0; 784], [2.0; 784]);
        grid(
            &[vec![&black, &white], vec![&white, &black]],
            [1, 28, 28],
            &path,
        )
        .unwrap();
        let picture = image::open(&path).unwrap();
        assert_eq!(picture.color(), image::ColorType::L8);
        let picture = picture.into_luma8();
        // Twice 28 pixels three times as large, and a line between.
        assert_eq!(picture.dimensions(), (169, 169));
        let at = |x, y| picture.get_pixel(x, y).0[0];
        assert_eq!(
            [at(0, 0), at(83, 83), at(85, 0), at(168, 83)],
            [0, 0, 255, 255]
        );
        assert_eq!([at(0, 85), at(168, 168)], [255, 0]);
        assert_eq!(
            [at(84, 0), at(84, 168), at(0, 84), at(168, 84)],
            [SEPARATOR; 4]
        );
        assert_eq!(
            names(folder.path()),
            ["grid.png"],
            "nothing temporary is left"
        );
    }

    #[test]
    fn rows_may_differ_in_length_and_large_images_keep_their_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        let image = vec![1.0; 100 * 90];
        grid(&[vec![&image[..]; 3], vec![&image]], [1, 100, 90], &path).unwrap();
        let picture = image::open(&path).unwrap().into_luma8();
        assert_eq!(picture.dimensions(), (3 * 90 + 2, 2 * 100 + 1));
        assert_eq!(picture.get_pixel(200, 150).0[0], SEPARATOR);
    }

    #[test]
    fn a_colour_picture_has_its_channels_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        // Two pixels: (255, 51, 0) and (0, 102, 128).
        save_picture(&[1.0, 0.0, 0.2, 0.4, 0.0, 0.501], [3, 1, 2], &path).unwrap();
        let picture = image::open(&path).unwrap().into_rgb8();
        assert_eq!(picture.into_raw(), [255, 51, 0, 0, 102, 128]);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_in_one_line_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        let away = folder.path().join("nowhere/picture.png");
        let errors = [
            grid(&[], [1, 2, 2], &path),
            grid(&[vec![]], [1, 2, 2], &path),
            grid(&[vec![&[0.0; 3]]], [1, 2, 2], &path),
            save_picture(&[0.0; 5], [1, 2, 2], &path),
            save_picture(&[0.0; 4], [1, 2, 2], &away),
        ];
        for error in errors {
            let text = format!("{:#}", error.unwrap_err());
            assert!(
                text.contains("picture.png") && !text.contains('\n'),
                "{text}"
            );
        }
        assert!(names(folder.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        files::write(&ours, b"x").unwrap();
        std::fs::write(&plain, b"x").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
