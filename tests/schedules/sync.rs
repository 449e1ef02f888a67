//! What `src/sync.rs` is in larder, from shuttle: every operation is a place where another thread may come in between.

use shuttle::sync::MutexGuard;
pub use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// A lock that, like parking_lot's, does not poison.
#[derive(Default, Debug)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Mutex<T> {
        Mutex(shuttle::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no thread panics under it")
    }
}
