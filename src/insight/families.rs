//! Keys grouped by their shape: operations on each family, and what each family stores.
//!
//! [`FamiliesSketch::report`] joins two sources: samples of operations with decaying weights, and a [`Census`] of the
//! stored items. Both track their shapes with [`HeavyHitters`], by operations in the first and by bytes in the second.
//! So memory is bounded, and a flood of new shapes does not displace a shape that matters. All other shapes are one
//! family, [`OTHER`].
//!
//! A family that only one source knows is reported with what that source knows. Sums over all families equal the sums
//! over all keys. What was counted for a shape before it got its own slot remains in [`OTHER`].

use super::heavy_hitters::{HeavyHitters, SlotData};
use super::operation_sample::{OperationKind, OperationSample};
use super::report::Family;
use super::shape::write_shape;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Families reported at most, without [`OTHER`].
pub const FAMILIES_MAX: usize = 256;

/// The family of all keys with shapes that have no slot of their own.
pub const OTHER: &str = "(other)";

/// ShapeCounts with operation counts of their own.
const SLOTS_MAX: u16 = FAMILIES_MAX as u16;

/// ShapeCounts with item counts of their own.
const CENSUS_SLOTS_MAX: u16 = 2 * SLOTS_MAX;

/// Cells for all other shapes; 8 KiB.
const CELLS: usize = 1024;

/// Counts per shape, and the totals over all shapes.
#[derive(Debug)]
struct ShapeCounts<C> {
    hasher: RandomState,
    hitters: HeavyHitters<NamedCounts<C>>,
    totals: C,
    /// Buffer for the shape of the current key.
    shape: String,
}

/// The counts of a shape, and the name of its family.
#[derive(Default, Debug)]
struct NamedCounts<C> {
    name: &'static str,
    counts: C,
}

impl<C: SlotData> SlotData for NamedCounts<C> {
    fn scale(&mut self, factor: f64) {
        self.counts.scale(factor);
    }
}

impl<C: SlotData> ShapeCounts<C> {
    fn new(slots_max: u16) -> ShapeCounts<C> {
        ShapeCounts {
            hasher: RandomState::default(),
            hitters: HeavyHitters::new(slots_max, CELLS),
            totals: C::default(),
            shape: String::new(),
        }
    }

    /// Updates the counts of the key's shape and the totals; `weight` decides which shapes get a slot.
    fn record(&mut self, key: &[u8], weight: f64, count: impl Fn(&mut C)) {
        let name = write_shape(key, &mut self.shape);
        let shape = self.shape.as_bytes();
        if let Some(slot) = self.hitters.record(shape, self.hasher.hash_one(shape), weight) {
            slot.name = name;
            count(&mut slot.counts);
        }
        count(&mut self.totals);
    }

    fn memory_bytes(&self) -> u64 {
        self.hitters.memory_bytes() + self.shape.capacity() as u64
    }
}

/// Operations on keys.
#[derive(Clone, Copy, Default, Debug)]
struct Operations {
    reads: f64,
    hits: f64,
    writes: f64,
    evictions: f64,
}

impl SlotData for Operations {
    fn scale(&mut self, factor: f64) {
        for count in [&mut self.reads, &mut self.hits, &mut self.writes, &mut self.evictions] {
            *count *= factor;
        }
    }
}

/// StoredItems items.
#[derive(Clone, Copy, Default, Debug)]
struct StoredItems {
    items: f64,
    bytes: f64,
    /// Items with a known age, and the sum of their ages.
    aged_items: f64,
    age_secs: f64,
}

impl SlotData for StoredItems {
    fn scale(&mut self, factor: f64) {
        for count in [&mut self.items, &mut self.bytes, &mut self.aged_items, &mut self.age_secs] {
            *count *= factor;
        }
    }
}

/// StoredItems items by shape: recorded by a walk over a part of the items, then scaled to all items.
#[derive(Debug)]
pub struct Census {
    shapes: ShapeCounts<StoredItems>,
    factor: f64,
}

impl Default for Census {
    fn default() -> Census {
        Census { shapes: ShapeCounts::new(CENSUS_SLOTS_MAX), factor: 1.0 }
    }
}

impl Census {
    /// Memory of the census, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.shapes.memory_bytes()
    }

    /// Records an item: its key, the bytes of header, key and value, and the seconds since it was stored, if known.
    pub fn record(&mut self, key: &[u8], item_bytes: u64, age_secs: Option<u32>) {
        let bytes = item_bytes as f64;
        self.shapes.record(key, bytes, |stored| {
            stored.items += 1.0;
            stored.bytes += bytes;
            stored.aged_items += f64::from(u8::from(age_secs.is_some()));
            stored.age_secs += f64::from(age_secs.unwrap_or(0));
        });
    }

    /// Sets the scale: the walk visited `visited` of `of` items. Called once, after the walk.
    pub fn scale(&mut self, visited: u64, of: u64) {
        self.factor = of as f64 / visited.max(1) as f64;
    }
}

