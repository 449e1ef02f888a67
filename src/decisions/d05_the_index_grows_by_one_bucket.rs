//! # The index grows by one bucket
//! Need: the memory of the index follows the number of items and is charged exactly. No request
//! waits for a rehash.
//!
//! Choice: linear hashing over buckets of one cache line (ten handles, ten tags, five ghosts, one
//! link). A segment of buckets is one page of the pool.
//!
//! Refused: many small open-addressing tables (hashbrown) with staggered doublings. With `-m 64`
//! and 2,000,000 sets of 100 bytes, they kept 419,000 items and were charged 5.8 MiB. The allocator
//! turned that into about 10 MiB, because it rounds five sizes of tables up by 20 %. Linear hashing
//! kept 433,000 items in 3.8 MiB, charged and resident.
//!
//! Price: a table of our own. One lookup in seven follows a chain. While the table grows, a split
//! reads the keys of ten items for every ten inserted. Links that became free stay in the index
//! until a flush.
//!
//! Reopen: profiles show the lookup above a tenth of a request's user time.
