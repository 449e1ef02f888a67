//! larder: a cache daemon that replaces memcached.
//!
//! # The path of a `get`
//! Five files, in this order:
//! 1. `server/connection.rs`: `turn` receives bytes, passes them to the session, and sends the reply;
//! 2. `session/text.rs`: `step_text` decodes one complete request and executes it;
//! 3. `commands/retrieval.rs`: `retrieve` looks up each key and appends each hit to the reply;
//! 4. `store/api/retrieval.rs`: `get` locks the shard of the key;
//! 5. `store/shard/retrieval.rs`: `get` finds the item, records the use, and passes the value on.
//!
//! Two leaf modules serve this path: `protocol/text_decoder.rs` parses the request, `protocol/reply.rs` collects the
//! reply.
//!
//! # Layers
//! Imports go one way: `main` -> [`server`] -> [`session`] -> [`commands`] -> {[`protocol`], [`store`]}. The leaves are
//! [`auth`], [`clock`], `sync`, [`advisor`], [`insight`] and [`telemetry`]. [`metrics`] stands beside [`server`] and
//! exports by HTTP what [`commands`] report. [`options`] fills the settings that each layer defines. [`process`] does
//! a daemon's duties towards the operating system. [`tools`] are clients of a running server and import none of this.
//! `tests/tidy/` checks these rules.
//!
//! # Where do I change X
//! Paths without a folder of the top level are below `src/`.
//!
//! | to change | open | tests |
//! | --- | --- | --- |
//! | **Protocols** | | |
//! | the grammar of a text or meta command | `protocol/classic.rs`, `protocol/meta.rs` | unit tests there, `tests/wire/` |
//! | the framing of text requests | `protocol/text_decoder.rs` | `protocol/text_decoder/tests.rs`, `tests/protocol/` |
//! | the binary protocol | `protocol/binary/`, `commands/binary.rs`, `session/binary.rs` | `tests/wire/binary/`, `tests/oracle/binary/` |
//! | an error line | `protocol/refusal.rs` | `tests/wire/replies/` |
//! | a limit of the protocol | `protocol/limits.rs` | `tests/wire/limits.rs` |
//! | UDP | `session/datagram.rs`, `server/udp.rs` | `tests/daemon/udp.rs`, `tests/oracle/udp.rs` |
//! | a login | `auth.rs`, `session/text_login.rs`, `commands/binary/sasl.rs` | `tests/wire/text_login.rs`, `tests/wire/binary/login.rs` |
//! | **Commands** | | |
//! | get, set, touch, incr, delete | `commands/retrieval.rs`, `commands/storage.rs`, `commands/arithmetic.rs` | `tests/wire/replies/` |
//! | meta commands | `commands/meta.rs`, `commands/meta/` | `tests/wire/replies/meta.rs` |
//! | an operator's command | `protocol/operator_commands.rs`, `commands/admin/` | `tests/wire/replies/administration.rs` |
//! | a line of `stats` | `commands/stats/`, `telemetry/counters.rs` | `tests/wire/stats_report.rs` |
//! | a dump of all keys | `commands/long_report.rs`, `protocol/dump_lines.rs` | `tests/wire/key_dumps.rs` |
//! | the lines that watchers receive | `commands/watch.rs`, `telemetry/watchers.rs` | `tests/wire/watch.rs` |
//! | why a key is missing | `commands/why.rs`, `store/shard/removal_log.rs` | `tests/wire/why_command.rs` |
//! | **Store** | | |
//! | `incr` in the store | `store/shard/arithmetic.rs`, `store/item/decimal.rs` | `tests/model/` |
//! | which item is evicted | `store/eviction/`, `store/shard/eviction.rs` | `tests/model/clock_stays_close_to_lru.rs`, `benches/hit_ratio` |
//! | which items are never evicted | `store/eviction/recency.rs` | `tests/model/items_in_use_stay.rs` |
//! | expiry and `flush_all` | `store/expiry.rs`, `store/shard/flush.rs` | `tests/wire/expiry_with_manual_clock.rs` |
//! | the index | `store/index/` | unit tests there, `benches/shard.rs` |
//! | bytes per item | `store/item/header.rs`, `store/memory/slab/class.rs` | unit tests there, `benches/capacity` |
//! | where a large value is stored | `store/memory/large/` | unit tests there, `store/api/tests/large_values.rs` |
//! | the memory limit | `store/memory/pool.rs`, `commands/stats/memory.rs` | `tests/schedules/`, `benches/capacity` |
//! | **Server** | | |
//! | listening sockets and their options | `server/listener.rs`, `options/listen.rs` | `tests/daemon/sockets.rs` |
//! | which thread runs which task | `server/event_loop/scheduler.rs` | `tests/schedules/event_loop.rs`, `benches/neighbours` |
//! | the work of one turn | `session/budget.rs` | unit tests there, `benches/neighbours` |
//! | how a connection ends | `server/connection/closing.rs` | `tests/wire/connection_close.rs` |
//! | TLS | `server/tls.rs`, `options/tls_settings.rs` | `tests/daemon/tls_certificates.rs` |
//! | the watchdog and the probes | `server/watchdog.rs`, `metrics/http.rs` | unit tests there |
//! | background, user, limits, pid file, systemd | `process/`, `systemd/` | `tests/daemon/` |
//! | **Insight** | | |
//! | hit ratio at another memory size | `advisor/` | unit tests there, `benches/advisor` |
//! | hot keys, key families, latency | `insight/`, `commands/stats/insight.rs` | `tests/wire/stats_extensions.rs`, `benches/sketches.rs` |
//! | a metric | `metrics/exporter.rs`, `metrics/larder_metrics.rs` | `tests/daemon/metrics.rs` |
//! | the status page | `metrics/status.rs`, `metrics/status_page.html` | `tests/steps/status_page.py` |
//! | **Command line** | | |
//! | an option | `options/arguments.rs`, `options/extended.rs`, `options/check.rs` | `tests/daemon/refused_command_lines.rs` |
//! | `larder stats`, `top`, `keys`, `why`, `advise` | `tools/`, `options/tools.rs` | `tests/daemon/tools/` |
//! | **Benches** | | |
//! | CPU, throughput and latency beside memcached | `benches/loopback` | |
//! | delay by another client's load | `benches/neighbours` | |
//! | items per byte, resident size, pauses | `benches/capacity` | |
//! | misses by trace | `benches/hit_ratio`, `benches/clock_against_lru.rs` | |
//! | the advisor's error | `benches/advisor` | |
//! | parts alone: parser, shard, locks, sketches | `benches/parse.rs`, `benches/shard.rs`, `benches/contention.rs`, `benches/sketches.rs` | |
//! | Django's cache backends side by side | `benches/backends` | |
//! | **Rules and tests** | | |
//! | a rule of the source | `tests/tidy/` | |
//! | a comparison with memcached | `tests/oracle/` | |
//! | a client library in the tests | `tests/clients/`, `tests/steps/` | |
//!
//! The manual for users is the module `manual`; the reasons for the design are in the module `decisions`. Both exist in
//! the documentation only.

pub mod advisor;
pub mod auth;
pub mod clock;
pub mod commands;
#[cfg(doc)]
pub mod decisions;

pub mod insight;
#[cfg(doc)]
pub mod manual;
pub mod metrics;
pub mod options;
pub mod process;
pub mod protocol;
pub mod server;
pub mod session;
pub mod store;
mod sync;
pub mod telemetry;
pub mod tools;
