//! The keys with the greatest weight in a stream, in bounded memory, each with an error bound.
//!
//! The algorithm is Filtered Space-Saving (Homem and Carvalho, 2010), with weights that decay. A fixed number of keys
//! have a slot with a count; all other keys share cells, selected by their hash. A key takes the slot with the smallest
//! count once its cell shows that it may weigh more. The cells prevent a stream of new keys from taking slots. They
//! also bound the error of a late key by its cell, where Space-Saving proper (Metwally, Agrawal and El Abbadi, 2005)
//! uses the smallest slot.
//!
//! Invariants (`check_invariants` asserts H1 and H2, the tests compare H3 and H4 with exact counts):
//! - H1 a key has at most one slot, which the table finds by its hash;
//! - H2 the heap contains every slot once, no slot below one with a smaller count;
//! - H3 the count of a slot is at least the weight of its key, and at most `error` more;
//! - H4 the cell of a key without a slot counts at least the weight of the key.

use super::forward_decay::ForwardDecay;
use hashbrown::HashTable;

/// Data of a key that has a slot.
pub(super) trait SlotData: Default {
    /// Multiplies every count by a factor.
    fn scale(&mut self, factor: f64);
}

impl SlotData for () {
    fn scale(&mut self, _factor: f64) {}
}

/// A key with a count of its own.
#[derive(Debug)]
struct Slot<B> {
    key: Box<[u8]>,
    hash: u64,
    /// At least the weight of the key.
    count: f64,
    /// Upper bound of the error of `count`.
    error: f64,
    /// Position of the slot in the heap.
    heap_index: u16,
    data: B,
}

/// A key with a great weight.
pub(super) struct Hitter<'a, B> {
    /// The key.
    pub key: &'a [u8],
    /// At least the weight of the key.
    pub weight: f64,
    /// Upper bound of the error of `weight`.
    pub error: f64,
    /// Data of the slot, in the unit of [`HeavyHitters::decay`].
    pub data: &'a B,
}

/// The sketch. The caller passes the hash of each key, which must be keyed so that clients cannot choose it.
#[derive(Debug)]
pub(super) struct HeavyHitters<B> {
    slots: Vec<Slot<B>>,
    slots_max: usize,
    /// Indexes of slots, by the hash of their key.
    table: HashTable<u16>,
    /// Indexes of slots: a heap with the smallest count first.
    heap: Vec<u16>,
    cells: Box<[f64]>,
    total: f64,
    decay: ForwardDecay,
}

impl<B: SlotData> HeavyHitters<B> {
    /// Tracks at most `slots_max` keys, with `cells` cells for all others.
    pub fn new(slots_max: u16, cells: usize) -> HeavyHitters<B> {
        assert!(slots_max > 0 && cells > 0);
        let slots_max = usize::from(slots_max);
        HeavyHitters {
            slots: Vec::with_capacity(slots_max),
            slots_max,
            table: HashTable::with_capacity(slots_max),
            heap: Vec::with_capacity(slots_max),
            cells: vec![0.0; cells].into(),
            total: 0.0,
            decay: ForwardDecay::default(),
        }
    }

    /// Records a key with a weight, in O(log n) of the slots. Returns the data of its slot, if the key has one now. The
    /// data starts empty when a key gets a slot.
    pub fn record(&mut self, key: &[u8], hash: u64, weight: f64) -> Option<&mut B> {
        let counted = self.decay.counted(weight);
        self.total += counted;
        let slot = match self.find(key, hash) {
            Some(slot) => self.add(slot, counted),
            None if self.slots.len() < self.slots_max => self.use_free_slot(key, hash, counted),
            None => self.replace_smallest(key, hash, counted)?,
        };
        Some(&mut self.slots[slot].data)
    }

    /// Decays all counts by the seconds that have passed. If the result is a factor, the caller multiplies by it what
    /// it counts in the unit of [`HeavyHitters::decay`].
    pub fn age(&mut self, secs: u32) -> Option<f64> {
        let factor = self.decay.age(secs)?;
        self.total *= factor;
        self.cells.iter_mut().for_each(|cell| *cell *= factor);
        for slot in &mut self.slots {
            slot.count *= factor;
            slot.error *= factor;
            slot.data.scale(factor);
        }
        Some(factor)
    }

