//! # The index grows by one bucket
//! Need: an index whose memory follows the number of items, is charged exactly, and never makes a request wait for a
//! rehash.
//!
//! Choice: linear hashing over buckets of one cache line (ten handles, ten tags, five ghosts, a link), in segments of
//! the size of a page.
//!
//! Refused: many small open-addressing tables (hashbrown), sized so that their doublings are spread out. Measured with
//! `-m 64` and 2,000,000 sets of 100 B: 419,000 items kept, 5.8 MiB charged for index and ghosts, which the allocator
//! turned into about 10 (five sizes of tables at a time, each rounded up by 20 %). With linear hashing: 433,000 items,
//! 3.8 MiB charged, and as much resident.
//!
//! Price: our own table; a lookup follows a chain in one of seven cases; splitting reads the keys of ten items for
//! every ten inserted while the table grows; links that fell free stay with the index until it is flushed.
//!
//! Reopen: if profiles show the lookup above a tenth of a request's user time.
