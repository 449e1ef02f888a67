//! # Holes count
//! Need: at most `-m` and 8 MiB resident, whatever the sizes of values, and again within seconds of `cache_memlimit`.
//!
//! Measured with values of 1 B to 900 KB and `-m 1024`: 20 to 23 MiB beyond, of which 14 to 18 are holes among the
//! blocks of 2 KiB in which values end: 64 KiB stay until the last of 32 is free. After `cache_memlimit 16`: 28 to 34.
//!
//! Choice: what is resident is looked at ten times a second (`commands/bound.rs`). While it is over 7 MiB beyond the
//! limit, a part of the limit is withheld; without an excess nothing is. After the limit was lowered a compaction
//! (`store/compaction.rs`) empties the regions with the fewest blocks, by the addresses of all. To have the allocator
//! look for freed memory, 768 KiB are freed: 4 MiB it did not give back, nor what lay below. With these 16 MiB are met
//! within 24, and 32 within 40, after 2 s, in ten runs of ten by one thread and by two.
//!
//! For an alignment between 2 and 2048 bytes the allocator takes 40 KiB for 32: segments of the index want 4096.
//!
//! Refused: moving everything in any order: what is freed among full regions is filled again at once. A compaction
//! under load: what it leaves stays until its end (110 MiB beyond `-m 1024` for 10 s, without it 65 for 3). Blocks of 8
//! KiB beside those of 2. Ends in shared pages, the allocator's delay at 0: `unsafe`.
//!
//! Price: with values of all sizes at full speed 1 to 6 per cent of the limit are withheld. Connections have 64 KiB each;
//! beyond, they take from the cache. When a cache of 1 GB fills within a second, it takes 5 s to come back within 8 MiB.
//!
//! Reopen: when the allocator can be told to return memory without `unsafe`, or packs blocks of one size by itself.
