//! # Holes count
//! Superseded by [`d24`](super::d24_memory_is_pages_of_one_pool): the allocator no longer holds items, so it leaves no
//! holes among them.
//!
//! It was: the resident size was looked at ten times a second, and a part of the limit withheld as far as it was over
//! 7.75 MiB beyond the limit; blocks were moved by their addresses so that regions of the allocator became empty. At `-t 4`
//! it let mixed sizes pass the promise by 4.8 MiB (median) to 9.6.
