//! # Nobody pays for all
//! Need: no get waits for 2 ms for what a flush, or a lowered limit, leaves to be done.
//!
//! Found: the allocator keeps freed memory for a second; who frees a block of its own after that gives back all that
//! anybody has freed since, in one go. After `flush_all` of 700 MB that was the worker, which looked for freed memory
//! once a second and so was there when the second was over: 340 calls of `madvise` in a row, 20 to 24 ms without an answer
//! in two of six flushes. And over a limit that was lowered, or a part of which was withheld, the first request that
//! needed a page evicted until all of the excess had gone: 8,700 of 14,600 items for a value of 12 KB. The thread that
//! keeps house freed up to 64 pages of items in one hold of a shard's lock.
//!
//! Choice: a thread of its own looks for what can be given back, every 10 ms while there may be much, and the workers
//! take in theirs every 1.3 s, out of step with the allocator. It is nicer by 10 than the others, so that a worker on
//! its CPU goes before it, and takes no lock of the store (`server/returning.rs`). A request may charge what it
//! needs once twice as much was given back for it (`Account::try_charge`); the rest is worked off by the house, two pages
//! of a shard at a time (`Store::maintain`).
//!
//! Measured (`benches/capacity --only pauses`), longest wait under `flush_all`, runs in turn: before 2.9, 4.1 and 4.4 ms,
//! with the looks 0.9, 0.9 and 3.0; by the thread that keeps house 0.5 to 3.8 in five runs, by one of its own 0.4 to 1.5.
//! Of 18 runs that were traced two had waits for this thread, 2.3 and 4.0 ms: the server has one CPU there, and the kernel
//! may let who runs finish its slice. The other waits of 2 ms were the kernel's, the host's or of who asked.
//!
//! Refused: a short slice for the worker (`sched_setattr`): over nine runs no difference, and `unsafe`. The lowest class
//! for the thread of its own: on a busy machine it comes too late. The house nicer as well: it takes locks.
//!
//! Reopen: when the allocator can be told to return memory without `unsafe`.
