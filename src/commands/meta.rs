//! `mg`, `md`, `ma` and `me`. `ms` is in `meta/storage.rs`.
//!
//! A command ignores flags that it does not use; the grammar has checked their arguments. Some flags act in the order
//! of the line: `t` prints the time to live that the `T` or `N` before it has set. A plain `mg` costs as much as a
//! `get`: it does not allocate, and the reply is written under the lock of the shard.

mod storage;

use super::Engine;
use crate::clock::{Deadline, Now};
use crate::protocol::base64_key::{self, ENCODED_KEY_MAX_BYTES, KeyBuffer};
use crate::protocol::meta_request::MetaArguments;
use crate::protocol::{Refusal, ReplyBuffer};
use crate::store::{
    Access, ArithmeticOptions, Counted, Create, DeleteOptions, Deleted, Hit, Miss, Recache, Step, ValueRef,
};
use crate::telemetry::WorkerCounters;

/// A key as shown in replies.
#[derive(Clone, Copy)]
struct ShownKey<'a> {
    key: &'a [u8],
    /// True for a binary key, which is shown as base64.
    encoded: bool,
}

impl<'a> ShownKey<'a> {
    /// The key as in the request.
    fn of_request(meta: &MetaArguments<'_>, key: &'a [u8]) -> ShownKey<'a> {
        ShownKey { key, encoded: meta.has(b'b') }
    }

    fn push(self, out: &mut ReplyBuffer) {
        if self.encoded {
            out.push(base64_key::encode(self.key, &mut [0; ENCODED_KEY_MAX_BYTES]));
        } else {
            out.push(self.key);
        }
    }
}

/// The deadlines that a command sets.
#[derive(Clone, Copy)]
struct Deadlines {
    /// `T`
    touch: Option<Deadline>,
    /// `N`
    create: Option<Deadline>,
}

impl Deadlines {
    fn of(engine: &Engine, meta: &MetaArguments<'_>, now: Now) -> Deadlines {
        Deadlines {
            touch: meta.exptime().map(|exptime| engine.deadline(exptime, now)),
            create: meta.create_exptime().map(|exptime| engine.deadline(exptime, now)),
        }
    }

    /// The options to create an absent item. Of `N` and `T` the last one counts.
    fn creation(self, meta: &MetaArguments<'_>) -> Option<Create> {
        let later = self.touch.filter(|_| meta.precedes(b'N', b'T'));
        let create = |deadline| Create {
            deadline: later.unwrap_or(deadline),
            cas: meta.cas(),
            binary_key: meta.has(b'b'),
        };
        self.create.map(create)
    }
}

/// The deadline of an item while the flags are processed in their order.
struct DeadlineProgress {
    deadlines: Deadlines,
    created: bool,
    deadline: Deadline,
}

impl DeadlineProgress {
    fn of(deadlines: Deadlines, created: bool, before: Deadline) -> DeadlineProgress {
        DeadlineProgress { deadlines, created, deadline: if created { Deadline::NEVER } else { before } }
    }

    /// Applies `T` and `N`; appends the value of `t`.
    fn apply(&mut self, letter: u8, now: Now, out: &mut ReplyBuffer) {
        match letter {
            b'T' => self.deadline = self.deadlines.touch.unwrap_or(self.deadline),
            b'N' if self.created => self.deadline = self.deadlines.create.unwrap_or(self.deadline),
            b't' if self.deadline.is_never() => out.push(b" t-1"),
            // As in memcached, the time to live of an expired item wraps at 32 bits.
            b't' => {
                push_tagged(out, b" t", u64::from(self.deadline.secs().wrapping_sub(now.secs())));
            }
            _ => {}
        }
    }
}

fn push_tagged(out: &mut ReplyBuffer, tag: &[u8], number: u64) {
    out.push(tag);
    out.push_number(number);
}

/// Appends the values of the returned flags in their order. Appends opaque and key itself, and calls `other` with the
/// letter of every other flag.
fn push_returned(
    out: &mut ReplyBuffer,
    meta: &MetaArguments<'_>,
    name: ShownKey<'_>,
    mut other: impl FnMut(&mut ReplyBuffer, u8),
) {
    for word in meta.returned() {
        match word {
            [b'O', ..] => {
                out.push(b" ");
                out.push(word);
            }
            [b'k', ..] => {
                out.push(b" k");
                name.push(out);
                out.push(if name.encoded { b" b" } else { b"" });
            }
            [letter, ..] => other(out, *letter),
            [] => {}
        }
    }
}

/// Appends a reply with a code, opaque and key only.
fn push_code(out: &mut ReplyBuffer, code: &[u8], meta: &MetaArguments<'_>, name: ShownKey<'_>) {
    out.push(code);
    push_returned(out, meta, name, |_, _| {});
    out.push(b"\r\n");
}

