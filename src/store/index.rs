//! From key hash to handle, in many small tables.
//!
//! A table that is full is rebuilt at once, at the same size if removals had left marks in it, else at twice the
//! size. There are so many tables that one rebuild moves about a thousand entries, so no request waits long; and
//! eight tables that belong together (a group) get unequal shares of the keys, spread over one doubling, so that they
//! are not full at the same time and memory grows evenly.
//!
//! Beside each table lie the ghosts of its keys. Knows hashes and handles; whether two keys are equal its caller says.
//! Invariants: an entry lies in the table of its hash; `bytes` is what all tables and ghosts take.

use super::budget::allocated_bytes;
use super::ghost::Ghosts;
use super::handle::Handle;
use super::hash::KeyHash;
use hashbrown::HashTable;

/// Tables of a group.
const LANES: usize = 8;

/// The first lane hash (of 1024) of each lane but the first: shares grow by the eighth root of 2.
const LANE_STARTS: [usize; LANES - 1] = [93, 194, 304, 424, 555, 698, 854];

/// Lane by lane hash.
const LANE_OF: [u8; 1024] = {
    let mut lanes = [0; 1024];
    let mut at = 0;
    let mut lane = 0;
    while at < lanes.len() {
        if lane < LANE_STARTS.len() && at == LANE_STARTS[lane] {
            lane += 1;
        }
        lanes[at] = lane as u8;
        at += 1;
    }
    lanes
};

/// Smallest table, in buckets.
const BUCKETS_MIN: usize = 16;

/// Memory behind one group, in bytes: about 8 tables of 1000 small items.
const GROUP_MEMORY_BYTES: u64 = 512 << 10;

/// Most groups that a hash can tell apart.
const GROUPS_MAX: u64 = 1 << 16;

#[derive(Debug, Default)]
struct Table {
    entries: HashTable<Handle>,
    ghosts: Ghosts,
}

/// A table to be rebuilt before it can take another entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Growth {
    table: usize,
    buckets: usize,
    /// What the rebuilt table takes beyond the present one, in bytes.
    pub(super) bytes: u64,
}

/// All entries of a shard.
#[derive(Debug)]
pub(super) struct Index {
    tables: Box<[Table]>,
    bytes: u64,
    /// The next table that [`Index::shrinkable`] looks at.
    cursor: usize,
}

impl Index {
    /// Sized for a shard of about this much memory; larger ones work, with longer rebuilds.
    pub(super) fn new(shard_memory_bytes: u64) -> Index {
        let groups = (shard_memory_bytes / GROUP_MEMORY_BYTES).clamp(1, GROUPS_MAX).next_power_of_two();
        let tables = (0..groups as usize * LANES).map(|_| Table::default()).collect();
        Index { tables, bytes: 0, cursor: 0 }
    }

    /// An empty one of the same shape.
    pub(super) fn emptied(&self) -> Index {
        let tables = (0..self.tables.len()).map(|_| Table::default()).collect();
        Index { tables, bytes: 0, cursor: 0 }
    }

