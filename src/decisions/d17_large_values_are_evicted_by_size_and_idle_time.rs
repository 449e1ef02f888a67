//! # Large values are evicted by size and idle time
//! Need: with ORM accesses, larder missed 0.83 times as often as exact LRU where one value in six
//! is large, but 0.97 times where most are. The victim was sought among the 16 coldest values of
//! all sizes, which are about to be evicted anyway.
//!
//! Choice: large values are divided into buckets by size, each up to twice the size of the bucket
//! before. The four coldest values of every bucket are compared by idle time multiplied by size to
//! the power 0.75. The value's number names its bucket. Misses relative to the build before:
//!
//! | load, median of its values | misses |
//! | --- | --- |
//! | ORM, 3000 bytes in 64 MB, 6000 in 128, 12,000 in 64, 48,000 in 1024 | 1.00, 0.96, 0.95, 0.85 |
//! | web shop, 6000 and 24,000 bytes in 64 MB, 96,000 in 1024 | 0.98, 0.96, 0.95 |
//! | OLTP, 1000 and 8000 bytes in 64 MB | 1.00, 1.004 |
//! | Twitter's cluster 46; the other clusters | 1.006; 1.00 |
//!
//! Refused: the powers 0.5 (ORM 1.004, 0.97, 0.96) and 1 (OLTP of 8000 bytes 1.02). A threshold for
//! large values of half a page (ORM at 128 MiB 1.016). Pages that outlast large values twice as
//! long (0.994, but 1.025 times the bytes missed).
//!
//! Price: larger values are missed more often. Each shard has 32 lists, about 13 KB.
//!
//! Reopen: real traces with sizes.
