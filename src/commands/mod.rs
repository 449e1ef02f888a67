//! Where protocol and store meet: the only place that knows both.
//!
//! [`Engine::execute`] takes one [`Request`], asks the store, counts, and appends the reply. It turns the exptimes of
//! the wire into deadlines. It opens no socket, waits for nothing and holds no lock of its own.

pub mod admin;
mod arithmetic;
pub mod binary;
mod command_family;
mod incoming_value;
mod long_report;
mod meta;
mod retrieval;
mod sampling;
mod settings;
mod stats;
mod storage;
mod text_login;
mod watch;
mod why;

pub use crate::insight::CommandFamily;
pub use crate::store::Cause;
pub use command_family::family_of;
pub use incoming_value::IncomingValue;
pub use long_report::LongReport;
pub use settings::{ReportedOptions, Settings};
pub use stats::{MemoryPart, StatValue, TlsReport};
pub use watch::CloseReason;
pub use why::Why;

use crate::advisor::SharedAdvisor;
use crate::auth::{Credentials, LoginThrottle};
use crate::clock::{Clock, Deadline, Now};
use crate::insight::{Insight, Latencies, RollingCensus};
use crate::protocol::limits::EXPTIME_RELATIVE_MAX_SECS;
use crate::protocol::{Refusal, ReplyBuffer, Request, ShutdownMode, StatsTopic};
use crate::store::Store;
use crate::telemetry::{Connections, Counters, Prefixes, Watchers, WorkerCounters, resident_and_file_bytes};
use admin::{Crawler, SlabsAndLru};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The version that clients are told, as memcached clients parse it (three numbers, the first not 0).
pub const WIRE_VERSION: &str = "1.6.45";

/// What the connection does after a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Goes on with the next one.
    Continue,
    /// Goes on with the next one, after a retrieval that looked up so many keys.
    Retrieved {
        /// The keys.
        keys: u32,
    },
    /// Goes on with the next one when others had their turn: the request was as much work as a turn may be.
    Exhaust,
    /// Sends what has gathered, then hands in the retrieval again, of whose keys `left` bytes were not reached.
    Partial {
        /// Bytes of the key list not walked.
        remaining: usize,
    },
    /// Sends what has gathered, then goes on with the next one.
    Flush,
    /// Goes on; the retrieval was refused, so the rest of its keys is to be dropped.
    DiscardKeys,
    /// Reads the certificates again and answers how that went.
    RefreshCertificates,
    /// Goes on with [`Engine::begin_report`] and, until that is done, [`Engine::continue_report`].
    Report,
    /// Goes on with [`Engine::begin_watch`]; what comes behind is not read as requests.
    Watch,
    /// Sends what has gathered and closes.
    Close,
    /// Sends what has gathered, closes and ends the process.
    Shutdown(ShutdownMode),
}

/// Executes requests. One for the whole process, shared by all workers.
pub struct Engine {
    settings: Settings,
    store: Store,
    clock: Clock,
    counters: Counters,
    connections: Connections,
    verbosity: AtomicU32,
    /// True from when all sockets are served until the end begins.
    serving: AtomicBool,
    /// False while a thread is stuck.
    alive: AtomicBool,
    /// Looks of the server's watchdog.
    watchdog_checks: AtomicU32,
    crawler: Crawler,
    slabs_and_lru: SlabsAndLru,
    prefixes: Prefixes,
    watchers: Watchers,
    /// What was stored before it has been flushed, or will be; 0 if nothing was.
    flushed_before_secs: AtomicU32,
    /// When the certificates in use were read.
    certificates_secs: AtomicU32,
    advisor: SharedAdvisor,
    insight: Insight,
    census: RollingCensus,
    latencies: Latencies,
    /// Which flush the advisor was told of, in seconds.
    advisor_flush_secs: AtomicU32,
    /// What was resident at the start and is in no file, in bytes.
    anonymous_at_start_bytes: u64,
    /// What starting the threads took, in bytes.
    threads_bytes: AtomicU64,
    /// Who may come in under `-S`; `None` lets everybody in.
    sasl: Option<Credentials>,
    tokens: Option<Credentials>,
    throttle: LoginThrottle,
    /// A key whose retrieval panics, so that tests can see what a panic leaves behind.
    #[cfg(test)]
    pub(crate) panic_key: Option<&'static [u8]>,
}

