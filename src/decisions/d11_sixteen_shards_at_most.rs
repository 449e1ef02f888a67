//! # Sixteen shards carry a terabyte, not yet sixty-four cores
//! Need: to know what is in the way on a machine with 64 cores and 1 TB before somebody has one.
//!
//! Choice: up to 16 shards, each with one mutex and at least 1000 pages; 2 at the default of `-m 64`. One thread waits
//! for no other, so its shards have 2000: misses 0.994 to 0.996 (nine loads at 64 MiB, seven at 128). A handle names 2^20
//! pages, so that 16 shards of 64 KiB pages hold 1 TiB, and the index grows bucket by bucket at any size.
//!
//! The arithmetic, from `cargo bench --bench contention` (90 % get, 10 % set, 100 bytes, 2 CPUs): an operation holds its
//! shard for 0.17 µs with 200,000 keys and 0.24 µs with a million, so 16 shards carry 67 to 92 million operations a
//! second. Requests that come one at a time cost 4 µs of a core, 90 % of it in the kernel: 64 cores send 16 million, and
//! one in five finds its shard taken. Requests that come 16 at once cost 0.53 µs: 64 cores would send 120 million, more
//! than 16 shards carry. So shards are the limit from about 32 cores of pipelined load on, and what lifts it is a larger
//! `SHARDS_MAX` (4 a thread would be 256, which carry a billion); handles and budget allow for it, the
//! hash needs more bits for the shard. Then
//! the CAS sequence is next, one locked instruction of all threads per set; the budget is touched once per page, not per
//! item.
//!
//! Refused: 1 shard at `-m 64` for more threads, as the number of pages a shard needs was thought to be 1500. Two threads
//! then did 0.67 times the work of one (on a machine that had other work too), with two shards 1.05.
//!
//! Price: with two threads at `-m 64` every second operation still waits for a lock for a moment.
//!
//! Reopen: when a machine with more than 8 cores is at hand, or `contention` shows less than 1.6 for two threads.
