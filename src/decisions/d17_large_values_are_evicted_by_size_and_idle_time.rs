//! # Large values lie apart by size
//! Need: the more values are large (above 8 or 16 KiB), the nearer larder was to exact LRU: with ORM accesses it missed
//! 0.83 times as often where one value in six is large, 0.89 times where a third is, 0.97 times where most are. Of large
//! values the idlest by time and size leaves ([`d13`](super::d13_page_trading_uses_first_hits)), but it was looked for
//! among the 16 coldest of all sizes, which are about to leave anyway.
//!
//! Choice: bands, each of sizes up to twice those of the one before; four at the cold end of each are compared by idle
//! time times the power 0.75 of the size. The number of a value names its band. Misses against those before:
//!
//! | load, and median of its values | misses |
//! | --- | --- |
//! | ORM accesses, 3000 bytes in 64 MB, 6000 in 128, 12,000 in 64, 48,000 in 1024 | 1.00, 0.96, 0.95, 0.85 |
//! | web shop, 6000 and 24,000 bytes in 64 MB, 96,000 in 1024 | 0.98, 0.96, 0.95 |
//! | OLTP, 1000 and 8000 bytes in 64 MB | 1.00, 1.004 |
//! | Twitter's clusters | 46: 1.006, the others 1.00 |
//!
//! Refused: the power 0.5 (1.004, 0.97, 0.96; 0.98, 0.97; 1.00, 1.00; 46: 1.002) and 1 (OLTP of 8000 bytes 1.02); to
//! compare the idle time of the value that leaves next, not of the coldest, with that of pages (ORM accesses 1.10).
//! Large from half a page on: 0.995 over six loads in real daemons, but ORM accesses at 128 MiB 1.016, and up to 32 KiB
//! copied under a lock. To let pages outlast large values twice as long: 0.994 for 1.025 times the bytes missed.
//! Price: the larger values are missed more often; 32 lists a shard, some 13 KB. Reopen: real traces with sizes.
