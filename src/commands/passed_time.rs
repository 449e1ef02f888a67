//! Stores with an absolute time that has already passed: counted, remembered for `why`, and logged once.
//!
//! An exptime above 30 days is a Unix time (protocol.txt, "Expiration times"). If a client means a duration, the date
//! is in the past and the item expires at once. The reply is that of any other store.

use super::Engine;
use super::watch::Mutation;
use crate::clock::{Now, unix_year};
use crate::protocol::limits::EXPTIME_RELATIVE_MAX_SECS;
use crate::store::{StoreMode, Stored};
use crate::telemetry::WorkerCounters;
use log::warn;
use std::sync::atomic::Ordering;

impl Engine {
    /// Notes a storage command if its exptime made the item expire at once.
    #[inline]
    pub(super) fn note_exptime(
        &self,
        counters: &WorkerCounters,
        mutation: &Mutation<'_>,
        exptime: i64,
        stored: Stored,
        now: Now,
    ) {
        if mutation.deadline.is_over(now) && exptime > EXPTIME_RELATIVE_MAX_SECS.into() {
            self.note_passed_time(counters, mutation, exptime, stored, now);
        }
    }

    #[cold]
    fn note_passed_time(
        &self,
        counters: &WorkerCounters,
        mutation: &Mutation<'_>,
        exptime: i64,
        stored: Stored,
        now: Now,
    ) {
        // Append and prepend ignore the exptime.
        let ignores_exptime = matches!(mutation.mode, StoreMode::Append | StoreMode::Prepend);
        let Stored::Stored { len, .. } = stored else { return };
        if ignores_exptime {
            return;
        }
        counters.store_passed_time.add(1);
        // All protocols cut times to 32 bits.
        let exptime = u32::try_from(exptime).unwrap_or(u32::MAX);
        self.store.note_passed_time(mutation.key, exptime, len as u64, now);
        if !self.passed_time_logged.swap(true, Ordering::Relaxed) {
            let family = match self.lists_keys() {
                true => format!(" of the family {}", crate::insight::family_of(mutation.key)),
                false => String::new(),
            };
            warn!(
                "a key{family} was stored with an absolute time that had already passed, so it expired at once: \
                {exptime} seconds is more than 30 days and counts as a date in {}. Further stores of this kind are \
                counted in stats (store_passed_time) and explained by why, without a message",
                unix_year(exptime)
            );
        }
    }
}
