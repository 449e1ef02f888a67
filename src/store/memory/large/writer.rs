//! Writing an incoming large value page by page.
//!
//! Pages are added as bytes arrive, so a client that announces much and sends little takes little memory. The tail,
//! less than a page, stays on the heap until the value is stored; it counts as a buffer of the connection. A writer
//! never takes more bytes than the announced length.

use super::layout::{Layout, tail_buffer};
use crate::store::item::KeyHash;
use crate::store::memory::pool::{Charge, IncomingShare, Pages, PoolPage};

/// The memory of an incoming value.
#[derive(Debug)]
struct Memory {
    pages: Pages,
    tail: Vec<u8>,
    charge: Charge,
    share: IncomingShare,
}

/// The writer of an incoming large value. Dropping it returns its pages to the pool.
///
/// A writer that got no memory drops the bytes that arrive, and the store refuses its value.
#[derive(Debug)]
pub struct ValueWriter {
    /// `None` if there was not enough memory.
    memory: Option<Memory>,
    page_bytes: usize,
    len: usize,
    /// Bytes that go into pages; the rest is the tail.
    paged_bytes: usize,
    /// Bytes that have arrived.
    filled: usize,
    /// Hash of the key, which selects the shard that provides pages.
    hash: KeyHash,
}

impl ValueWriter {
    /// A writer without pages for a value of this layout.
    pub(in crate::store) fn new(
        page_bytes: usize,
        layout: Layout,
        charge: Charge,
        share: IncomingShare,
        hash: KeyHash,
    ) -> ValueWriter {
        let memory = Some(Memory { pages: Pages::default(), tail: Vec::new(), charge, share });
        let paged_bytes = layout.len() - layout.tail_bytes();
        ValueWriter { memory, page_bytes, len: layout.len(), paged_bytes, filled: 0, hash }
    }

    pub(in crate::store) fn hash(&self) -> KeyHash {
        self.hash
    }