    /// The keys that have a slot, in no order.
    pub fn hitters(&self) -> impl Iterator<Item = Hitter<'_, B>> {
        self.slots.iter().map(|slot| Hitter {
            key: &slot.key,
            weight: self.decay.weight(slot.count),
            error: self.decay.weight(slot.error),
            data: &slot.data,
        })
    }

    /// The weight of all keys.
    pub fn total(&self) -> f64 {
        self.decay.weight(self.total)
    }

    /// The unit of the counts.
    pub fn decay(&self) -> &ForwardDecay {
        &self.decay
    }

    /// Memory of the sketch, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let keys: usize = self.slots.iter().map(|slot| slot.key.len()).sum();
        let slots = self.slots.capacity() * size_of::<Slot<B>>() + self.heap.capacity() * size_of::<u16>();
        (keys + slots + self.table.allocation_size() + size_of_val(&*self.cells)) as u64
    }

    fn find(&self, key: &[u8], hash: u64) -> Option<usize> {
        let slots = &self.slots;
        let found = self.table.find(hash, |slot| *slots[usize::from(*slot)].key == *key);
        found.map(|slot| usize::from(*slot))
    }

    fn cell_of(&self, hash: u64) -> usize {
        // Other bits than those that select the bucket of the table.
        (((hash >> 32) * self.cells.len() as u64) >> 32) as usize
    }

    /// While slots are free every key has one, so no weight was missed: the error is 0.
    fn use_free_slot(&mut self, key: &[u8], hash: u64, count: f64) -> usize {
        let slot = self.slots.len();
        let heap_index = self.heap.len() as u16;
        self.slots.push(Slot { key: key.into(), hash, count, error: 0.0, heap_index, data: B::default() });
        self.heap.push(slot as u16);
        self.sift_up(usize::from(heap_index));
        self.insert_into_table(slot);
        slot
    }

    fn add(&mut self, slot: usize, counted: f64) -> usize {
        self.slots[slot].count += counted;
        self.sift_down(usize::from(self.slots[slot].heap_index));
        slot
    }

    /// Gives the slot with the smallest count to a key that may weigh more.
    fn replace_smallest(&mut self, key: &[u8], hash: u64, counted: f64) -> Option<usize> {
        let least = usize::from(self.heap[0]);
        let cell = self.cell_of(hash);
        let count = self.cells[cell] + counted;
        if count <= self.slots[least].count {
            self.cells[cell] = count;
            return None;
        }
        self.remove_from_table(least);
        let slot = &mut self.slots[least];
        if slot.key.len() == key.len() {
            slot.key.copy_from_slice(key);
        } else {
            slot.key = key.into();
        }
        (slot.hash, slot.count, slot.error, slot.data) = (hash, count, count - counted, B::default());
        self.sift_down(0);
        self.insert_into_table(least);
        Some(least)
    }

    /// Removes the key of a slot from the table; its cell counts the key from now on.
    fn remove_from_table(&mut self, slot: usize) {
        let Slot { hash, count, .. } = self.slots[slot];
        if let Ok(entry) = self.table.find_entry(hash, |other| usize::from(*other) == slot) {
            entry.remove();
        }
        let cell = self.cell_of(hash);
        self.cells[cell] = self.cells[cell].max(count);
    }

    fn insert_into_table(&mut self, slot: usize) {
        let slots = &self.slots;
        self.table.insert_unique(slots[slot].hash, slot as u16, |other| slots[usize::from(*other)].hash);
    }

    fn count_at(&self, heap_index: usize) -> f64 {
        self.slots[usize::from(self.heap[heap_index])].count
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.slots[usize::from(self.heap[a])].heap_index = a as u16;
        self.slots[usize::from(self.heap[b])].heap_index = b as u16;
    }

    /// Moves a slot away from the front of the heap after its count has grown.
    fn sift_down(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= self.heap.len() {
                return;
            }
            let right_is_less = right < self.heap.len() && self.count_at(right) < self.count_at(left);
            let child = if right_is_less { right } else { left };
            if self.count_at(at) <= self.count_at(child) {
                return;
            }
            self.swap(at, child);
            at = child;
        }
    }

    /// Moves a slot at the end towards the front of the heap.
    fn sift_up(&mut self, mut at: usize) {
        while at > 0 && self.count_at(at) < self.count_at((at - 1) / 2) {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    /// Asserts H1 and H2.
    #[cfg(test)]
    fn check_invariants(&self) {
        assert!(self.slots.len() <= self.slots_max);
        assert_eq!((self.table.len(), self.heap.len()), (self.slots.len(), self.slots.len()));
        for (index, slot) in self.slots.iter().enumerate() {
            assert_eq!(self.find(&slot.key, slot.hash), Some(index), "H1");
            let heap_index = usize::from(slot.heap_index);
            assert_eq!(usize::from(self.heap[heap_index]), index, "H2");
            assert!(heap_index == 0 || self.count_at((heap_index - 1) / 2) <= slot.count, "H2");
        }
    }
}

#[cfg(test)]
mod tests;
