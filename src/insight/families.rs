//! Keys grouped by their shape: what is done with each family, and what of it is stored.
//!
//! Two sources meet in [`FamiliesSketch::report`]: samples of operations, older ones weighing less, and a [`Census`]
//! of what is there now. Both keep the shapes of the greatest weight (operations here, bytes there) by
//! [`HeavyHitters`], so that memory is bounded and a flood of new shapes pushes out none that matters; all others are
//! one family, [`OTHER`]. A family that is seen in one source only is shown with what is known. Sums over all families
//! are those of all keys: what was seen of a shape before it got a place of its own stays in the sum of the others.

use super::heavy_hitters::{HeavyHitters, SlotData};
use super::report::{Family, OperationKind, OperationSample};
use super::shape::write_shape;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Families told at most, beside [`OTHER`].
pub const FAMILIES_MAX: usize = 256;

/// The family of all keys whose shape has no place of its own.
pub const OTHER: &str = "(other)";

/// Shapes whose operations are counted on their own.
const SLOTS_MAX: u16 = FAMILIES_MAX as u16;

/// Shapes whose items are counted on their own.
const CENSUS_SLOTS_MAX: u16 = 2 * SLOTS_MAX;

/// Cells for all other shapes; 8 KiB.
const CELLS: usize = 1024;

/// Shapes with what is kept for each, and for all.
#[derive(Debug)]
struct Shapes<C> {
    hasher: RandomState,
    hitters: HeavyHitters<Named<C>>,
    all: C,
    /// The shape of the key that is looked at.
    shape: String,
}

/// What is kept for a shape, and its name.
#[derive(Default, Debug)]
struct Named<C> {
    name: &'static str,
    counts: C,
}

impl<C: SlotData> SlotData for Named<C> {
    fn scale(&mut self, factor: f64) {
        self.counts.scale(factor);
    }
}

impl<C: SlotData> Shapes<C> {
    fn new(slots_max: u16) -> Shapes<C> {
        Shapes {
            hasher: RandomState::default(),
            hitters: HeavyHitters::new(slots_max, CELLS),
            all: C::default(),
            shape: String::new(),
        }
    }

    /// Counts for the shape of a key, which matters as much as `weight` says, and for all.
    fn record(&mut self, key: &[u8], weight: f64, count: impl Fn(&mut C)) {
        let name = write_shape(key, &mut self.shape);
        let shape = self.shape.as_bytes();
        if let Some(named) = self.hitters.record(shape, self.hasher.hash_one(shape), weight) {
            named.name = name;
            count(&mut named.counts);
        }
        count(&mut self.all);
    }

    fn memory_bytes(&self) -> u64 {
        self.hitters.memory_bytes() + self.shape.capacity() as u64
    }
}

/// What was done with keys, in operations.
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

/// What is stored.
#[derive(Clone, Copy, Default, Debug)]
struct Stored {
    items: f64,
    bytes: f64,
    /// Items whose age is known, and the sum of these ages.
    aged_items: f64,
    age_secs: f64,
}

impl SlotData for Stored {
    fn scale(&mut self, factor: f64) {
        for count in [&mut self.items, &mut self.bytes, &mut self.aged_items, &mut self.age_secs] {
            *count *= factor;
        }
    }
}

/// What is stored, by shape: gathered by a walk over a part of the items, then scaled to all of them.
#[derive(Debug)]
pub struct Census {
    shapes: Shapes<Stored>,
    factor: f64,
}

impl Default for Census {
    fn default() -> Census {
        Census { shapes: Shapes::new(CENSUS_SLOTS_MAX), factor: 1.0 }
    }
}

impl Census {
    /// Bytes of memory it takes.
    pub fn memory_bytes(&self) -> u64 {
        self.shapes.memory_bytes()
    }

    /// Counts an item: its key, the bytes of header, key and value, and the seconds since it was stored, where known.
    pub fn record(&mut self, key: &[u8], item_bytes: u64, age_secs: Option<u32>) {
        let bytes = item_bytes as f64;
        self.shapes.record(key, bytes, |stored| {
            stored.items += 1.0;
            stored.bytes += bytes;
            stored.aged_items += f64::from(u8::from(age_secs.is_some()));
            stored.age_secs += f64::from(age_secs.unwrap_or(0));
        });
    }

    /// Says that all that was noted is `visited` of `of` items; to be called once, after the walk.
    pub fn scale(&mut self, visited: u64, of: u64) {
        self.factor = of as f64 / visited.max(1) as f64;
    }
}

/// Reads, hits, stores and evictions by the shape of the key.
#[derive(Debug)]
pub struct FamiliesSketch {
    shapes: Shapes<Operations>,
}

impl Default for FamiliesSketch {
    fn default() -> FamiliesSketch {
        FamiliesSketch { shapes: Shapes::new(SLOTS_MAX) }
    }
}

impl FamiliesSketch {
    /// Takes in a sample.
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

    /// Lets what was seen weigh less, by so many seconds.
    pub fn age(&mut self, secs: u32) {
        if let Some(factor) = self.shapes.hitters.age(secs) {
            self.shapes.all.scale(factor);
        }
    }

    /// Keys by shape, those with the most bytes first, [`FAMILIES_MAX`] at most; then [`OTHER`], unless it is empty.
    pub fn report(&self, census: &Census) -> Vec<Family> {
        let mut families = self.joined(census);
        let uses = |row: &Row| row.operations.reads + row.operations.writes;
        families.sort_by(|(a_shape, a), (b_shape, b)| {
            let by_bytes = b.stored.bytes.total_cmp(&a.stored.bytes);
            by_bytes.then_with(|| uses(b).total_cmp(&uses(a))).then_with(|| a_shape.cmp(b_shape))
        });
        families.truncate(FAMILIES_MAX);
        let mut other = Row { name: "", operations: self.shapes.all, stored: census.shapes.all };
        families.iter().for_each(|(_, row)| other.subtract(row));
        families.push((OTHER, other));
        let decay = self.shapes.hitters.decay();
        let report = |(shape, row): &(&str, Row)| row.report(shape, decay.weight(1.0), census.factor);
        families.iter().map(report).filter(|family| !is_empty(family)).collect()
    }

    /// What is known of each shape from either source.
    fn joined<'a>(&'a self, census: &'a Census) -> Vec<(&'a str, Row)> {
        let mut rows: HashMap<&[u8], Row> = HashMap::new();
        for hitter in self.shapes.hitters.hitters() {
            let row = rows.entry(hitter.key).or_default();
            (row.name, row.operations) = (hitter.data.name, hitter.data.counts);
        }
        for hitter in census.shapes.hitters.hitters() {
            let row = rows.entry(hitter.key).or_default();
            (row.name, row.stored) = (hitter.data.name, hitter.data.counts);
        }
        // Every shape was text when it was noted.
        rows.into_iter().map(|(shape, row)| (std::str::from_utf8(shape).unwrap_or(OTHER), row)).collect()
    }

    /// Bytes of memory it takes.
    pub fn memory_bytes(&self) -> u64 {
        self.shapes.memory_bytes()
    }
}

/// What is known of a family.
#[derive(Default)]
struct Row {
    name: &'static str,
    operations: Operations,
    stored: Stored,
}

impl Row {
    fn subtract(&mut self, row: &Row) {
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
        let Row { name, stored, .. } = self;
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
