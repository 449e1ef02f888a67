//! The atomic types and the lock of what `tests/schedules` tries in every order of its threads: that takes the files
//! which use this module as they are, and puts its own types in this place.

pub use parking_lot::Mutex;
pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
