//! The atomic types, locks and thread-locals of what `tests/schedules` tries in every order of its threads: that takes
//! the files which use this module as they are, and puts its own types in this place.

pub use parking_lot::{Condvar, Mutex};
pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
pub use std::thread_local;
