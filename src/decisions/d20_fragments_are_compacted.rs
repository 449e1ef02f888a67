//! # Fragments close up
//! Need: values of 8 to 32 KiB fill no page or leave a tail, and what is free among tails must serve others.
//!
//! Choice: pages of fragments of a quarter of a page, of 2 KiB or of 512 bytes (`store/large/fragments.rs`). Such a page is
//! charged as a page, so that its free part counts. A use that needs a page and finds none first moves the fragments of the
//! sparsest page into others, 32 or 64 KiB at most, and only then something leaves. Fragments belong to the shard and are
//! copied for readers, so that any of them can be moved.
//!
//! Measured, when fragments came in place of blocks of 2 KiB from the allocator: the end of a value wastes 256 bytes on
//! the average instead of 1024; misses at 64 and 128 MiB over memcached's: ORM accesses 0.69, 0.70 (0.73, 0.75), cluster 4
//! 0.79, 0.79 (0.83, 0.82).
//!
//! Refused: tails in chunks of the slab classes ([`d24`](super::d24_memory_is_pages_of_one_pool)). Price: a list of
//! fragments, 8 bytes each. Reopen: when the copy of a tail shows in a profile of gets.
