//! get, gets, gat, gats, touch.

use super::{Engine, Flow, answer};
use crate::clock::Now;
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use crate::protocol::{Keys, Parts, ReplyBuffer, Retrieval};
use crate::store::{Access, Hit, LargeValue, Miss, ValueRef};
use crate::telemetry::WorkerCounters;

impl Engine {
    /// Answers key by key. Stops early when it has gathered a batch of output, so that one line of keys cannot make the
    /// server hold more than that. Where it stops depends on its keys alone, not on what gathered before: with it goes
    /// what a wrong key takes back.
    pub(super) fn retrieve(
        &self,
        worker: &WorkerCounters,
        retrieval: &Retrieval<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) -> Flow {
        let mark = out.mark();
        let full_at = out.len() + OUTPUT_BATCH_BYTES;
        let deadline = retrieval.exptime.map(|exptime| self.deadline(exptime, now));
        let access = Access { deadline, ..Access::default() };
        let mut keys = Keys::new(retrieval.keys);
        let mut asked = 0;
        let mut hits = 0;
        let mut expired = 0;
        let flow = loop {
            if asked > 0 && out.len() >= full_at && keys.left_bytes() > 0 {
                break Flow::Partial { left: keys.left_bytes() };
            }
            let key = match keys.next() {
                Some(Ok(key)) => key,
                Some(Err(refusal)) => {
                    out.truncate(mark);
                    out.push(refusal.line());
                    break Flow::AbandonKeys;
                }
                None => {
                    if retrieval.last {
                        out.push(b"END\r\n");
                    }
                    break Flow::Continue;
                }
            };
            #[cfg(test)]
            assert!(self.panic_key != Some(key), "planted");
            asked += 1;
            self.tell_lookup(key, now);
            let copy = |hit: Hit<'_>| push_hit(out, key, &hit, retrieval.with_cas);
            let found = match deadline {
                None => self.store.get(key, now, copy),
                Some(_) => self.store.fetch(key, &access, now, copy).unwrap_or(Err(Miss::Absent)),
            };
            self.prefixes.count_get(key, found.is_ok());
            match found {
                Ok(()) => hits += 1,
                Err(Miss::Absent) => {}
                Err(Miss::Expired) => expired += 1,
            }
        };
        if deadline.is_some() {
            worker.cmd_touch.add(asked);
            worker.touch_hits.add(hits);
            worker.touch_misses.add(asked - hits);
        } else {
            worker.cmd_get.add(asked);
            worker.get_hits.add(hits);
            worker.get_misses.add(asked - hits);
            worker.get_expired.add(expired);
        }
        flow
    }

    pub(super) fn touch(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        exptime: i32,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        worker.cmd_touch.add(1);
        self.tell_lookup(key, now);
        match self.store.touch(key, self.deadline(exptime, now), now) {
            Ok(()) => {
                worker.touch_hits.add(1);
                answer(out, b"TOUCHED\r\n");
            }
            Err(_) => {
                worker.touch_misses.add(1);
                answer(out, b"NOT_FOUND\r\n");
            }
        }
    }
}

impl Parts for LargeValue {
    fn part(&self, number: usize) -> Option<&[u8]> {
        LargeValue::part(self, number)
    }
}

/// Copies a small value and its line; takes a reference to a large one. Runs under the shard's lock.
fn push_hit(out: &mut ReplyBuffer, key: &[u8], hit: &Hit<'_>, with_cas: bool) {
    let cas = with_cas.then_some(hit.cas);
    match hit.value {
        ValueRef::Small(value) => {
            out.push_value_line(key, hit.flags, value.len(), cas);
            out.push(value);
        }
        ValueRef::Large { blocks, len } => {
            out.push_value_line(key, hit.flags, len, cas);
            out.push_large(blocks.clone(), len);
        }
    }
    out.push(b"\r\n");
}
