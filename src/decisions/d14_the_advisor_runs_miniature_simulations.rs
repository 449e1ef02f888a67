//! # The advisor runs miniature simulations
//! Need: hit ratios of larder's own policy at 1/4 to 4 times the memory, within 3 percentage
//! points, from 0.5 % of `-m` (about 13,000 keys at 64 MB).
//!
//! Choice: five simulations of second chance with probation and ghosts, on a sample of the keys.
//! Their curve is moved along the axis of sizes until it gives the measured hit ratio at the
//! present size. Misses are divided by all reads; with sampled reads alone, one hot key would shift
//! the result by points.
//!
//! Measured, largest error in points over five sizes around 64 MB (OLTP 32 MB):
//!
//! | keys | simulation | ORM | OLTP | cluster 4 | cluster 29 |
//! | --- | --- | --- | --- | --- | --- |
//! | all | exact LRU by stack distances | 0.9 | 1.8 | 2.6 | 0.9 |
//! | all | one ring of second chance (chosen) | 0.6 | 0.8 | 0.2 | 0.1 |
//! | all | the same without moving the curve | 2.4 | 2.9 | 1.1 | 0.4 |
//! | all | one ring per size class | 0.3 | 0.6 | 0.3 | 0.2 |
//! | one in ten | one ring of second chance | 0.7 | 0.9 | 0.2 | 0.2 |
//!
//! Refused: rings per class, twice the rules for 0.2 points. Lists of the `lru` crate, 60 to 80
//! bytes per key instead of 26. A deadline per simulation, 16 bytes per key.
//! Price: a store after a miss renews the deadline in larger simulations too (clusters 19 and 46:
//! 3.0 and 2.4 points too high at four times the memory). Limits of a few MB are predicted less
//! well.
//! Reopen: `benches/advisor` shows more than 3 points.
