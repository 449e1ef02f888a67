//! Retrieval: `get` and its variants.
//!
//! A closure of the caller reads the item under the lock and may panic, so no update is in progress while it runs.

use super::{Key, MemoryNeeded, Shard};
use crate::clock::{Deadline, Now};
use crate::store::item::{Fields, Handle, Item, ItemMarks, Place, header};
use crate::store::memory::slab::ClassId;
use crate::store::operation::{Access, Recache};
use crate::store::outcome::{Hit, Miss, ValueRef};
use crate::store::statistics::SampleKind;

impl Shard {
    /// Looks a key up and passes its item to `hit`. Counts as an access.
    pub(in crate::store) fn get<R>(
        &mut self,
        key: Key<'_>,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        self.seq += 1;
        self.flush_if_due(now);
        let Some(handle) = self.find(key) else {
            self.sample(SampleKind::Miss, key, None, now);
            return Err(Miss::Absent);
        };
        let Place::Chunk(at) = handle.place() else { return self.get_large(key, handle, now, hit) };
        let (chunk, id, class) = self.slab.open(at);
        let found = hit_in_chunk(chunk, id);
        if found.deadline.is_over(now) {
            return Err(self.miss_expired(key, handle, now));
        }
        // No update is in progress while `hit` runs, so a panic there is harmless.
        self.mid_update = false;
        let result = hit(found);
        self.mid_update = true;
        class.stats.get_hits += 1;
        class.stats.hits_probation += u64::from(Item(chunk).probation());
        let old = self.recency.stamp_chunk(chunk, class.chunk_bytes);
        if header::note_hit(chunk, now) || old {
            self.slab.count_first_hit(id);
        }
        if self.recency.may_be_due() {
            self.end_generation_if_due(now);
        }
        self.sample(SampleKind::Hit, key, Some(handle), now);
        Ok(result)
    }

    /// Like [`Shard::get`], for a large value.
    #[inline(never)]
    fn get_large<R>(
        &mut self,
        key: Key<'_>,
        handle: Handle,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        if self.deadline_of(handle).is_over(now) {
            return Err(self.miss_expired(key, handle, now));
        }
        let result = self.show(handle, hit, |hit| hit);
        self.note_hit(handle, now).get_hits += 1;
        self.sample(SampleKind::Hit, key, Some(handle), now);
        Ok(result)
    }

    /// Removes an expired item that a lookup found.
    #[cold]
    #[inline(never)]
    fn miss_expired(&mut self, key: Key<'_>, handle: Handle, now: Now) -> Miss {
        self.remove_expired(key.hash, handle, now);
        self.sample(SampleKind::Miss, key, None, now);
        Miss::Expired
    }

    /// Passes an item to `hit` without side effects.
    pub(in crate::store) fn peek<R>(
        &mut self,
        key: Key<'_>,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        self.flush_if_due(now);
        let handle = self.find(key).ok_or(Miss::Absent)?;
        if self.deadline_of(handle).is_over(now) {
            return Err(Miss::Expired);
        }
        Ok(self.show(handle, hit, |hit| hit))
    }

    /// Gives an item another deadline.
    pub(in crate::store) fn touch(
        &mut self,
        key: Key<'_>,
        deadline: Deadline,
        now: Now,
    ) -> Result<Result<(), Miss>, MemoryNeeded> {
        let handle = match self.find_live(key, now) {
            Ok(handle) => self.set_deadline(key, handle, deadline, now)?,
            Err(miss) => return Ok(Err(miss)),
        };
        self.class_stats_mut(handle).touch_hits += 1;
        self.note_hit(handle, now);
        self.sample(SampleKind::Touch, key, Some(handle), now);
        Ok(Ok(()))
    }

