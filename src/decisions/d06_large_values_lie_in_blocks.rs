//! # Large values lie in blocks of a page's size
//! Need: resident memory within `-m` whatever the sizes of values.
//!
//! Choice: a large value is a list of blocks of the size of a page (32 or 64 KiB) and a shorter last one, behind one
//! reference count. It is received into its blocks and sent from them by vectored writes.
//!
//! Refused: one buffer per value. With `-m 64` and 5,000 sets of 1 B to 900 KB the allocator held 129 MiB, because each
//! of its size classes keeps the holes of values that left; giving holes back at once still left 96 MiB. In blocks:
//! 71 MiB.
//!
//! Price: a value of 1 MB is received by 32 calls instead of about 10, and its last block is rounded up to the
//! allocator's next size (a tenth of a block on the average).
//!
//! Reopen: when receiving shows in the profile of large values (vectored reads would fill several blocks at once).
