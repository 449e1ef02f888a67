//! The keys most used: by reads, by stores, by bytes read.

use super::figures::{HotKeys, Seen};

/// The keys most used.
#[derive(Default, Debug)]
pub struct HotKeysSketch {}

impl HotKeysSketch {
    /// Takes in a sample.
    pub fn note(&mut self, _seen: &Seen<'_>) {}

    /// Lets what was seen weigh less, by so many seconds.
    pub fn age(&mut self, _secs: u32) {}

    /// The keys most used.
    pub fn figures(&self) -> HotKeys {
        HotKeys::default()
    }

    /// Bytes of memory it takes.
    pub fn own_bytes(&self) -> u64 {
        0
    }
}
