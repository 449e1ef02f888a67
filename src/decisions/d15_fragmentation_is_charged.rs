//! # Fragmentation is charged
//! Superseded by [d24](super::d24_memory_is_pages_of_one_pool): items are no longer on the heap of
//! the allocator, so the allocator's fragmentation does not grow with them.
//!
//! Need: the allocator held more memory than `-m` because freed items left gaps among live ones.
//!
//! Choice: the resident size was sampled ten times a second. What exceeded the limit by more than
//! 7.75 MiB was subtracted from the limit. Blocks moved by address, so that regions of the
//! allocator became empty.
//!
//! Price: at `-t 4` mixed sizes still exceeded the promised bound by 4.8 MiB (median) to 9.6 MiB.
