//! A large value: whole pages, which readers share without a copy, and a tail in fragments, which is copied for them.
//!
//! Pages never change once the value is stored. They go back to the pool when the last reference is dropped; until
//! then they stay charged, whether or not the value is still stored.

use super::LargeItem;
use super::fragments::{Fragments, KINDS, fragment_bytes};
use crate::store::pool::{Pages, PoolPage};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Charged on the heap for an item beyond its key: its entries in the LRU list and among the deadlines, reference
/// counts, the lists of its pages and fragments.
const ENTRY_BYTES: u64 = 384;

/// A tail of more than this many eighths of a page gets a page of its own.
const TAIL_EIGHTHS: usize = 7;

/// Which pages and fragments a value of some length takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Layout {
    page_bytes: usize,
    len: usize,
    pages: usize,
    tail_bytes: usize,
}

impl Layout {
    /// For a value of `len` bytes.
    pub(in crate::store) fn of(page_bytes: usize, len: usize) -> Layout {
        let (pages, rest) = (len / page_bytes, len % page_bytes);
        if rest > page_bytes / 8 * TAIL_EIGHTHS {
            return Layout { page_bytes, len, pages: pages + 1, tail_bytes: 0 };
        }
        Layout { page_bytes, len, pages, tail_bytes: rest }
    }

    /// Length of the value in bytes.
    pub(in crate::store) fn len(&self) -> usize {
        self.len
    }

    /// Pages of its own.
    pub(in crate::store) fn pages(&self) -> usize {
        self.pages
    }

    /// Bytes in fragments.
    pub(in crate::store) fn tail_bytes(&self) -> usize {
        self.tail_bytes
    }

    /// Fragments of each kind, the largest first.
    pub(in crate::store) fn fragments(&self) -> [usize; KINDS] {
        let sizes = fragment_bytes(self.page_bytes);
        let mut rest = self.tail_bytes.next_multiple_of(sizes[KINDS - 1]);
        sizes.map(|bytes| {
            let count = rest / bytes;
            rest %= bytes;
            count
        })
    }

    /// What it takes in memory with its key and entry, in bytes.
    pub(in crate::store) fn taken_bytes(&self, key_len: usize) -> u64 {
        let smallest = fragment_bytes(self.page_bytes)[KINDS - 1];
        let in_pages = self.pages * self.page_bytes + self.tail_bytes.next_multiple_of(smallest);
        in_pages as u64 + Layout::heap_bytes(key_len)
    }

    /// What an item takes on the heap, in bytes.
    pub(in crate::store) fn heap_bytes(key_len: usize) -> u64 {
        ENTRY_BYTES + key_len as u64
    }
}

/// An empty buffer for a tail that waits to be stored; of two sizes, so that the allocator can give the same memory to the
/// next one.
pub(in crate::store) fn tail_buffer(page_bytes: usize, tail_bytes: usize) -> Vec<u8> {
    let short = page_bytes / 8;
    Vec::with_capacity(if tail_bytes <= short { short } else { page_bytes })
}

/// The pages of a large value.
#[derive(Debug)]
pub(in crate::store) struct LargePages {
    pages: Pages,
    /// Bytes of the value in them.
    len: usize,
    readers: AtomicUsize,
}

impl LargePages {
    /// `len` bytes of a value in these pages.
    pub(in crate::store) fn new(pages: Pages, len: usize) -> LargePages {
        LargePages { pages, len, readers: AtomicUsize::new(0) }
    }

    /// How many there are.
    pub(in crate::store) fn count(&self) -> usize {
        self.pages.len()
    }

    /// Gives the pages up.
    pub(in crate::store) fn into_pages(mut self) -> Vec<PoolPage> {
        self.pages.take()
    }

    fn part(&self, number: usize) -> Option<&[u8]> {
        let page = self.pages.get(number)?;
        let before = number * page.len();
        Some(&page[..page.len().min(self.len - before)])
    }

