//! The meaning of one line of the text protocols, as the grammars return it to `text_decoder.rs`.

use super::limits::TOKENS_MAX;
use super::meta_request::MetaStorageHeader;
use super::refusal::Refusal;
use super::request::{Request, StorageHeader};
use super::tokens::Tokens;

/// The meaning of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParsedLine<'a> {
    /// A request without a data block.
    Request(Request<'a>),
    /// A storage command; its data block follows.
    Storage(StorageHeader<'a>),
    /// An `ms`; its data block follows.
    MetaStorage(MetaStorageHeader<'a>),
    /// An invalid line.
    Refused {
        /// The reply; `None` if `noreply` suppresses it.
        reply: Option<Refusal>,
        /// The data block after the line.
        data_block: DataBlock,
    },
    /// A line of another protocol (an HTTP request line): close the connection.
    UnknownProtocol,
}

/// The data block after a refused line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataBlock {
    /// None; the next command follows.
    None,
    /// This many bytes and a line end.
    Bytes(usize),
    /// A data block of unknown length: the line declares an invalid one.
    UnknownLength,
}

/// A refused line without a data block.
pub(super) fn refused<'a>(refusal: Refusal, noreply: bool) -> ParsedLine<'a> {
    ParsedLine::Refused { reply: (!noreply).then_some(refusal), data_block: DataBlock::None }
}

/// True if `noreply` is the last token that memcached would record; `arguments` follow the command word.
pub(super) fn ends_in_noreply(arguments: &[u8]) -> bool {
    // The last byte excludes nearly every line without it; the length, every line with more tokens than are recorded.
    (matches!(arguments, [.., b'y' | b' ']) || arguments.len() >= 2 * TOKENS_MAX)
        && Tokens(arguments).take(TOKENS_MAX - 1).last() == Some(b"noreply")
}
