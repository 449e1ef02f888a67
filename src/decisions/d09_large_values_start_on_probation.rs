//! # Large values start on probation
//! Need: large values that are read once or never must not push out those in use. In plain LRU
//! order they do.
//!
//! Choice: the rule of small items. New values are evicted first, in order of arrival, while they
//! hold more than a tenth of the memory of large values. Values that are read meanwhile move to the
//! main part. A key that was evicted recently returns straight to the main part (ghosts). Both
//! parts are divided by size since
//! [d17](super::d17_large_values_are_evicted_by_size_and_idle_time).
//!
//! Measured with `-m 64`, misses in 100 requests, memcached 1.6.18 in the same run:
//!
//! | load, median value | plain LRU | probation | memcached |
//! | --- | --- | --- | --- |
//! | web shop, 6000 bytes | 29.3 | 25.7 | 29.1 |
//! | ORM accesses, 3000 bytes | 7.8 | 7.2 | 8.9 |
//! | OLTP pages, 1000 bytes (20.4 are first reads) | 25.2 | 25.0 | 26.0 |
//!
//! Refused: nothing else was tried.
//!
//! Price: a value on probation is looked up in two tables instead of one.
//!
//! Reopen: traces that record the sizes of large values.
