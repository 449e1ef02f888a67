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
//! | all | the same, not moved; misses scaled instead | 2.4; 1.4 | 2.9; 1.3 | 1.1; 0.4 | 0.4; 0.3 |
//! | all | as many rings as size classes, quotas traded by first hits | 0.3 | 0.6 | 0.3 | 0.2 |
//! | one in ten | one ring of second chance with probation and ghosts | 0.7 | 0.9 | 0.2 | 0.2 |
//!
//! Choice: the one ring, moved; misses over all reads, not the sampled ones, or one hot key would be worth points.
//! Shown by five daemons of 16 to 256 MB (`benches/advisor`, `--daemon`), orm-busy 1.0, web07 2.1 (2.9 and
//! 3.1 before frames closed up), OLTP 0.7, clusters 4 / 29 / 52 0.4 / 0.1 / 0.3; before, with twice the samples,
//! cluster 46 2.0.
//! Refused: the rings by size class (twice the rules, for two or three tenths of a point); the lists of the `lru` crate
//! (60 to 80 bytes per key and list, against 26 for a key and what five runs know of it); a deadline per run (16 bytes
//! per key). Price: a store after a miss renews the deadline in larger runs too, where the key would not have been
//! missed (clusters 19 and 46, in process: 3.0 and 2.4 too many at four times the memory); all classes fare alike; a
//! limit of a few MB is predicted less well. Reopen: when `benches/advisor` shows more than 3 points.
