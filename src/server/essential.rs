//! Tasks without which clients are no longer served: the process ends if such a task panics.

use log::error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Exit status after an internal error (EX_SOFTWARE of sysexits.h).
const SOFTWARE: i32 = 70;

/// A future that ends the process if it panics.
pub(super) struct Essential {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    exit: fn(i32),
}

impl Essential {
    /// `name` is for the message.
    pub(super) fn new(name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> Essential {
        Essential { name, future: Box::pin(future), exit: |status| std::process::exit(status) }
    }
}

impl Future for Essential {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            error!("internal error: the process ends, because the task of {} has panicked", self.name);
            (self.exit)(SOFTWARE);
            Poll::Ready(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI32, Ordering};
    use std::task::Waker;

    #[test]
    fn a_panic_ends_the_process() {
        static STATUS: AtomicI32 = AtomicI32::new(0);
        let mut essential = Essential::new("a test", async { panic!("planted") });
        essential.exit = |status| STATUS.store(status, Ordering::Relaxed);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut essential).poll(&mut cx).is_ready());
        assert_eq!(STATUS.load(Ordering::Relaxed), SOFTWARE);
    }
}
