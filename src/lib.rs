//! larder: a cache daemon that takes memcached's place.
//!
//! # The path of a request
//! 1. [`server`] reads bytes from a connection (`server/connection.rs`) and hands them to its session;
//! 2. [`session`] cuts one complete request out of them (`session/text.rs`, by `protocol/text_decoder.rs`) and dispatches it;
//! 3. [`commands`] decides what it means for the cache (`commands/mod.rs`, then for example `commands/retrieval.rs`);
//! 4. [`store`] answers under the lock of one shard (`store/api/`, `store/shard/`);
//! 5. the reply is appended to a buffer and sent, once per batch, by `server/connection.rs`.
//!
//! # Layers
//! One way only: `main` → [`server`] → [`session`] → [`commands`] → {[`protocol`], [`store`]}, with the leaves [`auth`],
//! [`clock`], `sync`, [`advisor`], [`insight`] and [`telemetry`]. Beside [`server`], [`metrics`] shows by HTTP what
//! [`commands`] know. [`options`] fills the settings that each layer defines, and [`process`] does what a daemon owes its
//! operating system. [`tools`] are clients of a running server and stand beside all that. `tests/tidy` holds the
//! layers in place.
//!
//! # Where do I change X
//! | to change | open | its test |
//! | --- | --- | --- |
//! | a command's grammar | [`protocol::classic`], [`protocol::meta`] | unit tests there, `tests/wire/` |
//! | where a frame ends | `protocol/text_decoder.rs` | `protocol/text_decoder/tests.rs` |
//! | what a command does | `commands/<family>.rs` | `tests/wire/<promise>.rs` |
//! | an error line | `protocol/refusal.rs` | `tests/wire/` |
//! | which item leaves first | `store/eviction/`, `store/shard/eviction.rs` | `tests/model/` |
//! | bytes per item | `store/item/header.rs`, `store/memory/slab/class.rs` | size asserts there |
//! | a limit or a flag | [`protocol::limits`], [`options`] | its just-over-the-bound test |
//! | a counter or a stats line | [`telemetry`], `commands/stats/` | `tests/wire/` |
//! | who may come in, and how fast it may guess | [`auth`] | unit tests there |
//! | what may be said before a login by text | [`protocol::text_login`] | `tests/wire/text_login.rs` |
//! | a dump, or another answer that walks over all items | `commands/long_report.rs` | `tests/wire/key_dumps.rs` |
//! | what watchers are told | `commands/watch.rs`, `telemetry/watchers.rs` | `tests/wire/watch.rs` |
//! | a command for operators | `protocol/operator_commands.rs`, `commands/admin/`, `commands/stats/prefixes.rs` | `tests/wire/replies/` |
//! | what is told about another `-m` | [`advisor`] | unit tests there, `benches/advisor` |
//! | hot keys, families of keys, latency | [`insight`], `commands/{sampling,command_family}.rs`, `commands/stats/insight.rs` | unit tests there, `tests/wire/stats_extensions.rs` |
//! | why a key is gone | `store/shard/removal_log.rs`, `store/statistics/cas_timestamps.rs`, `commands/why.rs` | `tests/wire/why_command.rs` |
//! | what memory is used for | `commands/stats/memory.rs` | `tests/wire/stats_extensions.rs` |
//! | where a large value's bytes lie | `store/memory/large/` | unit tests there, `store/api/tests/large_values.rs` |
//! | how the resident size is held | `store/memory/pool.rs`, `commands/stats/memory.rs` | `store/memory/pool/tests.rs`, `tests/schedules`, `benches/capacity/crowds.rs` |
//! | what is never evicted | `store/eviction/recency.rs`, `store/shard/eviction.rs` | `tests/model/items_in_use_stay.rs` |
//! | a metric, the status page | `metrics/{exporter,own}.rs`, `metrics/{status.rs,page.html}` | `tests/daemon/metrics.rs`, `tests/run status-page` |
//! | sockets and their options | `server/listener.rs` | `tests/daemon/sockets.rs` |
//! | which thread runs what, and when | `server/event_loop/scheduler.rs` | unit tests there, `tests/schedules` |
//! | how much a turn may do | `session/budget.rs` | unit tests there, `benches/neighbours` |
//! | when clients count as not served | `server/watchdog.rs` | unit tests there |
//! | UDP | `session/datagram.rs`, `server/udp.rs` | `tests/daemon/udp.rs`, `tests/oracle/udp.rs` |
//! | TLS | `server/tls.rs`, `options/tls.rs` | `tests/daemon/tls_*.rs` |
//! | what `larder top` and its kin print | [`tools`], `options/tools.rs` | unit tests there, `tests/daemon/tools/` |
//! | limits, user, background, pid file, systemd | [`process`] | `tests/daemon/` |
//!
//! Why things are as they are: `decisions`, a module of notes that exists in the documentation only.

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
