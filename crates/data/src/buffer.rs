//! Buffer: the values of a set, one after the other, in memory or in a file that is mapped into it.

use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::AnyBitPattern;
use kernels::Map;

use crate::cache::Digest;

/// Values, one after the other. Two are the same if their values are, wherever they lie.
#[derive(Debug, Clone)]
pub(crate) enum Buffer<T> {
    /// In memory.
    Owned(Vec<T>),
    /// In a file.
    Mapped {
        /// The file.
        map: Arc<Map>,
        /// Which of its values.
        range: Range<usize>,
        /// SHA-256 of each item of them, if it is known.
        digests: Arc<[Digest]>,
    },
}

impl<T> Buffer<T> {
    /// SHA-256 of each item, if they come from the cache; otherwise empty.
    pub fn digests(&self) -> &[Digest] {
        match self {
            Buffer::Owned(_) => &[],
            Buffer::Mapped { digests, .. } => digests,
        }
    }

    /// Drops what is behind the first `count` values.
    pub fn truncate(&mut self, count: usize) {
        match self {
            Buffer::Owned(values) => values.truncate(count),
            Buffer::Mapped { range, .. } => {
                range.end = range.end.min(range.start.saturating_add(count));
            }
        }
    }
}

impl<T: AnyBitPattern> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Buffer::Owned(values) => values,
            Buffer::Mapped { map, range, .. } => {
                map.values().get(range.clone()).unwrap_or_default()
            }
        }
    }
}

impl<T: AnyBitPattern + PartialEq> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Buffer::Owned(values)
    }
}
