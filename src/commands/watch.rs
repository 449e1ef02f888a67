//! `watch`, and the log lines about items for watchers.
//!
//! Each command calls a `notify_*` function, which costs one relaxed load without watchers. A line is based on a
//! separate lookup just before the command, so another connection can change the item in between.

use super::{Engine, Flow};
use crate::clock::{Clock, Deadline, Now};
use crate::protocol::{LogLine, Refusal, ReplyBuffer, WatchClasses};
use crate::store::{Evicted, Miss, Refused, StoreMode, Stored};
use crate::telemetry::{LogClass, PeerAddress, Watcher, Watchers, current_connection};
use std::fmt::Display;
use std::sync::Arc;

/// The logged properties of an item that is about to be deleted.
pub(super) struct ItemToDelete {
    class: u32,
    value_len: usize,
}

/// The logged properties of a storage command.
#[derive(Clone, Copy)]
pub(super) struct Mutation<'a> {
    pub(super) mode: StoreMode,
    pub(super) key: &'a [u8],
    pub(super) flags: u32,
    pub(super) deadline: Deadline,
    /// Length of the received value in bytes.
    pub(super) value_len: usize,
}

/// The reason for the end of a connection, as logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// The client closed the connection.
    Normal,
    /// The input was invalid, or the socket failed.
    Error,
    /// The connection was idle for too long.
    IdleTimeout,
    /// The client requested shutdown of the process.
    Shutdown,
}

impl CloseReason {
    /// The name in `watch connevents`.
    fn name(self) -> &'static str {
        match self {
            CloseReason::Normal => "normal",
            CloseReason::Error => "error",
            CloseReason::IdleTimeout => "idle_timeout",
            CloseReason::Shutdown => "shutdown",
        }
    }
}

impl Engine {
    /// The watchers, for the server to log connections and to send lines.
    pub fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Checks whether the client may watch. No reply may be unsent before, because log lines are not replies.
    pub(super) fn check_watch(&self, out: &mut ReplyBuffer) -> Flow {
        let refusal = if !self.settings.watch_enabled {
            Refusal::WatchNotAllowed
        } else if !out.is_empty() {
            Refusal::PipelinedWatch
        } else {
            return Flow::Watch;
        };
        out.push(refusal.line());
        Flow::Continue
    }

    /// Adds a watcher, after the execution of the request returned [`Flow::Watch`], and replies. [`Engine::end_watch`]
    /// removes the watcher.
    pub fn begin_watch(&self, classes: WatchClasses, out: &mut ReplyBuffer) -> Option<Arc<Watcher>> {
        let known = [
            (classes.fetchers, LogClass::Fetchers),
            (classes.mutations, LogClass::Mutations),
            (classes.evictions, LogClass::Evictions),
            (classes.deletions, LogClass::Deletions),
            (classes.connections, LogClass::Connections),
            (classes.system, LogClass::System),
        ];
        let requested: Vec<LogClass> =
            known.into_iter().filter_map(|(requested, class)| requested.then_some(class)).collect();
        let watcher = self.watchers.add(&requested);
        self.store.record_evictions(self.watchers.wants(LogClass::Evictions));
        out.push(if watcher.is_some() { b"OK\r\n" } else { Refusal::TooManyWatchers.line() });
        watcher
    }

    /// Removes a watcher.
    pub fn end_watch(&self, watcher: &Arc<Watcher>) {
        self.watchers.remove(watcher);
        self.store.record_evictions(self.watchers.wants(LogClass::Evictions));
    }

    /// Sends a line to the watchers of its class.
    pub fn notify_watchers(&self, class: LogClass, line: &LogLine) {
        self.watchers.publish(class, Clock::unix_micros(), line.bytes());
    }

    /// Logs a new connection.
    pub fn notify_connection_opened(&self, peer: &PeerAddress, number: i32) {
        self.notify_connection("conn_new", peer, "", number);
    }

    /// Logs the end of a connection.
    pub fn notify_connection_closed(&self, peer: &PeerAddress, reason: CloseReason, number: i32) {
        self.notify_connection("conn_close", peer, &format!("reason={} ", reason.name()), number);
    }

    /// Logs a failed TLS handshake.
    pub fn notify_handshake_failed(&self, number: i32, error: &dyn Display) {
        if self.watchers.wants(LogClass::Connections) {
            let fields = format_args!("fd={number} msg={error}");
            self.notify_watchers(LogClass::Connections, &LogLine::new("conntlserr").fields(fields));
        }
    }

    fn notify_connection(&self, kind: &str, peer: &PeerAddress, reason: &str, number: i32) {
        let PeerAddress { host, port, transport } = peer;
        let fields = format_args!("rip={host} rport={port} transport={transport} {reason}cfd={number}");
        self.notify_watchers(LogClass::Connections, &LogLine::new(kind).fields(fields));
    }

    /// Logs a lookup, just before it.
    #[inline]
    pub(super) fn notify_lookup(&self, key: &[u8], now: Now) {
        if self.watchers.wants(LogClass::Fetchers) {
            self.notify_lookup_of(key, now);
        }
    }

