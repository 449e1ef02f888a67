//! Memory of items: pages of one pool, cut into chunks for small items (`slab/`) or used for large values (`large/`).

pub(super) mod large;
pub(super) mod pool;
pub(super) mod slab;

// Not a part of `pool.rs`, which `tests/schedules` includes as it is.
#[cfg(test)]
#[path = "pool/tests.rs"]
mod pool_tests;