impl Engine {
    /// An engine over `store`.
    pub fn new(settings: Settings, store: Store, clock: Clock) -> Engine {
        let (resident, files) = resident_and_file_bytes();
        let excess_bytes = stats::excess_bytes(resident, settings.threads, &store);
        let store = store.with_process_charged(excess_bytes);
        store.set_sweeping(settings.sweep_enabled);
        store.record_cas_time(clock.now());
        Engine {
            counters: Counters::new(settings.threads),
            connections: Connections::new(settings.threads),
            verbosity: AtomicU32::new(settings.verbosity),
            serving: AtomicBool::new(false),
            alive: AtomicBool::new(true),
            watchdog_checks: AtomicU32::new(0),
            certificates_secs: AtomicU32::new(clock.now().secs()),
            flushed_before_secs: AtomicU32::new(0),
            crawler: Crawler::new(&settings.reported_options),
            watchers: Watchers::default(),
            slabs_and_lru: SlabsAndLru::new(&settings.reported_options),
            prefixes: Prefixes::new(settings.prefix_delimiter, settings.detail_enabled),
            advisor: SharedAdvisor::new(store.memory_limit()),
            insight: Insight::new(clock.now()),
            census: RollingCensus::new(sampling::CENSUS_STEPS),
            latencies: Latencies::new(settings.threads),
            advisor_flush_secs: AtomicU32::new(0),
            anonymous_at_start_bytes: resident - files,
            threads_bytes: AtomicU64::new(0),
            settings,
            store,
            clock,
            sasl: None,
            tokens: None,
            throttle: LoginThrottle::default(),
            #[cfg(test)]
            panic_key: None,
        }
    }

    /// Lets only those in who log in by SASL as one of these, if there are any.
    pub fn with_sasl(self, sasl: Option<Credentials>) -> Engine {
        Engine { sasl, ..self }
    }

