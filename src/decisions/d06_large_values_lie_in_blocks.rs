//! # Large values lie in blocks
//! Need: resident memory within `-m` whatever the sizes of values.
//!
//! Choice: a large value is a list of blocks of the size of a page (32 or 64 KiB), and for its end of pieces of frames,
//! which are of that size too ([`d20`](super::d20_frames_close_up)), behind one reference count. Whole pages are received
//! straight into their blocks; all are sent by vectored writes.
//!
//! Refused: one buffer per value. With `-m 64` and 5,000 sets of 1 B to 900 KB the allocator held 129 MiB, because each
//! of its size classes keeps the holes of values that left; giving holes back at once still left 96 MiB. In blocks:
//! 73 MiB. An end of its exact length: 3 to 6 MiB more on traces with many values of 8 to 60 KiB. Ends in blocks of 2 KiB
//! of the allocator's: until frames were there.
//!
//! Pieces of a quarter of a page: with `-m 1024` a get of 100 KB, sent in 4 parts and not in 18, takes 0.86 times the CPU.
//!
//! What the process takes beyond: decision note [`d15`](super::d15_holes_count).
//!
//! Price: a value of 1 MB is received by 32 calls instead of about 10; its end, less than a page, is copied once.
//!
//! Reopen: when receiving shows in the profile of large values (vectored reads would fill several blocks at once).
