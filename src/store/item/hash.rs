//! The hash of keys, keyed by a seed that clients do not know, and which part of it serves what.
//!
//! ```text
//! bit 63     56      48   43      40   31                 0
//!     |  tag  |       |    | shard |    |      bucket      |
//!     |  fingerprint  |
//! ```

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::hash::{BuildHasher, Hasher};

/// Hashes keys.
#[derive(Clone)]
pub struct KeyHasher(SeedableRandomState);

impl std::fmt::Debug for KeyHasher {
    /// Does not tell the seed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHasher")
    }
}

impl KeyHasher {
    /// With a given seed (the same keys hash alike in every process), or one drawn from the operating system.
    pub fn new(seed: Option<u64>) -> KeyHasher {
        let state = match seed {
            Some(seed) => SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            None => SeedableRandomState::with_seed(random_seed(), SharedSeed::global_random()),
        };
        KeyHasher(state)
    }

    /// The hash of a key.
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let mut hasher = self.0.build_hasher();
        hasher.write(key);
        KeyHash(hasher.finish())
    }
}

/// Without the system's random source, foldhash's own seed, drawn from addresses and the clock, has to do.
fn random_seed() -> u64 {
    getrandom::u64().unwrap_or(0)
}

/// The 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHash(pub u64);

impl KeyHash {
    /// Bits for choosing a shard: at most 16 of them.
    pub fn shard(self, shards: usize) -> usize {
        (self.0 >> 40) as usize & (shards - 1)
    }

    /// Bits for choosing a bucket of the index.
    pub fn bucket_bits(self) -> u32 {
        self.0 as u32
    }

    /// Bits that tell the entries of a bucket apart.
    pub fn tag(self) -> u8 {
        (self.0 >> 56) as u8
    }

    /// What a ghost remembers; never 0.
    pub fn fingerprint(self) -> u16 {
        (self.0 >> 48) as u16 | 1
    }
}
