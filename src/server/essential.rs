//! Tasks without which clients are no longer served: one that fails must not be lost silently.

use log::error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Exit status of a process that ends because of a fault of its own (EX_SOFTWARE of sysexits.h).
const SOFTWARE: i32 = 70;

/// A future that ends the process if it panics.
pub(super) struct Essential {
    what: &'static str,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    end: fn(i32),
}

impl Essential {
    /// `what` is lost with it.
    pub(super) fn new(what: &'static str, future: impl Future<Output = ()> + Send + 'static) -> Essential {
        Essential { what, future: Box::pin(future), end: |status| std::process::exit(status) }
    }
}

impl Future for Essential {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            error!("{} is lost by a fault of larder, so the process ends", self.what);
            (self.end)(SOFTWARE);
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
        essential.end = |status| STATUS.store(status, Ordering::Relaxed);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut essential).poll(&mut cx).is_ready());
        assert_eq!(STATUS.load(Ordering::Relaxed), SOFTWARE);
    }
}
