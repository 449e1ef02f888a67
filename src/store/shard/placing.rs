//! Where an item lies: it is found, put into a chunk or into blocks, and taken out.
//!
//! Items and index entries are joined and parted together, so that they pair one to one (S1); as do `room.rs` for a page
//! that leaves its class, and `expiry.rs`.

use super::{Key, NeedRoom, Received, Shard, key_of};
use crate::clock::Now;
use crate::store::handle::{Handle, Place};
use crate::store::hash::KeyHash;
use crate::store::item::Fields;
use crate::store::large::{LargeItem, LargePages, Layout, tail_buffer};
use crate::store::outcome::{Cause, Miss};
use crate::store::pool::Pages;
use crate::store::recency;
use crate::store::sample::SampleKind;
use std::sync::Arc;

impl Shard {
    pub(super) fn find(&self, key: Key<'_>) -> Option<Handle> {
        self.index.candidates(key.hash).find(|handle| match handle.place() {
            Place::Chunk(at) => self.slab.item(at).key() == key.bytes,
            Place::Large(id) => *self.large.item(id).key == *key.bytes,
        })
    }

    /// The item of a key; one whose time is over is removed.
    pub(in crate::store) fn find_alive(&mut self, key: Key<'_>, now: Now) -> Result<Handle, Miss> {
        self.seq += 1;
        self.flush_if_due(now);
        let handle = self.find(key).ok_or(Miss::Absent)?;
        if self.deadline_of(handle).is_over(now) {
            self.reclaim(key.hash, handle, now);
            return Err(Miss::Expired);
        }
        Ok(handle)
    }

    /// Stores a value: over the old one if that has the same chunk size, else in a new chunk, or as a large one.
    pub(super) fn put(
        &mut self,
        key: Key<'_>,
        old: Option<Handle>,
        mut fields: Fields,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let class = self.slab.class_of(fields.item_bytes(key.bytes.len(), value.len()));
        let Some(class) = class else {
            return self.keep_large(key, &fields, value, now);
        };
        if let Some(Place::Chunk(at)) = old.map(Handle::place)
            && self.slab.class_at(at) == class
        {
            let item = self.slab.item(at);
            (fields.uses, fields.probation, fields.stamp) = (item.uses(), item.probation(), item.stamp());
            self.slab.overwrite(at, &fields, key.bytes, value);
            return Ok(at.into());
        }
        self.index_room(now)?;
        let vacant = self.chunk_room(class, now)?;
        // Making room may have moved the old item, or evicted it.
        let old = self.find(key);
        let mut returns = false;
        match old.map(Handle::place) {
            Some(Place::Chunk(at)) => {
                let item = self.slab.item(at);
                (fields.uses, fields.probation) = (item.uses(), item.probation());
                fields.stamp = self.recency.carried(item.stamp());
            }
            Some(Place::Large(id)) => fields.stamp = self.recency.carried(self.large.item(id).stamp),
            None if self.index.recall_ghost(key.hash) => {
                // With more memory this would have been a hit.
                returns = true;
                fields.probation = false;
                self.slab.count_near_miss(class);
            }
            None => {}
        }
        let at = self.slab.fill(vacant, &fields, key.bytes, value);
        self.link(key, old, at.into());
        if returns {
            self.stamp_chunk(at, now);
        }
        Ok(at.into())
    }

    /// Stores a large value.
    fn keep_large(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let mut received = self.room_for_large(key, value.len(), now)?;
        received.fill([value]);
        self.put_filled(key, fields, received, now)
    }

