//! Ghosts: fingerprints of items evicted lately. A newcomer found among them skips probation.
//!
//! Four bytes each, in buckets of eight that are short queues (first in, first out), so that a lookup reads one cache
//! line. A stranger is taken for a ghost about once in 2^20 lookups, which costs nothing but a place in the main part.
//! Idea: the ghost queue of S3-FIFO (Yang et al., SOSP 2023).

use super::hash::KeyHash;

/// Fingerprints per bucket.
const BUCKET: usize = 8;
/// Fingerprints kept, in 64ths of the index buckets they belong to: about one per two items.
const SHARE_OF_64: usize = 24;

/// The ghosts that belong to one index table.
#[derive(Debug, Default)]
pub struct Ghosts(Box<[[u32; BUCKET]]>);

impl Ghosts {
    /// Bytes that ghosts beside an index table of so many buckets take.
    pub const fn bytes_for(index_buckets: usize) -> usize {
        buckets_for(index_buckets) * BUCKET * size_of::<u32>()
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.0.len() * BUCKET * size_of::<u32>()
    }

    /// Makes room for the ghosts of an index table of another size; those known stay known when it grows.
    pub fn resize_for(&mut self, index_buckets: usize) {
        let (buckets, old) = (buckets_for(index_buckets), &self.0);
        if buckets != old.len() {
            self.0 = (0..buckets)
                .map(|bucket| old.get(bucket * old.len() / buckets).copied().unwrap_or_default())
                .collect();
        }
    }

    /// Remembers an evicted item.
    pub fn remember(&mut self, hash: KeyHash) {
        if let Some(bucket) = self.bucket(hash) {
            bucket.copy_within(..BUCKET - 1, 1);
            bucket[0] = hash.fingerprint();
        }
    }

    /// Forgets an item; true if it was known.
    pub fn recall(&mut self, hash: KeyHash) -> bool {
        let fingerprint = hash.fingerprint();
        let Some(bucket) = self.bucket(hash) else { return false };
        let Some(at) = bucket.iter().position(|&ghost| ghost == fingerprint) else { return false };
        bucket.copy_within(at + 1.., at);
        bucket[BUCKET - 1] = 0;
        true
    }

    fn bucket(&mut self, hash: KeyHash) -> Option<&mut [u32; BUCKET]> {
        let at = hash.ghost_bucket(self.0.len());
        self.0.get_mut(at)
    }
}

const fn buckets_for(index_buckets: usize) -> usize {
    (index_buckets * SHARE_OF_64 / 64).div_ceil(BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> KeyHash {
        KeyHash(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[test]
    fn the_last_evicted_are_known_once_and_older_ones_are_forgotten() {
        let mut ghosts = Ghosts::default();
        assert!(!ghosts.recall(hash(1)), "without room nothing is known");
        ghosts.remember(hash(1));
        ghosts.resize_for(1024);
        assert_eq!(ghosts.bytes(), Ghosts::bytes_for(1024));
        (0..10_000).for_each(|number| ghosts.remember(hash(number)));
        let known = (0..10_000).filter(|&number| ghosts.recall(hash(number))).collect::<Vec<_>>();
        assert!(known.len() > 350 && known.len() <= 384, "{}", known.len());
        assert!(known.iter().all(|&number| number > 8_500), "only late ones");
        assert!(!known.iter().any(|&number| ghosts.recall(hash(number))), "each only once");
    }

    #[test]
    fn growing_keeps_what_is_known() {
        let mut ghosts = Ghosts::default();
        ghosts.resize_for(64);
        (0..12).for_each(|number| ghosts.remember(hash(number)));
        ghosts.resize_for(128);
        ghosts.resize_for(4096);
        assert!((0..12).all(|number| ghosts.recall(hash(number))));
    }
}