    /// Logs an item created by incr or decr: a lookup and an add, as memcached does.
    pub(super) fn notify_created(&self, key: &[u8], deadline: Deadline, number: u64, now: Now) {
        if self.watchers.wants(LogClass::Fetchers) {
            self.notify_lookup_result(key, ("not_found", 0, 0));
        }
        let value_len = 1 + number.checked_ilog10().unwrap_or(0) as usize;
        self.notify_mutation(
            Mutation { mode: StoreMode::Add, key, flags: 0, deadline, value_len },
            "stored",
            now,
        );
        self.notify_evictions(now);
    }

    #[cold]
    fn notify_lookup_of(&self, key: &[u8], now: Now) {
        let seen = match self.store.peek(key, now, |hit| (hit.class, hit.value.len())) {
            Ok((class, len)) => ("found", class, len),
            Err(Miss::Absent) => ("not_found", 0, 0),
            Err(Miss::Expired) => ("expired", 0, 0),
        };
        self.notify_lookup_result(key, seen);
    }

    /// Logs a lookup with its result: status, slab class, and length of the value in bytes.
    fn notify_lookup_result(&self, key: &[u8], (status, class, len): (&str, u32, usize)) {
        let fields = format_args!("status={status} clsid={class} cfd={} size={len}", current_connection());
        self.notify_watchers(LogClass::Fetchers, &LogLine::new("item_get").key(key).fields(fields));
    }

    /// Logs the lookup of a deletion; returns the properties to log after the deletion, if deletions are watched.
    pub(super) fn item_to_delete(&self, key: &[u8], now: Now) -> Option<ItemToDelete> {
        self.notify_lookup(key, now);
        if !self.watchers.wants(LogClass::Deletions) {
            return None;
        }
        self.store.peek(key, now, |hit| ItemToDelete { class: hit.class, value_len: hit.value.len() }).ok()
    }

    /// Logs a deletion by the named command.
    pub(super) fn notify_deleted(&self, key: &[u8], command: &str, deleted: Option<ItemToDelete>) {
        if let Some(ItemToDelete { class, value_len }) = deleted {
            let fields = format_args!("cmd={command} clsid={class} size={value_len}");
            self.notify_watchers(LogClass::Deletions, &LogLine::new("deleted").key(key).fields(fields));
        }
    }

    /// Logs the result of a storage command.
    pub(super) fn notify_stored(&self, mutation: Mutation<'_>, stored: Stored, now: Now) {
        match stored {
            Stored::Stored { len, .. } => {
                self.notify_mutation(Mutation { value_len: len, ..mutation }, "stored", now)
            }
            Stored::NotStored => self.notify_mutation(mutation, "not_stored", now),
            Stored::Exists => self.notify_mutation(mutation, "exists", now),
            Stored::NotFound => self.notify_mutation(mutation, "not_found", now),
        }
        self.notify_evictions(now);
    }

    /// Logs a refused storage command.
    pub(super) fn notify_store_refused(&self, mutation: Mutation<'_>, refused: Refused, now: Now) {
        let status = if refused == Refused::TooLarge { "too_large" } else { "no_memory" };
        self.notify_mutation(mutation, status, now);
    }

    fn notify_mutation(&self, mutation: Mutation<'_>, status: &str, now: Now) {
        if !self.watchers.wants(LogClass::Mutations) {
            return;
        }
        let Mutation { mode, key, flags, deadline, value_len } = mutation;
        let command = match mode {
            StoreMode::Set => "set",
            StoreMode::Add => "add",
            StoreMode::Replace => "replace",
            StoreMode::Append => "append",
            StoreMode::Prepend => "prepend",
            StoreMode::Cas(_) => "cas",
        };
        // As in memcached, a negative time to live is printed as an unsigned number of 32 bits.
        let ttl = if deadline.is_never() { 0 } else { deadline.secs().wrapping_sub(now.secs()) };
        let class = self.store.class_for(key.len(), flags, deadline, value_len);
        let cfd = current_connection();
        let fields =
            format_args!("status={status} cmd={command} ttl={ttl} clsid={class} cfd={cfd} size={value_len}");
        self.notify_watchers(LogClass::Mutations, &LogLine::new("item_store").key(key).fields(fields));
    }

    /// Logs the items evicted since the last call.
    pub(super) fn notify_evictions(&self, now: Now) {
        if !self.watchers.wants(LogClass::Evictions) {
            return;
        }
        let (evicted, dropped) = self.store.drain_evicted();
        self.watchers.count_dropped(dropped);
        for Evicted { key, fetched, deadline, last_access, class, value_len } in evicted {
            let fetch = if fetched { "yes" } else { "no" };
            let remaining_secs = i64::from(deadline.secs()) - i64::from(now.secs());
            let ttl = if deadline.is_never() { -1 } else { remaining_secs.max(0) };
            let idle = now.secs_since(last_access);
            let fields = format_args!("fetch={fetch} ttl={ttl} la={idle} clsid={class} size={value_len}");
            self.notify_watchers(LogClass::Evictions, &LogLine::new("eviction").key(&key).fields(fields));
        }
    }
}
