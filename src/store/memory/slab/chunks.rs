//! The chunks of one shard.
//!
//! A [`Slab`] owns the pages of the small items and knows which chunks are free. It does not know the index: code that
//! removes an item from a chunk also removes its index entry. It does not know the pool: pages are passed in and out.

use super::class::{Class, ClassId, ClassSizes, Epoch, Hand};
use super::page::Page;
use crate::clock::{Deadline, Now};
use crate::store::item::{CHUNKS_PER_PAGE_MAX, ChunkAt, PAGES_MAX};
use crate::store::item::{Fields, Item, ItemMarks, header};
use crate::store::memory::pool::PoolPage;

/// A chunk that was taken from the free list and is not filled yet.
#[derive(Debug)]
#[must_use]
pub(in crate::store) struct Vacant {
    at: ChunkAt,
}

/// A page that was taken out of its class, with its items.
#[derive(Debug)]
pub(in crate::store) struct DetachedPage {
    page: Page,
    id: u32,
}

impl DetachedPage {
    /// Number of chunks.
    pub(in crate::store) fn chunks(&self) -> u16 {
        self.page.chunks()
    }

    /// The item in a chunk, if there is one, and its former address.
    pub(in crate::store) fn item(&self, chunk: u16) -> Option<(ChunkAt, Item<'_>)> {
        self.page.item(chunk).map(|item| (ChunkAt { page: self.id, chunk }, item))
    }

    /// Removes an item that was moved or evicted.
    pub(in crate::store) fn clear(&mut self, chunk: u16) {
        self.page.clear(chunk);
        self.page.release(chunk);
    }
}

/// The size of a freed chunk and the last use of its item.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Freed {
    pub(in crate::store) chunk_bytes: u64,
    pub(in crate::store) stamp: u8,
    pub(in crate::store) last_access: Now,
}

const LIVE_PAGES_ONLY: &str = "handles and class lists refer to live pages only (S1, S2)";

/// All pages of a shard.
#[derive(Debug)]
pub(in crate::store) struct Slab {
    page_bytes: usize,
    sizes: ClassSizes,
    pub(in crate::store) classes: Vec<Class>,
    pages: Vec<Option<Page>>,
    /// Places in `pages` without a page.
    vacated: Vec<u32>,
    /// Pages that flushes removed from their classes, reused as they are needed.
    flushed: Vec<Option<Page>>,
    /// Pages in `flushed`.
    flushed_pages: usize,
    pub(in crate::store) epoch: Epoch,
}

impl Slab {
    /// A slab without pages.
    pub(in crate::store) fn new(page_bytes: usize, sizes: ClassSizes) -> Slab {
        let classes: Vec<Class> =
            sizes.chunk_bytes().iter().map(|&bytes| Class::new(page_bytes, bytes)).collect();
        assert!(classes.iter().all(|class| usize::from(class.chunks_per_page) <= CHUNKS_PER_PAGE_MAX));
        Slab {
            page_bytes,
            sizes,
            classes,
            pages: Vec::new(),
            vacated: Vec::new(),
            flushed: Vec::new(),
            flushed_pages: 0,
            epoch: Epoch::default(),
        }
    }

    /// The class of an item of this size; `None` for a large one.
    pub(in crate::store) fn class_of(&self, item_bytes: usize) -> Option<ClassId> {
        self.sizes.class_of(item_bytes)
    }

    pub(in crate::store) fn class(&self, class: ClassId) -> &Class {
        &self.classes[usize::from(class)]
    }

    pub(in crate::store) fn class_mut(&mut self, class: ClassId) -> &mut Class {
        &mut self.classes[usize::from(class)]
    }

    pub(in crate::store) fn classes(&self) -> &[Class] {
        &self.classes
    }

    pub(in crate::store) fn classes_mut(&mut self) -> &mut [Class] {
        &mut self.classes
    }

    /// Number of pages in classes.
    pub(in crate::store) fn pages_held(&self) -> usize {
        self.pages.len() - self.vacated.len()
    }

