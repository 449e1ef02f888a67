//! # Huge pages are off
//! Need: `-m` bounds the memory of the process. With huge pages, the first byte written to a
//! reserved block can make 2 MiB resident.
//!
//! Choice: the allocator does not ask for huge pages (`no_thp` in `Cargo.toml`). The process tells
//! the kernel not to provide them unasked.
//!
//! Refused: the machine's own setting. 200 connections each declared a value of 500 kB, sent two
//! bytes and left. Afterwards 55 MiB stayed resident with huge pages and less than 1 MiB without.
//! With `-m 64` and 2,000,000 sets of 100 bytes it was 78.9 against 67.4 MiB, right after the start
//! 9.0 against 3.4 MiB.
//!
//! Price: reads over a large cache use more entries of the processor's TLB. `-L` restores the
//! machine's setting where that matters more than memory.
//!
//! Reopen: a benchmark shows the cost of TLB misses.
