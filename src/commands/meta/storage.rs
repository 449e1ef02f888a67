//! ms: values that came with their line, and values received in place.
//!
//! A refused or broken value is answered even when the client asked for quiet, and one that cannot be stored removes
//! what the key had, whatever the mode: the client believes it replaced.

use super::{Name, push_returned, push_tagged};
use crate::clock::{Deadline, Now};
use crate::commands::Engine;
use crate::commands::storage::{Announced, Receiving, count_refused};
use crate::commands::watch::Mutation;
use crate::protocol::encoded_key::KeyRoom;
use crate::protocol::meta::{Flags, Meta, MetaHeader, MetaMode};
use crate::protocol::{Refusal, ReplyBuffer};
use crate::store::{Incoming, Refused, StoreMode, StoreOptions, Stored, ValueWriter};
use crate::telemetry::WorkerCounters;

/// The line of an `ms` whose value is on its way, without its key.
#[derive(Debug)]
pub(in crate::commands) struct MetaLine {
    words: Box<[u8]>,
    flags: Flags,
    mode: MetaMode,
    value_len: usize,
}

impl MetaLine {
    /// With the key of the line, which was kept as well.
    pub(in crate::commands) fn header<'a>(&'a self, key: &'a [u8]) -> MetaHeader<'a> {
        let meta = Meta::from_parts(key, &self.words, self.flags);
        MetaHeader { meta, mode: self.mode, value_len: self.value_len }
    }
}

impl Engine {
    /// Stores the value of an `ms` that came whole.
    pub(in crate::commands) fn meta_store(
        &self,
        worker: &WorkerCounters,
        header: &MetaHeader<'_>,
        value: &[u8],
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let mut room = KeyRoom::default();
        let key = header.meta.key(&mut room);
        match self.admit_meta(key, header) {
            Ok(()) => self.finish_meta(worker, key, header, Incoming::Bytes(value), now, out),
            Err(refused) => out.push(self.refused_meta(worker, key, header, refused, now).line()),
        }
    }

    /// Prepares to receive the large value of an `ms`. A refusal is the answer that is due behind the value.
    pub fn begin_meta_value(
        &self,
        worker: &WorkerCounters,
        header: &MetaHeader<'_>,
    ) -> Result<Receiving, Refusal> {
        let now = self.clock.now();
        let mut room = KeyRoom::default();
        let key = header.meta.key(&mut room);
        let reserved = self
            .admit_meta(key, header)
            .and_then(|()| self.store.begin_large_value(key, header.value_len, now));
        self.tell_evictions(now);
        match reserved {
            Ok(draft) => {
                let (key, words, flags) = header.meta.parts();
                let MetaHeader { mode, value_len, .. } = *header;
                let line = MetaLine { words: words.into(), flags, mode, value_len };
                Ok(Receiving { announced: Announced::Meta(line), key: key.into(), draft })
            }
            Err(refused) => Err(self.refused_meta(worker, key, header, refused, now)),
        }
    }

    /// Stores a value received in place, or drops it if its end was not `intact`.
    pub(in crate::commands) fn finish_meta_value(
        &self,
        worker: &WorkerCounters,
        header: &MetaHeader<'_>,
        draft: ValueWriter,
        intact: bool,
        out: &mut ReplyBuffer,
    ) {
        if !intact {
            return out.push(Refusal::BadDataChunk.line());
        }
        let mut room = KeyRoom::default();
        let key = header.meta.key(&mut room);
        self.finish_meta(worker, key, header, Incoming::Received(draft), self.clock.now(), out);
    }

    fn admit_meta(&self, key: &[u8], header: &MetaHeader<'_>) -> Result<(), Refused> {
        let fits = self.store.fits(key.len(), header.meta.client_flags(), header.value_len);
        if fits { Ok(()) } else { Err(Refused::TooLarge) }
    }

    fn finish_meta(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        header: &MetaHeader<'_>,
        value: Incoming<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let meta = &header.meta;
        let (mode, options) = self.store_rule(header, now);
        let deadline = meta.exptime().map_or(Deadline::NEVER, |exptime| self.deadline(exptime, now));
        let flags = meta.client_flags();
        self.tell_lookup(key, now);
        let stored = match self.store.store_with(mode, &options, key, flags, deadline, value, now) {
            Ok(stored) => stored,
            Err(refused) => return out.push(self.refused_meta(worker, key, header, refused, now).line()),
        };
        self.tell_stored(Mutation { mode, key, flags, deadline, value_len: header.value_len }, stored, now);
        worker.cmd_set.add(1);
        let compared = matches!(mode, StoreMode::Cas(_));
        let (code, cas, len): (&[u8], _, _) = match stored {
            Stored::Stored { cas, len } => {
                worker.cas_hits.add(u64::from(compared));
                if meta.quiet() {
                    return;
                }
                (b"HD", cas, len)
            }
            Stored::NotStored => (b"NS", 0, header.value_len),
            Stored::Exists => {
                worker.cas_badval.add(u64::from(compared));
                (b"EX", 0, header.value_len)
            }
            Stored::NotFound => {
                worker.cas_misses.add(u64::from(compared));
                (b"NF", 0, header.value_len)
            }
        };
        out.push(code);
        push_returned(out, meta, Name::asked(meta, key), |out, letter| match letter {
            b'c' => push_tagged(out, b" c", cas),
            b's' => push_tagged(out, b" s", len as u64),
            _ => {}
        });
        out.push(b"\r\n");
    }

    /// Mode and options. A unique to compare with turns set and replace into cas; add overlooks it; append and prepend
    /// take 0 for none.
    fn store_rule(&self, header: &MetaHeader<'_>, now: Now) -> (StoreMode, StoreOptions) {
        let meta = &header.meta;
        let mut options = StoreOptions {
            // 0 stands for the next unique here, but not where mg, md and ma take one.
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

    /// Counts a failed store and removes what the key had.
    fn refused_meta(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        header: &MetaHeader<'_>,
        refused: Refused,
        now: Now,
    ) -> Refusal {
        self.store.fail_store(key, refused, header.value_len as u64, now);
        let meta = &header.meta;
        let (mode, _) = self.store_rule(header, now);
        let deadline = meta.exptime().map_or(Deadline::NEVER, |exptime| self.deadline(exptime, now));
        let mutation =
            Mutation { mode, key, flags: meta.client_flags(), deadline, value_len: header.value_len };
        self.tell_refused(mutation, refused, now);
        count_refused(worker, refused)
    }
}
