//! set, add, replace, append, prepend, cas, delete; whole values and values received in place.

use super::meta::MetaLine;
use super::watch::Mutation;
use super::{Engine, answer, binary, refuse, reply_to};
use crate::clock::{Deadline, Now};
use crate::protocol::{Refusal, ReplyBuffer, StorageHeader, StoreVerb};
use crate::store::{Deleted, Incoming, Refused, StoreMode, Stored, ValueWriter};
use crate::telemetry::WorkerCounters;

/// A large value on its way in, with the line that announced it. Dropping it stores nothing.
#[derive(Debug)]
pub struct Receiving {
    pub(super) announced: Announced,
    pub(super) key: Box<[u8]>,
    pub(super) draft: ValueWriter,
}

/// How it was announced.
#[derive(Debug)]
pub(super) enum Announced {
    /// By a line of the text protocol.
    Text { verb: StoreVerb, flags: u32, exptime: i32, noreply: bool },
    /// By an `ms`.
    Meta(MetaLine),
    /// By a frame of the binary protocol.
    Binary(binary::Announcement),
}

impl Receiving {
    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.draft.missing()
    }

    /// Notes that `count` bytes were written to [`Engine::value_page`].
    pub fn advance(&mut self, count: usize) {
        self.draft.advance(count);
    }
}

/// The rule by which a verb stores.
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
    /// Stores a value that came whole with its line.
    pub(super) fn store_value(
        &self,
        worker: &WorkerCounters,
        header: &StorageHeader<'_>,
        value: &[u8],
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        self.prefixes.count_set(header.key);
        let out = reply_to(out, header.noreply);
        match self.admit(header) {
            Ok(()) => self.finish_store(worker, header, Incoming::Bytes(value), now, out),
            Err(refused) => refuse(out, self.refused_store(worker, header, refused, now)),
        }
    }

    /// Prepares to receive a large value. A refusal comes with the answer that is due behind the value, if any.
    pub fn begin_value(
        &self,
        worker: &WorkerCounters,
        header: &StorageHeader<'_>,
    ) -> Result<Receiving, Option<Refusal>> {
        self.prefixes.count_set(header.key);
        let now = self.clock.now();
        let reserved =
            self.admit(header).and_then(|()| self.store.begin_large_value(header.key, header.value_len, now));
        self.tell_evictions(now);
        match reserved {
            Ok(draft) => {
                let StorageHeader { verb, flags, exptime, noreply, .. } = *header;
                let announced = Announced::Text { verb, flags, exptime, noreply };
                Ok(Receiving { announced, key: header.key.into(), draft })
            }
            Err(refused) => {
                let refusal = self.refused_store(worker, header, refused, now);
                Err((!header.noreply).then_some(refusal))
            }
        }
    }

    /// Takes what a value needs of `bytes`; returns how many that were.
    pub fn fill_value(&self, receiving: &mut Receiving, bytes: &[u8]) -> usize {
        let draft = &mut receiving.draft;
        let now = self.clock.now();
        let taken = self.store.write_large_value(draft, bytes, now);
        self.tell_evictions(now);
        taken
    }

    /// Where the next of the missing bytes go, if they fill a page up; call
    /// [`Receiving::advance`] with the number that came. What fills no page is for [`Engine::fill_value`].
    pub fn value_page<'a>(&self, receiving: &'a mut Receiving) -> Option<&'a mut [u8]> {
        let draft = &mut receiving.draft;
        if draft.needs_page() {
            let now = self.clock.now();
            self.store.extend_large_value(draft, now);
            self.tell_evictions(now);
        }
        draft.page()
    }

    /// Stores a value received in place, or drops it if its end was not `intact`.
    pub fn finish_value(
        &self,
        worker: &WorkerCounters,
        receiving: Receiving,
        intact: bool,
        out: &mut ReplyBuffer,
    ) {
        let Receiving { announced, key, draft } = receiving;
        let (verb, flags, exptime, noreply) = match announced {
            Announced::Text { verb, flags, exptime, noreply } => (verb, flags, exptime, noreply),
            Announced::Meta(line) => {
                return self.finish_meta_value(worker, &line.header(&key), draft, intact, out);
            }
            Announced::Binary(announcement) => {
                return self.finish_binary_value(worker, &announcement, &key, draft, out);
            }
        };
        let out = reply_to(out, noreply);
        if !intact {
            return refuse(out, Refusal::BadDataChunk);
        }
        let header = StorageHeader { verb, key: &key, flags, exptime, value_len: draft.len(), noreply };
        self.finish_store(worker, &header, Incoming::Received(draft), self.clock.now(), out);
    }

    /// Checks a value against the item limit, to the byte as memcached does.
    fn admit(&self, header: &StorageHeader<'_>) -> Result<(), Refused> {
        let fits = self.store.fits(header.key.len(), header.flags, header.value_len);
        if fits { Ok(()) } else { Err(Refused::TooLarge) }
    }

    fn finish_store(
        &self,
        worker: &WorkerCounters,
        header: &StorageHeader<'_>,
        value: Incoming<'_>,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        let deadline = self.deadline(header.exptime, now);
        self.tell_lookup(header.key, now);
        let mode = mode_of(header.verb);
        let stored = match self.store.store(mode, header.key, header.flags, deadline, value, now) {
            Ok(stored) => stored,
            Err(refused) => {
                return refuse(out, self.refused_store(worker, header, refused, now));
            }
        };
        worker.cmd_set.add(1);
        self.tell_stored(mutation(header, deadline), stored, now);
        if let StoreMode::Cas(_) = mode {
            match stored {
                Stored::Stored { .. } => worker.cas_hits.add(1),
                Stored::Exists => worker.cas_badval.add(1),
                Stored::NotFound => worker.cas_misses.add(1),
                Stored::NotStored => {}
            }
        }
        answer(
            out,
            match stored {
                Stored::Stored { .. } => b"STORED\r\n",
                Stored::NotStored => b"NOT_STORED\r\n",
                Stored::Exists => b"EXISTS\r\n",
                Stored::NotFound => b"NOT_FOUND\r\n",
            },
        );
    }

    /// Counts a failed store. A failed `set` also removes the old value, so that nobody reads what its writer
    /// believes to be replaced (memcached does so for `set` alone).
    fn refused_store(
        &self,
        worker: &WorkerCounters,
        header: &StorageHeader<'_>,
        refused: Refused,
        now: Now,
    ) -> Refusal {
        if header.verb == StoreVerb::Set {
            self.store.fail_store(header.key, refused, header.value_len as u64, now);
        }
        self.tell_refused(mutation(header, self.deadline(header.exptime, now)), refused, now);
        count_refused(worker, refused)
    }

    pub(super) fn delete(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        self.prefixes.count_delete(key);
        let doomed = self.see_doomed(key, now);
        match self.store.delete(key, now) {
            Deleted::Deleted => {
                worker.delete_hits.add(1);
                self.tell_deleted(key, "delete", doomed);
                answer(out, b"DELETED\r\n");
            }
            Deleted::NotFound | Deleted::Exists => {
                worker.delete_misses.add(1);
                answer(out, b"NOT_FOUND\r\n");
            }
        }
    }
}

/// Counts a store that was refused.
pub(super) fn count_refused(worker: &WorkerCounters, refused: Refused) -> Refusal {
    match refused {
        Refused::TooLarge => {
            worker.store_too_large.add(1);
            Refusal::TooLarge
        }
        Refused::OutOfMemory => {
            worker.store_no_memory.add(1);
            Refusal::OutOfMemory
        }
    }
}
