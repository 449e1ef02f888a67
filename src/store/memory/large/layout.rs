//! Which pages and fragments a large value takes.

use super::fragments::{SIZES, fragment_bytes};

/// Heap bytes charged for a value beyond its key: entries in the LRU order and in the deadlines, reference counts,
/// lists of pages and fragments.
const ENTRY_BYTES: u64 = 384;

/// A tail longer than this many eighths of a page gets a whole page.
const TAIL_EIGHTHS: usize = 7;

/// Pages and fragments of a value of some length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Layout {
    page_bytes: usize,
    len: usize,
    pages: usize,
    tail_bytes: usize,
}

impl Layout {
    /// The layout of a value of `len` bytes.
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

    /// Number of pages.
    pub(in crate::store) fn pages(&self) -> usize {
        self.pages
    }

    /// Bytes in fragments.
    pub(in crate::store) fn tail_bytes(&self) -> usize {
        self.tail_bytes
    }

    /// Number of fragments of each size, the largest first.
    pub(in crate::store) fn fragments(&self) -> [usize; SIZES] {
        let sizes = fragment_bytes(self.page_bytes);
        let mut rest = self.tail_bytes.next_multiple_of(sizes[SIZES - 1]);
        sizes.map(|bytes| {
            let count = rest / bytes;
            rest %= bytes;
            count
        })
    }

    /// Memory of the value with key and record, in bytes.
    pub(in crate::store) fn taken_bytes(&self, key_len: usize) -> u64 {
        let smallest = fragment_bytes(self.page_bytes)[SIZES - 1];
        let in_pages = self.pages * self.page_bytes + self.tail_bytes.next_multiple_of(smallest);
        in_pages as u64 + Layout::heap_bytes(key_len)
    }

    /// Heap memory of a value with a key of this length, in bytes.
    pub(in crate::store) fn heap_bytes(key_len: usize) -> u64 {
        ENTRY_BYTES + key_len as u64
    }
}

/// An empty buffer for a tail until it is stored. It has one of two capacities, so that the allocator reuses its memory
/// for the next one.
pub(in crate::store) fn tail_buffer(page_bytes: usize, tail_bytes: usize) -> Vec<u8> {
    let short = page_bytes / 8;
    Vec::with_capacity(if tail_bytes <= short { short } else { page_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_holds_its_value_and_little_more() {
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
