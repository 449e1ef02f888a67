//! The types of `src/sync.rs`, from shuttle: at every operation another thread may run.

pub use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::ops::{Deref, DerefMut};

/// A mutex without poisoning, like that of parking_lot.
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

/// The guard of a [`Mutex`]. A [`Condvar`] takes the inner guard and puts it back.
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

/// Like the Condvar of parking_lot.
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

/// Like the macro of std, without constant initializers.
macro_rules! per_thread {
    ($($(#[$doc:meta])* static $name:ident: $of:ty = const { $value:expr };)*) => {
        shuttle::thread_local! { $(static $name: $of = $value;)* }
    };
}
pub(crate) use per_thread as thread_local;
