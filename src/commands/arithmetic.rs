//! incr and decr.

use super::{Engine, answer, refuse};
use crate::clock::Now;
use crate::protocol::{Refusal, ReplyBuffer};
use crate::store::{Counted, Step};
use crate::telemetry::WorkerCounters;

impl Engine {
    pub(super) fn arithmetic(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        up: bool,
        delta: u64,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        let step = if up { Step::Up(delta) } else { Step::Down(delta) };
        let (hits, misses) = if up {
            (&worker.incr_hits, &worker.incr_misses)
        } else {
            (&worker.decr_hits, &worker.decr_misses)
        };
        self.tell_lookup(key, now);
        match self.store.arithmetic(key, step, now) {
            Ok(Counted::Number { value, .. }) => {
                hits.add(1);
                if let Some(out) = out {
                    out.push_number(value);
                    out.push(b"\r\n");
                }
            }
            Ok(Counted::NotFound | Counted::Exists) => {
                misses.add(1);
                answer(out, b"NOT_FOUND\r\n");
            }
            Ok(Counted::NotNumeric) => refuse(out, Refusal::NotNumeric),
            Err(_) => refuse(out, Refusal::OutOfMemoryForNumber),
        }
    }
}
