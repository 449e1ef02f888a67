//! The way back: reply bytes in order, with large values spliced in by reference.
//!
//! Invariants: splice points never fall and never lie beyond the bytes; `len` is the sum of both.

use bytes::Bytes;

/// Replies waiting to be sent.
#[derive(Default, Debug)]
pub struct ReplyBuffer {
    bytes: Vec<u8>,
    /// Large values, each to be sent before the byte at its position.
    large: Vec<(usize, Bytes)>,
    large_bytes: usize,
}

/// A buffer that once grew beyond this is not kept for reuse, in bytes.
const KEEP_MAX_BYTES: usize = 512 * 1024;

impl ReplyBuffer {
    /// Bytes waiting, large values included.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.large_bytes
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.large.is_empty()
    }

    /// A point to return to with [`ReplyBuffer::truncate`].
    pub fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.large.len())
    }

    /// Forgets what was appended since `mark`.
    pub fn truncate(&mut self, mark: (usize, usize)) {
        self.bytes.truncate(mark.0);
        for (_, value) in self.large.drain(mark.1..) {
            self.large_bytes -= value.len();
        }
    }

    /// Forgets everything, keeps the room.
    pub fn clear(&mut self) {
        self.truncate((0, 0));
        if self.bytes.capacity() > KEEP_MAX_BYTES {
            self.bytes = Vec::new();
        }
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
    pub fn push_large(&mut self, value: &Bytes) {
        self.large_bytes += value.len();
        self.large.push((self.bytes.len(), value.clone()));
    }

    /// Appends `VALUE <key> <flags> <length>[ <cas>]` and its line end.
    pub fn push_value_line(&mut self, key: &[u8], flags: u32, len: usize, cas: Option<u64>) {
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

    /// The bytes, if no large value waits among them: what one plain write can send.
    pub fn plain(&self) -> Option<&[u8]> {
        self.large.is_empty().then_some(&self.bytes[..])
    }

    /// What to send, piece by piece, without the first `skip` bytes; no piece is empty.
    pub fn pieces(&self, skip: usize) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.large.iter().map(|(at, _)| *at));
        let ends =
            self.large.iter().map(|(at, value)| (*at, &value[..])).chain([(self.bytes.len(), &[][..])]);
        let all = starts.zip(ends).flat_map(|(start, (end, value))| [&self.bytes[start..end], value]);
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

    fn sent(reply: &ReplyBuffer, skip: usize) -> Vec<u8> {
        reply.pieces(skip).inspect(|piece| assert!(!piece.is_empty())).flatten().copied().collect()
    }

    #[test]
    fn large_values_keep_their_place_at_every_skip() {
        let mut reply = ReplyBuffer::default();
        reply.push(b"one ");
        reply.push_large(&Bytes::from_static(b"TWO"));
        reply.push(b" three ");
        reply.push_large(&Bytes::from_static(b"FOUR"));
        let whole = b"one TWO three FOUR";
        assert_eq!(reply.len(), whole.len());
        assert!(reply.plain().is_none());
        for skip in 0..=whole.len() {
            assert_eq!(sent(&reply, skip), &whole[skip..]);
        }
    }

    #[test]
    fn truncate_takes_back_large_values_too() {
        let mut reply = ReplyBuffer::default();
        reply.push(b"kept");
        let mark = reply.mark();
        reply.push(b"gone");
        reply.push_large(&Bytes::from_static(b"gone too"));
        reply.truncate(mark);
        assert_eq!(reply.plain(), Some(&b"kept"[..]));
        assert_eq!(reply.len(), 4);
    }

    #[test]
    fn value_lines_print_flags_and_cas() {
        let mut reply = ReplyBuffer::default();
        reply.push_value_line(b"k", 0, 12, None);
        reply.push_value_line(b"k", u32::MAX, 0, Some(7));
        assert_eq!(reply.plain(), Some(&b"VALUE k 0 12\r\nVALUE k 4294967295 0 7\r\n"[..]));
    }
}