    #[cfg(test)]
    pub(in crate::store) fn plant_page(&mut self, page: PoolPage) {
        self.pages.push(page);
    }
}

/// Pages that a reader holds.
#[derive(Debug)]
struct Pinned(Arc<LargePages>);

impl Pinned {
    fn new(pages: &Arc<LargePages>) -> Pinned {
        if pages.readers.fetch_add(1, Ordering::Relaxed) == 0
            && let Some(pool) = pages.pages.first().and_then(PoolPage::pool)
        {
            pool.pin(pages.count());
        }
        Pinned(pages.clone())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.0.readers.fetch_sub(1, Ordering::Relaxed) == 1
            && let Some(pool) = self.0.pages.first().and_then(PoolPage::pool)
        {
            pool.unpin(self.0.count());
        }
    }
}

impl Deref for Pinned {
    type Target = LargePages;

    fn deref(&self) -> &LargePages {
        &self.0
    }
}

/// A large value that left the store with a reader.
#[derive(Debug)]
pub struct LargeValue {
    pages: Pinned,
    tail: Box<[u8]>,
}

impl LargeValue {
    /// The part with this number, from 0 on; they are not empty.
    pub fn part(&self, number: usize) -> Option<&[u8]> {
        self.pages.part(number).or_else(|| {
            let is_tail = number == self.pages.count() && !self.tail.is_empty();
            is_tail.then_some(&*self.tail)
        })
    }
}

/// A large value in the store.
#[derive(Clone, Copy, Debug)]
pub struct LargeRef<'a> {
    pub(super) item: &'a LargeItem,
    pub(super) fragments: &'a Fragments,
}

impl<'a> LargeRef<'a> {
    /// Its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a large value is empty")]
    pub fn len(&self) -> usize {
        self.item.value_len
    }

    /// For a reader: its pages by reference, its tail copied.
    pub fn share(&self) -> Arc<LargeValue> {
        let mut tail = Vec::with_capacity(self.tail_len());
        self.tail_parts().for_each(|part| tail.extend_from_slice(part));
        Arc::new(LargeValue { pages: Pinned::new(&self.item.pages), tail: tail.into() })
    }

    fn tail_len(&self) -> usize {
        self.item.value_len - self.item.pages.len
    }

    fn tail_parts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut missing = self.tail_len();
        let fragments = self.fragments;
        self.item.tail.iter().map(move |fragment| {
            let bytes = fragments.bytes(*fragment);
            let part = &bytes[..bytes.len().min(missing)];
            missing -= part.len();
            part
        })
    }

    /// Its parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let pages = &self.item.pages;
        (0..).map_while(move |number| pages.part(number)).chain(self.tail_parts())
    }

    /// A copy in one piece.
    pub fn concat(&self) -> Vec<u8> {
        self.parts().collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_has_room_for_its_value_and_little_more() {
        for page_bytes in [32 << 10, 64 << 10] {
            for len in (1..4 * page_bytes).step_by(97) {
                let layout = Layout::of(page_bytes, len);
                let sizes = fragment_bytes(page_bytes);
                let tail: usize =
                    layout.fragments().iter().zip(sizes).map(|(count, bytes)| count * bytes).sum();
                assert!(tail >= layout.tail_bytes() && tail < layout.tail_bytes() + 512);
                let room = layout.pages() * page_bytes + tail;
                assert!((len..len + page_bytes / 8 + 512).contains(&room), "{room} for {len}");
                assert_eq!(layout.taken_bytes(9), room as u64 + ENTRY_BYTES + 9);
            }
        }
        assert_eq!(Layout::of(32 << 10, 100_000).fragments(), [0, 1, 0]);
        assert_eq!(Layout::of(64 << 10, 100_000).fragments(), [2, 1, 0]);
        assert_eq!(Layout::of(32 << 10, 12_300).fragments(), [1, 2, 1]);
    }
}
