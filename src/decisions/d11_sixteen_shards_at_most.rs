//! # There are sixteen shards at most
//! Need: to know the limit on a machine with 64 cores and 1 TB before larder runs on one.
//!
//! Choice: up to 16 shards, each with one mutex and at least 1000 pages; two shards at `-m 64`.
//! With one worker there is no contention, so a shard has at least 2000 pages (0.994 to 0.996 times
//! the misses). A handle names 2^20 pages: 16 shards of 64 KiB pages hold 1 TiB.
//!
//! Measured (`benches/contention`, 90 % get, 10 % set, 100 bytes, 2 CPUs): an operation holds its
//! shard for 0.17 µs with 200,000 keys and 0.24 µs with a million. 16 shards carry 67 to 92 million
//! operations a second.
//!
//! Estimate: a single request costs 4 µs of a core, 90 % of it in the kernel. 64 cores then send 16
//! million a second, and one in five finds its shard locked. 16 requests at once cost 0.53 µs each,
//! 120 million a second on 64 cores. Shards are thus the limit from about 32 cores of pipelined
//! load. A larger `SHARDS_MAX` lifts it and needs more bits of the hash. The CAS sequence is next,
//! with one locked instruction per set.
//!
//! Refused: one shard at `-m 64`. Two threads then did 0.67 times the work of one thread, and 1.05
//! times with two shards.
//!
//! Price: at `-m 64` with two threads, every second operation waits briefly for a lock.
//!
//! Reopen: a machine with more than 8 cores is available, or `contention` shows less than 1.6 for
//! two threads.
