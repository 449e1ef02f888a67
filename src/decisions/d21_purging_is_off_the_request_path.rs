//! # Nobody pays for all
//! Need: no get waits for 2 ms for what a flush, or a lowered limit, leaves to be done.
//!
//! Choice: a flush moves what it finds out of use in constant time; it is taken apart page by page, by whoever needs a
//! page and by `Store::maintain`, a few in one hold of a lock. Pages return to the system in `Pool::trim`, 128 at a time,
//! while no lock is held. A request over a lowered limit takes over the page that it makes free; the rest is worked off
//! beside the requests, two pages of a shard at a time.
//!
//! Was, while the allocator held the items: a thread of its own that made the allocator look for freed memory, because
//! the next thread to free something after a second gave back all freed memory at once, 20 ms without an answer.