/// Appends the hit of an `mg`. Runs under the lock of the shard.
fn push_hit(
    out: &mut ReplyBuffer,
    meta: &MetaArguments<'_>,
    hit: &Hit<'_>,
    deadlines: Deadlines,
    key: &[u8],
    now: Now,
) {
    let len = match hit.value {
        ValueRef::Small(value) => value.len(),
        ValueRef::Large(value) => value.len(),
    };
    // With C, the value is sent only if its CAS unique differs.
    let with_value = meta.has(b'v') && meta.compare() != Some(hit.cas);
    if with_value {
        push_tagged(out, b"VA ", len as u64);
    } else {
        out.push(b"HD");
    }
    let mut progress = DeadlineProgress::of(deadlines, hit.created, hit.deadline_before);
    let name = ShownKey { key, encoded: hit.marks.binary_key };
    push_returned(out, meta, name, |out, letter| match letter {
        b'c' => push_tagged(out, b" c", hit.cas),
        b'f' => push_tagged(out, b" f", u64::from(hit.flags)),
        b'h' => out.push(if hit.fetched { b" h1" } else { b" h0" }),
        b'l' => push_tagged(out, b" l", u64::from(now.secs_since(hit.last_access))),
        b's' => push_tagged(out, b" s", len as u64),
        letter => progress.apply(letter, now, out),
    });
    out.push(if hit.marks.won { b" Z" } else { b"" });
    out.push(if hit.marks.stale { b" X" } else { b"" });
    out.push(if hit.wins { b" W" } else { b"" });
    out.push(b"\r\n");
    if with_value {
        match hit.value {
            ValueRef::Small(value) => out.push(value),
            ValueRef::Large(value) => out.push_large(value.share(), value.len()),
        }
        out.push(b"\r\n");
    }
}

impl Engine {
    /// `mg`. A hit that sets a time to live counts as a touch.
    pub(super) fn meta_get(
        &self,
        counters: &WorkerCounters,
        meta: &MetaArguments<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let mut buffer = KeyBuffer::default();
        let key = meta.key(&mut buffer);
        let deadlines = Deadlines::of(self, meta, now);
        let recache = |below_secs| Recache { below_secs, after_touch: meta.precedes(b'T', b'R') };
        let access = Access {
            deadline: deadlines.touch,
            unseen: meta.has(b'u'),
            may_win: true,
            recache: meta.recache_secs().map(recache),
            create: deadlines.creation(meta),
            ..Access::default()
        };
        self.notify_lookup(key, now);
        let found = self.store.fetch(key, &access, now, |hit| push_hit(out, meta, &hit, deadlines, key, now));
        match found {
            Ok(Ok(())) if access.deadline.is_some() => {
                counters.cmd_touch.add(1);
                counters.touch_hits.add(1);
            }
            Ok(Ok(())) => {
                counters.cmd_get.add(1);
                counters.get_hits.add(1);
            }
            Ok(Err(miss)) => {
                counters.cmd_get.add(1);
                counters.get_misses.add(1);
                counters.get_expired.add(u64::from(miss == Miss::Expired));
                if !meta.quiet() {
                    push_code(out, b"EN", meta, ShownKey::of_request(meta, key));
                }
            }
            Err(_) => out.push(Refusal::OutOfMemoryForNumber.line()),
        }
    }

    /// `md`. An item that is only marked as stale does not count as a hit.
    pub(super) fn meta_delete(
        &self,
        counters: &WorkerCounters,
        meta: &MetaArguments<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let mut buffer = KeyBuffer::default();
        let key = meta.key(&mut buffer);
        let options = DeleteOptions {
            compare: meta.compare(),
            invalidate: meta.has(b'I'),
            drop_value: meta.has(b'x').then(|| meta.client_flags()),
            deadline: meta.exptime().map(|exptime| self.deadline(exptime, now)),
            cas: meta.cas(),
        };
        let deleted = self.item_to_delete(key, now);
        let code: &[u8] = match self.store.delete_with(key, &options, now) {
            Ok(Deleted::Deleted) => {
                let marked_only = options.invalidate && options.drop_value.is_none();
                counters.delete_hits.add(u64::from(!marked_only));
                if !options.invalidate {
                    self.notify_deleted(key, "md", deleted);
                }
                if meta.quiet() {
                    return;
                }
                b"HD"
            }
            Ok(Deleted::NotFound) => {
                counters.delete_misses.add(1);
                b"NF"
            }
            Ok(Deleted::Exists) => {
                counters.delete_misses.add(1);
                b"EX"
            }
            Err(_) => return out.push(Refusal::OutOfMemoryForNumber.line()),
        };
        push_code(out, code, meta, ShownKey::of_request(meta, key));
    }

