//! The invariants of a shard, asserted by number.

use super::Shard;
use crate::store::item::Place;

impl Shard {
    /// Asserts the invariants S1 to S6 of this shard.
    pub(in crate::store) fn check_invariants(&self) {
        self.slab.check_invariants();
        self.large.check_invariants();
        let mut entries = 0;
        for handle in self.index.handles() {
            entries += 1;
            if let Place::Chunk(at) = handle.place() {
                let occupied = self.slab.page(at.page).item(at.chunk).is_some();
                assert!(occupied, "S1: an entry refers to a live item");
            }
        }
        let hash_of = |handle| self.rules.hasher.hash(self.key_of(handle));
        self.index.check_invariants(hash_of);
        for handle in self.index.handles() {
            let key = self.key_of(handle);
            let found = self.index.candidates(hash_of(handle)).find(|other| self.key_of(*other) == key);
            assert_eq!(found, Some(handle), "S1: a key has one entry");
            self.rules.cas.check(self.cas_of(handle));
        }
        let live: usize = self.slab.classes().iter().map(|class| class.live).sum();
        assert_eq!(entries, live + self.large.len(), "S1: as many entries as items");
        self.pool.check();
        assert!(self.charged_bytes() <= self.pool.charged_bytes(), "S3: memory of the shard is charged");
    }
}
