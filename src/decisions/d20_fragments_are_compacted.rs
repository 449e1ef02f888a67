//! # Fragments are compacted
//! Need: values of 8 to 32 KiB fill no page or leave a tail. The free space among tails must be
//! usable by other values.
//!
//! Choice: pages are divided into fragments of a quarter of a page, of 2 KiB or of 512 bytes
//! (`store/memory/large/`). Such a page is charged as a whole, so its free part counts against
//! `-m`. If a page is needed and none is free, the fragments of the emptiest page first move to
//! other pages, 64 KiB at most. Only then an item is evicted. Readers get a copy of the tail, so
//! every fragment can be moved.
//!
//! Measured when fragments replaced blocks of 2 KiB from the allocator: a tail wastes 256 bytes on
//! average instead of 1024. Misses relative to memcached at 64 and 128 MiB: ORM accesses 0.69 and
//! 0.70 instead of 0.73 and 0.75, cluster 4 0.79 and 0.79 instead of 0.83 and 0.82.
//!
//! Refused: tails in chunks of slab classes, see [d24](super::d24_memory_is_pages_of_one_pool).
//!
//! Price: a list of fragments per value, 8 bytes each.
//!
//! Reopen: the copy of the tail shows in a profile of gets.