    /// Looks a key up, applies `access` to the item and passes it to `hit`. Without memory for an item to be created,
    /// `hit` is not called.
    pub(in crate::store) fn fetch<R>(
        &mut self,
        key: Key<'_>,
        access: &Access,
        now: Now,
        hit: &mut impl FnMut(Hit<'_>) -> R,
    ) -> Result<Result<R, Miss>, MemoryNeeded> {
        let mut created = false;
        let mut handle = match (self.find_live(key, now), access.create) {
            (Ok(handle), _) => handle,
            (Err(miss), None) => {
                self.sample(SampleKind::Miss, key, None, now);
                return Ok(Err(miss));
            }
            (Err(_), Some(create)) => {
                created = true;
                self.create(key, create, b"", now)?
            }
        };
        let mut deadline_before = None;
        if let Some(deadline) = access.deadline.filter(|_| !created) {
            deadline_before = Some(self.deadline_of(handle));
            handle = self.set_deadline(key, handle, deadline, now)?;
            self.class_stats_mut(handle).touch_hits += 1;
        } else {
            self.class_stats_mut(handle).get_hits += u64::from(!access.uncounted);
        }
        let (mut marks, mut wins) = (ItemMarks::default(), false);
        let result = self.show(handle, hit, |found| {
            // A created item is shown with the requested deadline, even if a delayed flush covers it.
            let deadline = access.create.filter(|_| created).map_or(found.deadline, |create| create.deadline);
            let deadline_before = deadline_before.unwrap_or(deadline);
            let expires_soon = access.recache.is_some_and(|Recache { below_secs, after_touch }| {
                let end = if after_touch { deadline } else { deadline_before };
                !end.is_never() && end.secs().saturating_sub(now.secs()) < below_secs
            });
            marks = found.marks;
            wins = created || access.may_win && !marks.won && (marks.stale || expires_soon);
            Hit { deadline, deadline_before, wins, created, ..found }
        });
        if wins {
            self.set_marks(handle, ItemMarks { won: true, ..marks });
        }
        self.sample(if created { SampleKind::Miss } else { SampleKind::Hit }, key, Some(handle), now);
        if !access.unseen {
            self.note_hit(handle, now);
        }
        Ok(Ok(result))
    }

    /// Passes an item to `hit` as changed by `change`. No update is in progress meanwhile, so a panic is harmless.
    fn show<R>(
        &mut self,
        handle: Handle,
        hit: impl FnOnce(Hit<'_>) -> R,
        change: impl FnOnce(Hit<'_>) -> Hit<'_>,
    ) -> R {
        self.mid_update = false;
        let result = hit(change(self.hit_of(handle)));
        self.mid_update = true;
        result
    }

    /// The item as the caller sees it.
    #[inline(always)]
    pub(super) fn hit_of(&self, handle: Handle) -> Hit<'_> {
        match handle.place() {
            Place::Chunk(at) => {
                let page = self.slab.page(at.page);
                hit_in_chunk(page.chunk(at.chunk), page.class())
            }
            Place::Large(id) => {
                let item = self.large.item(id);
                Hit {
                    flags: item.flags,
                    cas: item.cas,
                    deadline: item.deadline,
                    deadline_before: item.deadline,
                    last_access: item.last_access,
                    fetched: item.fetched,
                    value: ValueRef::Large(self.large.value(item)),
                    marks: item.marks,
                    wins: false,
                    created: false,
                    class: self.slab.classes().len() as u32 + 1,
                    item_bytes: 0,
                }
            }
        }
    }

    /// Gives an item another deadline. Rewrites an item whose header has no space for one.
    fn set_deadline(
        &mut self,
        key: Key<'_>,
        handle: Handle,
        deadline: Deadline,
        now: Now,
    ) -> Result<Handle, MemoryNeeded> {
        let at = match handle.place() {
            Place::Large(id) => {
                self.large.set_deadline(id, deadline);
                return Ok(handle);
            }
            Place::Chunk(at) => at,
        };
        if self.slab.set_deadline(at, deadline) {
            return Ok(handle);
        }
        let value = self.slab.item(at).value().to_vec();
        let fields = Fields { deadline, ..self.fields_of(handle) };
        self.put(key, Some(handle), fields, &value, now)
    }
}

/// A small item as the caller sees it.
#[inline(always)]
fn hit_in_chunk(chunk: &[u8], class: ClassId) -> Hit<'_> {
    let (fields, value) = Item(chunk).read();
    Hit {
        flags: fields.flags,
        cas: fields.cas,
        deadline: fields.deadline,
        deadline_before: fields.deadline,
        last_access: fields.last_access,
        fetched: fields.fetched,
        value: ValueRef::Small(value),
        marks: fields.marks,
        wins: false,
        created: false,
        class: u32::from(class) + 1,
        item_bytes: 0,
    }
}