    /// The process clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The counters, for the server to count bytes and connections in.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The table of connections, for the server to fill.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The server tells whether clients are served: not before all sockets are, and no longer once the end has begun.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
        if serving {
            self.measure_thread_memory();
        }
    }

    /// True while clients are served.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// The server's watchdog tells, about ten times a second, whether its threads come to the end of their turns.
    pub fn record_watchdog_check(&self, alive: bool) {
        self.alive.store(alive, Ordering::Relaxed);
        self.watchdog_checks.fetch_add(1, Ordering::Relaxed);
    }

    /// False while a thread is stuck, as of the last look.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Looks of the watchdog so far. If they stop, so has the thread that moves the clock.
    pub fn watchdog_checks(&self) -> u32 {
        self.watchdog_checks.load(Ordering::Relaxed)
    }

    /// Background work on the store, bounded; true while there is more to do soon.
    pub fn run_maintenance(&self) -> bool {
        let now = self.clock.now();
        let more = self.store.maintain(now);
        self.finish_crawl(now);
        self.notify_evictions(now);
        more
    }

    /// Asserts the store's laws; nobody may use the engine meanwhile.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        self.store.check_invariants();
    }

    /// Executes one request and appends its reply to `out`.
    #[inline]
    pub fn execute(&self, counters: &WorkerCounters, request: &Request<'_>, out: &mut ReplyBuffer) -> Flow {
        let now = self.clock.now();
        match request {
            Request::Retrieval(retrieval) => self.retrieve(counters, retrieval, now, out),
            request => self.execute_other(counters, request, now, out),
        }
    }

    /// Executes a request that is no retrieval: those come most often, and go to their function without detour.
    fn execute_other(
        &self,
        counters: &WorkerCounters,
        request: &Request<'_>,
        now: Now,
        out: &mut ReplyBuffer,
    ) -> Flow {
        match *request {
            Request::Retrieval(ref retrieval) => return self.retrieve(counters, retrieval, now, out),
            Request::Store { ref header, value } => self.store_value(counters, header, value, now, out),
            Request::Delete { key, noreply } => self.delete(counters, key, now, reply_to(out, noreply)),
            Request::Arithmetic { key, up, delta, noreply } => {
                self.arithmetic(counters, key, up, delta, now, reply_to(out, noreply));
            }
            Request::Touch { key, exptime, noreply } => {
                self.touch(counters, key, exptime, now, reply_to(out, noreply));
            }
            Request::FlushAll { delay, noreply } => {
                self.flush_all(counters, delay, now, reply_to(out, noreply));
                return Flow::Exhaust;
            }
            Request::MetaGet { ref meta } => self.meta_get(counters, meta, now, out),
            Request::MetaStore { ref header, value } => {
                self.meta_store(counters, header, value, now, out);
            }
            Request::MetaDelete { ref meta } => self.meta_delete(counters, meta, now, out),
            Request::MetaArithmetic { ref meta, up } => {
                self.meta_arithmetic(counters, meta, up, now, out);
            }
            Request::MetaDescribe { ref meta } => self.meta_describe(counters, meta, now, out),
            Request::MetaNoop => {
                out.push(b"MN\r\n");
                return Flow::Flush;
            }
            Request::Why { key } => self.execute_why(key, out),
            Request::Version => {
                out.push(b"VERSION ");
                out.push(WIRE_VERSION.as_bytes());
                out.push(b"\r\n");
            }
            Request::Verbosity { level, noreply } => self.set_verbosity(level, reply_to(out, noreply)),
            Request::CacheMemlimit { mib, noreply } => self.set_memlimit(mib, reply_to(out, noreply)),
            Request::Stats(StatsTopic::CacheDump { .. }) => return self.cache_dump(out),
            Request::Stats(StatsTopic::Conns) => return Flow::Report,
            Request::Stats(StatsTopic::Sizes) if self.settings.track_sizes => return Flow::Report,
            Request::Stats(topic) => {
                match topic {
                    StatsTopic::Detail(detail) => self.detail(detail, out),
                    topic => self.stats(topic, now, out),
                }
                return Flow::Exhaust;
            }
            Request::RefreshCertificates if self.settings.tls.enabled => return Flow::RefreshCertificates,
            Request::RefreshCertificates => out.push(b"Error TLS not enabled\r\n"),
            Request::Dump { format, .. } => return self.dump(format, out),
            Request::Crawler { action, noreply } => {
                self.execute_crawler(action, reply_to(out, noreply));
                return Flow::Exhaust;
            }
            Request::Slabs { action, noreply } => {
                self.execute_slabs(action, now, reply_to(out, noreply));
                return Flow::Exhaust;
            }
            Request::Lru { action, noreply } => self.execute_lru(action, reply_to(out, noreply)),
            Request::Watch(_) => return self.check_watch(out),
            Request::DebugTime { change, noreply } => self.debug_time(change, reply_to(out, noreply)),
            Request::Quit => return Flow::Close,
            Request::Shutdown { mode, noreply } => return self.shutdown(mode, reply_to(out, noreply)),
        }
        Flow::Continue
    }

    /// When an item with this exptime dies (protocol.txt, "Expiration times").
    fn deadline(&self, exptime: i32, now: Now) -> Deadline {
        u32::try_from(exptime).map_or(Deadline::PAST, |exptime| self.deadline_unsigned(exptime, now))
    }

    /// As [`Engine::deadline`], for the exptimes of the binary protocol, which are never negative.
    fn deadline_unsigned(&self, exptime: u32, now: Now) -> Deadline {
        match exptime {
            0 => Deadline::NEVER,
            1..=EXPTIME_RELATIVE_MAX_SECS => Deadline::from_secs(now.secs().saturating_add(exptime)),
            _ => self.clock.deadline_at_unix(exptime.into()),
        }
    }
}

/// Where a reply goes: nowhere, if the client asked for none.
fn reply_to(out: &mut ReplyBuffer, noreply: bool) -> Option<&mut ReplyBuffer> {
    (!noreply).then_some(out)
}

/// Appends a reply line where one is wanted.
fn push_reply(out: Option<&mut ReplyBuffer>, line: &[u8]) {
    if let Some(out) = out {
        out.push(line);
    }
}

/// Appends a refusal where a reply is wanted.
fn refuse(out: Option<&mut ReplyBuffer>, refusal: Refusal) {
    push_reply(out, refusal.line());
}