    /// Number of pages that flushes removed from their classes.
    pub(in crate::store) fn pages_flushed(&self) -> usize {
        self.flushed_pages
    }

    /// One more than the largest place of a page.
    pub(in crate::store) fn places(&self) -> usize {
        self.pages.len()
    }

    /// The page at a place, if there is one.
    pub(in crate::store) fn page_at(&self, place: usize) -> Option<&Page> {
        self.pages.get(place)?.as_ref()
    }

    pub(in crate::store) fn page_at_mut(&mut self, place: usize) -> Option<&mut Page> {
        self.pages.get_mut(place)?.as_mut()
    }

    /// A page that a handle or a list refers to.
    pub(in crate::store) fn page(&self, page: u32) -> &Page {
        self.pages[page as usize].as_ref().expect(LIVE_PAGES_ONLY)
    }

    pub(in crate::store) fn page_mut(&mut self, page: u32) -> &mut Page {
        self.pages[page as usize].as_mut().expect(LIVE_PAGES_ONLY)
    }

    /// The bytes of a chunk.
    pub(in crate::store) fn chunk(&self, at: ChunkAt) -> &[u8] {
        self.page(at.page).chunk(at.chunk)
    }

    /// The item in a chunk that holds one.
    pub(in crate::store) fn item(&self, at: ChunkAt) -> Item<'_> {
        Item(self.chunk(at))
    }

    /// A chunk for reading and writing, with its class.
    #[inline(always)]
    pub(in crate::store) fn open(&mut self, at: ChunkAt) -> (&mut [u8], ClassId, &mut Class) {
        let page = self.pages[at.page as usize].as_mut().expect(LIVE_PAGES_ONLY);
        let id = page.class();
        (page.chunk_mut(at.chunk), id, &mut self.classes[usize::from(id)])
    }

    /// The class of a chunk.
    pub(in crate::store) fn class_at(&self, at: ChunkAt) -> ClassId {
        self.page(at.page).class()
    }

    /// Takes a free chunk of a class.
    pub(in crate::store) fn take_free(&mut self, class: ClassId) -> Option<Vacant> {
        let page = *self.class(class).with_free.last()?;
        let chunk = self.page_mut(page).take_free()?;
        if !self.page(page).has_free() {
            self.unlist_free(class, page);
        }
        Some(Vacant { at: ChunkAt { page, chunk } })
    }

    /// Writes an item into a taken chunk.
    pub(in crate::store) fn fill(
        &mut self,
        vacant: Vacant,
        fields: &Fields,
        key: &[u8],
        value: &[u8],
    ) -> ChunkAt {
        let at = vacant.at;
        self.page_mut(at.page).fill(at.chunk, fields, key, value);
        let class = self.class_at(at);
        let class = self.class_mut(class);
        class.live += 1;
        class.probation += usize::from(fields.probation);
        class.stats.item_bytes += fields.item_bytes(key.len(), value.len()) as u64;
        at
    }

    /// Overwrites an item with one that fits its chunk and has the same eviction state.
    pub(in crate::store) fn overwrite(&mut self, at: ChunkAt, fields: &Fields, key: &[u8], value: &[u8]) {
        let before = self.item(at).bytes() as u64;
        let class = self.class_at(at);
        let stats = &mut self.class_mut(class).stats;
        stats.item_bytes = stats.item_bytes - before + fields.item_bytes(key.len(), value.len()) as u64;
        self.page_mut(at.page).overwrite(at.chunk, fields, key, value);
    }

    /// Removes an item and frees its chunk.
    pub(in crate::store) fn free(&mut self, at: ChunkAt) -> Freed {
        let item = self.item(at);
        let (bytes, stamp, last_access) = (item.bytes() as u64, item.stamp(), item.last_access());
        let probation = self.page_mut(at.page).clear(at.chunk);
        let class = self.class_at(at);
        let class = self.class_mut(class);
        let chunk_bytes = u64::from(class.chunk_bytes);
        class.live -= 1;
        class.probation -= usize::from(probation);
        class.stats.item_bytes -= bytes;
        self.release_chunk(at);
        Freed { chunk_bytes, stamp, last_access }
    }

    fn release_chunk(&mut self, at: ChunkAt) {
        let had_free = self.page(at.page).has_free();
        self.page_mut(at.page).release(at.chunk);
        if !had_free {
            let class = self.class_at(at);
            self.list_free(class, at.page);
        }
    }

    fn list_free(&mut self, class: ClassId, page: u32) {
        let place = self.class(class).with_free.len() as u32;
        self.class_mut(class).with_free.push(page);
        self.page_mut(page).free_place = Some(place);
    }

    fn unlist_free(&mut self, class: ClassId, page: u32) {
        let Some(place) = self.page_mut(page).free_place.take() else { return };
        let with_free = &mut self.class_mut(class).with_free;
        with_free.swap_remove(place as usize);
        if let Some(&moved) = with_free.get(place as usize) {
            self.page_mut(moved).free_place = Some(place);
        }
    }

    /// Sets the time of the last access.
    pub(in crate::store) fn note_access(&mut self, at: ChunkAt, now: Now) {
        header::note_access(self.page_mut(at.page).chunk_mut(at.chunk), now);
    }

    /// Changes the deadline of an item if its header has space for it; else returns false and changes nothing.
    #[must_use]
    pub(in crate::store) fn set_deadline(&mut self, at: ChunkAt, deadline: Deadline) -> bool {
        let page = self.page_mut(at.page);
        let set = header::set_deadline(page.chunk_mut(at.chunk), deadline);
        if set {
            page.note_deadline(deadline);
        }
        set
    }

    /// Sets the marks of an item.
    pub(in crate::store) fn set_marks(&mut self, at: ChunkAt, marks: ItemMarks) {
        header::set_marks(self.page_mut(at.page).chunk_mut(at.chunk), marks);
    }

    /// True if handles can address another page.
    pub(in crate::store) fn can_hold_another_page(&self) -> bool {
        self.pages_held() < PAGES_MAX
    }

    /// Takes a page that a flush removed from its class.
    pub(in crate::store) fn take_flushed(&mut self) -> Option<PoolPage> {
        while let Some(place) = self.flushed.pop() {
            if let Some(page) = place {
                self.flushed_pages -= 1;
                return Some(page.into_bytes());
            }
        }
        self.flushed = Vec::new();
        None
    }

    /// Cuts a page for a class. The hands visit it last.
    pub(in crate::store) fn add_page(&mut self, class: ClassId, bytes: PoolPage, seq: u64) {
        let chunk_bytes = self.class(class).chunk_bytes;
        let page = Page::cut(bytes, class, chunk_bytes, seq);
        let id = match self.vacated.pop() {
            Some(id) => {
                self.pages[id as usize] = Some(page);
                id
            }
            None => {
                self.pages.push(Some(page));
                (self.pages.len() - 1) as u32
            }
        };
        self.class_mut(class).gained[0] += 1;
        self.insert_page(class, id);
        self.list_free(class, id);
    }

    /// Inserts a page into the list of a class where the hands visit it last.
    fn insert_page(&mut self, class: ClassId, id: u32) {
        let owner = self.class_mut(class);
        let place = owner.main_hand.place.min(owner.pages.len());
        owner.pages.insert(place, id);
        if owner.pages.len() > 1 {
            owner.main_hand.place = place + 1;
            if owner.main_hand.place >= owner.pages.len() {
                owner.main_hand = Hand::default();
            }
            if owner.probation_hand.place >= place {
                owner.probation_hand.place += 1;
            }
        }
    }

    /// The page at a place of a class.
    pub(in crate::store) fn page_of(&self, class: ClassId, place: usize) -> &Page {
        self.page(self.class(class).pages[place])
    }

    /// Takes the page at a place out of a class. The caller moves its items or removes their index entries, or
    /// reattaches the page.
    pub(in crate::store) fn detach_page(&mut self, class: ClassId, place: usize) -> Option<DetachedPage> {
        let owner = self.class_mut(class);
        let id = owner.pages.remove(place);
        for hand in [&mut owner.main_hand, &mut owner.probation_hand] {
            if place < hand.place {
                hand.place -= 1;
            } else if place == hand.place {
                hand.chunk = 0;
            }
            if hand.place >= owner.pages.len() {
                *hand = Hand::default();
            }
        }
        self.unlist_free(class, id);
        let page = self.pages[id as usize].take()?;
        let owner = self.class_mut(class);
        owner.live -= usize::from(page.live());
        owner.probation -= usize::from(page.on_probation());
        owner.stats.item_bytes -= page.item_bytes();
        Some(DetachedPage { page, id })
    }

    /// Returns a detached page to its class with its remaining items. The hands visit it last.
    pub(in crate::store) fn reattach_page(&mut self, class: ClassId, detached: DetachedPage) {
        let DetachedPage { page, id } = detached;
        let owner = self.class_mut(class);
        owner.live += usize::from(page.live());
        owner.probation += usize::from(page.on_probation());
        owner.stats.item_bytes += page.item_bytes();
        let has_free = page.has_free();
        self.pages[id as usize] = Some(page);
        self.insert_page(class, id);
        if has_free {
            self.list_free(class, id);
        }
    }

    /// Returns the memory of a detached page without items.
    pub(in crate::store) fn retire(&mut self, detached: DetachedPage) -> PoolPage {
        self.vacated.push(detached.id);
        detached.page.into_bytes()
    }

    /// Removes all pages from their classes without touching their memory. Their items are gone; counters stay.
    pub(in crate::store) fn clear(&mut self) {
        self.flushed_pages += self.pages_held();
        let mut pages = std::mem::take(&mut self.pages);
        if self.flushed.is_empty() {
            self.flushed = pages;
        } else {
            self.flushed.append(&mut pages);
        }
        self.vacated.clear();
        for class in &mut self.classes {
            let mut fresh = Class::new(self.page_bytes, class.chunk_bytes);
            fresh.stats = std::mem::take(&mut class.stats);
            fresh.stats.item_bytes = 0;
            *class = fresh;
        }
        self.epoch = Epoch::default();
    }

    #[cfg(test)]
    pub(in crate::store) fn plant_hand_out_of_range(&mut self, class: ClassId) {
        self.class_mut(class).main_hand.place = 1000;
    }

    /// Asserts S2, S4 and the counts of the classes.
    pub(in crate::store) fn check_invariants(&self) {
        for (id, class) in self.classes.iter().enumerate() {
            let (mut live, mut probation, mut bytes) = (0, 0, 0);
            for &page in &class.pages {
                let page = self.page(page);
                assert_eq!(usize::from(page.class()), id, "a page is in the list of its class");
                page.check_invariants();
                live += usize::from(page.live());
                probation += usize::from(page.on_probation());
                bytes += page.occupied().map(|chunk| Item(page.chunk(chunk)).bytes() as u64).sum::<u64>();
                assert_eq!(
                    page.free_place.is_some(),
                    page.has_free(),
                    "S2: pages with free chunks are listed"
                );
            }
            assert_eq!((live, probation), (class.live, class.probation), "S2: class counts");
            assert_eq!(bytes, class.stats.item_bytes, "S5: item bytes");
            for (place, &page) in class.with_free.iter().enumerate() {
                assert_eq!(self.page(page).free_place, Some(place as u32), "S2: listed once");
            }
            for hand in [class.main_hand, class.probation_hand] {
                let in_range = hand.place < class.pages.len().max(1) && hand.chunk <= class.chunks_per_page;
                assert!(in_range, "S4: hands in range");
            }
        }
        let listed: usize = self.classes.iter().map(Class::pages).sum();
        assert_eq!(listed, self.pages_held(), "every page is in one class");
        assert_eq!(self.flushed.iter().flatten().count(), self.flushed_pages, "S5: flushed pages");
    }
}
