//! The commands of the binary protocol.
//!
//! [`Engine::execute_binary`] executes one [`Frame`]. A quiet command suppresses the reply to a miss of a retrieval and
//! to the success of any other command, never an error. The decoder has checked before that [`SaslSession`] admits the
//! request.

mod sasl;
mod stat;
mod storage;

pub use sasl::SaslSession;

use super::{Engine, Flow, WIRE_VERSION};
use crate::clock::Now;
use crate::protocol::ReplyBuffer;
use crate::protocol::binary::{Command, EXPTIME_NO_CREATE, Envelope, Frame, ReplyFields, Status};
use crate::store::{
    Access, ArithmeticOptions, Counted, Create, DeleteOptions, Deleted, Hit, Miss, Refused, Step, ValueRef,
};
use crate::telemetry::WorkerCounters;

/// The reply to one request.
struct BinaryReply<'a> {
    envelope: Envelope,
    quiet: bool,
    out: &'a mut ReplyBuffer,
}

impl BinaryReply<'_> {
    /// Appends the success of a command that is not a retrieval, except for a quiet command.
    fn success(&mut self, fields: &ReplyFields<'_>) {
        if !self.quiet {
            self.out.push_frame(&self.envelope, fields);
        }
    }

    /// Appends an error, also for a quiet command.
    fn error(&mut self, status: Status) {
        self.out.push_status(&self.envelope, status);
    }
}

impl Engine {
    /// Executes one request of the binary protocol and appends its reply to `out`.
    pub fn execute_binary(
        &self,
        counters: &WorkerCounters,
        session: &mut SaslSession,
        frame: &Frame<'_>,
        out: &mut ReplyBuffer,
    ) -> Flow {
        let now = self.clock.now();
        let mut reply = BinaryReply { envelope: frame.envelope, quiet: frame.quiet, out };
        let nothing = ReplyFields::default();
        match frame.command {
            Command::Retrieve { key, with_key, exptime } => {
                self.retrieve_binary(counters, key, with_key, exptime, now, &mut reply);
            }
            Command::Touch { key, exptime } => self.touch_binary(counters, key, exptime, now, &mut reply),
            Command::Store { ref header, value } => {
                self.store_binary(counters, header, value, now, &mut reply);
            }
            Command::Delete { key } => self.delete_binary(counters, key, now, &mut reply),
            Command::Arithmetic { .. } => self.arithmetic_binary(counters, &frame.command, now, &mut reply),
            Command::Flush { exptime } => {
                self.flush_binary(counters, exptime, now, &mut reply);
                return Flow::EndTurn;
            }
            Command::Stat { topic } => return self.stat_binary(topic, now, &mut reply),
            Command::Verbosity { level } => {
                self.set_verbosity(level, None);
                reply.success(&nothing);
            }
            Command::Noop => reply.success(&nothing),
            Command::Version => reply.success(&ReplyFields { value: WIRE_VERSION.as_bytes(), ..nothing }),
            Command::Quit => {
                reply.success(&nothing);
                return Flow::Close;
            }
            Command::SaslList | Command::SaslStart { .. } | Command::SaslStep { .. } => {
                return self.execute_sasl(counters, session, &frame.command, &mut reply);
            }
        }
        Flow::Continue
    }

    /// Get and gat, with and without the key. The quiet forms suppress the reply to a miss.
    fn retrieve_binary(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        with_key: bool,
        exptime: Option<u32>,
        now: Now,
        reply: &mut BinaryReply<'_>,
    ) {
        let deadline = exptime.map(|exptime| self.deadline(exptime.into(), now));
        let BinaryReply { envelope, quiet, out } = reply;
        let shown_key = if with_key { key } else { &[] };
        self.notify_lookup(key, now);
        let found = match deadline {
            None => self.store.get(key, now, |hit| push_hit(out, envelope, shown_key, &hit)),
            Some(deadline) => {
                self.get_and_touch(key, deadline, now, |hit| push_hit(out, envelope, shown_key, &hit))
            }
        };
        self.prefixes.count_get(key, found.is_ok());
        count_retrieval(counters, deadline.is_some(), found);
        if found.is_err() && !*quiet {
            if with_key {
                out.push_key_not_found(envelope, key);
            } else {
                out.push_status(envelope, Status::NotFound);
            }
        }
    }

    fn touch_binary(
        &self,
        counters: &WorkerCounters,
        key: &[u8],
        exptime: u32,
        now: Now,
        reply: &mut BinaryReply<'_>,
    ) {
        let deadline = Some(self.deadline(exptime.into(), now));
        let access = Access { deadline, ..Access::default() };
        let marks = |hit: Hit<'_>| (hit.flags, hit.cas);
        self.notify_lookup(key, now);
        let found = self.store.fetch(key, &access, now, marks).unwrap_or(Err(Miss::Absent));
        self.prefixes.count_get(key, found.is_ok());
        count_retrieval(counters, true, found.map(|_| ()));
        match found {
            Ok((flags, cas)) => {
                reply.success(&ReplyFields { flags: Some(flags), cas, ..ReplyFields::default() })
            }
            Err(_) => reply.error(Status::NotFound),
        }
    }

