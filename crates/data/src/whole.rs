//! Whole pictures of any size, as contiguous values.

use crate::buffer::Buffer;
use crate::cache::Digest;
use crate::dataset::MAX_VALUES;
use crate::value::Value;
use crate::{DataError, View};

/// Pictures with the same number of channels, each `[channel, row, column]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Whole<T: Value> {
    channels: usize,
    pixels: Buffer<T>,
    places: Vec<Place>,
}

/// The position of a picture, and its height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    start: usize,
    size: [usize; 2],
}

impl<T: Value> Whole<T> {
    /// Memory for pictures of these heights and widths. `place` names the folder in errors.
    ///
    /// # Errors
    ///
    /// [`DataError::TooLarge`], before any memory is allocated.
    pub fn new(
        place: &str,
        channels: usize,
        sizes: impl Iterator<Item = [usize; 2]>,
    ) -> Result<Self, DataError> {
        let (places, values) = places(channels, sizes);
        Ok(Whole {
            channels,
            pixels: zeros(place, values.to_string(), values)?.into(),
            places,
        })
    }

    /// Pictures of these heights and widths.
    pub fn of(channels: usize, pixels: Buffer<T>, sizes: impl Iterator<Item = [usize; 2]>) -> Self {
        Whole {
            channels,
            pixels,
            places: places(channels, sizes).0,
        }
    }

    /// SHA-256 of each picture's pixels, if they come from the cache; otherwise empty.
    pub fn digests(&self) -> &[Digest] {
        self.pixels.digests()
    }

    /// Height and width of each picture.
    pub fn sizes(&self) -> impl Iterator<Item = [usize; 2]> {
        self.places.iter().map(|place| place.size)
    }

    /// A picture with its height and width; empty past the end.
    pub fn get(&self, index: usize) -> (&[T], [usize; 2]) {
        let Some(Place { start, size }) = self.places.get(index).copied() else {
            return (&[], [0, 0]);
        };
        let end = start + self.channels * size[0] * size[1];
        (self.pixels.get(start..end).unwrap_or_default(), size)
    }

    /// The memory of each picture, to be filled; none of pictures in a file.
    pub fn rooms(&mut self) -> Vec<Room<'_, T>> {
        let Buffer::Owned(pixels) = &mut self.pixels else {
            return Vec::new();
        };
        let mut rest = pixels.as_mut_slice();
        let mut rooms = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let size = place.size;
            let (pixels, after) = rest.split_at_mut(self.channels * size[0] * size[1]);
            rooms.push(Room { pixels, size });
            rest = after;
        }
        rooms
    }

    /// Drops the pictures whose `keep` is false, and closes the gaps in memory.
    pub fn retain(&mut self, keep: &[bool]) {
        let Buffer::Owned(pixels) = &mut self.pixels else {
            return;
        };
        let mut end = 0;
        for place in self.places.iter_mut().zip(keep).filter(|(_, keep)| **keep) {
            let (place, _) = place;
            let length = self.channels * place.size[0] * place.size[1];
            pixels.copy_within(place.start..place.start + length, end);
            place.start = end;
            end += length;
        }
        pixels.truncate(end);
        let mut keep = keep.iter();
        self.places.retain(|_| keep.next() == Some(&true));
    }

    /// All pixels, picture after picture.
    pub fn into_pixels(self) -> Buffer<T> {
        self.pixels
    }
}

/// Whole pictures of either kind of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pictures {
    /// Of bytes.
    Bytes(Whole<u8>),
    /// Of whole numbers of 16 bits.
    Deep(Whole<u16>),
}

impl Pictures {
    /// A picture with its height and width; empty past the end.
    pub fn get(&self, index: usize) -> (View<'_>, [usize; 2]) {
        match self {
            Pictures::Bytes(whole) => {
                let (pixels, size) = whole.get(index);
                (View::Bytes(pixels), size)
            }
            Pictures::Deep(whole) => {
                let (pixels, size) = whole.get(index);
                (View::Deep(pixels), size)
            }
        }
    }

    /// SHA-256 of each picture's pixels, if they come from the cache; otherwise empty.
    pub fn digests(&self) -> &[Digest] {
        match self {
            Pictures::Bytes(whole) => whole.digests(),
            Pictures::Deep(whole) => whole.digests(),
        }
    }
}

