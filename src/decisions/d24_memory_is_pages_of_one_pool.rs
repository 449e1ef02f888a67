//! # All memory of items is pages of one pool
//! Need: resident memory within `-m`, 8 MiB and 64 KiB a connection at every moment, at any `-t`,
//! with readers that never read; no abort where the system refuses memory.
//!
//! Choice: slabs, index, removal log, large values and values being received take pages of one size
//! from `store/pool.rs`, each a mapping of its own (`memmap2`), and give them back there, whichever
//! thread lets go. Pages that an unsent reply holds stay charged. A page that one use gives up goes
//! straight to the next, over a lowered limit too. Only `Pool::trim`, called beside the requests,
//! unmaps. A mapping that is refused makes the pool stay with what it has. What a large value takes
//! on the heap (key, lists) is charged in bytes, and what the process will take beyond 8 MiB is
//! charged at the start (`commands/memory.rs`).
//!
//! Measured (`benches/capacity --only crowds`, highest look, MiB beyond the promise, before and
//! after), `-m 64 -t 4`: random sizes 4.5, 0.1; 90 % small, 7 % to 70 KB, 3 % 1 MB 6.6, -0.4;
//! appends 3.5, -0.2. `-t 8`, the first two: 8.6, -0.6; 12.1, -0.8.
//!
//! Replaces: looking at the resident size and withholding a part of the limit (d15), compaction by
//! addresses, the thread that gave memory back (d21), fragments shared with readers (d20).
//!
//! Refused: extents of many pages, which safe Rust cannot share between shards; tails of large
//! values in slab chunks, because the clock hands would meet chunks that they cannot evict.
//!
//! Price: a get copies the tail of a large value, 7/8 of a page at most; the kernel merges
//! neighbouring mappings, but a store of over 4 GB may meet `vm.max_map_count` after a lowered
//! limit.
