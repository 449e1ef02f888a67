//! # The advisor runs the policy in miniature, and moves its curve to the measured point
//! Need: hit ratios at 1/4 to 4 times the memory, of larder's own policy, within 3 percentage points, from 0.5 % of
//! `-m` (about 13,000 keys at 64 MB).
//!
//! Measured, largest difference in points over the five sizes, the middle one being 64 MB (OLTP: 32 MB); each curve
//! moved along the axis of sizes until it gives the measured hit ratio at the present size, except where it is said:
//!
//! | keys followed | curve | orm-busy | OLTP | cluster 4 | cluster 29 |
//! | --- | --- | --- | --- | --- | --- |
//! | all | exact LRU by stack distances | 0.9 | 1.8 | 2.6 | 0.9 |
//! | all | one ring of second chance with probation and ghosts | 0.6 | 0.8 | 0.2 | 0.1 |
//! | all | the same, not moved | 2.4 | 2.9 | 1.1 | 0.4 |
//! | all | the same, misses scaled instead of moved | 1.4 | 1.3 | 0.4 | 0.3 |
//! | all | as many rings as size classes, factor 2, quotas traded by first hits | 0.3 | 0.6 | 0.3 | 0.2 |
//! | one in ten | one ring of second chance with probation and ghosts | 0.7 | 0.9 | 0.2 | 0.2 |
//!
//! Choice: the one ring, moved. Misses are counted over all reads and not over the sampled ones, or one hot key in or
//! out of the sample would be worth several points.
//!
//! Shown by real daemons: five of 16 to 256 MB on the same trace, the one of 64 MB asked at the end; largest difference
//! of the five in points: orm-busy 0.9, web07 0.9, OLTP 0.5, clusters 4 / 29 / 46 / 52: 0.6 / 0.2 / 2.0 / 0.4, by
//! `cargo bench --bench advisor -- --daemon '{larder} -t 1 -m {memory} -p {port}' --requests 5000000 --pace 50000
//! --trace orm-busy.trace --cluster 4` and so on. In process 3.0 in cluster 19 and 2.4 in 46, both at four times the
//! memory, where everything fits: a store that follows a miss renews the deadline at every size, also where the larger
//! cache would not have missed and the item would have died by its old one.
//!
//! Refused: the rings by size class (twice the rules, for two or three tenths of a point); the lists of the `lru` crate for
//! keys, queues or ghosts (60 to 80 bytes per key and list, against 26 for a key and what five runs know of it); a
//! deadline per run (16 bytes per key), so an item is taken to die at each size when it dies in the cache itself.
//! Price: the moved curve says nothing about classes that would fare differently from others at another size; a limit
//! of a few MB, where every class still waits for its first pages, is predicted less well.
//! Reopen: when `benches/advisor` shows more than 3 points on a load that somebody has.
