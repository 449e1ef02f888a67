//! `set`, `add`, `replace`, `append`, `prepend`, `cas` and `delete`; complete and incoming values.

use super::incoming_value::{IncomingHeader, IncomingValue};
use super::watch::Mutation;
use super::{Engine, push_reply, refuse, reply_to};
use crate::clock::{Deadline, Now};
use crate::protocol::{Refusal, ReplyBuffer, StorageHeader, StoreVerb};
use crate::store::{Deleted, Incoming, Refused, StoreMode, Stored};
use crate::telemetry::WorkerCounters;

/// The store mode of a command.
pub(super) fn mode_of(verb: StoreVerb) -> StoreMode {
    match verb {
        StoreVerb::Set => StoreMode::Set,
        StoreVerb::Add => StoreMode::Add,
        StoreVerb::Replace => StoreMode::Replace,
        StoreVerb::Append => StoreMode::Append,
        StoreVerb::Prepend => StoreMode::Prepend,
        StoreVerb::Cas(unique) => StoreMode::Cas(unique),
    }
}

fn mutation<'a>(header: &StorageHeader<'a>, deadline: Deadline) -> Mutation<'a> {
    let StorageHeader { verb, key, flags, value_len, .. } = *header;
    Mutation { mode: mode_of(verb), key, flags, deadline, value_len }
}

impl Engine {
    /// Stores a complete value.
    pub(super) fn store_value(
        &self,
        counters: &WorkerCounters,
        header: &StorageHeader<'_>,
        value: &[u8],
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        self.prefixes.count_set(header.key);
        let out = reply_to(out, header.noreply);
        match self.check_item_size(header) {
            Ok(()) => self.finish_store(counters, header, Incoming::Bytes(value), now, out),
            Err(refused) => refuse(out, self.handle_refused_store(counters, header, refused, now)),
        }
    }

    /// Prepares to receive a large value. The error is the reply that is due after the value, if any.
    pub fn begin_value(
        &self,
        counters: &WorkerCounters,
        header: &StorageHeader<'_>,
    ) -> Result<IncomingValue, Option<Refusal>> {
        self.prefixes.count_set(header.key);
        let now = self.clock.now();
        let reserved = self
            .check_item_size(header)
            .and_then(|()| self.store.begin_large_value(header.key, header.value_len, now));
        self.notify_evictions(now);
        match reserved {
            Ok(writer) => {
                let StorageHeader { verb, flags, exptime, noreply, .. } = *header;
                let incoming_header = IncomingHeader::Text { verb, flags, exptime, noreply };
                Ok(IncomingValue { header: incoming_header, key: header.key.into(), writer })
            }
            Err(refused) => {
                let refusal = self.handle_refused_store(counters, header, refused, now);
                Err((!header.noreply).then_some(refusal))
            }
        }
    }

    /// Copies the missing bytes of a value from the front of `bytes`; returns their number.
    pub fn fill_value(&self, incoming: &mut IncomingValue, bytes: &[u8]) -> usize {
        let writer = &mut incoming.writer;
        let now = self.clock.now();
        let taken = self.store.write_large_value(writer, bytes, now);
        self.notify_evictions(now);
        taken
    }

