//! Finds one complete frame in the bytes received so far and hands it to the grammar.
//!
//! The connection owns the bytes; an [`Intake`] is the few words of state between two looks at them. It resumes the
//! search for a line end where it stopped, never copies, and gives the same requests however the bytes were torn.
//! It does no IO and does not know what a request does.
//!
//! Call [`Intake::pull`] with everything unconsumed; drop as many bytes from the front as it says; repeat until
//! [`Pull::NeedMore`]. After [`Pull::Receive`] the caller takes the value itself (or calls [`Intake::swallow`]),
//! then pulls again for [`Pull::ValueEnd`].

use super::classic::{self, Follows, Line};
use super::limits::{
    KEYS_PART_BYTES, LINE_MAX_BYTES, LINE_MIN_BYTES, RESYNC_MAX_BYTES, VALUE_INLINE_MAX_BYTES,
};
use super::meta::MetaHeader;
use super::refusal::Refusal;
use super::request::{Request, Retrieval, StorageHeader};
use super::tokens::{exceeds_line, find};
use memchr::memchr;

/// What was found at the front of the bytes; `consumed` of them belong to it.
#[derive(PartialEq, Eq, Debug)]
pub enum Pull<'a> {
    /// A whole request.
    Request {
        /// The request.
        request: Request<'a>,
        /// Bytes to drop.
        consumed: usize,
    },
    /// A storage command whose value is too long for the buffer and is to be received in place.
    Receive {
        /// The line.
        header: StorageHeader<'a>,
        /// Bytes to drop; the value starts behind them.
        consumed: usize,
    },
    /// The same for `ms`.
    ReceiveMeta {
        /// The line.
        header: MetaHeader<'a>,
        /// Bytes to drop; the value starts behind them.
        consumed: usize,
    },
    /// The end of a value received in place.
    ValueEnd {
        /// True if it ended as it must.
        intact: bool,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Bytes that need no execution: answer with the refusal, if there is one.
    Refused {
        /// The answer.
        answer: Option<Refusal>,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Answer with the refusal, if there is one, and close.
    Close {
        /// The answer.
        answer: Option<Refusal>,
    },
    /// Nothing complete yet.
    NeedMore,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// At the start of a line.
    #[default]
    Line,
    /// Inside the key list of a retrieval.
    Keys { with_cas: bool, exptime: Option<i32>, first: bool },
    /// At the line end of a value received in place.
    ValueEnd,
    /// Dropping this many bytes of a data block; the answer follows it.
    Swallow { left: u32, answer: Option<Refusal> },
    /// Dropping what is left of a line; closes when more than `left` bytes had to be dropped.
    Resync { left: u32 },
    /// Behind a storage line of unreadable length, with nothing of its data block seen yet.
    PerhapsBlock,
}

/// The state of one connection's input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Intake {
    state: State,
    /// Bytes at the front that are known to hold no line end.
    scanned: u32,
}

