//! Keys grouped by their shape.

use super::figures::{Family, Seen};

/// What is stored, by shape: gathered by a walk over a part of the items, then scaled to all of them.
#[derive(Default, Debug)]
pub struct Census {}

impl Census {
    pub fn own_bytes(&self) -> u64 {
        0
    }

    /// Counts an item: its key, the bytes of header, key and value, and the seconds since it was stored, where known.
    pub fn note(&mut self, _key: &[u8], _item_bytes: u64, _age_secs: Option<u32>) {}

    /// Says that what was noted stands for `of` items where `looked_at` were looked at.
    pub fn scale(&mut self, _looked_at: u64, _of: u64) {}
}

/// Reads, hits, stores and evictions by the shape of the key.
#[derive(Default, Debug)]
pub struct FamiliesSketch {}

impl FamiliesSketch {
    /// Takes in a sample.
    pub fn note(&mut self, _seen: &Seen<'_>) {}

    /// Lets what was seen weigh less, by so many seconds.
    pub fn age(&mut self, _secs: u32) {}

    /// Keys by shape, those with the most bytes first.
    pub fn figures(&self, _census: &Census) -> Vec<Family> {
        Vec::new()
    }

    /// Bytes of memory it takes.
    pub fn own_bytes(&self) -> u64 {
        0
    }
}
