//! Checks whether a WebP file is complete. The decoder allocates the memory that a chunk announces
//! before it knows that the chunk exists, and accepts some missing chunks; for training data, both must
//! be errors.
//!
//! Source: RFC 9649, section 2.

/// A four-letter name and a length.
const HEADER: usize = 8;
/// `RIFF`, a length and `WEBP`.
const FILE_HEADER: usize = 12;

/// Whether the file has everything that its header announces, in consistent chunks. Data after the
/// announced end is ignored.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    // The announced length starts after the length field.
    let whole =
        length(bytes).and_then(|length| bytes.get(FILE_HEADER..length.checked_add(HEADER)?));
    let Some(mut rest) = whole else {
        return false;
    };
    while !rest.is_empty() {
        let Some(length) = length(rest) else {
            return false;
        };
        let after = length.checked_add(HEADER).and_then(|end| rest.get(end..));
        let Some(after) = after else {
            return false;
        };
        // A chunk of odd length is padded by a byte, but not every program pads the last one.
        rest = after.get(length % 2..).unwrap_or_default();
    }
    true
}

/// The length announced in the header of a file or chunk.
fn length(bytes: &[u8]) -> Option<usize> {
    let length: &[u8; 4] = bytes.get(4..HEADER)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[u8]) -> Vec<u8> {
        let length = (chunks.len() as u32 + 4).to_le_bytes();
        [b"RIFF".as_slice(), &length, b"WEBP", chunks].concat()
    }

    #[test]
    fn a_file_is_whole_until_its_end_is_cut() {
        let good = file(b"VP8L\x03\0\0\0abc\0EXIF\x02\0\0\0de");
        assert!(is_whole(&good));
        assert!(is_whole(&[good.as_slice(), b"more"].concat()));
        for end in 0..good.len() {
            assert!(!is_whole(&good[..end]), "{end}");
        }
    }

    #[test]
    fn a_chunk_that_leaves_the_file_is_none() {
        for chunk in [
            b"EXIF\xff\xff\xff\xff".as_slice(),
            b"EXIF\x03\0\0\0ab",
            b"EXI",
        ] {
            assert!(!is_whole(&file(chunk)), "{chunk:?}");
        }
        assert!(is_whole(&file(b"EXIF\x01\0\0\0a")));
    }
}