    /// Empty pages for a large value of so many bytes.
    pub(super) fn room_for_large(
        &mut self,
        key: Key<'_>,
        len: usize,
        now: Now,
    ) -> Result<Received, NeedRoom> {
        let layout = Layout::of(self.rules.page_bytes, len);
        let count = layout.pages();
        // It doubles as it grows: lists of few sizes leave the allocator few half-used blocks.
        let mut pages = Pages::default();
        while pages.len() < count {
            match self.obtain_value_page(now) {
                Ok(page) => pages.push(page),
                Err(_) => {
                    let missing = count - pages.len();
                    self.in_hand.append(&mut pages);
                    return Err(NeedRoom(missing));
                }
            }
        }
        // Last, because a charge that is given up leaves no page in hand.
        match self.charge_heap(Layout::heap_bytes(key.bytes.len()), now) {
            Ok(charge) => {
                let tail = tail_buffer(self.rules.page_bytes, layout.tail_bytes());
                Ok(Received { pages, tail, len, charge: Some(charge) })
            }
            Err(need) => {
                self.in_hand.append(&mut pages);
                Err(need)
            }
        }
    }

    /// As [`Shard::put_received`]; keeps the pages in hand if there is no room for the rest.
    pub(super) fn put_filled(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        mut received: Received,
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let put = self.put_received(key, fields, &mut received, now);
        self.in_hand.append(&mut received.pages);
        put
    }

    /// Stores a received value in place of what the key had. Leaves it as it was if there is no room.
    pub(super) fn put_received(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        received: &mut Received,
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let layout = Layout::of(self.rules.page_bytes, received.len);
        self.index_room(now)?;
        let tail = self.tail_room(layout, now)?;
        let Some(charge) = received.charge.take() else {
            self.large.give_back(tail);
            return Err(NeedRoom(1));
        };
        let pages = std::mem::take(&mut received.pages);
        self.large.fill(&tail, &received.tail);
        let old = self.find(key);
        let (probation, stamp) = match old.map(Handle::place) {
            Some(Place::Chunk(at)) => (self.slab.item(at).probation(), self.slab.item(at).stamp()),
            Some(Place::Large(id)) => (self.large.item(id).probation, self.large.item(id).stamp),
            None => (!self.index.recall_ghost(key.hash), recency::UNUSED),
        };
        let id = self.large.insert(LargeItem {
            key: key.bytes.into(),
            pages: Arc::new(LargePages::new(pages, layout.len() - layout.tail_bytes())),
            tail,
            value_len: layout.len(),
            taken_bytes: layout.taken_bytes(key.bytes.len()),
            charge,
            flags: fields.flags,
            cas: fields.cas,
            deadline: fields.deadline,
            last_access: fields.last_access,
            fetched: fields.fetched,
            marks: fields.marks,
            used: self.seq,
            probation,
            stamp: self.recency.carried(stamp),
        });
        self.link(key, old, id.into());
        if old.is_none() && !probation {
            self.note_access(id.into(), fields.last_access);
        }
        Ok(id.into())
    }

    fn link(&mut self, key: Key<'_>, old: Option<Handle>, new: Handle) {
        match old {
            Some(old) => {
                self.index.redirect(key.hash, old, new);
                self.discard(old);
            }
            None => {
                let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
                self.index.insert(key.hash, new, |handle| hasher.hash(key_of(slab, large, handle)));
            }
        }
    }

    /// Removes an item and its index entry.
    pub(in crate::store) fn unlink(&mut self, hash: KeyHash, handle: Handle) {
        self.index.remove(hash, handle);
        self.discard(handle);
    }

    /// Removes an item whose index entry is gone already.
    fn discard(&mut self, handle: Handle) {
        match handle.place() {
            Place::Chunk(at) => self.slab.free(at, &mut self.recency),
            Place::Large(id) => {
                if let Some(item) = self.large.remove(id) {
                    self.recency.forget(item.stamp, item.last_access, item.taken_bytes);
                    self.in_hand.extend(item.into_pages());
                }
            }
        }
    }

    /// Removes an item whose time is over.
    pub(in crate::store) fn reclaim(&mut self, hash: KeyHash, handle: Handle, now: Now) {
        self.note_removal(Cause::Expired, hash, handle, now);
        self.sample_item(SampleKind::Expire, hash, handle, now);
        let fetched = self.is_fetched(handle);
        let figures = self.figures(handle);
        figures.reclaimed += 1;
        figures.expired_unfetched += u64::from(!fetched);
        self.unlink(hash, handle);
    }
}
