//! Atomic types, locks and thread-locals of the modules that `tests/schedules` runs under a scheduler model. These
//! tests include the files of such modules unchanged and replace this module by one with the types of the model.

pub use parking_lot::{Condvar, Mutex};
pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
pub use std::thread_local;
