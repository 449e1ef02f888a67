//! Placement of large values in pages and fragments.

use super::value::LargeParts;
use super::{Key, MemoryNeeded, Shard};
use crate::clock::Now;
use crate::store::item::header::UNUSED_STAMP;
use crate::store::item::{Fields, Handle, Place};
use crate::store::memory::large::{LargeItem, LargePages, Layout, tail_buffer};
use crate::store::memory::pool::Pages;
use std::sync::Arc;

impl Shard {
    /// Stores a large value.
    pub(super) fn put_large(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, MemoryNeeded> {
        let mut parts = self.reserve_large_value(key, value.len(), now)?;
        parts.fill([value]);
        self.put_filled(key, fields, parts, now)
    }

    /// Takes empty pages and a charge for a large value of so many bytes.
    pub(super) fn reserve_large_value(
        &mut self,
        key: Key<'_>,
        len: usize,
        now: Now,
    ) -> Result<LargeParts, MemoryNeeded> {
        let layout = Layout::of(self.rules.page_bytes, len);
        let count = layout.pages();
        // The list grows by doubling: few distinct list sizes leave few half-used blocks in the allocator.
        let mut pages = Pages::default();
        while pages.len() < count {
            match self.page_for_large_value(now) {
                Ok(page) => pages.push(page),
                Err(_) => {
                    let missing = count - pages.len();
                    self.spare_pages.append(&mut pages);
                    return Err(MemoryNeeded(missing));
                }
            }
        }
        // Last, because a released charge does not become a spare page.
        match self.charge_heap(Layout::heap_bytes(key.bytes.len()), now) {
            Ok(charge) => {
                let tail = tail_buffer(self.rules.page_bytes, layout.tail_bytes());
                Ok(LargeParts { pages, tail, len, charge: Some(charge) })
            }
            Err(need) => {
                self.spare_pages.append(&mut pages);
                Err(need)
            }
        }
    }

    /// Like [`Shard::put_parts`]. If it fails, the pages become spare pages.
    pub(super) fn put_filled(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        mut parts: LargeParts,
        now: Now,
    ) -> Result<Handle, MemoryNeeded> {
        let put = self.put_parts(key, fields, &mut parts, now);
        self.spare_pages.append(&mut parts.pages);
        put
    }

    /// Stores a large value in place of the old value of the key. Without memory, leaves `parts` unchanged.
    pub(super) fn put_parts(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        parts: &mut LargeParts,
        now: Now,
    ) -> Result<Handle, MemoryNeeded> {
        let layout = Layout::of(self.rules.page_bytes, parts.len);
        self.reserve_index_entry(now)?;
        let tail = self.take_tail_fragments(layout, now)?;
        let Some(charge) = parts.charge.take() else {
            self.large.release(tail);
            return Err(MemoryNeeded(1));
        };
        let pages = std::mem::take(&mut parts.pages);
        self.large.fill(&tail, &parts.tail);
        let old = self.find(key);
        let (probation, stamp) = match old.map(Handle::place) {
            Some(Place::Chunk(at)) => (self.slab.item(at).probation(), self.slab.item(at).stamp()),
            Some(Place::Large(id)) => (self.large.item(id).probation, self.large.item(id).stamp),
            None => (!self.index.take_ghost(key.hash), UNUSED_STAMP),
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
            stamp: self.recency.carry_over(stamp),
        });
        self.link(key, old, id.into());
        if old.is_none() && !probation {
            self.note_access(id.into(), fields.last_access);
        }
        Ok(id.into())
    }
}
