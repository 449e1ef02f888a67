//! The keys of the greatest weight in a stream, in bounded memory, each with a bound on its error.
//!
//! Filtered Space-Saving (Homem and Carvalho, 2010), weighted and with weights that decay: a fixed number of keys have
//! a slot with a count of their own; all others share cells, by their hash. A key gets the slot of the least count
//! once its cell says that it may weigh more. The cells keep a stream of ever new keys from taking slots, and make the
//! error of a key that comes late that of its cell, not that of the least slot as in Space-Saving proper (Metwally,
//! Agrawal and El Abbadi, 2005).
//!
//! Invariants, asserted by `check_invariants`: H1 a key has at most one slot, found through the table by its hash;
//! H2 the heap holds every slot once, none below one of less count; H3 the count of a key in a slot is at least its
//! weight, and at most `error` more than that; H4 the cell of a key without slot counts at least its weight. (H3 and
//! H4 need the stream: the tests hold them against exact counts.)

use super::forward_decay::ForwardDecay;
use hashbrown::HashTable;

/// What is kept beside the count of a key that has a slot.
pub(super) trait SlotData: Default {
    /// Multiplies everything counted by a factor.
    fn scale(&mut self, factor: f64);
}

impl SlotData for () {
    fn scale(&mut self, _factor: f64) {}
}

/// A key that has a count of its own.
#[derive(Debug)]
struct Slot<B> {
    key: Box<[u8]>,
    hash: u64,
    /// At least the weight of the key.
    count: f64,
    /// By how much the count may be too high.
    error: f64,
    /// Where the heap holds this slot.
    heap_index: u16,
    data: B,
}

/// A key of great weight.
pub(super) struct Hitter<'a, B> {
    /// The key.
    pub key: &'a [u8],
    /// At least its weight.
    pub weight: f64,
    /// By how much `weight` may be too high.
    pub error: f64,
    /// What is kept beside, counted in the unit of [`HeavyHitters::decay`].
    pub data: &'a B,
}

/// The sketch. The caller brings the hash of each key, keyed so that nobody can choose it.
#[derive(Debug)]
pub(super) struct HeavyHitters<B> {
    slots: Vec<Slot<B>>,
    slots_max: usize,
    /// Indexes of slots by the hash of their key.
    table: HashTable<u16>,
    /// Indexes of slots, the one of the least count first.
    heap: Vec<u16>,
    cells: Box<[f64]>,
    total: f64,
    decay: ForwardDecay,
}

impl<B: SlotData> HeavyHitters<B> {
    /// Tracks at most so many keys, with so many cells for all others.
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

    /// Takes in a key of this weight, in O(log n) of the slots. Returns what is kept beside its count, if it has a slot
    /// now: from its first note in that slot on, and nothing from an earlier one.
    pub fn record(&mut self, key: &[u8], hash: u64, weight: f64) -> Option<&mut B> {
        let counted = self.decay.counted(weight);
        self.total += counted;
        let slot = match self.find(key, hash) {
            Some(slot) => self.add(slot, counted),
            None if self.slots.len() < self.slots_max => self.take_free(key, hash, counted),
            None => self.take_from_least(key, hash, counted)?,
        };
        Some(&mut self.slots[slot].data)
    }

    /// Lets what was seen weigh less, by so many seconds. If it returns a factor, what the caller counts in the unit of
    /// [`HeavyHitters::decay`] must be multiplied by it.
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

    /// The unit that counts are kept in.
    pub fn decay(&self) -> &ForwardDecay {
        &self.decay
    }

    /// Bytes of memory it takes.
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
        // Not the bits that choose the place in the table.
        (((hash >> 32) * self.cells.len() as u64) >> 32) as usize
    }

    /// While there are free slots every key has one, so that nothing was missed: the error is 0.
    fn take_free(&mut self, key: &[u8], hash: u64, count: f64) -> usize {
        let slot = self.slots.len();
        let heap_index = self.heap.len() as u16;
        self.slots.push(Slot { key: key.into(), hash, count, error: 0.0, heap_index, data: B::default() });
        self.heap.push(slot as u16);
        self.rise(usize::from(heap_index));
        self.enter(slot);
        slot
    }

    fn add(&mut self, slot: usize, counted: f64) -> usize {
        self.slots[slot].count += counted;
        self.sink(usize::from(self.slots[slot].heap_index));
        slot
    }

    /// Gives the slot of the least count to a key that may weigh more.
    fn take_from_least(&mut self, key: &[u8], hash: u64, counted: f64) -> Option<usize> {
        let least = usize::from(self.heap[0]);
        let cell = self.cell_of(hash);
        let count = self.cells[cell] + counted;
        if count <= self.slots[least].count {
            self.cells[cell] = count;
            return None;
        }
        self.leave(least);
        let slot = &mut self.slots[least];
        if slot.key.len() == key.len() {
            slot.key.copy_from_slice(key);
        } else {
            slot.key = key.into();
        }
        (slot.hash, slot.count, slot.error, slot.data) = (hash, count, count - counted, B::default());
        self.sink(0);
        self.enter(least);
        Some(least)
    }

    /// Takes the key of a slot out of the table; its cell counts for it from here.
    fn leave(&mut self, slot: usize) {
        let Slot { hash, count, .. } = self.slots[slot];
        if let Ok(entry) = self.table.find_entry(hash, |other| usize::from(*other) == slot) {
            entry.remove();
        }
        let cell = self.cell_of(hash);
        self.cells[cell] = self.cells[cell].max(count);
    }

    fn enter(&mut self, slot: usize) {
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

    /// Moves a slot whose count grew away from the front of the heap.
    fn sink(&mut self, mut at: usize) {
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

    /// Moves a slot that was put at the end towards the front of the heap.
    fn rise(&mut self, mut at: usize) {
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
