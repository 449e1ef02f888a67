//! `ms`; complete and incoming values.
//!
//! A refused or bad value has a reply even with the `q` flag. A value that cannot be stored removes the old one in
//! every mode, because the client believes it to be replaced.

use super::{ShownKey, push_returned, push_tagged};
use crate::clock::{Deadline, Now};
use crate::commands::Engine;
use crate::commands::incoming_value::{IncomingHeader, IncomingMetaHeader, IncomingValue};
use crate::commands::storage::count_refused;
use crate::commands::watch::Mutation;
use crate::protocol::base64_key::KeyBuffer;
use crate::protocol::meta_request::{MetaMode, MetaStorageHeader};
use crate::protocol::{Refusal, ReplyBuffer};
use crate::store::{Incoming, Refused, StoreMode, StoreOptions, Stored, ValueWriter};
use crate::telemetry::WorkerCounters;

impl Engine {
    /// Stores a complete value.
    pub(in crate::commands) fn meta_store(
        &self,
        counters: &WorkerCounters,
        header: &MetaStorageHeader<'_>,
        value: &[u8],
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let mut buffer = KeyBuffer::default();
        let key = header.meta.key(&mut buffer);
        match self.check_meta_item_size(key, header) {
            Ok(()) => self.finish_meta(counters, key, header, Incoming::Bytes(value), now, out),
            Err(refused) => {
                out.push(self.handle_refused_meta_store(counters, key, header, refused, now).line())
            }
        }
    }

    /// Prepares to receive a large value. The error is the reply that is due after the value.
    pub fn begin_meta_value(
        &self,
        counters: &WorkerCounters,
        header: &MetaStorageHeader<'_>,
    ) -> Result<IncomingValue, Refusal> {
        let now = self.clock.now();
        let mut buffer = KeyBuffer::default();
        let key = header.meta.key(&mut buffer);
        let reserved = self
            .check_meta_item_size(key, header)
            .and_then(|()| self.store.begin_large_value(key, header.value_len, now));
        self.notify_evictions(now);
        match reserved {
            Ok(writer) => {
                let (key, words, flags) = header.meta.parts();
                let MetaStorageHeader { mode, value_len, .. } = *header;
                let incoming_header = IncomingMetaHeader { words: words.into(), flags, mode, value_len };
                Ok(IncomingValue { header: IncomingHeader::Meta(incoming_header), key: key.into(), writer })
            }
            Err(refused) => Err(self.handle_refused_meta_store(counters, key, header, refused, now)),
        }
    }

    /// Stores an incoming value, or drops it if its end was not `intact`.
    pub(in crate::commands) fn finish_meta_value(
        &self,
        counters: &WorkerCounters,
        header: &MetaStorageHeader<'_>,
        writer: ValueWriter,
        intact: bool,
        out: &mut ReplyBuffer,
    ) {
        if !intact {
            return out.push(Refusal::BadDataChunk.line());
        }
        let mut buffer = KeyBuffer::default();
        let key = header.meta.key(&mut buffer);
        self.finish_meta(counters, key, header, Incoming::Large(writer), self.clock.now(), out);
    }

    fn check_meta_item_size(&self, key: &[u8], header: &MetaStorageHeader<'_>) -> Result<(), Refused> {
        let fits = self.store.fits(key.len(), header.meta.client_flags(), header.value_len);
        if fits { Ok(()) } else { Err(Refused::TooLarge) }
    }

    fn finish_meta(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        header: &MetaStorageHeader<'_>,
        value: Incoming<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let meta = &header.meta;
        let (mode, options) = self.store_rule(header, now);
        let deadline = meta.exptime().map_or(Deadline::NEVER, |exptime| self.deadline(exptime, now));
        let flags = meta.client_flags();
        self.notify_lookup(key, now);
        let stored = match self.store.store_with(mode, &options, key, flags, deadline, value, now) {
            Ok(stored) => stored,
            Err(refused) => {
                return out.push(self.handle_refused_meta_store(counters, key, header, refused, now).line());
            }
        };
        let mutation = Mutation { mode, key, flags, deadline, value_len: header.value_len };
        self.notify_stored(mutation, stored, now);
        self.note_exptime(counters, &mutation, meta.exptime().unwrap_or_default(), stored, now);
        counters.cmd_set.add(1);
        let compared = matches!(mode, StoreMode::Cas(_));
        let (code, cas, len): (&[u8], _, _) = match stored {
            Stored::Stored { cas, len } => {
                counters.cas_hits.add(u64::from(compared));
                if meta.quiet() {
                    return;
                }
                (b"HD", cas, len)
            }
            Stored::NotStored => (b"NS", 0, header.value_len),
            Stored::Exists => {
                counters.cas_badval.add(u64::from(compared));
                (b"EX", 0, header.value_len)
            }
            Stored::NotFound => {
                counters.cas_misses.add(u64::from(compared));
                (b"NF", 0, header.value_len)
            }
        };
        out.push(code);
        push_returned(out, meta, ShownKey::of_request(meta, key), |out, letter| match letter {
            b'c' => push_tagged(out, b" c", cas),
            b's' => push_tagged(out, b" s", len as u64),
            _ => {}
        });
        out.push(b"\r\n");
    }

    /// Mode and options of the store. A CAS unique turns set and replace into cas; add ignores it; append and prepend
    /// ignore 0.
    fn store_rule(&self, header: &MetaStorageHeader<'_>, now: Now) -> (StoreMode, StoreOptions) {
        let meta = &header.meta;
        let mut options = StoreOptions {
            // For ms, 0 means the next unique; mg, md and ma use it as it is.
            cas: meta.cas().filter(|unique| *unique != 0),
            binary_key: meta.has(b'b'),
            ..StoreOptions::default()
        };
        let mode = match (header.mode, meta.compare()) {
            (MetaMode::Set | MetaMode::Replace, Some(unique)) => {
                options.accept_older = meta.has(b'I');
                StoreMode::Cas(unique)
            }
            (MetaMode::Set, None) => StoreMode::Set,
            (MetaMode::Replace, None) => StoreMode::Replace,
            (MetaMode::Add, _) => StoreMode::Add,
            (MetaMode::Append | MetaMode::Prepend, compare) => {
                options.compare = compare.filter(|unique| *unique != 0);
                options.create = meta.create_exptime().map(|exptime| self.deadline(exptime, now));
                if header.mode == MetaMode::Append { StoreMode::Append } else { StoreMode::Prepend }
            }
        };
        (mode, options)
    }

    /// Counts a failed store and removes the old value.
    fn handle_refused_meta_store(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        header: &MetaStorageHeader<'_>,
        refused: Refused,
        now: Now,
    ) -> Refusal {
        self.store.fail_store(key, refused, header.value_len as u64, now);
        let meta = &header.meta;
        let (mode, _) = self.store_rule(header, now);
        let deadline = meta.exptime().map_or(Deadline::NEVER, |exptime| self.deadline(exptime, now));
        let mutation =
            Mutation { mode, key, flags: meta.client_flags(), deadline, value_len: header.value_len };
        self.notify_store_refused(mutation, refused, now);
        count_refused(counters, refused)
    }
}
