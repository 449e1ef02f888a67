//! Set, Add, Replace, Append and Prepend of the binary protocol; whole values and values received in place.
//!
//! A CAS unique in the header turns the first three into compare-and-swap; under `-C` it is overlooked.

use super::{Answers, wanted};
use crate::clock::Now;
use crate::commands::Engine;
use crate::commands::storage::{Announced, Receiving, mode_of};
use crate::commands::watch::Mutation;
use crate::protocol::binary::{Envelope, Fields, Status, StoreItem};
use crate::protocol::{ReplyBuffer, StoreVerb};
use crate::store::{Incoming, Refused, StoreMode, StoreOptions, Stored, ValueWriter};
use crate::telemetry::WorkerCounters;

/// What a frame said of a value that follows it.
#[derive(Debug)]
pub struct Announcement {
    to: Envelope,
    quiet: bool,
    verb: StoreVerb,
    flags: u32,
    exptime: u32,
}

impl Engine {
    /// Stores a value that came whole with its frame.
    pub(super) fn store_binary(
        &self,
        worker: &WorkerCounters,
        item: &StoreItem<'_>,
        value: &[u8],
        now: Now,
        answers: &mut Answers<'_>,
    ) {
        self.prefixes.count_set(item.key);
        if self.store.fits(item.key.len(), item.flags, value.len()) {
            self.finish_binary_store(worker, item, Incoming::Bytes(value), now, answers);
        } else {
            answers.error(self.refused_binary_store(item, value.len(), Refused::TooLarge, now));
        }
    }

    /// Prepares to receive a large value. A refusal comes with the answer that is due behind the value.
    pub fn begin_binary_value(
        &self,
        to: Envelope,
        quiet: bool,
        item: &StoreItem<'_>,
        value_len: usize,
    ) -> Result<Receiving, Status> {
        let now = self.clock.now();
        let StoreItem { verb, key, flags, exptime } = *item;
        self.prefixes.count_set(key);
        let reserved = if self.store.fits(key.len(), flags, value_len) {
            self.store.begin_large_value(key, value_len, now)
        } else {
            Err(Refused::TooLarge)
        };
        self.tell_evictions(now);
        match reserved {
            Ok(draft) => {
                let announced = Announced::Binary(Announcement { to, quiet, verb, flags, exptime });
                Ok(Receiving { announced, key: key.into(), draft })
            }
            Err(refused) => Err(self.refused_binary_store(item, value_len, refused, now)),
        }
    }

    /// Stores a value received in place.
    pub(in crate::commands) fn finish_binary_value(
        &self,
        worker: &WorkerCounters,
        announcement: &Announcement,
        key: &[u8],
        draft: ValueWriter,
        out: &mut ReplyBuffer,
    ) {
        let Announcement { to, quiet, verb, flags, exptime } = *announcement;
        let item = StoreItem { verb, key, flags, exptime };
        let answers = &mut Answers { to, quiet, out };
        self.finish_binary_store(worker, &item, Incoming::Received(draft), self.clock.now(), answers);
    }

    fn finish_binary_store(
        &self,
        worker: &WorkerCounters,
        item: &StoreItem<'_>,
        value: Incoming<'_>,
        now: Now,
        answers: &mut Answers<'_>,
    ) {
        let compare = wanted(answers.to.cas).filter(|_| self.settings.cas_enabled);
        let mode = match (item.verb, compare) {
            (StoreVerb::Append, _) => StoreMode::Append,
            (StoreVerb::Prepend, _) => StoreMode::Prepend,
            (_, Some(unique)) | (StoreVerb::Cas(unique), None) => StoreMode::Cas(unique),
            (StoreVerb::Set, None) => StoreMode::Set,
            (StoreVerb::Add, None) => StoreMode::Add,
            (StoreVerb::Replace, None) => StoreMode::Replace,
        };
        let joins = matches!(mode, StoreMode::Append | StoreMode::Prepend);
        let options = StoreOptions { compare: compare.filter(|_| joins), ..StoreOptions::default() };
        let deadline = self.deadline_unsigned(item.exptime, now);
        let value_len = value.len();
        self.tell_lookup(item.key, now);
        let stored = self.store.store_with(mode, &options, item.key, item.flags, deadline, value, now);
        let stored = match stored {
            Ok(stored) => stored,
            Err(refused) => return answers.error(self.refused_binary_store(item, value_len, refused, now)),
        };
        let StoreItem { key, flags, .. } = *item;
        self.tell_stored(Mutation { mode, key, flags, deadline, value_len }, stored, now);
        worker.cmd_set.add(1);
        if let StoreMode::Cas(_) = mode {
            match stored {
                Stored::Stored { .. } => worker.cas_hits.add(1),
                Stored::Exists => worker.cas_badval.add(1),
                Stored::NotFound => worker.cas_misses.add(1),
                Stored::NotStored => {}
            }
        }
        match stored {
            Stored::Stored { cas, .. } => answers.done(&Fields { cas, ..Fields::default() }),
            Stored::Exists => answers.error(Status::Exists),
            Stored::NotFound => answers.error(Status::NotFound),
            Stored::NotStored => answers.error(match mode {
                StoreMode::Add => Status::Exists,
                StoreMode::Replace => Status::NotFound,
                _ => Status::NotStored,
            }),
        }
    }

    /// A failed Set also removes the old value, as the text one does. Refused sizes are not counted here: memcached's
    /// `store_too_large` and `store_no_memory` are about the text protocols.
    fn refused_binary_store(
        &self,
        item: &StoreItem<'_>,
        value_len: usize,
        refused: Refused,
        now: Now,
    ) -> Status {
        let StoreItem { verb, key, flags, exptime } = *item;
        if verb == StoreVerb::Set {
            self.store.fail_store(key, refused, value_len as u64, now);
        }
        let deadline = self.deadline_unsigned(exptime, now);
        self.tell_refused(Mutation { mode: mode_of(verb), key, flags, deadline, value_len }, refused, now);
        match refused {
            Refused::TooLarge => Status::TooLarge,
            Refused::OutOfMemory => Status::NoMemoryForItem,
        }
    }
}
