//! # Purging is off the request path
//! Need: after `flush_all` or a lowered limit, no get waits for 2 ms.
//!
//! Choice: a flush only marks its pages, in constant time. They are freed page by page, by a store
//! that needs one or by maintenance, a few per lock. `Pool::trim` returns pages to the system, 128
//! per call, while no lock is held. A store over a lowered limit reuses the page that it frees.
//! Maintenance evicts the rest, two pages of a shard per lock.
//!
//! Refused: a purge by the allocator. While items were on its heap, the first thread to free
//! something after a second returned all freed memory at once: 20 ms without a reply.
//!
//! Price: resident memory follows a flush or a lowered limit within seconds, not at once.
//!
//! Reopen: a trace shows a wait of 2 ms caused by `Pool::trim`.