    fn delete_binary(&self, counters: &WorkerCounters, key: &[u8], now: Now, reply: &mut BinaryReply<'_>) {
        self.prefixes.count_delete(key);
        // memcached does not log deletions of the binary protocol.
        self.notify_lookup(key, now);
        let options = DeleteOptions { compare: expected_cas(reply.envelope.cas), ..DeleteOptions::default() };
        match self.store.delete_with(key, &options, now) {
            Ok(Deleted::Deleted) => {
                counters.delete_hits.add(1);
                reply.success(&ReplyFields::default());
            }
            Ok(Deleted::Exists) => reply.error(Status::Exists),
            // A removal needs no memory.
            Ok(Deleted::NotFound) | Err(_) => {
                counters.delete_misses.add(1);
                reply.error(Status::NotFound);
            }
        }
    }

    fn arithmetic_binary(
        &self,
        counters: &WorkerCounters,
        command: &Command<'_>,
        now: Now,
        reply: &mut BinaryReply<'_>,
    ) {
        let Command::Arithmetic { key, up, delta, initial, exptime } = *command else { return };
        let step = if up { Step::Up(delta) } else { Step::Down(delta) };
        let create = (exptime != EXPTIME_NO_CREATE).then(|| {
            let deadline = self.deadline(exptime.into(), now);
            (initial, Create { deadline, cas: None, binary_key: false })
        });
        let options = ArithmeticOptions {
            compare: expected_cas(reply.envelope.cas),
            create,
            ..ArithmeticOptions::default()
        };
        let (hits, misses) = if up {
            (&counters.incr_hits, &counters.incr_misses)
        } else {
            (&counters.decr_hits, &counters.decr_misses)
        };
        self.notify_lookup(key, now);
        match self.store.arithmetic_with(key, step, &options, now) {
            Ok(Counted::Number { value, cas, created, .. }) => {
                hits.add(u64::from(!created));
                if let Some((number, create)) = options.create.filter(|_| created) {
                    self.notify_created(key, create.deadline, number, now);
                }
                reply.success(&ReplyFields { value: &value.to_be_bytes(), cas, ..ReplyFields::default() });
            }
            Ok(Counted::NotFound) => {
                misses.add(1);
                reply.error(Status::NotFound);
            }
            Ok(Counted::Exists) => reply.error(Status::Exists),
            Ok(Counted::NotNumeric) => reply.error(Status::NotNumeric),
            Err(Refused::TooLarge) => reply.error(Status::TooLarge),
            Err(Refused::OutOfMemory) if create.is_some() => reply.error(Status::NoMemoryForNewNumber),
            Err(Refused::OutOfMemory) => reply.error(Status::NoMemoryForNumber),
        }
    }

    fn flush_binary(&self, counters: &WorkerCounters, exptime: u32, now: Now, reply: &mut BinaryReply<'_>) {
        if !self.settings.flush_enabled {
            return reply.error(Status::AuthFailure);
        }
        counters.cmd_flush.add(1);
        self.flush(self.flush_time(exptime.into(), now), now);
        reply.success(&ReplyFields::default());
    }
}

/// The CAS unique that the item must have, if the request contains one.
fn expected_cas(cas: u64) -> Option<u64> {
    (cas != 0).then_some(cas)
}

fn count_retrieval(counters: &WorkerCounters, touches: bool, found: Result<(), Miss>) {
    let missed = u64::from(found.is_err());
    if touches {
        counters.cmd_touch.add(1);
        counters.touch_hits.add(1 - missed);
        counters.touch_misses.add(missed);
    } else {
        counters.cmd_get.add(1);
        counters.get_hits.add(1 - missed);
        counters.get_misses.add(missed);
        counters.get_expired.add(u64::from(found == Err(Miss::Expired)));
    }
}

/// Copies a small value; references a large one. Runs under the lock of the shard.
#[inline(always)]
fn push_hit(out: &mut ReplyBuffer, envelope: &Envelope, key: &[u8], hit: &Hit<'_>) {
    let fields = ReplyFields { flags: Some(hit.flags), key, cas: hit.cas, ..ReplyFields::default() };
    match hit.value {
        ValueRef::Small(value) => out.push_frame(envelope, &ReplyFields { value, ..fields }),
        ValueRef::Large(value) => out.push_large_frame(envelope, &fields, value.share(), value.len()),
    }
}
