//! The hash of a key, keyed by a seed that clients do not know, and the use of its bits.
//!
//! ```text
//! bit 63     56      48   43      40   31                 0
//!     |  tag  |       |    | shard |    |      bucket      |
//!     |  fingerprint  |
//! ```

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::hash::{BuildHasher, Hasher};

/// The keyed hash function.
#[derive(Clone)]
pub struct KeyHasher(SeedableRandomState);

impl std::fmt::Debug for KeyHasher {
    /// Does not print the seed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHasher")
    }
}

impl KeyHasher {
    /// With the given seed, so that hashes are the same in every process, or with a seed from the operating system.
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

/// A seed from the operating system. Without its random source, only the seed of foldhash itself, drawn from addresses
/// and the clock, varies.
fn random_seed() -> u64 {
    getrandom::u64().unwrap_or(0)
}

/// The hash of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHash(pub u64);

impl KeyHash {
    /// The shard, of at most 16.
    pub fn shard(self, shards: usize) -> usize {
        (self.0 >> 40) as usize & (shards - 1)
    }

    /// The bits that select a bucket of the index.
    pub fn bucket_bits(self) -> u32 {
        self.0 as u32
    }

    /// The bits that distinguish the entries of a bucket.
    pub fn tag(self) -> u8 {
        (self.0 >> 56) as u8
    }

    /// The fingerprint that a ghost stores; never 0.
    pub fn fingerprint(self) -> u16 {
        (self.0 >> 48) as u16 | 1
    }
}
