//! The reply buffer of a connection: reply bytes in order, with large values referenced instead of copied.
//!
//! `commands/` appends replies; `server/connection.rs` sends them once per batch.
//! Invariants: splice positions never decrease and are within the bytes; `len` is the sum of bytes and large values.

use std::fmt::Debug;
use std::sync::Arc;

/// A large value that is stored in several parts of memory.
pub trait ValueParts: Debug + Send + Sync {
    /// The part at `index`.
    fn part(&self, index: usize) -> Option<&[u8]>;
}

/// A reference to a stored large value.
pub type SharedValueParts = Arc<dyn ValueParts>;

/// Unsent replies.
#[derive(Default, Debug)]
pub struct ReplyBuffer {
    bytes: Vec<u8>,
    /// Large values in order of their positions.
    large: Vec<Splice>,
    large_bytes: usize,
}

/// A large value and its position.
#[derive(Debug)]
struct Splice {
    /// The value precedes the byte at this index.
    at: usize,
    parts: SharedValueParts,
    len: usize,
}

/// Largest capacity that is kept for reuse, in bytes.
const KEEP_MAX_BYTES: usize = 512 * 1024;

impl ReplyBuffer {
    /// Unsent bytes, large values included.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.large_bytes
    }

    /// True if all replies are sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.large.is_empty()
    }

    /// The current end, for [`ReplyBuffer::truncate`].
    pub fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.large.len())
    }

    /// Removes everything appended since `mark`.
    pub fn truncate(&mut self, mark: (usize, usize)) {
        self.bytes.truncate(mark.0);
        if self.large.len() > mark.1 {
            for splice in self.large.drain(mark.1..) {
                self.large_bytes -= splice.len;
            }
        }
    }

    /// Removes everything and keeps the capacity.
    pub fn clear(&mut self) {
        self.truncate((0, 0));
        if self.bytes.capacity() > KEEP_MAX_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// Moves everything to a new buffer of exact size and keeps the capacity.
    pub fn take(&mut self) -> ReplyBuffer {
        let bytes = self.bytes.as_slice().to_vec();
        let taken =
            ReplyBuffer { bytes, large: std::mem::take(&mut self.large), large_bytes: self.large_bytes };
        self.large_bytes = 0;
        self.clear();
        taken
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a decimal number.
    pub fn push_number(&mut self, number: u64) {
        self.bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Appends a large value by reference.
    pub fn push_large(&mut self, parts: SharedValueParts, len: usize) {
        self.large_bytes += len;
        self.large.push(Splice { at: self.bytes.len(), parts, len });
    }

    /// Appends `VALUE <key> <flags> <length>[ <cas>]`, the value, and the line end of either.
    pub fn push_value(&mut self, key: &[u8], flags: u32, value: &[u8], cas: Option<u64>) {
        self.push_value_line(key, flags, value.len(), cas);
        self.push(value);
        self.push(b"\r\n");
    }

    /// As [`ReplyBuffer::push_value`], with a large value by reference.
    pub fn push_large_value(
        &mut self,
        key: &[u8],
        flags: u32,
        parts: SharedValueParts,
        len: usize,
        cas: Option<u64>,
    ) {
        self.push_value_line(key, flags, len, cas);
        self.push_large(parts, len);
        self.push(b"\r\n");
    }

    #[inline(always)]
    fn push_value_line(&mut self, key: &[u8], flags: u32, len: usize, cas: Option<u64>) {
        self.push(b"VALUE ");
        self.push(key);
        if flags == 0 {
            self.push(b" 0 ");
        } else {
            self.push(b" ");
            self.push_number(u64::from(flags));
            self.push(b" ");
        }
        self.push_number(len as u64);
        if let Some(cas) = cas {
            self.push(b" ");
            self.push_number(cas);
        }
        self.push(b"\r\n");
    }

    /// Appends `STAT <name> <value>` and its line end.
    pub fn push_stat(&mut self, name: impl std::fmt::Display, value: impl std::fmt::Display) {
        self.push(format!("STAT {name} {value}\r\n").as_bytes());
    }

    /// All bytes in one slice, if no large value is among them.
    pub fn contiguous(&self) -> Option<&[u8]> {
        self.large.is_empty().then_some(&self.bytes[..])
    }

    /// The bytes to send as consecutive slices, without the first `skip` bytes; no slice is empty.
    pub fn pieces(&self, skip: usize) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        let spliced = self.large.iter().flat_map(move |splice| {
            let before = &self.bytes[start..splice.at];
            start = splice.at;
            std::iter::once(before).chain((0..).map_while(|index| splice.parts.part(index)))
        });
        let end = self.large.last().map_or(0, |splice| splice.at);
        let all = spliced.chain(std::iter::once(&self.bytes[end..]));
        let mut skip = skip;
        all.filter_map(move |piece| {
            let cut = skip.min(piece.len());
            skip -= cut;
            (cut < piece.len()).then(|| &piece[cut..])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ValueParts for Vec<Vec<u8>> {
        fn part(&self, index: usize) -> Option<&[u8]> {
            self.get(index).map(Vec::as_slice)
        }
    }

    fn parts(of: &[&str]) -> SharedValueParts {
        let parts: Vec<Vec<u8>> = of.iter().map(|part| part.as_bytes().to_vec()).collect();
        Arc::new(parts)
    }

    fn sent(reply: &ReplyBuffer, skip: usize) -> Vec<u8> {
        reply.pieces(skip).inspect(|piece| assert!(!piece.is_empty())).flatten().copied().collect()
    }

    #[test]
    fn large_values_keep_their_position_at_every_skip() {
        let mut reply = ReplyBuffer::default();
        reply.push(b"one ");
        reply.push_large(parts(&["T", "WO"]), 3);
        reply.push(b" three ");
        reply.push_large(parts(&["FOUR"]), 4);
        let whole = b"one TWO three FOUR";
        assert_eq!(reply.len(), whole.len());
        assert!(reply.contiguous().is_none());
        for skip in 0..=whole.len() {
            assert_eq!(sent(&reply, skip), &whole[skip..]);
        }
    }

    #[test]
    fn truncate_removes_large_values() {
        let mut reply = ReplyBuffer::default();
        reply.push(b"kept");
        let mark = reply.mark();
        reply.push(b"gone");
        reply.push_large(parts(&["gone ", "too"]), 8);
        reply.truncate(mark);
        assert_eq!(reply.contiguous(), Some(&b"kept"[..]));
        assert_eq!(reply.len(), 4);
    }

    #[test]
    fn value_lines_print_flags_and_cas() {
        let mut reply = ReplyBuffer::default();
        reply.push_value(b"k", 0, b"some bytes", None);
        reply.push_value(b"k", u32::MAX, b"", Some(u64::MAX));
        let lines = b"VALUE k 0 10\r\nsome bytes\r\nVALUE k 4294967295 0 18446744073709551615\r\n\r\n";
        assert_eq!(reply.contiguous(), Some(&lines[..]));
    }
}