/// Reads, hits, stores and evictions by the shape of the key.
#[derive(Debug)]
pub struct FamiliesSketch {
    shapes: ShapeCounts<Operations>,
}

impl Default for FamiliesSketch {
    fn default() -> FamiliesSketch {
        FamiliesSketch { shapes: ShapeCounts::new(SLOTS_MAX) }
    }
}

impl FamiliesSketch {
    /// Records a sample.
    pub fn record(&mut self, sample: &OperationSample<'_>) {
        let weight = f64::from(sample.weight);
        let n = self.shapes.hitters.decay().counted(weight);
        match sample.kind {
            OperationKind::Hit => self.shapes.record(sample.key, weight, |counts| {
                counts.reads += n;
                counts.hits += n;
            }),
            OperationKind::Miss => self.shapes.record(sample.key, weight, |counts| counts.reads += n),
            OperationKind::Store => self.shapes.record(sample.key, weight, |counts| counts.writes += n),
            OperationKind::Eviction => self.shapes.record(sample.key, weight, |counts| counts.evictions += n),
            OperationKind::Delete | OperationKind::Expiry => {}
        }
    }

    /// Decays all counts by the seconds that have passed.
    pub fn age(&mut self, secs: u32) {
        if let Some(factor) = self.shapes.hitters.age(secs) {
            self.shapes.totals.scale(factor);
        }
    }

    /// The families with the most bytes first, at most [`FAMILIES_MAX`]; then [`OTHER`], unless it is empty.
    pub fn report(&self, census: &Census) -> Vec<Family> {
        let mut families = self.join_sources(census);
        let uses = |row: &FamilyCounts| row.operations.reads + row.operations.writes;
        families.sort_by(|(a_shape, a), (b_shape, b)| {
            let by_bytes = b.stored.bytes.total_cmp(&a.stored.bytes);
            by_bytes.then_with(|| uses(b).total_cmp(&uses(a))).then_with(|| a_shape.cmp(b_shape))
        });
        families.truncate(FAMILIES_MAX);
        let mut other =
            FamilyCounts { name: "", operations: self.shapes.totals, stored: census.shapes.totals };
        families.iter().for_each(|(_, row)| other.subtract(row));
        families.push((OTHER, other));
        let decay = self.shapes.hitters.decay();
        let report =
            |(shape, row): &(&str, FamilyCounts)| row.report(shape, decay.weight(1.0), census.factor);
        families.iter().map(report).filter(|family| !is_empty(family)).collect()
    }

    /// The counts of each shape from both sources.
    fn join_sources<'a>(&'a self, census: &'a Census) -> Vec<(&'a str, FamilyCounts)> {
        let mut rows: HashMap<&[u8], FamilyCounts> = HashMap::new();
        for hitter in self.shapes.hitters.hitters() {
            let row = rows.entry(hitter.key).or_default();
            (row.name, row.operations) = (hitter.data.name, hitter.data.counts);
        }
        for hitter in census.shapes.hitters.hitters() {
            let row = rows.entry(hitter.key).or_default();
            (row.name, row.stored) = (hitter.data.name, hitter.data.counts);
        }
        // Every shape was text when it was recorded.
        rows.into_iter().map(|(shape, row)| (std::str::from_utf8(shape).unwrap_or(OTHER), row)).collect()
    }

    /// Memory of the sketch, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.shapes.memory_bytes()
    }
}

/// The counts of a family.
#[derive(Default)]
struct FamilyCounts {
    name: &'static str,
    operations: Operations,
    stored: StoredItems,
}

impl FamilyCounts {
    fn subtract(&mut self, row: &FamilyCounts) {
        self.operations.reads -= row.operations.reads;
        self.operations.hits -= row.operations.hits;
        self.operations.writes -= row.operations.writes;
        self.operations.evictions -= row.operations.evictions;
        self.stored.items -= row.stored.items;
        self.stored.bytes -= row.stored.bytes;
        self.stored.aged_items -= row.stored.aged_items;
        self.stored.age_secs -= row.stored.age_secs;
    }

    fn report(&self, shape: &str, per_operation: f64, per_item: f64) -> Family {
        let FamilyCounts { name, stored, .. } = self;
        let operations = |counted: f64| (counted * per_operation).round() as u64;
        let of_all = |noted: f64| (noted * per_item).round() as u64;
        Family {
            shape: shape.into(),
            name,
            items: of_all(stored.items),
            bytes: of_all(stored.bytes),
            age_mean_secs: (stored.aged_items > 0.0)
                .then(|| (stored.age_secs / stored.aged_items).round() as u64),
            reads: operations(self.operations.reads),
            hits: operations(self.operations.hits),
            writes: operations(self.operations.writes),
            evictions: operations(self.operations.evictions),
        }
    }
}

fn is_empty(family: &Family) -> bool {
    family.items == 0 && family.reads == 0 && family.writes == 0 && family.evictions == 0
}

#[cfg(test)]
mod tests;