    /// `ma`. A created number is neither a hit nor a miss; nor is a different CAS unique.
    pub(super) fn meta_arithmetic(
        &self,
        counters: &WorkerCounters,
        meta: &MetaArguments<'_>,
        up: bool,
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        let mut buffer = KeyBuffer::default();
        let key = meta.key(&mut buffer);
        let name = ShownKey::of_request(meta, key);
        let deadlines = Deadlines::of(self, meta, now);
        let options = ArithmeticOptions {
            compare: meta.compare().filter(|unique| *unique != 0),
            deadline: deadlines.touch,
            cas: meta.cas(),
            create: deadlines.creation(meta).map(|create| (meta.initial(), create)),
        };
        let (step, hits, misses) = if up {
            (Step::Up(meta.delta()), &counters.incr_hits, &counters.incr_misses)
        } else {
            (Step::Down(meta.delta()), &counters.decr_hits, &counters.decr_misses)
        };
        self.notify_lookup(key, now);
        match self.store.arithmetic_with(key, step, &options, now) {
            Ok(Counted::Number { value, cas, deadline_before, created, .. }) => {
                hits.add(u64::from(!created));
                if let Some((number, create)) = options.create.filter(|_| created) {
                    self.notify_created(key, create.deadline, number, now);
                }
                if !meta.quiet() {
                    let progress = DeadlineProgress::of(deadlines, created, deadline_before);
                    push_number_reply(out, meta, name, value, cas, progress, now);
                }
            }
            Ok(Counted::NotFound) => {
                misses.add(1);
                push_code(out, b"NF", meta, name);
            }
            Ok(Counted::Exists) => push_code(out, b"EX", meta, name),
            Ok(Counted::NotNumeric) => out.push(Refusal::NotNumeric.line()),
            Err(_) => out.push(Refusal::OutOfMemoryForNumber.line()),
        }
    }

    /// `me`: the metadata of an item, for people. Does not count as an access; `cmd_meta` counts it.
    pub(super) fn meta_describe(
        &self,
        counters: &WorkerCounters,
        meta: &MetaArguments<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) {
        counters.cmd_meta.add(1);
        let mut buffer = KeyBuffer::default();
        let key = meta.key(&mut buffer);
        let access = Access { unseen: true, uncounted: true, ..Access::default() };
        let cas_enabled = self.settings.cas_enabled;
        let describe = |hit: Hit<'_>| push_description(out, key, &hit, cas_enabled, now);
        if !matches!(self.store.fetch(key, &access, now, describe), Ok(Ok(()))) {
            out.push(b"EN\r\n");
        }
    }
}

fn push_number_reply(
    out: &mut ReplyBuffer,
    meta: &MetaArguments<'_>,
    name: ShownKey<'_>,
    value: u64,
    cas: u64,
    mut progress: DeadlineProgress,
    now: Now,
) {
    let digits = value.checked_ilog10().unwrap_or(0) + 1;
    if meta.has(b'v') {
        push_tagged(out, b"VA ", u64::from(digits));
    } else {
        out.push(b"HD");
    }
    push_returned(out, meta, name, |out, letter| match letter {
        b'c' => push_tagged(out, b" c", cas),
        letter => progress.apply(letter, now, out),
    });
    out.push(b"\r\n");
    if meta.has(b'v') {
        out.push_number(value);
        out.push(b"\r\n");
    }
}

/// Appends the reply to `me`. The size is that of the same item in memcached.
fn push_description(out: &mut ReplyBuffer, key: &[u8], hit: &Hit<'_>, cas_enabled: bool, now: Now) {
    let value_len = match hit.value {
        ValueRef::Small(value) => value.len(),
        ValueRef::Large(value) => value.len(),
    };
    out.push(b"ME ");
    ShownKey { key, encoded: hit.marks.binary_key }.push(out);
    out.push(b" exp=");
    if hit.deadline.is_never() {
        out.push(b"-1");
    } else {
        out.push_number(u64::from(hit.deadline.secs().saturating_sub(now.secs())));
    }
    push_tagged(out, b" la=", u64::from(now.secs_since(hit.last_access)));
    push_tagged(out, b" cas=", hit.cas);
    out.push(if hit.fetched { b" fetch=yes" } else { b" fetch=no" });
    push_tagged(out, b" cls=", u64::from(hit.class));
    let size = crate::store::memcached_item_bytes(key.len(), hit.flags, value_len, cas_enabled);
    push_tagged(out, b" size=", size);
    out.push(b"\r\n");
}
