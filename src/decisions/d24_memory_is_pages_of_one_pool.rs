//! # All memory of items comes from one page pool
//! Need: resident memory within `-m`, 8 MiB and 64 KiB a connection at any moment and any `-t`,
//! with clients that never read. No abort when the system refuses memory.
//!
//! Choice: slabs, index, removal log, large values and incoming values take pages of one size from
//! `store/memory/pool.rs` and return them there. Each page is a mapping of its own (`memmap2`).
//! Pages held by unsent replies stay charged. Only `Pool::trim`, called by maintenance, unmaps. If
//! a mapping is refused, the pool continues with the pages it has. Heap memory of large values is
//! charged in bytes. What the process needs beyond 8 MiB is charged at the start
//! (`commands/stats/memory.rs`).
//!
//! Measured (`benches/capacity --only connections`, MiB beyond the bound, before and after):
//!
//! | load | `-t 4` | `-t 8` |
//! | --- | --- | --- |
//! | random sizes | 4.5, 0.1 | 8.6, -0.6 |
//! | 90 % small, 7 % up to 70 KB, 3 % 1 MB | 6.6, -0.4 | 12.1, -0.8 |
//! | appends | 3.5, -0.2 | not measured |
//!
//! Refused: extents of many pages, which safe Rust cannot share between shards. Tails of large
//! values in slab chunks, because the clock hand would meet chunks that cannot be evicted.
//! Price: a get copies the tail of a large value, 7/8 of a page at most. A store above 4 GB may
//! reach `vm.max_map_count` after a lowered limit.
//! Reopen: a store in use meets `vm.max_map_count`.