    /// Bytes that entries and ghosts take, to be charged.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn table_of(&self, hash: KeyHash) -> usize {
        hash.group(self.tables.len() / LANES) * LANES + usize::from(LANE_OF[hash.lane()])
    }

    /// The entry with this hash whose key `is_key` accepts.
    pub(super) fn find(&self, hash: KeyHash, mut is_key: impl FnMut(Handle) -> bool) -> Option<Handle> {
        self.tables[self.table_of(hash)].entries.find(hash.0, |handle| is_key(*handle)).copied()
    }

    /// What has to be done before one more entry with this hash can be inserted.
    pub(super) fn growth_for(&self, hash: KeyHash) -> Option<Growth> {
        let table = self.table_of(hash);
        let entries = &self.tables[table].entries;
        if entries.len() < entries.capacity() {
            return None;
        }
        let present = buckets_of(entries);
        // Removals leave marks that use up room; with few of them, rebuilding at this size would be due again soon.
        let crowded = entries.len() * 16 >= entries_max(present) * 15;
        let buckets = if crowded { (present * 2).max(BUCKETS_MIN) } else { present };
        Some(Growth { table, buckets, bytes: table_bytes(buckets) - table_bytes(present) })
    }

    /// A table (of the next `look_at`) with far more room than entries.
    pub(super) fn shrinkable(&mut self, look_at: usize) -> Option<Growth> {
        for _ in 0..look_at.min(self.tables.len()) {
            let table = self.cursor;
            self.cursor = (self.cursor + 1) % self.tables.len();
            let entries = &self.tables[table].entries;
            let present = buckets_of(entries);
            if present > BUCKETS_MIN && entries.len() * 5 < present {
                return Some(Growth { table, buckets: present / 2, bytes: 0 });
            }
        }
        None
    }

    /// Rebuilds a table; `hash_of` gives the hash of an entry's key. Returns the bytes that are no longer taken.
    pub(super) fn rebuild(&mut self, growth: Growth, hash_of: impl Fn(Handle) -> KeyHash) -> u64 {
        let table = &mut self.tables[growth.table];
        let before = table_bytes(buckets_of(&table.entries));
        let mut fresh = HashTable::with_capacity(entries_max(growth.buckets));
        for handle in &table.entries {
            fresh.insert_unique(hash_of(*handle).0, *handle, |handle| hash_of(*handle).0);
        }
        table.entries = fresh;
        table.ghosts.resize_for(growth.buckets);
        let after = table_bytes(growth.buckets);
        self.bytes = self.bytes + after - before;
        before.saturating_sub(after)
    }

    /// Adds an entry for which there is room.
    pub(super) fn insert(&mut self, hash: KeyHash, handle: Handle) {
        let table = self.table_of(hash);
        self.tables[table]
            .entries
            .insert_unique(hash.0, handle, |_| unreachable!("room was made before (growth_for)"));
    }

    /// Removes an entry; true if it was there.
    pub(super) fn remove(&mut self, hash: KeyHash, handle: Handle) -> bool {
        let table = self.table_of(hash);
        match self.tables[table].entries.find_entry(hash.0, |entry| *entry == handle) {
            Ok(entry) => {
                entry.remove();
                true
            }
            Err(_) => false,
        }
    }

    /// Points an entry elsewhere; true if it was there.
    pub(super) fn redirect(&mut self, hash: KeyHash, from: Handle, to: Handle) -> bool {
        let table = self.table_of(hash);
        let entry = self.tables[table].entries.find_mut(hash.0, |entry| *entry == from);
        entry.map(|entry| *entry = to).is_some()
    }

    /// Remembers an evicted item.
    pub(super) fn remember_ghost(&mut self, hash: KeyHash) {
        let table = self.table_of(hash);
        self.tables[table].ghosts.remember(hash);
    }

    /// Forgets an item evicted lately; true if it was known.
    pub(super) fn recall_ghost(&mut self, hash: KeyHash) -> bool {
        let table = self.table_of(hash);
        self.tables[table].ghosts.recall(hash)
    }

    /// Every entry.
    pub(super) fn handles(&self) -> impl Iterator<Item = Handle> {
        self.tables.iter().flat_map(|table| table.entries.iter().copied())
    }

    /// Asserts that entries lie where their hash says and that the bytes are right.
    pub(super) fn check_invariants(&self, hash_of: impl Fn(Handle) -> KeyHash) {
        let mut bytes = 0;
        for (at, table) in self.tables.iter().enumerate() {
            let buckets = buckets_of(&table.entries);
            bytes += table_bytes(buckets);
            assert!(
                buckets == 0 || table.ghosts.bytes() == Ghosts::bytes_for(buckets),
                "ghosts beside a table"
            );
            for handle in &table.entries {
                assert_eq!(self.table_of(hash_of(*handle)), at, "S1: an entry lies in the table of its hash");
            }
        }
        assert_eq!(bytes, self.bytes, "S5: index bytes");
    }
}

