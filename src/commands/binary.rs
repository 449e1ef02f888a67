//! The commands of the binary protocol: as the text ones, with their own numbers, and answers as frames.
//!
//! [`Engine::execute_binary`] takes one [`Frame`]. A quiet command answers only what is not expected: a miss of a
//! retrieval and the success of anything else are silent, every error is told. Who may ask for what is decided by the
//! [`Session`] and enforced by the protocol's intake before a frame comes here.

mod login;
mod report;
mod storage;

pub use login::Session;
pub use storage::Announcement;

use super::{Engine, Flow, WIRE_VERSION};
use crate::clock::Now;
use crate::protocol::ReplyBuffer;
use crate::protocol::binary::{Command, EXPTIME_NOT_MADE, Envelope, Fields, Frame, Status};
use crate::store::{
    Access, ArithmeticOptions, Counted, Create, DeleteOptions, Deleted, Hit, Miss, Refused, Step, ValueRef,
};
use crate::telemetry::WorkerCounters;

/// Where the answers to one request go, and which of them are wanted.
struct Answers<'a> {
    to: Envelope,
    quiet: bool,
    out: &'a mut ReplyBuffer,
}

impl Answers<'_> {
    /// The success of anything but a retrieval; a quiet request does not want it.
    fn done(&mut self, fields: &Fields<'_>) {
        if !self.quiet {
            self.out.push_frame(&self.to, fields);
        }
    }

    /// An error, wanted by every request.
    fn error(&mut self, status: Status) {
        self.out.push_status(&self.to, status);
    }
}

impl Engine {
    /// Executes one request of the binary protocol and appends its reply to `out`.
    pub fn execute_binary(
        &self,
        worker: &WorkerCounters,
        session: &mut Session,
        frame: &Frame<'_>,
        out: &mut ReplyBuffer,
    ) -> Flow {
        let now = self.clock.now();
        let mut answers = Answers { to: frame.envelope, quiet: frame.quiet, out };
        let nothing = Fields::default();
        match frame.command {
            Command::Retrieve { key, with_key, exptime } => {
                self.retrieve_binary(worker, key, with_key, exptime, now, &mut answers);
            }
            Command::Touch { key, exptime } => self.touch_binary(worker, key, exptime, now, &mut answers),
            Command::Store { ref item, value } => {
                self.store_binary(worker, item, value, now, &mut answers);
            }
            Command::Delete { key } => self.delete_binary(worker, key, now, &mut answers),
            Command::Count { .. } => self.count_binary(worker, &frame.command, now, &mut answers),
            Command::Flush { exptime } => {
                self.flush_binary(worker, exptime, now, &mut answers);
                return Flow::Exhaust;
            }
            Command::Stat { topic } => return self.report_binary(topic, now, &mut answers),
            Command::Verbosity { level } => {
                self.set_verbosity(level, None);
                answers.done(&nothing);
            }
            Command::Noop => answers.done(&nothing),
            Command::Version => answers.done(&Fields { value: WIRE_VERSION.as_bytes(), ..nothing }),
            Command::Quit => {
                answers.done(&nothing);
                return Flow::Close;
            }
            Command::SaslList | Command::SaslStart { .. } | Command::SaslStep { .. } => {
                return self.login(worker, session, &frame.command, &mut answers);
            }
        }
        Flow::Continue
    }

    /// Get and gat, with and without the key. A quiet one is silent on a miss, never on a hit.
    fn retrieve_binary(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        with_key: bool,
        exptime: Option<u32>,
        now: Now,
        answers: &mut Answers<'_>,
    ) {
        let deadline = exptime.map(|exptime| self.deadline_unsigned(exptime, now));
        let Answers { to, quiet, out } = answers;
        let shown_key = if with_key { key } else { &[] };
        self.tell_lookup(key, now);
        let found = match deadline {
            None => self.store.get(key, now, |hit| push_hit(out, to, shown_key, &hit)),
            Some(deadline) => {
                self.get_and_touch(key, deadline, now, |hit| push_hit(out, to, shown_key, &hit))
            }
        };
        self.prefixes.count_get(key, found.is_ok());
        count_retrieval(worker, deadline.is_some(), found);
        if found.is_err() && !*quiet {
            if with_key {
                out.push_missing_key(to, key);
            } else {
                out.push_status(to, Status::NotFound);
            }
        }
    }

