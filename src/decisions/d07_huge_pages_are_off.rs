//! # No huge pages
//! Need: `-m` is to bound what the process takes. Where the kernel backs memory with huge pages by itself, and the
//! allocator asks it to, the first byte written into a block of reserved address space takes 2 MiB.
//!
//! Choice: the allocator does not ask for them (`no_thp` in `Cargo.toml`), and the process tells the kernel not to give
//! them unasked either.
//!
//! Refused: leaving it to the machine's setting. After 200 connections had each declared a value of 500 kB, sent two
//! bytes and left, 55 MiB stayed resident; without huge pages less than 1 MiB. With `-m 64` and 2,000,000 sets of
//! 100 B it was 78.9 against 67.4 MiB, right after start 9.0 against 3.4.
//!
//! Price: more entries of the processor's address cache are used per byte read, which a benchmark of reads over a large
//! cache may show. `-L` leaves it to the machine's setting after all, for who pays that price elsewhere.
//!
//! Reopen: when that is measured.
