//! A file mapped into memory: its pages are read when they are touched, and the system drops them when it needs the memory.

use std::fs::File;
use std::io;

use bytemuck::AnyBitPattern;
use memmap2::Mmap;

/// A file as memory that is only read.
#[derive(Debug)]
pub struct Map(Mmap);

impl Map {
    /// Maps a whole file, which nobody may change or shorten while this lives: a file of this program's own cache, that
    /// is written once and from then on only read or removed.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the callers' files are not changed once they are complete, as this function asks for: a cache that is
        // made anew gets new files, and those that are mapped stay as they are until the last map of them is gone.
        // Whoever changes them from outside can end this program, as with the file of the program itself.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(map))
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The file as values in this machine's byte order; none unless its length is a multiple of theirs.
    pub fn values<T: AnyBitPattern>(&self) -> &[T] {
        // A map begins at a page, which is aligned for all numbers.
        bytemuck::try_cast_slice(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_seen_as_bytes_and_as_numbers() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1_u16, 515].map(u16::to_ne_bytes).concat())
            .unwrap();
        let map = Map::of(&file).unwrap();
        assert_eq!(map.bytes().len(), 4);
        assert_eq!(map.values::<u16>(), [1, 515]);
        assert_eq!(map.values::<[u8; 3]>().len(), 0);
        let empty = tempfile::tempfile().unwrap();
        assert!(Map::of(&empty).unwrap().bytes().is_empty());
    }
}