    /// The announced length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no caller needs `is_empty`")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.len - self.filled
    }

    /// True if the next bytes need another page: `Store::extend_large_value` is due.
    pub fn needs_page(&self) -> bool {
        let full = |memory: &Memory| memory.pages.len() * self.page_bytes == self.filled;
        self.filled < self.paged_bytes && self.memory.as_ref().is_some_and(full)
    }

    /// Adds a page and its share of the memory for incoming values.
    pub(in crate::store) fn add_page(&mut self, page: PoolPage, share: IncomingShare) {
        if let Some(memory) = &mut self.memory {
            memory.pages.push(page);
            memory.share.join(share);
        }
    }

    /// Drops what has arrived, because there is not enough memory, and everything that arrives later.
    pub(in crate::store) fn fail(&mut self) {
        self.memory = None;
    }

    /// The space for the next bytes if these fill a page; the caller then calls [`ValueWriter::advance`]. Bytes that do
    /// not fill a page go to [`ValueWriter::push`].
    pub fn page(&mut self) -> Option<&mut [u8]> {
        let at = self.filled % self.page_bytes;
        let missing = self.paged_bytes.saturating_sub(self.filled);
        if self.needs_page() || missing < self.page_bytes - at {
            return None;
        }
        let page = self.memory.as_mut()?.pages.last_mut()?;
        Some(&mut page[at..])
    }

    /// Notes that `count` bytes were written to [`ValueWriter::page`].
    pub fn advance(&mut self, count: usize) {
        self.filled += count.min(self.missing());
    }

    /// Appends at most `missing()` bytes of `data`, as far as there are pages. Returns how many were taken.
    pub fn push(&mut self, data: &[u8]) -> usize {
        let missing = self.missing();
        let Some(memory) = &mut self.memory else {
            let dropped = data.len().min(missing);
            self.filled += dropped;
            return dropped;
        };
        let mut taken = 0;
        while taken < data.len() && self.filled < self.paged_bytes {
            let (number, at) = (self.filled / self.page_bytes, self.filled % self.page_bytes);
            let Some(page) = memory.pages.get_mut(number) else { return taken };
            let most = (self.paged_bytes - self.filled).min(page.len() - at);
            let part = &data[taken..];
            let part = &part[..part.len().min(most)];
            page[at..at + part.len()].copy_from_slice(part);
            taken += part.len();
            self.filled += part.len();
        }
        let tail = &data[taken..];
        let tail = &tail[..tail.len().min(self.len - self.filled)];
        if !tail.is_empty() && memory.tail.capacity() == 0 {
            memory.tail = tail_buffer(self.page_bytes, self.len - self.paged_bytes);
        }
        memory.tail.extend_from_slice(tail);
        self.filled += tail.len();
        taken + tail.len()
    }

    /// The pages, the tail and the charge of a complete value; `None` if there was not enough memory.
    pub(in crate::store) fn into_parts(self) -> Option<(Pages, Vec<u8>, Charge)> {
        let Memory { pages, tail, charge, .. } = self.memory?;
        Some((pages, tail, charge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::pool::Pool;
    use std::sync::Arc;

    fn writer(pool: &Arc<Pool>, len: usize) -> ValueWriter {
        let layout = Layout::of(pool.page_bytes(), len);
        let (charge, share) = (pool.try_charge(100).unwrap(), pool.reserve_incoming(0).unwrap());
        ValueWriter::new(pool.page_bytes(), layout, charge, share, KeyHash(0))
    }

    fn fill(writer: &mut ValueWriter, pool: &Arc<Pool>, mut data: &[u8]) {
        loop {
            data = &data[writer.push(data)..];
            if data.is_empty() || writer.missing() == 0 {
                return;
            }
            assert!(writer.needs_page());
            writer.add_page(pool.take().unwrap(), pool.reserve_incoming(1).unwrap());
        }
    }

    #[test]
    fn a_writer_collects_bytes_in_pieces_of_any_size() {
        let data: Vec<u8> = (0..100_000).map(|at: u32| (at / 7) as u8).collect();
        let lengths = [1, 511, 2048, 16_384, 32_700, 32_767, 32_768, 32_769, 65_536, 99_999];
        for (len, page_bytes) in lengths.into_iter().flat_map(|len| [(len, 32 << 10), (len, 64 << 10)]) {
            for piece in [1, 7, 4096, 32_768, 100_000] {
                let pool = Arc::new(Pool::new(1 << 20, page_bytes));
                let mut writer = writer(&pool, len);
                data.chunks(piece).for_each(|piece| fill(&mut writer, &pool, piece));
                assert_eq!((writer.missing(), writer.len()), (0, len));
                let (pages, tail, charge) = writer.into_parts().unwrap();
                let paged = pages.iter().flat_map(|page| page.iter().copied()).take(len - tail.len());
                assert!(paged.chain(tail.iter().copied()).eq(data[..len].iter().copied()));
                assert_eq!(tail.len(), Layout::of(page_bytes, len).tail_bytes());
                drop((pages, charge));
                assert_eq!((pool.charged_bytes(), pool.incoming_bytes()), (0, 0));
            }
        }
    }

    #[test]
    fn a_page_is_offered_only_if_the_missing_bytes_fill_it() {
        let pool = Arc::new(Pool::new(1 << 20, 32 << 10));
        let mut writer = writer(&pool, (32 << 10) + 10);
        assert!(writer.needs_page() && writer.page().is_none());
        writer.add_page(pool.take().unwrap(), pool.reserve_incoming(1).unwrap());
        assert_eq!(writer.page().unwrap().len(), 32 << 10);
        assert_eq!(writer.push(&[1; 1000]), 1000);
        assert_eq!(writer.page().unwrap().len(), (32 << 10) - 1000);
        writer.advance((32 << 10) - 1000);
        assert!(!writer.needs_page() && writer.page().is_none(), "ten bytes fill no page");
        assert_eq!(writer.push(&[1; 11]), 10);
    }

    #[test]
    fn a_writer_without_memory_drops_all_bytes() {
        let pool = Arc::new(Pool::new(1 << 20, 32 << 10));
        let mut writer = writer(&pool, 100_000);
        fill(&mut writer, &pool, &[1; 50_000]);
        writer.fail();
        assert_eq!((pool.charged_bytes(), pool.incoming_bytes()), (0, 0));
        assert!(!writer.needs_page() && writer.missing() == 50_000);
        assert_eq!(writer.push(&[1; 60_000]), 50_000);
        assert!(writer.into_parts().is_none());
    }
}