    fn touch_binary(
        &self,
        worker: &WorkerCounters,
        key: &[u8],
        exptime: u32,
        now: Now,
        answers: &mut Answers<'_>,
    ) {
        let deadline = Some(self.deadline_unsigned(exptime, now));
        let access = Access { deadline, ..Access::default() };
        let marks = |hit: Hit<'_>| (hit.flags, hit.cas);
        self.tell_lookup(key, now);
        let found = self.store.fetch(key, &access, now, marks).unwrap_or(Err(Miss::Absent));
        self.prefixes.count_get(key, found.is_ok());
        count_retrieval(worker, true, found.map(|_| ()));
        match found {
            Ok((flags, cas)) => answers.done(&Fields { flags: Some(flags), cas, ..Fields::default() }),
            Err(_) => answers.error(Status::NotFound),
        }
    }

    fn delete_binary(&self, worker: &WorkerCounters, key: &[u8], now: Now, answers: &mut Answers<'_>) {
        self.prefixes.count_delete(key);
        // memcached logs no deletion here.
        self.tell_lookup(key, now);
        let options = DeleteOptions { compare: wanted(answers.to.cas), ..DeleteOptions::default() };
        match self.store.delete_with(key, &options, now) {
            Ok(Deleted::Deleted) => {
                worker.delete_hits.add(1);
                answers.done(&Fields::default());
            }
            Ok(Deleted::Exists) => answers.error(Status::Exists),
            // Removing needs no room.
            Ok(Deleted::NotFound) | Err(_) => {
                worker.delete_misses.add(1);
                answers.error(Status::NotFound);
            }
        }
    }

    fn count_binary(
        &self,
        worker: &WorkerCounters,
        command: &Command<'_>,
        now: Now,
        answers: &mut Answers<'_>,
    ) {
        let Command::Count { key, up, delta, initial, exptime } = *command else { return };
        let step = if up { Step::Up(delta) } else { Step::Down(delta) };
        let create = (exptime != EXPTIME_NOT_MADE).then(|| {
            let deadline = self.deadline_unsigned(exptime, now);
            (initial, Create { deadline, cas: None, binary_key: false })
        });
        let options =
            ArithmeticOptions { compare: wanted(answers.to.cas), create, ..ArithmeticOptions::default() };
        let (hits, misses) = if up {
            (&worker.incr_hits, &worker.incr_misses)
        } else {
            (&worker.decr_hits, &worker.decr_misses)
        };
        self.tell_lookup(key, now);
        match self.store.arithmetic_with(key, step, &options, now) {
            Ok(Counted::Number { value, cas, created, .. }) => {
                hits.add(u64::from(!created));
                if let Some((number, create)) = options.create.filter(|_| created) {
                    self.tell_created(key, create.deadline, number, now);
                }
                answers.done(&Fields { value: &value.to_be_bytes(), cas, ..Fields::default() });
            }
            Ok(Counted::NotFound) => {
                misses.add(1);
                answers.error(Status::NotFound);
            }
            Ok(Counted::Exists) => answers.error(Status::Exists),
            Ok(Counted::NotNumeric) => answers.error(Status::NotNumeric),
            Err(Refused::TooLarge) => answers.error(Status::TooLarge),
            Err(Refused::OutOfMemory) if create.is_some() => answers.error(Status::NoMemoryForNewNumber),
            Err(Refused::OutOfMemory) => answers.error(Status::NoMemoryForNumber),
        }
    }

    fn flush_binary(&self, worker: &WorkerCounters, exptime: u32, now: Now, answers: &mut Answers<'_>) {
        if !self.settings.flush_enabled {
            return answers.error(Status::AuthFailure);
        }
        worker.cmd_flush.add(1);
        self.flush(self.flush_time(exptime.into(), now), now);
        answers.done(&Fields::default());
    }
}

/// The CAS unique that a request insists on.
fn wanted(cas: u64) -> Option<u64> {
    (cas != 0).then_some(cas)
}

fn count_retrieval(worker: &WorkerCounters, touches: bool, found: Result<(), Miss>) {
    let missed = u64::from(found.is_err());
    if touches {
        worker.cmd_touch.add(1);
        worker.touch_hits.add(1 - missed);
        worker.touch_misses.add(missed);
    } else {
        worker.cmd_get.add(1);
        worker.get_hits.add(1 - missed);
        worker.get_misses.add(missed);
        worker.get_expired.add(u64::from(found == Err(Miss::Expired)));
    }
}

/// Copies a small value; takes a reference to a large one. Runs under the shard's lock.
#[inline(always)]
fn push_hit(out: &mut ReplyBuffer, to: &Envelope, key: &[u8], hit: &Hit<'_>) {
    let fields = Fields { flags: Some(hit.flags), key, cas: hit.cas, ..Fields::default() };
    match hit.value {
        ValueRef::Small(value) => out.push_frame(to, &Fields { value, ..fields }),
        ValueRef::Large(value) => out.push_large_frame(to, &fields, value.share(), value.len()),
    }
}
