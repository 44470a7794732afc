//! Pictures on a page: each is embedded as a PNG, shrunk if all pictures together would be too large.

use std::fmt::Write;
use std::io::Cursor;

use data_encoding::BASE64;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbImage};

use super::page::escape;
use hourglass::Result;
use hourglass::pictures::{PictureError, grid_picture};

/// The most bytes of all pictures of a page, uncompressed, because noise does not compress.
const BUDGET: f64 = 900_000.0;

/// One column of pictures: the input, the corrupted one if there is one, the reconstruction.
#[derive(Clone, Debug)]
pub struct Column {
    /// The pictures with their names and values, [channels, height, width] in [0, 1].
    pub pictures: Vec<(&'static str, Vec<f32>, [usize; 3])>,
    /// The caption below.
    pub caption: String,
}

/// Columns of pictures under a heading. `shown` is the number of pictures on the whole page.
///
/// # Errors
/// If a picture is not of its shape.
pub fn columns(heading: &str, columns: &[Column], shown: usize) -> Result<String> {
    // Writing to a string cannot fail.
    let mut html = format!("<h3>{}</h3><ul class=\"pictures\">", escape(heading));
    for column in columns {
        html += "<li>";
        for (what, picture, shape) in &column.pictures {
            let _ = write!(
                html,
                "<img alt=\"{}: {}\" title=\"{0}: {1}\" src=\"{}\">",
                escape(what),
                escape(&column.caption),
                address(picture, *shape, shown)?
            );
        }
        let _ = write!(html, "{}</li>", escape(&column.caption));
    }
    Ok(html + "</ul>")
}

/// A single picture, as wide as the page.
///
/// # Errors
/// If it is not of its shape.
pub fn large(what: &str, picture: &[f32], shape: [usize; 3]) -> Result<String> {
    Ok(format!(
        "<figure class=\"large\"><img alt=\"{0}\" src=\"{1}\"><figcaption>{0}</figcaption></figure>",
        escape(what),
        address(picture, shape, 1)?
    ))
}

/// A picture as a data URL.
fn address(picture: &[f32], shape: [usize; 3], shown: usize) -> Result<String> {
    let whole = grid_picture(&[vec![picture]], shape, 1, (0, 0))?;
    let most = (BUDGET / (shown.max(1) * 3) as f64).sqrt();
    let side = f64::from(whole.width().max(whole.height()));
    let small = match side > most {
        true => {
            let pixels = |length: u32| ((f64::from(length) * most / side) as u32).max(1);
            resize(
                &whole,
                pixels(whole.width()),
                pixels(whole.height()),
                FilterType::Triangle,
            )
        }
        false => whole,
    };
    let mut png = Cursor::new(Vec::new());
    let grey = shape.first() == Some(&1);
    let written = match grey {
        true => image::DynamicImage::from(small)
            .into_luma8()
            .write_to(&mut png, ImageFormat::Png),
        false => RgbImage::write_to(&small, &mut png, ImageFormat::Png),
    };
    written.map_err(PictureError::Encode)?;
    Ok(format!(
        "data:image/png;base64,{}",
        BASE64.encode(png.get_ref())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_pictures_of_noise_stay_within_the_budget() {
        let shape = [3, 200, 120];
        let noise: Vec<f32> = (0..3 * 200 * 120)
            .map(|i| (i as f32 * 12.9898).sin().abs())
            .collect();
        let address = address(&noise, shape, 90).unwrap();
        assert!(address.len() * 90 < 1_600_000, "{}", address.len() * 90);
        let png = BASE64
            .decode(address.split(',').nth(1).unwrap().as_bytes())
            .unwrap();
        let picture = image::load_from_memory(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (34, 57));
    }

    #[test]
    fn a_small_picture_is_kept_as_it_is() {
        let address = address(&[0.0, 1.0, 0.5, 0.2], [1, 2, 2], 30).unwrap();
        let png = BASE64
            .decode(address.split(',').nth(1).unwrap().as_bytes())
            .unwrap();
        let picture = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!(picture.as_raw(), &[0, 255, 128, 51]);
    }

    #[test]
    fn texts_are_escaped() {
        let column = Column {
            pictures: vec![("input", vec![0.5], [1, 1, 1])],
            caption: "<b>.png".into(),
        };
        let html = columns("\"best\"", &[column], 1).unwrap();
        assert!(
            !html.contains("<b>") && html.contains("&lt;b&gt;.png"),
            "{html}"
        );
    }
}
