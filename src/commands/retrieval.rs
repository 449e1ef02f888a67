//! `get`, `gets`, `gat`, `gats` and `touch`.
//!
//! A `get` arrives from `session/text.rs` by `commands/mod.rs`. It continues in `store/api/retrieval.rs` and
//! `store/shard/retrieval.rs`, which calls `push_hit` under the lock of the shard. The reply is in `protocol/reply.rs`.

use super::{Engine, Flow, push_reply};
use crate::clock::{Deadline, Now};
use crate::protocol::limits::{RETRIEVAL_PART_BYTES, RETRIEVAL_PART_KEYS};
use crate::protocol::{Keys, Refusal, ReplyBuffer, Retrieval, ValueParts};
use crate::store::{Access, Hit, LargeValue, Miss, ValueRef};
use crate::telemetry::WorkerCounters;

impl Engine {
    /// Looks up the keys in order and appends the hits. Stops after a part ([`RETRIEVAL_PART_BYTES`],
    /// [`RETRIEVAL_PART_KEYS`]), so that a long key list exceeds neither the buffer nor the turn. The end of a part
    /// depends only on the keys. An invalid key replaces the whole reply, so all keys are checked before the first part
    /// is sent.
    pub(super) fn retrieve(
        &self,
        counters: &WorkerCounters,
        retrieval: &Retrieval<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) -> Flow {
        let mark = out.mark();
        let full_at = out.len() + RETRIEVAL_PART_BYTES;
        let deadline = retrieval.exptime.map(|exptime| self.deadline(exptime, now));
        let mut keys = Keys::new(retrieval.keys);
        let mut looked_up: u32 = 0;
        let mut hits = 0;
        let mut expired = 0;
        let flow = loop {
            let is_part_full = || looked_up > 0 && out.len() >= full_at || looked_up == RETRIEVAL_PART_KEYS;
            let refuse_key = |refusal: Refusal, out: &mut ReplyBuffer| {
                out.truncate(mark);
                out.push(refusal.line());
                Flow::DiscardKeys
            };
            if keys.remaining_bytes() > 0 && is_part_full() {
                break match keys.clone().find_map(Result::err).filter(|_| retrieval.first) {
                    Some(refusal) => refuse_key(refusal, out),
                    None => Flow::Partial { remaining: keys.remaining_bytes() },
                };
            }
            let key = match keys.next() {
                Some(Ok(key)) => key,
                Some(Err(refusal)) => break refuse_key(refusal, out),
                None => {
                    if retrieval.last {
                        out.push(b"END\r\n");
                    }
                    break Flow::Retrieved { keys: looked_up };
                }
            };
            #[cfg(test)]
            assert!(self.panic_key != Some(key), "planted");
            looked_up += 1;
            self.notify_lookup(key, now);
            let with_cas = retrieval.with_cas;
            let found = match deadline {
                None => self.store.get(key, now, |hit| push_hit(out, key, &hit, with_cas)),
                Some(deadline) => {
                    self.get_and_touch(key, deadline, now, |hit| push_hit(out, key, &hit, with_cas))
                }
            };
            self.prefixes.count_get(key, found.is_ok());
            match found {
                Ok(()) => hits += 1,
                Err(Miss::Absent) => {}
                Err(Miss::Expired) => expired += 1,
            }
        };
        let looked_up = u64::from(looked_up);
        if deadline.is_some() {
            counters.cmd_touch.add(looked_up);
            counters.touch_hits.add(hits);
            counters.touch_misses.add(looked_up - hits);
        } else {
            counters.cmd_get.add(looked_up);
            counters.get_hits.add(hits);
            counters.get_misses.add(looked_up - hits);
            counters.get_expired.add(expired);
        }
        flow
    }

    /// Looks up a key and sets the deadline of its item.
    #[inline(never)]
    pub(super) fn get_and_touch(
        &self,
        key: &[u8],
        deadline: Deadline,
        now: Now,
        hit: impl FnMut(Hit<'_>),
    ) -> Result<(), Miss> {
        let access = Access { deadline: Some(deadline), ..Access::default() };
        // Fails only for lack of memory, which an existing item does not need.
        self.store.fetch(key, &access, now, hit).unwrap_or(Err(Miss::Absent))
    }

    pub(super) fn touch(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        exptime: i64,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        counters.cmd_touch.add(1);
        self.notify_lookup(key, now);
        match self.store.touch(key, self.deadline(exptime, now), now) {
            Ok(()) => {
                counters.touch_hits.add(1);
                push_reply(out, b"TOUCHED\r\n");
            }
            Err(_) => {
                counters.touch_misses.add(1);
                push_reply(out, b"NOT_FOUND\r\n");
            }
        }
    }
}

impl ValueParts for LargeValue {
    fn part(&self, number: usize) -> Option<&[u8]> {
        LargeValue::part(self, number)
    }
}

/// Appends a hit: copies a small value, references a large one. Runs under the lock of the shard.
#[inline(always)]
fn push_hit(out: &mut ReplyBuffer, key: &[u8], hit: &Hit<'_>, with_cas: bool) {
    let cas = with_cas.then_some(hit.cas);
    match hit.value {
        ValueRef::Small(value) => out.push_value(key, hit.flags, value, cas),
        ValueRef::Large(value) => out.push_large_value(key, hit.flags, value.share(), value.len(), cas),
    }
}
