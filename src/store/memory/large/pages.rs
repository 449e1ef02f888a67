//! The pages of a large value, which readers share without a copy.
//!
//! Pages do not change once the value is stored. They return to the pool when the last reference is dropped. Until then
//! they stay charged, whether or not the value is still stored.

use crate::store::memory::pool::{Pages, PoolPage};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The pages of a large value.
#[derive(Debug)]
pub(in crate::store) struct LargePages {
    pages: Pages,
    /// Bytes of the value in these pages.
    pub(super) len: usize,
    readers: AtomicUsize,
}

impl LargePages {
    /// `len` bytes of a value in these pages.
    pub(in crate::store) fn new(pages: Pages, len: usize) -> LargePages {
        LargePages { pages, len, readers: AtomicUsize::new(0) }
    }

    /// Number of pages.
    pub(in crate::store) fn count(&self) -> usize {
        self.pages.len()
    }

    /// Returns the pages.
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

/// Pages pinned by a reader.
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