/// Entries that a table of so many buckets can hold.
const fn entries_max(buckets: usize) -> usize {
    buckets / 8 * 7
}

fn buckets_of(entries: &HashTable<Handle>) -> usize {
    if entries.allocation_size() == 0 { 0 } else { entries.num_buckets() }
}

/// What a table of so many buckets and its ghosts take: a handle and a tag each, and one group of tags more.
fn table_bytes(buckets: usize) -> u64 {
    const TAG_GROUP_BYTES: usize = 16;
    if buckets == 0 {
        return 0;
    }
    let entries = buckets * (size_of::<Handle>() + 1) + TAG_GROUP_BYTES;
    allocated_bytes(entries) + allocated_bytes(Ghosts::bytes_for(buckets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::handle::{ChunkAt, Place};

    fn handle(number: u32) -> Handle {
        ChunkAt { page: number / 1024, chunk: (number % 1024) as u16 }.into()
    }

    /// Spreads numbers as a hash would, and back from handles.
    fn hash(number: u32) -> KeyHash {
        KeyHash((u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn hash_of(of: Handle) -> KeyHash {
        match of.place() {
            Place::Chunk(at) => hash(at.page * 1024 + u32::from(at.chunk)),
            Place::Large(_) => panic!("no large values here"),
        }
    }

    fn insert(index: &mut Index, number: u32) {
        if let Some(growth) = index.growth_for(hash(number)) {
            index.rebuild(growth, hash_of);
        }
        assert!(index.growth_for(hash(number)).is_none());
        index.insert(hash(number), handle(number));
    }

    #[test]
    fn entries_are_found_while_tables_grow_and_shrink() {
        let mut index = Index::new(1 << 20);
        for number in 0..20_000 {
            insert(&mut index, number);
        }
        assert_eq!(index.handles().count(), 20_000);
        for number in 0..20_000 {
            assert_eq!(index.find(hash(number), |it| it == handle(number)), Some(handle(number)));
        }
        assert_eq!(index.find(hash(20_000), |it| it == handle(20_000)), None);
        let grown = index.bytes();
        for number in 100..20_000 {
            assert!(index.remove(hash(number), handle(number)));
        }
        assert!(!index.remove(hash(100), handle(100)));
        while let Some(growth) = index.shrinkable(1000) {
            index.rebuild(growth, hash_of);
        }
        assert!(index.bytes() < grown / 20);
        assert!((0..100).all(|number| index.find(hash(number), |it| it == handle(number)).is_some()));
        index.check_invariants(hash_of);
    }

    #[test]
    fn memory_per_entry_stays_even_while_the_number_of_entries_doubles() {
        let mut index = Index::new(64 << 20);
        let mut per_entry = Vec::new();
        for number in 0..400_000 {
            insert(&mut index, number);
            if number >= 100_000 && number % 10_000 == 0 {
                per_entry.push(index.bytes() as f64 / f64::from(number));
            }
        }
        let (least, most) = per_entry.iter().fold((f64::MAX, 0f64), |(a, b), x| (a.min(*x), b.max(*x)));
        assert!(most < 16.0 && most / least < 1.25, "{least:.1} to {most:.1} bytes");
    }

    #[test]
    fn coming_and_going_at_one_size_does_not_grow_a_table() {
        let mut index = Index::new(1 << 20);
        (0..10_000).for_each(|number| insert(&mut index, number));
        let settled = {
            for number in 10_000..60_000 {
                assert!(index.remove(hash(number - 10_000), handle(number - 10_000)));
                insert(&mut index, number);
            }
            index.bytes()
        };
        for number in 60_000..160_000 {
            assert!(index.remove(hash(number - 10_000), handle(number - 10_000)));
            insert(&mut index, number);
        }
        assert!(index.bytes() <= settled + settled / 8, "{} to {}", settled, index.bytes());
    }
}
