//! `why`: the reason why a key is absent.

use super::Engine;
use crate::clock::{FIRST_SECOND, Now, unix_year};
use crate::protocol::percent_encoding::percent_encoded;
use crate::protocol::{Refusal, ReplyBuffer};
use crate::store::{Cause, KeyHistory, Removed};

/// The reason why a key is absent, or the state of its item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The item exists.
    Present {
        /// Seconds since it was stored, if known.
        age_secs: Option<u32>,
        /// Seconds since it was last used.
        idle_secs: u32,
        /// Seconds until it expires; `None` if it does not expire.
        remaining_secs: Option<u32>,
        /// Length of its value in bytes.
        bytes: u64,
    },
    /// The item was removed, or could not be stored.
    Absent {
        /// The cause.
        cause: Cause,
        /// Seconds since then.
        ago_secs: u32,
        /// Age of the item then, if known.
        age_secs: Option<u32>,
        /// Seconds since its last use then.
        idle_secs: u32,
        /// Bytes of header, key and value; of the value only, if it could not be stored.
        bytes: u64,
    },
    /// No removal is recorded.
    Unknown {
        /// Seconds that the removal log reaches back.
        log_span_secs: u32,
        /// Seconds since the last flush.
        flushed_secs: Option<u32>,
    },
}

impl Cause {
    /// The name in the reply.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Evicted => "evicted",
            Cause::Expired => "expired",
            Cause::Deleted => "deleted",
            Cause::OutOfMemory => "no_memory",
            Cause::TooLarge => "too_large",
            Cause::PassedTime { .. } => "passed_time",
        }
    }
}

impl Engine {
    /// The reason why a key is absent.
    pub fn why(&self, key: &[u8]) -> Why {
        let now = self.clock.now();
        let age_at = |at: Now, cas: u64| self.store.stored_at(cas).map(|stored| at.secs_since(stored));
        let present = self.store.peek(key, now, |hit| Why::Present {
            age_secs: age_at(now, hit.cas),
            idle_secs: now.secs_since(hit.last_access),
            remaining_secs: (!hit.deadline.is_never())
                .then(|| hit.deadline.secs().saturating_sub(now.secs())),
            bytes: hit.value.len() as u64,
        });
        if let Ok(present) = present {
            return present;
        }
        let KeyHistory { removed, known_since, flushed } = self.store.key_history(key, now);
        match removed {
            Some(Removed { cause, at, last_access, bytes, cas }) => Why::Absent {
                cause,
                ago_secs: now.secs_since(at),
                age_secs: age_at(at, cas).filter(|_| cas != 0),
                idle_secs: at.secs_since(last_access),
                bytes,
            },
            None => Why::Unknown {
                log_span_secs: now.secs_since(known_since.unwrap_or(Now::from_secs(FIRST_SECOND))),
                flushed_secs: flushed
                    .filter(|flushed| *flushed <= now)
                    .map(|flushed| now.secs_since(flushed)),
            },
        }
    }

    /// Replies to `why`.
    pub(super) fn execute_why(&self, key: &[u8], out: &mut ReplyBuffer) {
        if !self.lists_keys() {
            return out.push(Refusal::KeysNotAllowed.line());
        }
        let known = |secs: Option<u32>| secs.map_or("?".to_owned(), |secs| secs.to_string());
        let line = match self.why(key) {
            Why::Present { age_secs, idle_secs, remaining_secs, bytes } => {
                let remaining = remaining_secs.map_or("never".to_owned(), |secs| secs.to_string());
                format!("present age={} idle={idle_secs} left={remaining} size={bytes}", known(age_secs))
            }
            Why::Absent { cause: Cause::PassedTime { exptime }, ago_secs, bytes, .. } => {
                let year = unix_year(exptime);
                format!("passed_time ago={ago_secs} exptime={exptime} year={year} size={bytes}")
            }
            Why::Absent { cause, ago_secs, age_secs, idle_secs, bytes } => format!(
                "{} ago={ago_secs} age={} idle={idle_secs} size={bytes}",
                cause.name(),
                known(age_secs)
            ),
            Why::Unknown { log_span_secs, flushed_secs } => {
                let flushed = flushed_secs.map_or(String::new(), |secs| format!(" flushed={secs}"));
                format!("unknown reach={log_span_secs}{flushed}")
            }
        };
        out.push(format!("WHY {} {line}\r\n", percent_encoded(key)).as_bytes());
    }
}
