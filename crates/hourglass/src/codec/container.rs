//! The compressed file: the codes, a digest of their model, and a checksum over the whole file.
//!
//! Numbers are little-endian. Magic `HGLS`; version, flags, bits of a level (a byte each); SHA-256 of the weights (32
//! bytes); CRC-32 of the statistics; CRC-32 of the decompressed pictures, from version 2; channels, height and width of a tile, number of pictures (4 bytes each); height and
//! width of all pictures if they have one size, else of each; names, if there are any (2 bytes of length each); the
//! stream (8 bytes of length); the model, if it is embedded: configuration, weights, statistics (8 bytes of length
//! each); CRC-32 of everything before it.

use data::ImageShape;

use super::Damaged;
use super::pictures::Pictures;
use super::tiles;

/// How a file begins.
pub(super) const MAGIC: &[u8; 4] = b"HGLS";

/// Version of the format. Files of a higher version are rejected.
const VERSION: u8 = 2;

/// Flags: optional parts of a file.
const NAMES: u8 = 1;
const SIZES: u8 = 2;
const MODEL: u8 = 4;

/// The longest side of a picture, for output as for input.
const LONGEST: usize = 1 << 15;

/// The most values of all pictures together, for output as for input.
const MOST_VALUES: u64 = 1 << 32;

/// The most pictures in a file.
const MOST_PICTURES: usize = 1 << 24;

/// Bytes of the checksum at the end.
const CHECKSUM: usize = 4;

/// A model embedded in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// The content of a checkpoint's `meta.json`.
    pub meta: Vec<u8>,
    /// A safetensors file.
    pub weights: Vec<u8>,
    /// The content of `codes.json`.
    pub statistics: Vec<u8>,
}

/// Heights and widths of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// This many pictures of one size. It takes no memory per picture, because a file may announce any number.
    Alike(usize, [usize; 2]),
    /// One size per picture.
    Each(Vec<[usize; 2]>),
}

impl Sizes {
    /// The sizes of pictures, in the smaller form.
    pub fn new(sizes: Vec<[usize; 2]>) -> Self {
        match sizes.first() {
            Some(&first) if sizes.iter().all(|&size| size == first) => {
                Self::Alike(sizes.len(), first)
            }
            _ => Self::Each(sizes),
        }
    }

    /// Number of pictures.
    pub fn count(&self) -> usize {
        match self {
            Self::Alike(count, _) => *count,
            Self::Each(sizes) => sizes.len(),
        }
    }

    /// The size of each picture.
    pub fn iter(&self) -> impl Iterator<Item = [usize; 2]> {
        self.written().iter().cycle().take(self.count()).copied()
    }

    /// Each size at least once, in no more time than the file is long.
    pub fn iter_written(&self) -> impl Iterator<Item = [usize; 2]> {
        self.written().iter().copied()
    }

    /// The sizes that are written into a file.
    fn written(&self) -> &[[usize; 2]] {
        match self {
            Self::Alike(_, size) => std::slice::from_ref(size),
            Self::Each(sizes) => sizes,
        }
    }

    /// Number of tiles of this height and width that cover all pictures.
    pub fn tiles(&self, tile: [usize; 2]) -> usize {
        let one = |size: &[usize; 2]| {
            let sides = tiles::grid(*size, tile);
            sides
                .iter()
                .fold(1, |all: usize, &side| all.saturating_mul(side))
        };
        let written = self.written().iter().map(one);
        let written = written.fold(0, usize::saturating_add);
        match self {
            Self::Alike(count, _) => written.saturating_mul(*count),
            Self::Each(_) => written,
        }
    }

    /// Number of pixels of all pictures.
    pub fn pixels(&self) -> u64 {
        self.values(1)
    }

    /// Number of values of all pictures.
    fn values(&self, channels: usize) -> u64 {
        let one = |size: &[usize; 2]| {
            size.iter().fold(channels as u64, |all, &side| {
                all.saturating_mul(side as u64)
            })
        };
        let written = self.written().iter().map(one).fold(0, u64::saturating_add);
        match self {
            Self::Alike(count, _) => written.saturating_mul(*count as u64),
            Self::Each(_) => written,
        }
    }
}

