//! `incr` and `decr`.

use super::{Engine, push_reply, refuse};
use crate::clock::Now;
use crate::protocol::{Refusal, ReplyBuffer};
use crate::store::{Counted, Step};
use crate::telemetry::WorkerCounters;

impl Engine {
    pub(super) fn arithmetic(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        up: bool,
        delta: u64,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        let step = if up { Step::Up(delta) } else { Step::Down(delta) };
        let (hits, misses) = if up {
            (&counters.incr_hits, &counters.incr_misses)
        } else {
            (&counters.decr_hits, &counters.decr_misses)
        };
        self.notify_lookup(key, now);
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
                push_reply(out, b"NOT_FOUND\r\n");
            }
            Ok(Counted::NotNumeric) => refuse(out, Refusal::NotNumeric),
            Err(_) => refuse(out, Refusal::OutOfMemoryForNumber),
        }
    }
}
