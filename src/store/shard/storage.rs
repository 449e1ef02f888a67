//! Storage by the rules of the storage commands.
//!
//! All steps that can fail precede the first change.

use super::{Key, MemoryNeeded, NewItem, Shard, Value};
use crate::clock::{Deadline, Now};
use crate::store::item::{Fields, header};
use crate::store::item::{Handle, Place};
use crate::store::operation::{Create, StoreMode};
use crate::store::outcome::Stored;
use crate::store::statistics::SampleKind;

impl Shard {
    /// Stores by the rule of `mode`. Without memory, leaves `value` unchanged.
    pub(in crate::store) fn store(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        new: &NewItem,
        value: &mut Value<'_>,
        now: Now,
    ) -> Result<Stored, MemoryNeeded> {
        let stored = self.store_if(mode, key, new, value, now)?;
        if !matches!(stored, Stored::Stored { .. }) {
            // Counted for the class that the item would have had.
            let fields = self.fields(new.flags, 1, new.deadline, now);
            let stats = match self.rules.sizes.class_of(fields.item_bytes(key.bytes.len(), value.len())) {
                Some(class) => &mut self.slab.class_mut(class).stats,
                None => &mut self.large.stats,
            };
            stats.stores += 1;
        }
        Ok(stored)
    }

    fn store_if(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        new: &NewItem,
        value: &mut Value<'_>,
        now: Now,
    ) -> Result<Stored, MemoryNeeded> {
        let cas = self.rules.cas.draw_or(new.options.cas);
        self.sweep_for_store(now);
        let old = self.find_live(key, now).ok();
        let mut fields = self.fields(new.flags, cas, new.deadline, now);
        fields.marks.binary_key = new.options.binary_key;
        match (mode, old) {
            (StoreMode::Set, _) | (StoreMode::Add, None) | (StoreMode::Replace, Some(_)) => {}
            (StoreMode::Add, Some(old)) => {
                self.note_access(old, now);
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(_), None) => return Ok(Stored::NotFound),
            (StoreMode::Append | StoreMode::Prepend, None) if new.options.create.is_some() => {
                fields.deadline = new.options.create.unwrap_or(Deadline::NEVER);
            }
            (StoreMode::Replace | StoreMode::Append | StoreMode::Prepend, None) => {
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(unique), Some(old)) => {
                let present = self.cas_of(old);
                if unique != 0 && unique < present && new.options.accept_older {
                    fields.deadline = self.deadline_of(old);
                    fields.marks.won = self.marks_of(old).won;
                    fields.marks.stale = true;
                } else if unique == 0 || present != unique {
                    self.class_stats_mut(old).cas_badval += 1;
                    return Ok(Stored::Exists);
                }
            }
            (StoreMode::Append | StoreMode::Prepend, Some(old)) => {
                if new.options.compare.is_some_and(|unique| unique != self.cas_of(old)) {
                    self.class_stats_mut(old).cas_badval += 1;
                    return Ok(Stored::Exists);
                }
                return self.join(mode, key, old, &value.bytes(), fields, now);
            }
        }
        fields.deadline = self.effective_deadline(fields.deadline, now);
        let len = value.len();
        let handle = match value {
            Value::Bytes(bytes) => self.put(key, old, fields, bytes, now)?,
            Value::Large(parts) => self.put_parts(key, &fields, parts, now)?,
        };
        if old.is_some() {
            self.note_rewrite(handle, now);
        }
        self.count_store(handle);
        self.sample(SampleKind::Store, key, Some(handle), now);
        self.class_stats_mut(handle).cas_hits += u64::from(matches!(mode, StoreMode::Cas(_)));
        Ok(Stored::Stored { cas, len })
    }

    /// Appends or prepends to the present value. Its flags and deadline stay.
    fn join(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        old: Handle,
        added: &[u8],
        new: Fields,
        now: Now,
    ) -> Result<Stored, MemoryNeeded> {
        let Fields { flags, deadline, marks: present_marks, .. } = self.fields_of(old);
        let len = self.value_len(old) + added.len();
        if !self.rules.fits(key.bytes.len(), flags, len) {
            return Ok(Stored::NotStored);
        }
        // A key that was once sent in plain fits a text line.
        let mut marks = new.marks;
        marks.binary_key &= present_marks.binary_key;
        let fields = Fields { flags, deadline, marks, ..new };
        let handle = if self.slab.class_of(fields.item_bytes(key.bytes.len(), len)).is_some() {
            let mut joined = std::mem::take(&mut self.joined);
            joined.clear();
            let present = self.value_of(old);
            let parts = if mode == StoreMode::Append { [&present, added] } else { [added, &present] };
            parts.iter().for_each(|part| joined.extend_from_slice(part));
            let put = self.put(key, Some(old), fields, &joined, now);
            self.joined = joined;
            put?
        } else {
            // Noted as used, so that it is not evicted for its own new value.
            self.note_access(old, now);
            let mut parts = self.reserve_large_value(key, len, now)?;
            let Some(old) = self.find(key) else {
                self.spare_pages.append(&mut parts.pages);
                return Ok(Stored::NotStored);
            };
            let [before, after] =
                if mode == StoreMode::Append { [None, Some(added)] } else { [Some(added), None] };
            parts.fill(before.into_iter().chain(self.value_parts(old)).chain(after));
            self.put_filled(key, &fields, parts, now)?
        };
        self.note_rewrite(handle, now);
        self.count_store(handle);
        self.sample(SampleKind::Store, key, Some(handle), now);
        Ok(Stored::Stored { cas: new.cas, len })
    }

    /// Notes that the value of a live key was replaced.
    fn note_rewrite(&mut self, handle: Handle, now: Now) {
        match handle.place() {
            Place::Chunk(at) => {
                let (chunk, _, class) = self.slab.open(at);
                header::note_rewrite(chunk);
                self.recency.stamp_chunk(chunk, class.chunk_bytes);
                if self.recency.may_be_due() {
                    self.end_generation_if_due(now);
                }
            }
            Place::Large(_) => self.note_access(handle, now),
        }
    }

    fn value_len(&self, handle: Handle) -> usize {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).value().len(),
            Place::Large(id) => self.large.item(id).value_len,
        }
    }

    fn value_parts(&self, handle: Handle) -> impl Iterator<Item = &[u8]> {
        let (small, large) = match handle.place() {
            Place::Chunk(at) => (Some(self.slab.item(at).value()), None),
            Place::Large(id) => (None, Some(self.large.value(self.large.item(id)))),
        };
        small.into_iter().chain(large.into_iter().flat_map(|value| value.parts()))
    }

    /// Creates an item that the client was told to fill.
    pub(super) fn create(
        &mut self,
        key: Key<'_>,
        create: Create,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, MemoryNeeded> {
        let cas = self.rules.cas.draw_or(create.cas);
        let mut fields = self.fields(0, cas, self.effective_deadline(create.deadline, now), now);
        fields.marks.binary_key = create.binary_key;
        let handle = self.put(key, None, fields, value, now)?;
        self.count_store(handle);
        Ok(handle)
    }

    fn count_store(&mut self, handle: Handle) {
        self.class_stats_mut(handle).stores += 1;
        self.totals.items_ever += 1;
    }
}
