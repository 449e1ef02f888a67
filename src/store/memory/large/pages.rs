//! A large value: whole pages, which readers share without a copy, and a tail in fragments, which is copied for them.
//!
//! Pages never change once the value is stored. They go back to the pool when the last reference is dropped; until
//! then they stay charged, whether or not the value is still stored.

use crate::store::memory::pool::{Pages, PoolPage};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The pages of a large value.
#[derive(Debug)]
pub(in crate::store) struct LargePages {
    pages: Pages,
    /// Bytes of the value in them.
    pub(super) len: usize,
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

    pub(super) fn part(&self, number: usize) -> Option<&[u8]> {
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
pub(super) struct Pinned(Arc<LargePages>);

impl Pinned {
    pub(super) fn new(pages: &Arc<LargePages>) -> Pinned {
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
