//! # Large values are stored in pages
//! Need: resident memory stays within `-m` for every mix of value sizes.
//!
//! Choice: a large value is a list of whole pages (32 KiB, or 64 KiB from `-m 256` on) for one
//! reference count. The tail, which fills no page, is stored in fragments of shared pages
//! ([d20](super::d20_fragments_are_compacted)). Whole pages are received in place and sent by
//! reference. The tail is copied when it is read. A tail of more than 7/8 of a page gets a page of
//! its own.
//!
//! Refused: one allocation per value. With `-m 64` and 5,000 sets of 1 byte to 900 KB the allocator
//! held 129 MiB, because each of its size classes keeps the gaps of freed values.
//!
//! Measured: with fragments of up to a quarter of a page, a get of 100 KB at `-m 1024` is sent in 4
//! parts instead of 18 and takes 0.86 times the CPU.
//!
//! Price: a value of 1 MB is received by 32 calls instead of about 10, and its tail is copied.
//!
//! Reopen: receiving shows in the profile of large values. Vectored reads could fill several pages
//! per call.
