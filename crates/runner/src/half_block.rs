//! Pictures in a terminal: each character is an upper half block in the colour of one pixel, on a
//! background in the colour of the pixel below it.

use std::fmt::Write;

use crate::terminal::Colours;
use hourglass::pictures::Picture;
use hourglass::pictures::shrink::shrunk;

/// The upper half block.
const HALF: char = '▀';

/// Resets to the terminal's default colours.
const PLAIN: &str = "\x1b[0m";

/// The largest width of a picture in a row of several; smaller pictures are not enlarged.
pub const SIDE: usize = 14;

/// Below this width a digit is hard to read, so only half as many pictures are drawn per row.
const READABLE: usize = 10;

/// Below this width nothing is readable.
const SMALLEST: usize = 4;

/// The levels of red, green and blue in the colour cube 16 to 231 of the 256 colours.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

type Rgb = [u8; 3];

/// Draws stacks of pictures side by side, in lines of at most `columns` characters without a final
/// line break. Large pictures are shrunk to at most `most` pixels per side. `None` if there is too
/// little room, or nothing to draw.
pub fn draw(
    stacks: &[Vec<Picture<'_>>],
    most: usize,
    columns: usize,
    colours: Colours,
) -> Option<String> {
    let (abreast, side) = layout(stacks.len(), most, columns)?;
    let bands: Vec<String> = stacks
        .chunks(abreast)
        .map(|band| draw_band(band, side, colours))
        .collect();
    Some(bands.join("\n\n"))
}

/// The number of stacks per row, and the width of each.
fn layout(stacks: usize, most: usize, columns: usize) -> Option<(usize, usize)> {
    let fit = |abreast: usize| {
        // Neighbours are separated by one column.
        let side = ((columns + 1) / abreast.max(1)).saturating_sub(1);
        (abreast, side.min(most))
    };
    if stacks == 0 {
        return None;
    }
    let all = fit(stacks);
    let best = if all.1 >= READABLE {
        all
    } else {
        fit(stacks.div_ceil(2))
    };
    (best.1 >= SMALLEST).then_some(best)
}

/// Draws stacks side by side: their first pictures, below them the second ones, and so on.
fn draw_band(stacks: &[Vec<Picture<'_>>], side: usize, colours: Colours) -> String {
    let stacks: Vec<Vec<Pixels>> = stacks
        .iter()
        .map(|stack| stack.iter().map(|it| Pixels::of(it, side)).collect())
        .collect();
    let widest = |stack: &Vec<Pixels>| stack.iter().map(|it| it.width).max().unwrap_or(0);
    let widths: Vec<usize> = stacks.iter().map(widest).collect();
    let rows = stacks.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = Vec::new();
    for row in 0..rows {
        let pictures = || stacks.iter().map(|stack| stack.get(row));
        let height = pictures().flatten().map(|it| it.height).max().unwrap_or(0);
        for top in (0..height).step_by(2) {
            let mut line = Line::new(colours);
            for (place, (picture, &width)) in pictures().zip(&widths).enumerate() {
                line.blank(usize::from(place > 0));
                for x in 0..width {
                    let at = |y| picture.and_then(|it| it.at(x, y));
                    match at(top) {
                        Some(upper) => line.push(upper, at(top + 1)),
                        None => line.blank(1),
                    }
                }
            }
            lines.push(line.finish());
        }
    }
    lines.join("\n")
}

/// A picture shrunk to its drawn size.
struct Pixels {
    width: usize,
    height: usize,
    /// Row-major.
    colours: Vec<Rgb>,
}

impl Pixels {
    fn of(picture: &Picture<'_>, side: usize) -> Self {
        let [channels, height, width] = picture.shape;
        let by = height.max(width).div_ceil(side.max(1)).max(1);
        let small = shrunk(picture.values, picture.shape, by);
        let (width, height) = (width.div_ceil(by), height.div_ceil(by));
        let planes: Vec<&[f32]> = small.chunks_exact((width * height).max(1)).collect();
        let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let value = |plane: usize, place: usize| {
            let plane = planes.get(plane);
            plane
                .and_then(|it| it.get(place))
                .copied()
                .unwrap_or_default()
        };
        let colour = |place: usize| match channels {
            // Only the first three channels: a fourth is usually opacity.
            3.. => [0, 1, 2].map(|plane| byte(value(plane, place))),
            _ => [byte(value(0, place)); 3],
        };
        Self {
            width,
            height,
            colours: (0..width * height).map(colour).collect(),
        }
    }

    fn at(&self, x: usize, y: usize) -> Option<Rgb> {
        let inside = x < self.width && y < self.height;
        inside
            .then(|| self.colours.get(y * self.width + x).copied())
            .flatten()
    }
}

/// A line of characters, with an escape sequence wherever the colours change.
struct Line {
    text: String,
    colours: Colours,
    /// Colours of the upper and the lower half; `None` for the terminal's default.
    now: Option<(Rgb, Option<Rgb>)>,
    /// Pending blanks, which are only written if something follows.
    blanks: usize,
}

impl Line {
    fn new(colours: Colours) -> Self {
        Self {
            text: String::new(),
            colours,
            now: None,
            blanks: 0,
        }
    }

    fn blank(&mut self, count: usize) {
        self.blanks += count;
    }

    fn push(&mut self, upper: Rgb, lower: Option<Rgb>) {
        if self.blanks > 0 {
            self.plain();
            self.text.extend(std::iter::repeat_n(' ', self.blanks));
            self.blanks = 0;
        }
        let mut codes = Vec::new();
        if self.now.map(|now| now.0) != Some(upper) {
            codes.push(code(38, upper, self.colours));
        }
        // The default background is already set.
        let before = self.now.and_then(|now| now.1);
        match lower {
            Some(lower) if before != Some(lower) => codes.push(code(48, lower, self.colours)),
            None if before.is_some() => codes.push("49".into()),
            _ => {}
        }
        if !codes.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "\x1b[{}m", codes.join(";"));
        }
        self.text.push(HALF);
        self.now = Some((upper, lower));
    }

    fn plain(&mut self) {
        if self.now.take().is_some() {
            self.text.push_str(PLAIN);
        }
    }

    fn finish(mut self) -> String {
        self.plain();
        self.text
    }
}

