//! The colours of every chart, as RGB and as variables of a page's style.

/// Defines the colours once, for Rust and for CSS.
macro_rules! palette {
    ($($number:literal $hex:literal)*) => {
        /// Colours of series, in the order in which they are used: those of Okabe & Ito, "Color Universal Design"
        /// (2008), which colour-blind readers tell apart. Their yellow is left out because it is hardly seen on
        /// white, and black comes last because text is written in it.
        pub const PALETTE: [[u8; 3]; COLORS] = [$(rgb($hex)),*];

        /// Style of the charts of a page. It takes `--ink`, `--soft` and `--line` from the page's own style, so that
        /// charts are light or dark with it, and gives the series' colours as `--series-0` and as classes `s0` and so
        /// on. On a page the last one is the page's ink: black would not be seen on a dark one.
        pub const STYLE: &str = concat!(
            ":root {", $(" --series-", $number, ": ", $hex, ";",)* " }\n",
            $(".s", $number, " { stroke: var(--series-", $number, "); fill: var(--series-", $number, "); }\n",)*
            include_str!("style.css")
        );
    };
}

/// How many colours there are; further series have the same ones with other marks.
pub const COLORS: usize = 7;

palette! {
    0 "#0072b2" // blue
    1 "#d55e00" // vermilion
    2 "#009e73" // bluish green
    3 "#cc79a7" // reddish purple
    4 "#e69f00" // orange
    5 "#56b4e9" // sky blue
    6 "#000000" // black
}

/// Red, green and blue of `#rrggbb`. Anything else does not compile.
const fn rgb(hex: &str) -> [u8; 3] {
    const fn digit(letter: u8) -> u8 {
        match letter {
            b'0'..=b'9' => letter - b'0',
            b'a'..=b'f' => letter - b'a' + 10,
            _ => panic!("not a digit"),
        }
    }
    let [b'#', a, b, c, d, e, f] = *hex.as_bytes() else {
        panic!("not a colour")
    };
    [
        digit(a) * 16 + digit(b),
        digit(c) * 16 + digit(d),
        digit(e) * 16 + digit(f),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_and_rust_have_the_same_colours() {
        for (number, [red, green, blue]) in PALETTE.into_iter().enumerate() {
            let variable = format!("--series-{number}: #{red:02x}{green:02x}{blue:02x};");
            assert!(STYLE.contains(&variable), "{variable}");
            assert!(STYLE.contains(&format!(".s{number} {{")));
        }
    }

    /// What WCAG 2.2 calls relative luminance.
    fn luminance(color: [u8; 3]) -> f64 {
        let [red, green, blue] = color.map(|it| {
            let it = f64::from(it) / 255.0;
            if it <= 0.04045 {
                it / 12.92
            } else {
                ((it + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn all_colours_are_seen_on_white_and_on_the_dark_page() {
        for color in PALETTE.into_iter().filter(|it| *it != [0; 3]) {
            let (own, dark) = (
                luminance(color) + 0.05,
                luminance([0x14, 0x17, 0x1a]) + 0.05,
            );
            assert!(1.05 / own > 2.0 && own / dark > 3.0, "{color:?}");
        }
    }
}
