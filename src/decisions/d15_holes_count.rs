//! # Holes count
//! Need: at most `-m` and 8 MiB resident, whatever the sizes of values, and again within seconds of `cache_memlimit`.
//!
//! Measured with values of 1 B to 900 KB and `-m 1024`: 20 to 23 MiB beyond, of which 14 to 18 are holes among the blocks of
//! 2 KiB in which values end: 64 KiB stay until the last of 32 is free. After `cache_memlimit 16`: 28 to 34 MiB.
//!
//! Choice: what is resident is looked at ten times a second (`commands/bound.rs`). While it is over 7 MiB beyond the
//! limit, a part of the limit is withheld, and a compaction (`store/compaction.rs`) empties the regions with the fewest
//! blocks, by the addresses of all, and lets go of what it left only at the end. Without an excess nothing is withheld.
//! To have the allocator look for freed memory, 768 KiB are freed: 4 MiB, as before, it did not give back, nor what lay
//! below. With it: 16 MiB within 24 after 2 s in seven runs of seven, by one thread and by two; before in none of ten.
//!
//! For an alignment between 2 and 2048 bytes the allocator takes 40 KiB for 32: segments of the index want 4096.
//!
//! Refused: moving everything in any order, as before: what is freed among full regions is filled again at once (13.6 MiB
//! of holes, 12.7 after three passes). Blocks of 8 KiB beside those of 2: 17.5 MiB against 18.5. Ends in shared pages, the
//! allocator's delay at 0: `unsafe`.
//!
//! Price: with values of all sizes at full speed 1 to 6 per cent of the limit are withheld; each two seconds of an excess
//! a compaction looks at all blocks, some 10 ms for 1 GB. Connections have 64 KiB each; beyond, they take from the cache.
//!
//! Reopen: when the allocator can be told to return memory without `unsafe`, or packs blocks of one size by itself.
