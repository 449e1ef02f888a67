//! Finds one complete request in the received bytes of a text connection and passes it to the grammar.
//!
//! The connection owns the bytes; a [`TextDecoder`] is a few words of state. It resumes the search for a line end where
//! the last one stopped and copies nothing. The requests do not depend on how the bytes were split by the network.
//!
//! `session/text.rs` calls [`TextDecoder::decode`] with all bytes that are not consumed, drops the consumed ones, and
//! repeats until [`Decoded::NeedMore`]. After [`Decoded::ReceiveValue`] it receives the value itself or calls
//! [`TextDecoder::discard_value`], then expects [`Decoded::ValueEnd`]. The grammar is in `classic.rs` and `meta.rs`.

use super::classic;
use super::limits::{
    KEYS_PART_BYTES, LINE_MAX_BYTES, LINE_MIN_BYTES, RESYNC_MAX_BYTES, VALUE_INLINE_MAX_BYTES,
};
use super::meta_request::MetaStorageHeader;
use super::parsed_line::{DataBlock, ParsedLine};
use super::refusal::Refusal;
use super::request::{Request, Retrieval, StorageHeader};
use super::tokens::{exceeds_line, find};
use memchr::memchr;

/// The result of decoding; `consumed` bytes at the front belong to it.
#[derive(PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// A complete request.
    Request {
        /// The request.
        request: Request<'a>,
        /// Bytes to drop.
        consumed: usize,
    },
    /// A storage command with a value too long for the buffer; the caller receives the value.
    ReceiveValue {
        /// The line.
        header: StorageHeader<'a>,
        /// Bytes to drop; the value starts after them.
        consumed: usize,
    },
    /// An `ms` with a value too long for the buffer; the caller receives the value.
    ReceiveMetaValue {
        /// The line.
        header: MetaStorageHeader<'a>,
        /// Bytes to drop; the value starts after them.
        consumed: usize,
    },
    /// The end of a value that the caller received.
    ValueEnd {
        /// True if the value ends in a line end.
        intact: bool,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Bytes that are not executed; the reply, if one is due, is sent.
    Refused {
        /// The reply, if one is due.
        reply: Option<Refusal>,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Send the reply, if one is due, and close the connection.
    Close {
        /// The reply.
        reply: Option<Refusal>,
    },
    /// The input is incomplete.
    NeedMore,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// At the start of a line.
    #[default]
    Line,
    /// Inside the key list of a retrieval.
    Keys { with_cas: bool, exptime: Option<KeptExptime>, first: bool },
    /// At the end of a value that the caller received.
    ValueEnd,
    /// Discarding the remaining bytes of a value; the reply comes after them.
    DiscardValue { remaining: u32, reply: Option<Refusal> },
    /// Discarding the rest of a line; the connection is closed if that is more than `remaining` bytes.
    FindLineEnd { remaining: u32 },
    /// After a storage line with an invalid length, without input yet.
    MaybeDataBlock,
}

/// An exptime that takes 8 bytes as an option, because every connection has a decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum KeptExptime {
    /// Any negative number.
    Past,
    Secs(u32),
}

impl KeptExptime {
    fn of(exptime: i64) -> KeptExptime {
        // The grammar cuts times to 32 bits, so only a negative one does not fit.
        u32::try_from(exptime).map_or(KeptExptime::Past, KeptExptime::Secs)
    }

    fn exptime(self) -> i64 {
        match self {
            KeptExptime::Past => -1,
            KeptExptime::Secs(secs) => secs.into(),
        }
    }
}

impl State {
    /// Inside the key list of a retrieval.
    fn keys(with_cas: bool, exptime: Option<i64>, first: bool) -> State {
        State::Keys { with_cas, exptime: exptime.map(KeptExptime::of), first }
    }
}

/// The decoder state of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TextDecoder {
    state: State,
    /// Bytes at the front that contain no line end.
    scanned: u32,
}

