//! Set, Add, Replace, Append and Prepend of the binary protocol; complete and incoming values.
//!
//! A CAS unique in the header turns the first three into compare-and-swap; with `-C` it is ignored.

use super::{BinaryReply, expected_cas};
use crate::clock::Now;
use crate::commands::Engine;
use crate::commands::incoming_value::{IncomingBinaryHeader, IncomingHeader, IncomingValue};
use crate::commands::storage::mode_of;
use crate::commands::watch::Mutation;
use crate::protocol::binary::{BinaryStorageHeader, Envelope, ReplyFields, Status};
use crate::protocol::{ReplyBuffer, StoreVerb};
use crate::store::{Incoming, Refused, StoreMode, StoreOptions, Stored, ValueWriter};
use crate::telemetry::WorkerCounters;

impl Engine {
    /// Stores a complete value.
    pub(super) fn store_binary(
        &self,
        counters: &WorkerCounters,
        header: &BinaryStorageHeader<'_>,
        value: &[u8],
        now: Now,
        reply: &mut BinaryReply<'_>,
    ) {
        self.prefixes.count_set(header.key);
        if self.store.fits(header.key.len(), header.flags, value.len()) {
            self.finish_binary_store(counters, header, Incoming::Bytes(value), now, reply);
        } else {
            reply.error(self.handle_refused_binary_store(header, value.len(), Refused::TooLarge, now));
        }
    }

    /// Prepares to receive a large value. The error is the status of the reply that is due after the value.
    pub fn begin_binary_value(
        &self,
        envelope: Envelope,
        quiet: bool,
        header: &BinaryStorageHeader<'_>,
        value_len: usize,
    ) -> Result<IncomingValue, Status> {
        let now = self.clock.now();
        let BinaryStorageHeader { verb, key, flags, exptime } = *header;
        self.prefixes.count_set(key);
        let reserved = if self.store.fits(key.len(), flags, value_len) {
            self.store.begin_large_value(key, value_len, now)
        } else {
            Err(Refused::TooLarge)
        };
        self.notify_evictions(now);
        match reserved {
            Ok(writer) => {
                let incoming_header =
                    IncomingHeader::Binary(IncomingBinaryHeader { envelope, quiet, verb, flags, exptime });
                Ok(IncomingValue { header: incoming_header, key: key.into(), writer })
            }
            Err(refused) => Err(self.handle_refused_binary_store(header, value_len, refused, now)),
        }
    }

    /// Stores an incoming value.
    pub(in crate::commands) fn finish_binary_value(
        &self,
        counters: &WorkerCounters,
        incoming_header: &IncomingBinaryHeader,
        key: &[u8],
        writer: ValueWriter,
        out: &mut ReplyBuffer,
    ) {
        let IncomingBinaryHeader { envelope, quiet, verb, flags, exptime } = *incoming_header;
        let header = BinaryStorageHeader { verb, key, flags, exptime };
        let reply = &mut BinaryReply { envelope, quiet, out };
        self.finish_binary_store(counters, &header, Incoming::Large(writer), self.clock.now(), reply);
    }

    fn finish_binary_store(
        &self,
        counters: &WorkerCounters,
        header: &BinaryStorageHeader<'_>,
        value: Incoming<'_>,
        now: Now,
        reply: &mut BinaryReply<'_>,
    ) {
        let compare = expected_cas(reply.envelope.cas).filter(|_| self.settings.cas_enabled);
        let mode = match (header.verb, compare) {
            (StoreVerb::Append, _) => StoreMode::Append,
            (StoreVerb::Prepend, _) => StoreMode::Prepend,
            (_, Some(unique)) | (StoreVerb::Cas(unique), None) => StoreMode::Cas(unique),
            (StoreVerb::Set, None) => StoreMode::Set,
            (StoreVerb::Add, None) => StoreMode::Add,
            (StoreVerb::Replace, None) => StoreMode::Replace,
        };
        let joins = matches!(mode, StoreMode::Append | StoreMode::Prepend);
        let options = StoreOptions { compare: compare.filter(|_| joins), ..StoreOptions::default() };
        let deadline = self.deadline(header.exptime.into(), now);
        let value_len = value.len();
        self.notify_lookup(header.key, now);
        let stored = self.store.store_with(mode, &options, header.key, header.flags, deadline, value, now);
        let stored = match stored {
            Ok(stored) => stored,
            Err(refused) => {
                return reply.error(self.handle_refused_binary_store(header, value_len, refused, now));
            }
        };
        let BinaryStorageHeader { key, flags, .. } = *header;
        let mutation = Mutation { mode, key, flags, deadline, value_len };
        self.notify_stored(mutation, stored, now);
        self.note_exptime(counters, &mutation, header.exptime.into(), stored, now);
        counters.cmd_set.add(1);
        if let StoreMode::Cas(_) = mode {
            match stored {
                Stored::Stored { .. } => counters.cas_hits.add(1),
                Stored::Exists => counters.cas_badval.add(1),
                Stored::NotFound => counters.cas_misses.add(1),
                Stored::NotStored => {}
            }
        }
        match stored {
            Stored::Stored { cas, .. } => reply.success(&ReplyFields { cas, ..ReplyFields::default() }),
            Stored::Exists => reply.error(Status::Exists),
            Stored::NotFound => reply.error(Status::NotFound),
            Stored::NotStored => reply.error(match mode {
                StoreMode::Add => Status::Exists,
                StoreMode::Replace => Status::NotFound,
                _ => Status::NotStored,
            }),
        }
    }

    /// Handles a failed store: a failed Set also removes the old value. As in memcached, `store_too_large` and
    /// `store_no_memory` count text commands only.
    fn handle_refused_binary_store(
        &self,
        header: &BinaryStorageHeader<'_>,
        value_len: usize,
        refused: Refused,
        now: Now,
    ) -> Status {
        let BinaryStorageHeader { verb, key, flags, exptime } = *header;
        if verb == StoreVerb::Set {
            self.store.fail_store(key, refused, value_len as u64, now);
        }
        let deadline = self.deadline(exptime.into(), now);
        self.notify_store_refused(
            Mutation { mode: mode_of(verb), key, flags, deadline, value_len },
            refused,
            now,
        );
        match refused {
            Refused::TooLarge => Status::TooLarge,
            Refused::OutOfMemory => Status::NoMemoryForItem,
        }
    }
}