/// What was found of a data block.
enum Block<'a> {
    /// The value, and the bytes of the whole frame.
    Whole(&'a [u8], usize),
    /// Too long for the buffer.
    Long,
    /// Not whole yet, or broken.
    Other(Pull<'a>),
}

/// How a data block ends.
enum BlockEnd {
    Intact,
    /// Not as it must: drop this many bytes, and the rest of the line if `resync`.
    Broken {
        consumed: usize,
        resync: bool,
    },
    Unknown,
}

/// Judges the bytes behind a value. A broken end is consumed up to a line end, never beyond it, so that the next
/// command is found.
fn block_end(rest: &[u8]) -> BlockEnd {
    match rest {
        [b'\r', b'\n', ..] => BlockEnd::Intact,
        [b'\n', ..] => BlockEnd::Broken { consumed: 1, resync: false },
        [_, b'\n', ..] => BlockEnd::Broken { consumed: 2, resync: false },
        [_, _, ..] => BlockEnd::Broken { consumed: 2, resync: true },
        _ => BlockEnd::Unknown,
    }
}

impl Intake {
    /// True between two requests, when a connection owes no byte.
    pub fn is_between_requests(&self) -> bool {
        self.state == State::Line
    }

    /// Looks at everything received and not yet consumed.
    #[inline]
    pub fn pull<'a>(&mut self, bytes: &'a [u8]) -> Pull<'a> {
        match self.state {
            _ if bytes.is_empty() => Pull::NeedMore,
            State::Line => self.pull_line(bytes),
            state => self.pull_inside(state, bytes),
        }
    }

    /// Looks at what comes behind a part of a request.
    fn pull_inside<'a>(&mut self, state: State, bytes: &'a [u8]) -> Pull<'a> {
        match state {
            State::Line => self.pull_line(bytes),
            State::Keys { with_cas, exptime, first } => self.pull_keys(bytes, with_cas, exptime, first),
            State::ValueEnd => self.pull_value_end(bytes),
            State::Swallow { left, answer } => self.pull_swallowed(bytes, left, answer),
            State::Resync { left } => self.pull_resync(bytes, left),
            State::PerhapsBlock => self.pull_perhaps_block(bytes),
        }
    }

    /// The caller will not receive the value that [`Pull::Receive`] announced: drop it and its line end, then answer.
    pub fn swallow(&mut self, value_len: usize, answer: Option<Refusal>) {
        self.state = State::Swallow { left: narrow(value_len), answer };
    }

    /// The caller executed a retrieval only in part and left `left` bytes of its keys. Returns how many of the bytes
    /// that [`Pull::Request`] gave as consumed are to stay.
    pub fn resume_keys(&mut self, retrieval: &Retrieval<'_>, left: usize) -> usize {
        self.state = State::Keys { with_cas: retrieval.with_cas, exptime: retrieval.exptime, first: false };
        left + retrieval.tail
    }

    /// A retrieval was refused in the middle of its keys: drop what is left of its line, if its end was not seen.
    pub fn abandon_keys(&mut self, retrieval: &Retrieval<'_>) {
        if !retrieval.last {
            self.state = State::Resync { left: u32::MAX };
        }
    }

    /// Position of the next line end within `limit` bytes, remembering how far the search got.
    #[inline(always)]
    fn line_end(&mut self, bytes: &[u8], limit: usize) -> Option<usize> {
        let window = &bytes[..bytes.len().min(limit)];
        let from = window.len().min(self.scanned as usize);
        match find(b'\n', &window[from..]) {
            Some(at) => {
                self.scanned = narrow(from + at);
                Some(from + at)
            }
            None => {
                self.scanned = narrow(window.len());
                None
            }
        }
    }

    fn after_block(&mut self, resync: bool) {
        self.state = if resync { State::Resync { left: narrow(RESYNC_MAX_BYTES) } } else { State::Line };
    }

    fn done<'a>(&mut self, pull: Pull<'a>) -> Pull<'a> {
        self.scanned = 0;
        pull
    }

    fn pull_line<'a>(&mut self, bytes: &'a [u8]) -> Pull<'a> {
        // Two bytes more than a line may hold: its line end.
        let Some(end) = self.line_end(bytes, LINE_MAX_BYTES + 2) else {
            return if exceeds_line(bytes) { self.pull_long_line(bytes) } else { Pull::NeedMore };
        };
        let (text, terminator_len) = without_line_end(bytes, end);
        if text.len() > LINE_MAX_BYTES {
            return self.pull_long_line(bytes);
        }
        let consumed = end + 1;
        if let Some(retrieval) = classic::plain_retrieval(text, terminator_len) {
            self.scanned = 0;
            return Pull::Request { request: Request::Retrieval(retrieval), consumed };
        }
        self.pull_other_line(bytes, text, terminator_len, consumed)
    }

    /// A line of `consumed` bytes with its end that is no plain retrieval, and the data block behind it, if it has one.
    fn pull_other_line<'a>(
        &mut self,
        bytes: &'a [u8],
        text: &'a [u8],
        terminator_len: usize,
        consumed: usize,
    ) -> Pull<'a> {
        match classic::line(text, terminator_len) {
            Line::Request(request) => {
                self.scanned = 0;
                Pull::Request { request, consumed }
            }
            Line::Block(header) => match self.block(bytes, consumed, header.value_len, header.noreply) {
                Block::Whole(value, consumed) => {
                    Pull::Request { request: Request::Store { header, value }, consumed }
                }
                Block::Long => Pull::Receive { header, consumed },
                Block::Other(pull) => pull,
            },
            Line::MetaBlock(header) => match self.block(bytes, consumed, header.value_len, false) {
                Block::Whole(value, consumed) => {
                    Pull::Request { request: Request::MetaStore { header, value }, consumed }
                }
                Block::Long => Pull::ReceiveMeta { header, consumed },
                Block::Other(pull) => pull,
            },
            Line::Refused { answer, follows } => {
                match follows {
                    Follows::Command => {}
                    Follows::Block(value_len) => {
                        self.swallow(value_len, answer);
                        return self.done(Pull::Refused { answer: None, consumed });
                    }
                    // Bytes that came along with the line were sent before its refusal could be seen: they are
                    // its data block, whatever they look like.
                    Follows::BlockOfUnknownLength if consumed < bytes.len() => {
                        self.state = State::Resync { left: narrow(RESYNC_MAX_BYTES) };
                    }
                    Follows::BlockOfUnknownLength => self.state = State::PerhapsBlock,
                }
                self.done(Pull::Refused { answer, consumed })
            }
            Line::Foreign => Pull::Close { answer: None },
        }
    }

    /// The data block behind a line of `line_len` bytes; `silent` if a mistake in it is not answered.
    fn block<'a>(&mut self, bytes: &'a [u8], line_len: usize, value_len: usize, silent: bool) -> Block<'a> {
        if value_len > VALUE_INLINE_MAX_BYTES {
            self.state = State::ValueEnd;
            self.scanned = 0;
            return Block::Long;
        }
        let value_end = line_len + value_len;
        let Some(rest) = bytes.get(value_end..) else { return Block::Other(Pull::NeedMore) };
        match block_end(rest) {
            BlockEnd::Unknown => Block::Other(Pull::NeedMore),
            BlockEnd::Intact => {
                self.scanned = 0;
                Block::Whole(&bytes[line_len..value_end], value_end + 2)
            }
            BlockEnd::Broken { consumed, resync } => {
                self.after_block(resync);
                let answer = (!silent).then_some(Refusal::BadDataChunk);
                let pull = Pull::Refused { answer, consumed: value_end + consumed };
                Block::Other(self.done(pull))
            }
        }
    }

    /// Only key lists may be this long; they are executed in parts.
    fn pull_long_line<'a>(&mut self, bytes: &'a [u8]) -> Pull<'a> {
        let end = memchr(b'\n', &bytes[..KEYS_PART_BYTES.min(bytes.len())]);
        let first = match end {
            Some(end) => without_line_end(bytes, end).0,
            None => &bytes[..KEYS_PART_BYTES.min(bytes.len())],
        };
        // The last token may be cut, but it is one of the keys, which the grammar leaves alone.
        match classic::line(first, 2) {
            Line::Request(Request::Retrieval(Retrieval { with_cas, exptime, keys, .. })) => {
                self.state = State::Keys { with_cas, exptime, first: true };
                self.done(Pull::Refused { answer: None, consumed: first.len() - keys.len() })
            }
            _ if end.is_none() && bytes.len() < KEYS_PART_BYTES && classic::awaits_keys(first) => {
                Pull::NeedMore
            }
            _ => Pull::Close { answer: Some(Refusal::LineTooLong) },
        }
    }

    fn pull_keys<'a>(
        &mut self,
        bytes: &'a [u8],
        with_cas: bool,
        exptime: Option<i32>,
        first: bool,
    ) -> Pull<'a> {
        let (keys, consumed, last) = match self.line_end(bytes, KEYS_PART_BYTES) {
            Some(end) => (without_line_end(bytes, end).0, end + 1, true),
            None if bytes.len() < KEYS_PART_BYTES => return Pull::NeedMore,
            // No space in a whole part is a key over its limit, which the part's execution will refuse.
            None => {
                let space = memchr::memrchr(b' ', &bytes[..KEYS_PART_BYTES]).filter(|at| *at > 0);
                let part = space.unwrap_or(KEYS_PART_BYTES);
                (&bytes[..part], part, false)
            }
        };
        self.state = if last { State::Line } else { State::Keys { with_cas, exptime, first: false } };
        let tail = consumed - keys.len();
        let request = Request::Retrieval(Retrieval { with_cas, exptime, keys, first, last, tail });
        self.done(Pull::Request { request, consumed })
    }

    fn pull_value_end<'a>(&mut self, bytes: &'a [u8]) -> Pull<'a> {
        let (intact, consumed, resync) = match block_end(bytes) {
            BlockEnd::Unknown => return Pull::NeedMore,
            BlockEnd::Intact => (true, 2, false),
            BlockEnd::Broken { consumed, resync } => (false, consumed, resync),
        };
        self.after_block(resync);
        Pull::ValueEnd { intact, consumed }
    }

    fn pull_swallowed<'a>(&mut self, bytes: &'a [u8], left: u32, answer: Option<Refusal>) -> Pull<'a> {
        if left > 0 {
            let consumed = bytes.len().min(left as usize);
            self.state = State::Swallow { left: left - narrow(consumed), answer };
            return Pull::Refused { answer: None, consumed };
        }
        let (consumed, resync) = match block_end(bytes) {
            BlockEnd::Unknown => return Pull::NeedMore,
            BlockEnd::Intact => (2, false),
            BlockEnd::Broken { consumed, resync } => (consumed, resync),
        };
        self.after_block(resync);
        Pull::Refused { answer, consumed }
    }

    fn pull_resync<'a>(&mut self, bytes: &'a [u8], left: u32) -> Pull<'a> {
        match memchr(b'\n', bytes) {
            Some(end) if end <= left as usize => {
                self.state = State::Line;
                Pull::Refused { answer: None, consumed: end + 1 }
            }
            None if bytes.len() <= left as usize => {
                self.state = State::Resync { left: left - narrow(bytes.len()) };
                Pull::Refused { answer: None, consumed: bytes.len() }
            }
            _ => Pull::Close { answer: None },
        }
    }

    /// A line that came later than the refusal may be a command of somebody who read it; anything else is the block.
    fn pull_perhaps_block<'a>(&mut self, bytes: &'a [u8]) -> Pull<'a> {
        let Some(end) = self.line_end(bytes, RESYNC_MAX_BYTES) else {
            return if bytes.len() < RESYNC_MAX_BYTES {
                Pull::NeedMore
            } else {
                Pull::Close { answer: None }
            };
        };
        self.state = State::Line;
        let (text, terminator_len) = without_line_end(bytes, end);
        match classic::line(text, terminator_len) {
            Line::Refused { answer: None | Some(Refusal::Unknown), follows: Follows::Command }
            | Line::Foreign => self.done(Pull::Refused { answer: None, consumed: end + 1 }),
            _ if text.len() + terminator_len < LINE_MIN_BYTES => {
                self.done(Pull::Refused { answer: None, consumed: end + 1 })
            }
            _ => self.pull_line(bytes),
        }
    }
}

/// A count of bytes as a connection keeps it. Values and buffers are far below the bound.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The line that ends at `end`, and the length of its line end. One CR before the LF belongs to the line end.
fn without_line_end(bytes: &[u8], end: usize) -> (&[u8], usize) {
    match &bytes[..end] {
        [text @ .., b'\r'] => (text, 2),
        text => (text, 1),
    }
}

#[cfg(test)]
mod tests;
