//! # Frames close up
//! Need: values of 8 to 32 KiB lay in blocks of 2 KiB from the allocator, and what left among them stayed resident: with
//! `-m 1024` and values of 1 byte to 900 KB up to 128 MiB beyond the limit while it filled, with `-m 64` and 128 the
//! whole 8 MiB that may be withheld, on loads where a sixth of the memory is large values.
//!
//! Choice: frames, as large as a page, cut into pieces of a quarter, of 2 KiB or of 512 bytes (`store/large/frames.rs`,
//! by splitting a `BytesMut`). A frame is charged as a page, so that holes count where they are; who needs a page and
//! finds none first empties the sparsest frame into others, 32 or 64 KiB moved at most, and only then something leaves.
//! All that is large then has one size, and takes turns in the same memory.
//!
//! Measured beside the build before, by 500,000 sets of those values: resident beyond `-m 64` 8.5 MiB at the most (16.4),
//! beyond `-m 1024` 10 while it fills (128). The end of a value wastes 256 bytes on the average instead of 1024. Misses by
//! daemons at 64 and 128 MiB over memcached's: ORM accesses 0.69, 0.70 (0.73, 0.75), cluster 4 0.79, 0.79 (0.83, 0.82).
//! CPU of a get of 100 bytes, of 4 KB, of 100 KB, and of a mix: 0.98, 0.97, 0.97, 1.00.
//!
//! Refused: pieces of the allocator's with a compaction of them: it knows neither what is free nor when to stop.
//! Price: a piece takes 40 bytes beside its own. Reopen: when a large value's bytes show in a profile of gets.
