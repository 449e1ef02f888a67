//! Reading a large value: under the lock, or shared beyond it.

use super::fragments::Fragments;
use super::item::LargeItem;
use super::pages::Pinned;
use std::sync::Arc;

/// A large value that a reader holds without the lock.
#[derive(Debug)]
pub struct LargeValue {
    pages: Pinned,
    tail: Box<[u8]>,
}

impl LargeValue {
    /// The part with this number, from 0 on. Parts are not empty.
    pub fn part(&self, number: usize) -> Option<&[u8]> {
        self.pages.part(number).or_else(|| {
            let is_tail = number == self.pages.count() && !self.tail.is_empty();
            is_tail.then_some(&*self.tail)
        })
    }
}

/// A large value in the store, under the lock.
#[derive(Clone, Copy, Debug)]
pub struct LargeRef<'a> {
    pub(super) item: &'a LargeItem,
    pub(super) fragments: &'a Fragments,
}

impl<'a> LargeRef<'a> {
    /// Length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no caller needs `is_empty`")]
    pub fn len(&self) -> usize {
        self.item.value_len
    }

    /// Shares the value beyond the lock: pages by reference, the tail copied.
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

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let pages = &self.item.pages;
        (0..).map_while(move |number| pages.part(number)).chain(self.tail_parts())
    }

    /// A contiguous copy.
    pub fn concat(&self) -> Vec<u8> {
        self.parts().collect::<Vec<_>>().concat()
    }
}