    /// The page into which the next bytes are received, if they fill it; then call [`IncomingValue::advance`]. Bytes
    /// that do not fill a page are passed to [`Engine::fill_value`].
    pub fn value_page<'a>(&self, incoming: &'a mut IncomingValue) -> Option<&'a mut [u8]> {
        let writer = &mut incoming.writer;
        if writer.needs_page() {
            let now = self.clock.now();
            self.store.extend_large_value(writer, now);
            self.notify_evictions(now);
        }
        writer.page()
    }

    /// Stores an incoming value, or drops it if its end was not `intact`.
    pub fn finish_value(
        &self,
        counters: &WorkerCounters,
        incoming: IncomingValue,
        intact: bool,
        out: &mut ReplyBuffer,
    ) {
        let IncomingValue { header, key, writer } = incoming;
        let (verb, flags, exptime, noreply) = match header {
            IncomingHeader::Text { verb, flags, exptime, noreply } => (verb, flags, exptime, noreply),
            IncomingHeader::Meta(header) => {
                return self.finish_meta_value(counters, &header.with_key(&key), writer, intact, out);
            }
            IncomingHeader::Binary(header) => {
                return self.finish_binary_value(counters, &header, &key, writer, out);
            }
        };
        let out = reply_to(out, noreply);
        if !intact {
            return refuse(out, Refusal::BadDataChunk);
        }
        let header = StorageHeader { verb, key: &key, flags, exptime, value_len: writer.len(), noreply };
        self.finish_store(counters, &header, Incoming::Large(writer), self.clock.now(), out);
    }

    /// Checks a value against the item limit, byte for byte as memcached.
    fn check_item_size(&self, header: &StorageHeader<'_>) -> Result<(), Refused> {
        let fits = self.store.fits(header.key.len(), header.flags, header.value_len);
        if fits { Ok(()) } else { Err(Refused::TooLarge) }
    }

    fn finish_store(
        &self,
        counters: &WorkerCounters,
        header: &StorageHeader<'_>,
        value: Incoming<'_>,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        let deadline = self.deadline(header.exptime, now);
        self.notify_lookup(header.key, now);
        let mode = mode_of(header.verb);
        let stored = match self.store.store(mode, header.key, header.flags, deadline, value, now) {
            Ok(stored) => stored,
            Err(refused) => {
                return refuse(out, self.handle_refused_store(counters, header, refused, now));
            }
        };
        counters.cmd_set.add(1);
        let mutation = mutation(header, deadline);
        self.notify_stored(mutation, stored, now);
        self.note_exptime(counters, &mutation, header.exptime, stored, now);
        if let StoreMode::Cas(_) = mode {
            match stored {
                Stored::Stored { .. } => counters.cas_hits.add(1),
                Stored::Exists => counters.cas_badval.add(1),
                Stored::NotFound => counters.cas_misses.add(1),
                Stored::NotStored => {}
            }
        }
        push_reply(
            out,
            match stored {
                Stored::Stored { .. } => b"STORED\r\n",
                Stored::NotStored => b"NOT_STORED\r\n",
                Stored::Exists => b"EXISTS\r\n",
                Stored::NotFound => b"NOT_FOUND\r\n",
            },
        );
    }

    /// Counts a failed store. A failed `set` also removes the old value, which the client believes to be replaced. As
    /// in memcached, the other commands keep it.
    fn handle_refused_store(
        &self,
        counters: &WorkerCounters,
        header: &StorageHeader<'_>,
        refused: Refused,
        now: Now,
    ) -> Refusal {
        if header.verb == StoreVerb::Set {
            self.store.fail_store(header.key, refused, header.value_len as u64, now);
        }
        self.notify_store_refused(mutation(header, self.deadline(header.exptime, now)), refused, now);
        count_refused(counters, refused)
    }

    pub(super) fn delete(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        self.prefixes.count_delete(key);
        let deleted = self.item_to_delete(key, now);
        match self.store.delete(key, now) {
            Deleted::Deleted => {
                counters.delete_hits.add(1);
                self.notify_deleted(key, "delete", deleted);
                push_reply(out, b"DELETED\r\n");
            }
            Deleted::NotFound | Deleted::Exists => {
                counters.delete_misses.add(1);
                push_reply(out, b"NOT_FOUND\r\n");
            }
        }
    }
}

/// Counts a refused store and returns the reply.
pub(super) fn count_refused(counters: &WorkerCounters, refused: Refused) -> Refusal {
    match refused {
        Refused::TooLarge => {
            counters.store_too_large.add(1);
            Refusal::TooLarge
        }
        Refused::OutOfMemory => {
            counters.store_no_memory.add(1);
            Refusal::OutOfMemory
        }
    }
}
