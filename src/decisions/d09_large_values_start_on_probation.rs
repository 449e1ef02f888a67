//! # Large values have a probation
//! Need: large values read once, or never, must not push out those in use; in plain LRU order they do.
//!
//! Choice: as among small items. Newcomers leave first, in the order they came, while they hold more than a tenth of
//! the memory of large values; those read meanwhile join the main part, which stays in exact LRU order; a newcomer
//! evicted lately comes back into the main part (ghosts).
//!
//! Measured with `-m 64`, misses of all requests, plain LRU before and memcached 1.6.18 beside it: web shop, median
//! value 6000 B: 29.3 % before, 25.7 % now, memcached 29.1 %; ORM accesses, median 3000 B: 7.8 %, 7.2 %, 8.9 %; OLTP
//! pages, median 1000 B: 25.2 %, 25.0 %, 26.0 % (20.4 % of these are first reads).
//!
//! Refused: nothing was tried beside it.
//!
//! Price: a look into two tables instead of one for a value on probation.
//!
//! Reopen: with traces in which large values have a size of their own.
