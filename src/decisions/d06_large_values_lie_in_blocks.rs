//! # Large values lie in blocks
//! Need: resident memory within `-m` whatever the sizes of values.
//!
//! Choice: a large value is a list of blocks of the size of a page (32 or 64 KiB), and of 2 KiB for its end, behind
//! one reference count; beside pages of 64 KiB, of 16 KiB for what lies between. Whole pages are received straight into
//! their blocks; all are sent by vectored writes.
//!
//! Refused: one buffer per value. With `-m 64` and 5,000 sets of 1 B to 900 KB the allocator held 129 MiB, because each
//! of its size classes keeps the holes of values that left; giving holes back at once still left 96 MiB. In blocks:
//! 73 MiB. An end of its exact length: 3 to 6 MiB more on traces with many values of 8 to 60 KiB.
//!
//! Blocks of 16 KiB: with `-m 1024` a get of 100 KB, sent in 4 pieces and not in 18, takes 0.86 times the CPU, and sets
//! of all sizes leave fewer holes (700,000 of 1 B to 900 KB, beyond `-m`: 9 MiB at most after the first 200,000, without
//! them 16 to 24). With `-m 64`, whose pages are of 32 KiB, they cost 1 to 2 MiB, and there are none.
//!
//! What the holes take that are left, and how they are closed: decision note
//! [`d15`](super::d15_holes_count).
//!
//! Price: a value of 1 MB is received by 32 calls instead of about 10; its end, less than a page, is copied once; the
//! last block is half empty on the average. Blocks of two sizes still leave holes when memory moves between pages and
//! ends: 76 MiB resident at the most, on a trace where a third of the values are large.
//!
//! Reopen: when receiving shows in the profile of large values (vectored reads would fill several blocks at once), or
//! when ends can share a page without `unsafe`.
