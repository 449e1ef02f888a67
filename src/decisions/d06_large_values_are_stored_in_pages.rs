//! # Large values lie in pages
//! Need: resident memory within `-m` whatever the sizes of values.
//!
//! Choice: a large value is a list of pages (32 or 64 KiB) behind one reference count, and for its end fragments of other
//! pages ([`d20`](super::d20_fragments_are_compacted)). Whole pages are received straight into their place and sent by reference,
//! the end is copied when it leaves. An end of more than 7/8 of a page has a page of its own.
//!
//! Refused: one buffer per value. With `-m 64` and 5,000 sets of 1 B to 900 KB the allocator held 129 MiB, because each
//! of its size classes keeps the holes of values that left.
//!
//! Fragments of a quarter of a page: with `-m 1024` a get of 100 KB, sent in 4 parts and not in 18, takes 0.86 times the CPU.
//!
//! Price: a value of 1 MB is received by 32 calls instead of about 10; its end, less than a page, is copied.
//!
//! Reopen: when receiving shows in the profile of large values (vectored reads would fill several pages at once).