/// The contents of a compressed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Bits per level.
    pub bits: u32,
    /// SHA-256 of the weights that made the codes, as hexadecimal digits.
    pub model_sha256: String,
    /// CRC-32 of the statistics that define the levels and their probabilities.
    pub statistics_crc: u32,
    /// CRC-32 of the decompressed pictures, one after the other, each `[channels, height, width]`: another machine may
    /// round what the decoder computes differently. `None` in a file of version 1.
    pub pixels_crc: Option<u32>,
    /// Channels, height and width of a tile, which one code stands for.
    pub tile: ImageShape,
    /// Of each picture.
    pub sizes: Sizes,
    /// One name per picture, or no names.
    pub names: Option<Vec<String>>,
    /// The levels of all tiles of all pictures.
    pub stream: Vec<u8>,
    /// The model, if the file does not need the run.
    pub embedded: Option<Embedded>,
}

impl Container {
    /// A container for these pictures, without their codes.
    pub fn empty(bits: u32, model_sha256: &str, tile: ImageShape, pictures: &Pictures) -> Self {
        Self {
            bits,
            model_sha256: model_sha256.to_owned(),
            statistics_crc: 0,
            pixels_crc: None,
            tile,
            sizes: pictures.sizes(),
            names: pictures.names(),
            stream: Vec::new(),
            embedded: None,
        }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// If there are too many or too large pictures for a file, or the digest is not valid.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Damaged> {
        let small = |value: usize, what: &str| {
            u32::try_from(value)
                .map_err(|_| Damaged(format!("{value} {what} are too many for a file")))
        };
        let mut flags = 0;
        flags |= if self.names.is_some() { NAMES } else { 0 };
        flags |= match self.sizes {
            Sizes::Alike(..) => 0,
            Sizes::Each(_) => SIZES,
        };
        flags |= if self.embedded.is_some() { MODEL } else { 0 };
        let mut bytes = MAGIC.to_vec();
        let version = if self.pixels_crc.is_some() {
            VERSION
        } else {
            1
        };
        bytes.extend([version, flags, self.bits as u8]);
        let digest = data_encoding::HEXLOWER
            .decode(self.model_sha256.as_bytes())
            .ok();
        let digest = digest.filter(|digest| digest.len() == 32);
        bytes.extend(digest.ok_or_else(|| Damaged("the digest of its model is not valid".into()))?);
        bytes.extend(self.statistics_crc.to_le_bytes());
        bytes.extend(self.pixels_crc.iter().flat_map(|crc| crc.to_le_bytes()));
        for side in self.tile {
            bytes.extend(small(side, "values of a side")?.to_le_bytes());
        }
        let count = self.sizes.count();
        if count > MOST_PICTURES || self.sizes.values(self.tile[0]) > MOST_VALUES {
            return Err(Damaged(format!(
                "{count} pictures, or their values, are too many for a file"
            )));
        }
        bytes.extend(small(count, "pictures")?.to_le_bytes());
        for size in self.sizes.written() {
            for &side in size {
                bytes.extend(small(side, "values of a side")?.to_le_bytes());
            }
        }
        for name in self.names.iter().flatten() {
            let length = u16::try_from(name.len())
                .map_err(|_| Damaged(format!("{name}: this name is too long")))?;
            bytes.extend(length.to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        let embedded = self
            .embedded
            .iter()
            .flat_map(|it| [&it.meta, &it.weights, &it.statistics]);
        for part in std::iter::once(&self.stream).chain(embedded) {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// Of its `bytes` the number that are not the embedded model.
    pub fn length_without_model(&self, bytes: &[u8]) -> u64 {
        let parts = |it: &Embedded| it.meta.len() + it.weights.len() + it.statistics.len();
        let model = self.embedded.as_ref().map_or(0, parts);
        bytes.len().saturating_sub(model) as u64
    }

    /// Reads a file's bytes, which may be anything.
    ///
    /// # Errors
    /// If it is not a complete file of this format, with what was found.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let damaged = |text: String| Err(Damaged(text));
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return damaged("not a compressed file written by this program".into());
        }
        // Checked before the checksum, whose place another version may have changed.
        let version = match bytes.get(MAGIC.len()) {
            Some(&version @ 1..=VERSION) => version,
            Some(&version) if version > VERSION => {
                return damaged(format!(
                    "found format version {version}, but this program reads up to {VERSION}; update the program"
                ));
            }
            _ => return damaged("it has no format version".into()),
        };
        let Some((body, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else {
            return damaged(format!("truncated: found {} bytes", bytes.len()));
        };
        let (found, said) = (crc32fast::hash(body), u32::from_le_bytes(*checksum));
        if found != said {
            return damaged(format!(
                "damaged or truncated: found checksum {found:08x}, but the file says {said:08x}"
            ));
        }
        let mut rest = Reader(body.get(MAGIC.len() + 1..).unwrap_or_default());
        let [flags, bits] = rest.take()?;
        if !(1..=super::quantiser::MOST_BITS).contains(&u32::from(bits))
            || flags & !(NAMES | SIZES | MODEL) != 0
        {
            return damaged(format!(
                "found {bits} bits and flags {flags:#x}, which are not valid"
            ));
        }
        let digest: [u8; 32] = rest.take()?;
        let statistics_crc = u32::from_le_bytes(rest.take()?);
        let pixels_crc = match version {
            1 => None,
            _ => Some(u32::from_le_bytes(rest.take()?)),
        };
        let tile = [rest.number()?, rest.number()?, rest.number()?];
        let count = rest.number()?;
        let sides = |size: [usize; 2]| size.iter().all(|side| (1..=LONGEST).contains(side));
        if !matches!(tile.first(), Some(1 | 3))
            || !sides([tile[1], tile[2]])
            || !(1..=MOST_PICTURES).contains(&count)
        {
            return damaged(format!(
                "found {count} pictures in tiles of {tile:?}, which are not valid"
            ));
        }
        // No memory is allocated for announced numbers: every size and name that is kept was really in the file.
        let mut written = Vec::new();
        let announced = if flags & SIZES == 0 { 1 } else { count };
        for _ in 0..announced {
            let size = [rest.number()?, rest.number()?];
            if !sides(size) {
                return damaged(format!("found a picture of {}x{} pixels", size[0], size[1]));
            }
            written.push(size);
        }
        let sizes = match written.as_slice() {
            &[size] => Sizes::Alike(count, size),
            _ => Sizes::Each(written),
        };
        let values = sizes.values(tile[0]);
        if values > MOST_VALUES {
            return damaged(format!(
                "found {count} pictures of {values} values; allowed: at most {MOST_VALUES}"
            ));
        }
        let mut names = None;
        if flags & NAMES != 0 {
            let mut all = Vec::new();
            for _ in 0..count {
                let length = u16::from_le_bytes(rest.take()?);
                let name = std::str::from_utf8(rest.bytes(usize::from(length))?);
                all.push(
                    name.map_err(|_| Damaged("found a name that is not UTF-8 text".into()))?
                        .to_owned(),
                );
            }
            names = Some(all);
        }
        let stream = rest.part()?;
        let embedded = match flags & MODEL {
            0 => None,
            _ => Some(Embedded {
                meta: rest.part()?,
                weights: rest.part()?,
                statistics: rest.part()?,
            }),
        };
        if !rest.0.is_empty() {
            return damaged(format!("found {} bytes after its end", rest.0.len()));
        }
        Ok(Self {
            bits: bits.into(),
            model_sha256: data_encoding::HEXLOWER.encode(&digest),
            statistics_crc,
            pixels_crc,
            tile,
            sizes,
            names,
            stream,
            embedded,
        })
    }
}

/// The unread rest of a file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let Some((part, rest)) = self.0.split_at_checked(count) else {
            return Err(Damaged(format!(
                "found {} bytes instead of the announced {count}",
                self.0.len()
            )));
        };
        self.0 = rest;
        Ok(part)
    }

    fn take<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Damaged> {
        let bytes = self.bytes(COUNT)?;
        bytes.try_into().map_err(|_| Damaged("truncated".into()))
    }

    fn number(&mut self) -> Result<usize, Damaged> {
        Ok(u32::from_le_bytes(self.take()?) as usize)
    }

    fn part(&mut self) -> Result<Vec<u8>, Damaged> {
        let length = u64::from_le_bytes(self.take()?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(self.bytes(length)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn container(alike: bool, named: bool, embedded: bool) -> Container {
        Container {
            bits: 6,
            model_sha256: "0123456789abcdef".repeat(4),
            statistics_crc: 77,
            pixels_crc: named.then_some(88),
            tile: [3, 16, 20],
            sizes: Sizes::new(vec![[16, 20], if alike { [16, 20] } else { [7, 900] }]),
            names: named.then(|| vec!["a.png".into(), "ü.jpg".into()]),
            stream: (0..40).collect(),
            embedded: embedded.then(|| Embedded {
                meta: b"{}".to_vec(),
                weights: vec![9; 30],
                statistics: vec![1, 2],
            }),
        }
    }

    /// The bytes with the checksum that belongs to them.
    fn sealed(body: &[u8]) -> Vec<u8> {
        [body, &crc32fast::hash(body).to_le_bytes()].concat()
    }

    #[test]
    fn every_kind_of_file_comes_back() {
        for kind in 0..8 {
            let container = container(kind & 1 > 0, kind & 2 > 0, kind & 4 > 0);
            let bytes = container.to_bytes().unwrap();
            assert_eq!(Container::from_bytes(&bytes).unwrap(), container);
        }
    }

    #[test]
    fn pictures_of_one_size_without_names_cost_nothing_each() {
        let mut many = container(true, false, false);
        let few = many.to_bytes().unwrap().len();
        many.sizes = Sizes::new(vec![[16, 20]; 5000]);
        assert_eq!(many.to_bytes().unwrap().len(), few);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = container(false, true, true).to_bytes().unwrap();
        for place in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[place / 8] ^= 1 << (place % 8);
            assert!(Container::from_bytes(&flipped).is_err(), "bit {place}");
        }
        for length in 0..bytes.len() {
            assert!(
                Container::from_bytes(&bytes[..length]).is_err(),
                "{length} bytes"
            );
        }
        assert!(Container::from_bytes(&[bytes.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn faults_are_named() {
        let bytes = container(true, false, false).to_bytes().unwrap();
        let body = &bytes[..bytes.len() - CHECKSUM];
        let with = |place: usize, value: u8| {
            let mut body = body.to_vec();
            body[place] = value;
            Container::from_bytes(&sealed(&body)).unwrap_err().0
        };
        assert!(with(0, b'X').contains("not a compressed file"));
        assert!(with(4, 9).contains("version 9, but this program reads up to 2"));
        assert!(with(4, 0).contains("no format version"));
        assert!(with(6, 0).contains("0 bits"));
        // 2^16 times more pictures of the same size, and 2^24 times; the stream's length.
        assert!(with(57, 255).contains("values; allowed"));
        assert!(with(58, 255).contains("not valid"));
        assert!(with(70, 255).contains("announced"));
        let behind = [body, b"abc"].concat();
        assert!(
            Container::from_bytes(&sealed(&behind))
                .unwrap_err()
                .0
                .contains("3 bytes after")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), place in 5usize..90, value: u8) {
            let _ = Container::from_bytes(&bytes);
            let _ = Container::from_bytes(&sealed(&[b"HGLS\x02".as_slice(), &bytes].concat()));
            let mut body = container(false, true, true).to_bytes().unwrap();
            body.truncate(body.len() - CHECKSUM);
            if let Some(byte) = body.get_mut(place) {
                *byte = value;
            }
            let _ = Container::from_bytes(&sealed(&body));
        }
    }
}
