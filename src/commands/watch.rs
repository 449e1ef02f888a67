//! watch: who may, and the lines about items that watchers get.
//!
//! Each family of commands tells what it does by one call here, which costs one relaxed load while nobody watches.
//! A line is made from a second look at the store, just before the command: another connection may come between.

use super::{Engine, Flow};
use crate::clock::{Clock, Deadline, Now};
use crate::protocol::{LogLine, Refusal, ReplyBuffer, WatchClasses};
use crate::store::{Evicted, Miss, Refused, StoreMode, Stored};
use crate::telemetry::{LogClass, PeerAddress, Watcher, Watchers, current_connection};
use std::fmt::Display;
use std::sync::Arc;

/// What is told of an item once it is deleted.
pub(super) struct ItemToDelete {
    class: u32,
    value_len: usize,
}

/// A storage command as watchers see it.
#[derive(Clone, Copy)]
pub(super) struct Mutation<'a> {
    pub(super) mode: StoreMode,
    pub(super) key: &'a [u8],
    pub(super) flags: u32,
    pub(super) deadline: Deadline,
    /// Length of the value that came, in bytes.
    pub(super) value_len: usize,
}

/// Why a connection ended, as watchers are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// The client or its request ended it.
    Normal,
    /// What came was no request, or the socket failed.
    Error,
    /// It sent nothing for too long.
    IdleTimeout,
    /// The client asked for the end of the process.
    Shutdown,
}

impl CloseReason {
    /// In the words of `watch connevents`.
    fn word(self) -> &'static str {
        match self {
            CloseReason::Normal => "normal",
            CloseReason::Error => "error",
            CloseReason::IdleTimeout => "idle_timeout",
            CloseReason::Shutdown => "shutdown",
        }
    }
}

impl Engine {
    /// The log, for the server to tell of connections and to send it.
    pub fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Judges `watch`; must be the first of its batch, because what the watcher gets is no answer.
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

    /// Begins to watch, when the execution of the request said [`Flow::Watch`], and answers; [`Engine::end_watch`] must
    /// follow.
    pub fn begin_watch(&self, classes: WatchClasses, out: &mut ReplyBuffer) -> Option<Arc<Watcher>> {
        let known = [
            (classes.fetchers, LogClass::Fetchers),
            (classes.mutations, LogClass::Mutations),
            (classes.evictions, LogClass::Evictions),
            (classes.deletions, LogClass::Deletions),
            (classes.connections, LogClass::Connections),
            (classes.system, LogClass::System),
        ];
        let asked: Vec<LogClass> =
            known.into_iter().filter_map(|(asked, class)| asked.then_some(class)).collect();
        let watcher = self.watchers.add(&asked);
        self.store.record_evictions(self.watchers.wants(LogClass::Evictions));
        out.push(if watcher.is_some() { b"OK\r\n" } else { Refusal::TooManyWatchers.line() });
        watcher
    }

    /// The watcher has gone.
    pub fn end_watch(&self, watcher: &Arc<Watcher>) {
        self.watchers.remove(watcher);
        self.store.record_evictions(self.watchers.wants(LogClass::Evictions));
    }

    /// Tells a line to those who watch its class.
    pub fn notify_watchers(&self, class: LogClass, line: &LogLine) {
        self.watchers.publish(class, Clock::unix_micros(), line.bytes());
    }

    /// Tells watchers that a connection has come.
    pub fn notify_connection_opened(&self, peer: &PeerAddress, number: i32) {
        self.notify_connection("conn_new", peer, "", number);
    }

    /// Tells watchers that a connection ends.
    pub fn notify_connection_closed(&self, peer: &PeerAddress, reason: CloseReason, number: i32) {
        self.notify_connection("conn_close", peer, &format!("reason={} ", reason.word()), number);
    }

    /// Tells watchers that a TLS handshake failed.
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

    /// A key is about to be looked up.
    #[inline]
    pub(super) fn notify_lookup(&self, key: &[u8], now: Now) {
        if self.watchers.wants(LogClass::Fetchers) {
            self.notify_lookup_of(key, now);
        }
    }

    /// incr or decr has made an item of this key: memcached looks it up once more to add it.
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

    /// A lookup with what it found: a word, the slab class, and the length of the value in bytes.
    fn notify_lookup_result(&self, key: &[u8], (status, class, len): (&str, u32, usize)) {
        let fields = format_args!("status={status} clsid={class} cfd={} size={len}", current_connection());
        self.notify_watchers(LogClass::Fetchers, &LogLine::new("item_get").key(key).fields(fields));
    }

    /// A key is about to be deleted: what there is to tell of it, if that goes well and somebody wants to know.
    pub(super) fn item_to_delete(&self, key: &[u8], now: Now) -> Option<ItemToDelete> {
        self.notify_lookup(key, now);
        if !self.watchers.wants(LogClass::Deletions) {
            return None;
        }
        self.store.peek(key, now, |hit| ItemToDelete { class: hit.class, value_len: hit.value.len() }).ok()
    }

    /// The command of this name has deleted it.
    pub(super) fn notify_deleted(&self, key: &[u8], command: &str, deleted: Option<ItemToDelete>) {
        if let Some(ItemToDelete { class, value_len }) = deleted {
            let fields = format_args!("cmd={command} clsid={class} size={value_len}");
            self.notify_watchers(LogClass::Deletions, &LogLine::new("deleted").key(key).fields(fields));
        }
    }

    /// A storage command has had this outcome.
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

    /// A storage command was refused.
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
        // What is over already has a negative time to live, printed in 32 bits without a sign.
        let ttl = if deadline.is_never() { 0 } else { deadline.secs().wrapping_sub(now.secs()) };
        let class = self.store.class_for(key.len(), flags, deadline, value_len);
        let cfd = current_connection();
        let fields =
            format_args!("status={status} cmd={command} ttl={ttl} clsid={class} cfd={cfd} size={value_len}");
        self.notify_watchers(LogClass::Mutations, &LogLine::new("item_store").key(key).fields(fields));
    }

    /// Tells of the items evicted since the last call.
    pub(super) fn notify_evictions(&self, now: Now) {
        if !self.watchers.wants(LogClass::Evictions) {
            return;
        }
        let (evicted, dropped) = self.store.drain_evicted();
        self.watchers.count_dropped(dropped);
        for Evicted { key, fetched, deadline, last_access, class, value_len } in evicted {
            let fetch = if fetched { "yes" } else { "no" };
            let left_secs = i64::from(deadline.secs()) - i64::from(now.secs());
            let ttl = if deadline.is_never() { -1 } else { left_secs.max(0) };
            let idle = now.secs_since(last_access);
            let fields = format_args!("fetch={fetch} ttl={ttl} la={idle} clsid={class} size={value_len}");
            self.notify_watchers(LogClass::Evictions, &LogLine::new("eviction").key(&key).fields(fields));
        }
    }
}