/// The codes that set the foreground (38) or background (48) colour.
fn code(what: u8, colour: Rgb, colours: Colours) -> String {
    match colours {
        Colours::All => {
            let [red, green, blue] = colour;
            format!("{what};2;{red};{green};{blue}")
        }
        Colours::Few => format!("{what};5;{}", nearest(colour)),
    }
}

/// The nearest of the 240 fixed colours: those of the cube, and the greys.
fn nearest(colour: Rgb) -> u8 {
    let distance = |other: Rgb| -> u32 {
        let channels = colour.iter().zip(other);
        channels.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let level = |value: u8| {
        let steps = LEVELS.iter().zip(0u8..);
        steps
            .min_by_key(|(level, _)| level.abs_diff(value))
            .map_or((0, 0), |(level, step)| (*level, step))
    };
    let [red, green, blue] = colour.map(level);
    let cube = (
        distance([red.0, green.0, blue.0]),
        16 + 36 * red.1 + 6 * green.1 + blue.1,
    );
    let greys = (0..24u8).map(|step| (distance([8 + 10 * step; 3]), 232 + step));
    greys
        .fold(cube, |best, grey| if grey.0 < best.0 { grey } else { best })
        .1
}

#[cfg(test)]
mod tests {
    use model::ImageShape;

    use super::*;

    fn stack<'a>(values: &'a [f32], shape: ImageShape) -> Vec<Picture<'a>> {
        vec![Picture { values, shape }]
    }

    #[test]
    fn two_pixels_make_a_character_and_colours_are_set_where_they_change() {
        let grey = [0.0, 1.0, 1.0, 0.2, 1.0, 1.0];
        let drawn = draw(&[stack(&grey, [1, 2, 3])], SIDE, 80, Colours::All).unwrap();
        assert_eq!(
            drawn,
            "\x1b[38;2;0;0;0;48;2;51;51;51m▀\x1b[38;2;255;255;255;48;2;255;255;255m▀▀\x1b[0m"
        );
        // Red above blue.
        let colour = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let drawn = draw(&[stack(&colour, [3, 2, 1])], SIDE, 80, Colours::Few).unwrap();
        assert_eq!(drawn, "\x1b[38;5;196;48;5;21m▀\x1b[0m");
    }

    #[test]
    fn an_odd_row_has_nothing_below_it() {
        let drawn = draw(
            &[stack(&[0.0, 1.0, 1.0], [1, 3, 1])],
            SIDE,
            80,
            Colours::Few,
        )
        .unwrap();
        assert_eq!(
            drawn,
            "\x1b[38;5;16;48;5;231m▀\x1b[0m\n\x1b[38;5;231m▀\x1b[0m"
        );
    }

    #[test]
    fn pictures_of_several_sizes_stand_beside_and_below_each_other() {
        let (small, large) = ([1.0], [0.0; 4]);
        let stacks = [
            vec![
                Picture {
                    values: &small,
                    shape: [1, 1, 1],
                },
                Picture {
                    values: &large,
                    shape: [1, 2, 2],
                },
            ],
            stack(&large, [1, 2, 2]),
        ];
        let drawn = draw(&stacks, SIDE, 80, Colours::Few).unwrap();
        let (white, black) = ("\x1b[38;5;231m▀\x1b[0m", "\x1b[38;5;16;48;5;16m▀▀\x1b[0m");
        assert_eq!(drawn, format!("{white}  {black}\n{black}"));
    }

    #[test]
    fn other_numbers_of_channels_are_drawn() {
        for (channels, expected) in [
            (1, "38;5;231"),
            (2, "38;5;231"),
            (3, "38;5;226"),
            (4, "38;5;226"),
        ] {
            let values = [1.0, 1.0, 0.0, 0.5];
            let drawn = draw(
                &[stack(&values[..channels], [channels, 1, 1])],
                SIDE,
                80,
                Colours::Few,
            );
            assert_eq!(
                drawn.unwrap(),
                format!("\x1b[{expected}m▀\x1b[0m"),
                "{channels}"
            );
        }
        // Not of its shape: black, and no panic.
        assert!(draw(&[stack(&[0.5], [3, 40, 40])], SIDE, 80, Colours::All).is_some());
    }

    #[test]
    fn ten_pictures_fit_into_any_terminal_or_are_left_out() {
        assert_eq!(layout(10, SIDE, 200), Some((10, 14)));
        assert_eq!(layout(10, SIDE, 149), Some((10, 14)));
        assert_eq!(layout(10, SIDE, 109), Some((10, 10)));
        assert_eq!(layout(10, SIDE, 108), Some((5, 14)));
        assert_eq!(layout(10, SIDE, 80), Some((5, 14)));
        assert_eq!(layout(10, SIDE, 40), Some((5, 7)));
        assert_eq!(layout(10, SIDE, 20), None);
        assert_eq!(layout(0, SIDE, 80), None);
        assert_eq!(layout(1, 100, 80), Some((1, 80)));
        let values = vec![0.5; 28 * 28];
        let stacks = vec![stack(&values, [1, 28, 28]); 10];
        for columns in 24..160 {
            let drawn = draw(&stacks, SIDE, columns, Colours::Few).unwrap();
            for line in drawn.lines() {
                let shown = line.split('\x1b').enumerate().map(|(part, text)| {
                    let text = if part > 0 {
                        text.split_once('m').unwrap().1
                    } else {
                        text
                    };
                    text.chars().count()
                });
                assert!(shown.sum::<usize>() <= columns, "{columns}");
            }
        }
    }

    #[test]
    fn large_pictures_are_means_of_their_pixels() {
        let values: Vec<f32> = (0..28 * 28).map(|place| (place % 2) as f32).collect();
        let drawn = draw(&[stack(&values, [1, 28, 28])], SIDE, 80, Colours::All).unwrap();
        let line = format!(
            "\x1b[38;2;128;128;128;48;2;128;128;128m{}\x1b[0m",
            "▀".repeat(14)
        );
        assert_eq!(drawn, vec![line; 7].join("\n"));
    }

    #[test]
    fn the_nearest_of_the_256_colours_is_found() {
        let known = [
            ([0, 0, 0], 16),
            ([255, 255, 255], 231),
            ([128, 128, 128], 244),
            ([95, 135, 175], 67),
            ([250, 10, 10], 196),
            ([9, 8, 8], 232),
        ];
        for (colour, expected) in known {
            assert_eq!(nearest(colour), expected, "{colour:?}");
        }
    }
}
