//! What `src/sync.rs` is in larder, from shuttle: every operation is a place where another thread may come in between.

pub use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::ops::{Deref, DerefMut};

/// A lock that, like parking_lot's, does not poison.
#[derive(Default, Debug)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Mutex<T> {
        Mutex(shuttle::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().expect("no thread panics under it")))
    }
}

/// Its guard, which a [`Condvar`] can take and put back.
pub struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is held")
    }
}

/// As parking_lot's.
#[derive(Default)]
pub struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub fn new() -> Condvar {
        Condvar::default()
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect("it is held");
        guard.0 = Some(self.0.wait(held).expect("no thread panics under it"));
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// As std's, without its constant initializers.
macro_rules! per_thread {
    ($($(#[$doc:meta])* static $name:ident: $of:ty = const { $value:expr };)*) => {
        shuttle::thread_local! { $(static $name: $of = $value;)* }
    };
}
pub(crate) use per_thread as thread_local;
