//! A large value that is being received, with the request it belongs to.

use crate::protocol::StoreVerb;
use crate::protocol::binary::Envelope;
use crate::protocol::meta_request::{MetaArguments, MetaFlags, MetaMode, MetaStorageHeader};
use crate::store::ValueWriter;

/// A large value that is being received. Dropping it stores nothing.
#[derive(Debug)]
pub struct IncomingValue {
    pub(super) header: IncomingHeader,
    pub(super) key: Box<[u8]>,
    pub(super) writer: ValueWriter,
}

impl IncomingValue {
    /// Bytes not received yet.
    pub fn remaining(&self) -> usize {
        self.writer.missing()
    }

    /// Records that `count` bytes were written to [`Engine::value_page`](super::Engine::value_page).
    pub fn advance(&mut self, count: usize) {
        self.writer.advance(count);
    }
}

/// The header of the request, without its key.
#[derive(Debug)]
pub(super) enum IncomingHeader {
    /// A storage command of the classic text protocol.
    Text { verb: StoreVerb, flags: u32, exptime: i64, noreply: bool },
    /// An `ms`.
    Meta(IncomingMetaHeader),
    /// A storage command of the binary protocol.
    Binary(IncomingBinaryHeader),
}

/// The header of an `ms`, without its key.
#[derive(Debug)]
pub(super) struct IncomingMetaHeader {
    pub(super) words: Box<[u8]>,
    pub(super) flags: MetaFlags,
    pub(super) mode: MetaMode,
    pub(super) value_len: usize,
}

impl IncomingMetaHeader {
    /// The header with its key, as sent.
    pub(super) fn with_key<'a>(&'a self, key: &'a [u8]) -> MetaStorageHeader<'a> {
        let meta = MetaArguments::from_parts(key, &self.words, self.flags);
        MetaStorageHeader { meta, mode: self.mode, value_len: self.value_len }
    }
}

/// The header of a storage command of the binary protocol, without its key.
#[derive(Debug)]
pub(super) struct IncomingBinaryHeader {
    pub(super) envelope: Envelope,
    pub(super) quiet: bool,
    pub(super) verb: StoreVerb,
    pub(super) flags: u32,
    pub(super) exptime: u32,
}
