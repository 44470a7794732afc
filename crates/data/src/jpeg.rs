//! Checks whether a JPEG file is complete. The decoder silently fills the missing part of a truncated
//! file with grey; for training data, that must be an error.
//!
//! Source: ITU-T T.81, annex B.

/// Starts a marker; the next byte says which one.
const MARKER: u8 = 0xff;
/// After [`MARKER`] within coded data, this means a data byte of 0xff.
const STUFFING: u8 = 0x00;
const RESTART_FIRST: u8 = 0xd0;
const RESTART_LAST: u8 = 0xd7;
const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;

/// Whether the segments of a file lead to the end of its image. Segments are skipped by their length,
/// so that the end of an embedded thumbnail does not count. Data after the end, which some cameras add,
/// is ignored.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((marker, after)) = next_marker(rest) {
        rest = match marker {
            END_OF_IMAGE => return true,
            START_OF_IMAGE => after,
            _ => skip_segment(after),
        };
    }
    false
}

/// The next marker after coded data, and the bytes after it.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let place = bytes.windows(2).position(|pair| {
        let [first, second] = [pair[0], pair[1]];
        first == MARKER && !matches!(second, STUFFING | MARKER | RESTART_FIRST..=RESTART_LAST)
    })?;
    let (&marker, after) = bytes.get(place + 1..)?.split_first()?;
    Some((marker, after))
}

/// The bytes after a segment, which begins with its length (including these two bytes).
fn skip_segment(bytes: &[u8]) -> &[u8] {
    let length = bytes
        .first_chunk()
        .map_or(0, |&length| u16::from_be_bytes(length));
    bytes.get(usize::from(length)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_whole_until_its_end_is_cut() {
        let photo = include_bytes!("../assets/photos/rocket.jpg");
        assert!(is_whole(photo));
        assert!(is_whole(&[photo, &[1, 2, 3][..]].concat()));
        for end in [0, 1, 2, 3, 100, photo.len() / 2, photo.len() - 1] {
            assert!(!is_whole(&photo[..end]), "{end}");
        }
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end() {
        let head = [0xff, 0xd8, 0xff, 0xe1, 0, 4, 0xff, 0xd9];
        assert!(!is_whole(&head));
        // Coded data with a stuffed 0xff, a restart and a fill byte before the end.
        let scan = [
            0xff, 0xda, 0, 2, 9, 0xff, 0, 0xff, 0xd3, 7, 0xff, 0xff, 0xd9,
        ];
        assert!(is_whole(&[&head[..], &scan].concat()));
    }
}