/// The data block after a line.
enum Value<'a> {
    /// The value, and the bytes of the whole request.
    Complete(&'a [u8], usize),
    /// Too long for the buffer.
    Long,
    /// An incomplete or a bad data block.
    NotComplete(Decoded<'a>),
}

/// The bytes after a value.
enum ValueEnd {
    LineEnd,
    /// Other bytes: drop `consumed` of them, and the rest of the line if `skip_line`.
    Bad {
        consumed: usize,
        skip_line: bool,
    },
    Incomplete,
}

/// Checks the bytes after a value. Bad ones are consumed up to a line end, never beyond it, so that the decoder finds
/// the next command.
fn check_value_end(rest: &[u8]) -> ValueEnd {
    match rest {
        [b'\r', b'\n', ..] => ValueEnd::LineEnd,
        [b'\n', ..] => ValueEnd::Bad { consumed: 1, skip_line: false },
        [_, b'\n', ..] => ValueEnd::Bad { consumed: 2, skip_line: false },
        [_, _, ..] => ValueEnd::Bad { consumed: 2, skip_line: true },
        _ => ValueEnd::Incomplete,
    }
}

impl TextDecoder {
    /// True between two requests.
    pub fn is_between_requests(&self) -> bool {
        self.state == State::Line
    }

    /// Decodes the next request from the bytes that are not consumed yet.
    #[inline]
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Decoded<'a> {
        match self.state {
            _ if bytes.is_empty() => Decoded::NeedMore,
            State::Line => self.decode_line(bytes),
            state => self.decode_inside(state, bytes),
        }
    }

    /// Decodes the bytes after a part of a request.
    fn decode_inside<'a>(&mut self, state: State, bytes: &'a [u8]) -> Decoded<'a> {
        match state {
            State::Line => self.decode_line(bytes),
            State::Keys { with_cas, exptime, first } => {
                self.decode_keys(bytes, with_cas, exptime.map(KeptExptime::exptime), first)
            }
            State::ValueEnd => self.decode_value_end(bytes),
            State::DiscardValue { remaining, reply } => self.decode_discarded(bytes, remaining, reply),
            State::FindLineEnd { remaining } => self.discard_line(bytes, remaining),
            State::MaybeDataBlock => self.decode_maybe_data_block(bytes),
        }
    }

    /// Discards the value of [`Decoded::ReceiveValue`] with its line end, then replies. For a caller that refuses the
    /// value.
    pub fn discard_value(&mut self, value_len: usize, reply: Option<Refusal>) {
        self.state = State::DiscardValue { remaining: saturating_u32(value_len), reply };
    }

    /// Continues with the last `remaining` bytes of the keys of a retrieval that was executed in part. Returns how many
    /// of the bytes that [`Decoded::Request`] reported as consumed must be kept.
    pub fn resume_keys(&mut self, retrieval: &Retrieval<'_>, remaining: usize) -> usize {
        self.state = State::keys(retrieval.with_cas, retrieval.exptime, false);
        remaining + retrieval.line_end_len
    }

    /// Discards the rest of a retrieval's line, if it continues. For a retrieval that was refused.
    pub fn discard_keys(&mut self, retrieval: &Retrieval<'_>) {
        if !retrieval.last {
            self.state = State::FindLineEnd { remaining: u32::MAX };
        }
    }

    /// Position of the next line end within `limit` bytes; the next call resumes the search.
    #[inline(always)]
    fn line_end(&mut self, bytes: &[u8], limit: usize) -> Option<usize> {
        let window = &bytes[..bytes.len().min(limit)];
        let from = window.len().min(self.scanned as usize);
        match find(b'\n', &window[from..]) {
            Some(at) => {
                self.scanned = saturating_u32(from + at);
                Some(from + at)
            }
            None => {
                self.scanned = saturating_u32(window.len());
                None
            }
        }
    }

    fn after_value(&mut self, skip_line: bool) {
        self.state = if skip_line {
            State::FindLineEnd { remaining: saturating_u32(RESYNC_MAX_BYTES) }
        } else {
            State::Line
        };
    }

    /// Restarts the search for a line end after the decoded bytes.
    fn finish<'a>(&mut self, decoded: Decoded<'a>) -> Decoded<'a> {
        self.scanned = 0;
        decoded
    }

    fn decode_line<'a>(&mut self, bytes: &'a [u8]) -> Decoded<'a> {
        // The limit excludes the line end of two bytes.
        let Some(end) = self.line_end(bytes, LINE_MAX_BYTES + 2) else {
            return if exceeds_line(bytes) { self.decode_long_line(bytes) } else { Decoded::NeedMore };
        };
        let (text, line_end_len) = without_line_end(bytes, end);
        if text.len() > LINE_MAX_BYTES {
            return self.decode_long_line(bytes);
        }
        let consumed = end + 1;
        if let Some(retrieval) = classic::plain_retrieval(text, line_end_len) {
            self.scanned = 0;
            return Decoded::Request { request: Request::Retrieval(retrieval), consumed };
        }
        self.decode_other_line(bytes, text, line_end_len, consumed)
    }

    /// Decodes a line that is not a plain retrieval, with its data block. The line has `consumed` bytes with its end.
    fn decode_other_line<'a>(
        &mut self,
        bytes: &'a [u8],
        text: &'a [u8],
        line_end_len: usize,
        consumed: usize,
    ) -> Decoded<'a> {
        match classic::parse_line(text, line_end_len) {
            ParsedLine::Request(request) => {
                self.scanned = 0;
                Decoded::Request { request, consumed }
            }
            ParsedLine::Storage(header) => {
                match self.value(bytes, consumed, header.value_len, header.noreply) {
                    Value::Complete(value, consumed) => {
                        Decoded::Request { request: Request::Store { header, value }, consumed }
                    }
                    Value::Long => Decoded::ReceiveValue { header, consumed },
                    Value::NotComplete(decoded) => decoded,
                }
            }
            ParsedLine::MetaStorage(header) => match self.value(bytes, consumed, header.value_len, false) {
                Value::Complete(value, consumed) => {
                    Decoded::Request { request: Request::MetaStore { header, value }, consumed }
                }
                Value::Long => Decoded::ReceiveMetaValue { header, consumed },
                Value::NotComplete(decoded) => decoded,
            },
            ParsedLine::Refused { reply, data_block } => {
                match data_block {
                    DataBlock::None => {}
                    DataBlock::Bytes(value_len) => {
                        self.discard_value(value_len, reply);
                        return self.finish(Decoded::Refused { reply: None, consumed });
                    }
                    // The client sent the bytes after the line before it could see the refusal: they are data.
                    DataBlock::UnknownLength if consumed < bytes.len() => {
                        self.state = State::FindLineEnd { remaining: saturating_u32(RESYNC_MAX_BYTES) };
                    }
                    DataBlock::UnknownLength => self.state = State::MaybeDataBlock,
                }
                self.finish(Decoded::Refused { reply, consumed })
            }
            ParsedLine::UnknownProtocol => Decoded::Close { reply: None },
        }
    }

    /// The data block after a line of `line_len` bytes; with `silent`, a bad one has no reply.
    fn value<'a>(&mut self, bytes: &'a [u8], line_len: usize, value_len: usize, silent: bool) -> Value<'a> {
        if value_len > VALUE_INLINE_MAX_BYTES {
            self.state = State::ValueEnd;
            self.scanned = 0;
            return Value::Long;
        }
        let value_end = line_len + value_len;
        let Some(rest) = bytes.get(value_end..) else { return Value::NotComplete(Decoded::NeedMore) };
        match check_value_end(rest) {
            ValueEnd::Incomplete => Value::NotComplete(Decoded::NeedMore),
            ValueEnd::LineEnd => {
                self.scanned = 0;
                Value::Complete(&bytes[line_len..value_end], value_end + 2)
            }
            ValueEnd::Bad { consumed, skip_line } => {
                self.after_value(skip_line);
                let reply = (!silent).then_some(Refusal::BadDataChunk);
                let decoded = Decoded::Refused { reply, consumed: value_end + consumed };
                Value::NotComplete(self.finish(decoded))
            }
        }
    }

    /// Decodes a line over the limit: only a key list may be this long, and is executed in parts.
    fn decode_long_line<'a>(&mut self, bytes: &'a [u8]) -> Decoded<'a> {
        let end = memchr(b'\n', &bytes[..KEYS_PART_BYTES.min(bytes.len())]);
        let first = match end {
            Some(end) => without_line_end(bytes, end).0,
            None => &bytes[..KEYS_PART_BYTES.min(bytes.len())],
        };
        // The last token may be cut; it is a key, which the grammar does not check.
        match classic::parse_line(first, 2) {
            ParsedLine::Request(Request::Retrieval(Retrieval { with_cas, exptime, keys, .. })) => {
                self.state = State::keys(with_cas, exptime, true);
                self.finish(Decoded::Refused { reply: None, consumed: first.len() - keys.len() })
            }
            _ if end.is_none() && bytes.len() < KEYS_PART_BYTES && classic::awaits_keys(first) => {
                Decoded::NeedMore
            }
            _ => Decoded::Close { reply: Some(Refusal::LineTooLong) },
        }
    }

    fn decode_keys<'a>(
        &mut self,
        bytes: &'a [u8],
        with_cas: bool,
        exptime: Option<i64>,
        first: bool,
    ) -> Decoded<'a> {
        let (keys, consumed, last) = match self.line_end(bytes, KEYS_PART_BYTES) {
            Some(end) => (without_line_end(bytes, end).0, end + 1, true),
            None if bytes.len() < KEYS_PART_BYTES => return Decoded::NeedMore,
            // A part without a space is a key over the limit; its execution refuses it.
            None => {
                let space = memchr::memrchr(b' ', &bytes[..KEYS_PART_BYTES]).filter(|at| *at > 0);
                let part = space.unwrap_or(KEYS_PART_BYTES);
                (&bytes[..part], part, false)
            }
        };
        self.state = if last { State::Line } else { State::keys(with_cas, exptime, false) };
        let line_end_len = consumed - keys.len();
        let request = Request::Retrieval(Retrieval { with_cas, exptime, keys, first, last, line_end_len });
        self.finish(Decoded::Request { request, consumed })
    }

    fn decode_value_end<'a>(&mut self, bytes: &'a [u8]) -> Decoded<'a> {
        let (intact, consumed, skip_line) = match check_value_end(bytes) {
            ValueEnd::Incomplete => return Decoded::NeedMore,
            ValueEnd::LineEnd => (true, 2, false),
            ValueEnd::Bad { consumed, skip_line } => (false, consumed, skip_line),
        };
        self.after_value(skip_line);
        Decoded::ValueEnd { intact, consumed }
    }

    fn decode_discarded<'a>(
        &mut self,
        bytes: &'a [u8],
        remaining: u32,
        reply: Option<Refusal>,
    ) -> Decoded<'a> {
        if remaining > 0 {
            let consumed = bytes.len().min(remaining as usize);
            self.state = State::DiscardValue { remaining: remaining - saturating_u32(consumed), reply };
            return Decoded::Refused { reply: None, consumed };
        }
        let (consumed, skip_line) = match check_value_end(bytes) {
            ValueEnd::Incomplete => return Decoded::NeedMore,
            ValueEnd::LineEnd => (2, false),
            ValueEnd::Bad { consumed, skip_line } => (consumed, skip_line),
        };
        self.after_value(skip_line);
        Decoded::Refused { reply, consumed }
    }

    fn discard_line<'a>(&mut self, bytes: &'a [u8], remaining: u32) -> Decoded<'a> {
        match memchr(b'\n', bytes) {
            Some(end) if end <= remaining as usize => {
                self.state = State::Line;
                Decoded::Refused { reply: None, consumed: end + 1 }
            }
            None if bytes.len() <= remaining as usize => {
                self.state = State::FindLineEnd { remaining: remaining - saturating_u32(bytes.len()) };
                Decoded::Refused { reply: None, consumed: bytes.len() }
            }
            _ => Decoded::Close { reply: None },
        }
    }

    /// Decodes the line after a refused storage line of unknown length. The client may have sent a command after it
    /// saw the refusal; any other line is the data block.
    fn decode_maybe_data_block<'a>(&mut self, bytes: &'a [u8]) -> Decoded<'a> {
        let Some(end) = self.line_end(bytes, RESYNC_MAX_BYTES) else {
            return if bytes.len() < RESYNC_MAX_BYTES {
                Decoded::NeedMore
            } else {
                Decoded::Close { reply: None }
            };
        };
        self.state = State::Line;
        let (text, line_end_len) = without_line_end(bytes, end);
        match classic::parse_line(text, line_end_len) {
            ParsedLine::Refused { reply: None | Some(Refusal::Unknown), data_block: DataBlock::None }
            | ParsedLine::UnknownProtocol => self.finish(Decoded::Refused { reply: None, consumed: end + 1 }),
            _ if text.len() + line_end_len < LINE_MIN_BYTES => {
                self.finish(Decoded::Refused { reply: None, consumed: end + 1 })
            }
            _ => self.decode_line(bytes),
        }
    }
}

/// A byte count in 32 bits, to keep the state small. Values and buffers are far below the limit.
fn saturating_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The line in front of the LF at `end`, and the length of its line end. One CR before the LF belongs to the line end.
fn without_line_end(bytes: &[u8], end: usize) -> (&[u8], usize) {
    match &bytes[..end] {
        [text @ .., b'\r'] => (text, 2),
        text => (text, 1),
    }
}

#[cfg(test)]
mod tests;
