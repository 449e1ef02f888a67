//! # Sockets are registered for reading, and workers have no timers
//! Need: with tokio's event loop, connect-get-close on a unix socket had 1.10 times memcached's
//! median. A get took 2.6 times the user instructions of a bare epoll loop.
//!
//! Choice: (1) a socket is registered for reading, and for writing only after it has refused bytes.
//! A unix socket registered for both wakes the worker whenever the client reads. (2) Workers have
//! no timers. The maintenance thread ticks ten times a second for pauses and handshakes. (3) `recv`
//! and `send` by rustix, which has no cancellation point and reads into uninitialised memory. (4) A
//! new socket is read before the first wait.
//!
//! Measured (`benches/loopback`, both builds in one run): 3866 user instructions per get before,
//! 3367 without timers, 3221 with (1) and (3). connect-get-close on a unix socket: median 0.78
//! times, CPU 0.97 times; with (4) median 0.97 times that.
//!
//! Refused: sockets of mio, which are another way to the same descriptors. An event loop inside
//! tokio's, with one more wait per batch; [d18](super::d18_larder_has_its_own_event_loop) replaced
//! tokio's loop.
//!
//! Price: a pause may be 100 ms longer, and so may the timeout of a stuck TLS handshake.
//!
//! Reopen: the kernel no longer wakes writers of a unix socket at every read of the peer.
