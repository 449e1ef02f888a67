//! Executes requests: the only module that knows both protocol and store.
//!
//! [`Engine::execute`] executes one [`Request`] on the store, counts it, and appends the reply. It converts the
//! exptimes of the wire to deadlines. It opens no socket, does not block and has no lock of its own. A `get` continues
//! in `commands/retrieval.rs`.

pub mod admin;
mod arithmetic;
pub mod binary;
mod command_family;
mod incoming_value;
mod long_report;
mod meta;
mod passed_time;
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

/// The version in replies; memcached clients expect three numbers, the first not 0.
pub const WIRE_VERSION: &str = "1.6.45";

/// The next action of the session after a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Continue with the next request.
    Continue,
    /// Continue with the next request, after a retrieval.
    Retrieved {
        /// Number of keys that were looked up.
        keys: u32,
    },
    /// End the turn: the request was as much work as a full turn.
    EndTurn,
    /// Send the output, then execute the rest of the retrieval.
    Partial {
        /// Bytes of the key list that were not executed.
        remaining: usize,
    },
    /// Send the output, then continue with the next request.
    Flush,
    /// The retrieval was refused: discard the rest of its keys.
    DiscardKeys,
    /// Reload the certificates, then reply.
    RefreshCertificates,
    /// Call [`Engine::begin_report`], then [`Engine::continue_report`] until the report is complete.
    Report,
    /// Call [`Engine::begin_watch`]; further input is not decoded.
    Watch,
    /// Send the output and close the connection.
    Close,
    /// Send the output, close the connection and shut down the process.
    Shutdown(ShutdownMode),
}

/// Executes requests. The process has one engine, shared by all workers.
pub struct Engine {
    settings: Settings,
    store: Store,
    clock: Clock,
    counters: Counters,
    connections: Connections,
    verbosity: AtomicU32,
    /// True while clients are served.
    serving: AtomicBool,
    /// False while a worker is stuck.
    alive: AtomicBool,
    /// Number of checks by the server's watchdog.
    watchdog_checks: AtomicU32,
    crawler: Crawler,
    slabs_and_lru: SlabsAndLru,
    prefixes: Prefixes,
    watchers: Watchers,
    /// Time of the last flush, also if it lies in the future; 0 without one.
    flushed_before_secs: AtomicU32,
    /// Time when the certificates were loaded.
    certificates_secs: AtomicU32,
    advisor: SharedAdvisor,
    insight: Insight,
    census: RollingCensus,
    latencies: Latencies,
    /// The last flush that was passed to the advisor.
    advisor_flush_secs: AtomicU32,
    /// Anonymous resident memory at start, in bytes.
    anonymous_at_start_bytes: u64,
    /// Memory used by starting the threads, in bytes.
    threads_bytes: AtomicU64,
    /// Credentials of the binary protocol (`-S`); `None` if no login is required.
    sasl: Option<Credentials>,
    auth_file: Option<Credentials>,
    throttle: LoginThrottle,
    /// True after the message about a store with an absolute time that had passed.
    passed_time_logged: AtomicBool,
    /// Retrieval of this key panics, to test the state after a panic.
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
            auth_file: None,
            throttle: LoginThrottle::default(),
            passed_time_logged: AtomicBool::new(false),
            #[cfg(test)]
            panic_key: None,
        }
    }

    /// Requires clients to log in by SASL with these credentials.
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

    /// Records whether clients are served: from when all sockets listen until shutdown begins. Called by the server.
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

    /// Records whether the workers finish their turns. The server's watchdog calls this about ten times a second.
    pub fn record_watchdog_check(&self, alive: bool) {
        self.alive.store(alive, Ordering::Relaxed);
        self.watchdog_checks.fetch_add(1, Ordering::Relaxed);
    }

    /// False if a worker was stuck at the last check.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Number of checks by the watchdog. It stops to grow if the thread that advances the clock is stuck.
    pub fn watchdog_checks(&self) -> u32 {
        self.watchdog_checks.load(Ordering::Relaxed)
    }

    /// Runs bounded background work on the store; true if more is due soon.
    pub fn run_maintenance(&self) -> bool {
        let now = self.clock.now();
        let more = self.store.maintain(now);
        self.finish_crawl(now);
        self.notify_evictions(now);
        more
    }

    /// Asserts the invariants of the store. No other thread may use the engine meanwhile.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        self.store.check_invariants();
    }

    /// Executes one request and appends its reply to `out`; a retrieval continues in `commands/retrieval.rs`.
    #[inline]
    pub fn execute(&self, counters: &WorkerCounters, request: &Request<'_>, out: &mut ReplyBuffer) -> Flow {
        let now = self.clock.now();
        match request {
            Request::Retrieval(retrieval) => self.retrieve(counters, retrieval, now, out),
            request => self.execute_other(counters, request, now, out),
        }
    }

    /// Executes a request that is not a retrieval. Retrievals are the most frequent and are dispatched first.
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
                return Flow::EndTurn;
            }
            Request::MetaGet { ref meta } => self.meta_get(counters, meta, now, out),
            Request::MetaStore { ref header, value } => self.meta_store(counters, header, value, now, out),
            Request::MetaDelete { ref meta } => self.meta_delete(counters, meta, now, out),
            Request::MetaArithmetic { ref meta, up } => self.meta_arithmetic(counters, meta, up, now, out),
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
                    StatsTopic::Detail(detail) => self.execute_stats_detail(detail, out),
                    topic => self.stats(topic, now, out),
                }
                return Flow::EndTurn;
            }
            Request::RefreshCertificates if self.settings.tls.enabled => return Flow::RefreshCertificates,
            Request::RefreshCertificates => out.push(b"Error TLS not enabled\r\n"),
            Request::Dump { format, .. } => return self.dump(format, out),
            Request::Crawler { action, noreply } => {
                self.execute_crawler(action, reply_to(out, noreply));
                return Flow::EndTurn;
            }
            Request::Slabs { action, noreply } => {
                self.execute_slabs(action, now, reply_to(out, noreply));
                return Flow::EndTurn;
            }
            Request::Lru { action, noreply } => self.execute_lru(action, reply_to(out, noreply)),
            Request::Watch(_) => return self.check_watch(out),
            Request::DebugTime { change, noreply } => self.debug_time(change, reply_to(out, noreply)),
            Request::Quit => return Flow::Close,
            Request::Shutdown { mode, noreply } => return self.shutdown(mode, reply_to(out, noreply)),
        }
        Flow::Continue
    }

    /// The deadline of an item with this exptime (protocol.txt, "Expiration times").
    fn deadline(&self, exptime: i64, now: Now) -> Deadline {
        match u64::try_from(exptime) {
            Err(_) => Deadline::PAST,
            Ok(0) => Deadline::NEVER,
            Ok(secs) if secs <= EXPTIME_RELATIVE_MAX_SECS.into() => {
                Deadline::from_secs(now.secs().saturating_add(secs as u32))
            }
            Ok(unix) => self.clock.deadline_at_unix(unix),
        }
    }
}

/// The buffer for a reply; `None` with `noreply`.
fn reply_to(out: &mut ReplyBuffer, noreply: bool) -> Option<&mut ReplyBuffer> {
    (!noreply).then_some(out)
}

/// Appends a reply line, unless it is suppressed.
fn push_reply(out: Option<&mut ReplyBuffer>, line: &[u8]) {
    if let Some(out) = out {
        out.push(line);
    }
}

/// Appends a refusal, unless it is suppressed.
fn refuse(out: Option<&mut ReplyBuffer>, refusal: Refusal) {
    push_reply(out, refusal.line());
}