/// The places of pictures of these sizes, and the number of their values.
fn places(channels: usize, sizes: impl Iterator<Item = [usize; 2]>) -> (Vec<Place>, u64) {
    let mut values: u64 = 0;
    let mut places = Vec::new();
    for size in sizes {
        let start = usize::try_from(values).unwrap_or(usize::MAX);
        places.push(Place { start, size });
        // Sides are bounded, so neither the product nor the sum can overflow.
        values = values.saturating_add((channels * size[0] * size[1]) as u64);
    }
    (places, values)
}

/// The memory of one picture.
pub(crate) struct Room<'a, T> {
    pixels: &'a mut [T],
    size: [usize; 2],
}

impl<'a, T: Value> Room<'a, T> {
    /// Memory for a picture of this height and width.
    pub fn new(pixels: &'a mut [T], size: [usize; 2]) -> Self {
        Self { pixels, size }
    }

    /// Stores a picture of height and width `from`; a smaller one is extended to the right and downwards
    /// by reflection. Returns whether the number of pixels is right.
    pub fn put(&mut self, picture: &[T], from: [usize; 2]) -> bool {
        let [height, width] = from;
        let [rows, columns] = self.size;
        if height > rows || width > columns || height * width == 0 {
            return false;
        }
        let channels = self.pixels.len() / (rows * columns);
        if picture.len() != channels * height * width {
            return false;
        }
        for (line, out) in self.pixels.chunks_exact_mut(columns).enumerate() {
            let (channel, row) = (line / rows, line % rows);
            let start = (channel * height + reflected(row, height)) * width;
            let line = &picture[start..start + width];
            let (inside, beyond) = out.split_at_mut(width);
            inside.copy_from_slice(line);
            for (column, out) in (width..).zip(beyond) {
                *out = line[reflected(column, width)];
            }
        }
        true
    }
}

/// The index within a side that `at` refers to when the side is reflected at its ends as often as
/// needed. The last pixel is not repeated: 0 1 2 is followed by 1 0 1 2.
fn reflected(at: usize, side: usize) -> usize {
    let period = (2 * (side - 1)).max(1);
    let within = at % period;
    within.min(period - within) % side
}

/// Memory for this many values.
///
/// # Errors
///
/// [`DataError::TooLarge`] if they exceed the limit of this crate, or the available memory.
pub(crate) fn zeros<T: Value>(place: &str, dims: String, values: u64) -> Result<Vec<T>, DataError> {
    let too_large = || DataError::TooLarge {
        file: place.to_string(),
        dims: dims.clone(),
        limit: MAX_VALUES,
    };
    let length = usize::try_from(values).ok();
    let length = length
        .filter(|_| values <= MAX_VALUES)
        .ok_or_else(too_large)?;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(length).map_err(|_| too_large())?;
    pixels.resize(length, T::default());
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_are_continued_by_reflection() {
        let mut whole = Whole::<u8>::new("x", 1, [[3, 7], [2, 3], [1, 2]].into_iter()).unwrap();
        let mut rooms = whole.rooms();
        assert!(rooms[0].put(&[0, 1, 2, 3, 4, 5], [2, 3]));
        assert!(rooms[1].put(&[9], [1, 1]));
        assert!(rooms[2].put(&[7, 8], [1, 2]));
        for (pixels, size) in [(6, [2, 4]), (5, [2, 3]), (0, [0, 1]), (8, [4, 2])] {
            assert!(!rooms[0].put(&vec![0; pixels], size), "{pixels} {size:?}");
        }
        let above = [0, 1, 2, 1, 0, 1, 2];
        let below = [3, 4, 5, 4, 3, 4, 5];
        assert_eq!(whole.get(0), (&[above, below, above].concat()[..], [3, 7]));
        assert_eq!(whole.get(1), (&[9; 6][..], [2, 3]));
        whole.retain(&[false, true, true]);
        assert_eq!(whole.get(0), (&[9; 6][..], [2, 3]));
        assert_eq!(whole.get(1), (&[7, 8][..], [1, 2]));
        assert_eq!(whole.get(2), (&[][..], [0, 0]));
        assert_eq!(*whole.into_pixels(), [9, 9, 9, 9, 9, 9, 7, 8]);
    }

    #[test]
    fn more_than_there_may_be_is_refused() {
        let sizes = std::iter::repeat_n([1 << 15, 1 << 15], 9);
        let error = Whole::<u8>::new("here", 3, sizes).unwrap_err().to_string();
        assert_eq!(
            error,
            "here: 28991029248 values are too many; allowed: at most 4294967296"
        );
    }
}
