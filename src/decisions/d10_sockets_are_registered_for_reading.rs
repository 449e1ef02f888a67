//! # sockets are waited for to be read, and workers have no timers
//! Need: on a unix socket, a median connect-get-close took 1.10 times memcached's, and user instructions of a get were
//! 2.6 times the bare loop's.
//!
//! Choice: (1) a socket is registered with the event loop for reading alone, and for writing as well only once it has
//! refused bytes. A unix socket registered for both wakes the worker each time the peer takes a reply out of the
//! buffer. (2) The event loop has no timers: tokio's looked at them at every wait. The thread that ticks tells
//! workers that time has passed: ten pulses a second for what waits (pauses, handshakes), one question a second for a
//! sign of life. (3) `recv` and `send` by rustix: no detour for cancelled threads, and into memory not cleared before.
//!
//! Measured (`benches/loopback`, both builds in one run, machine not quiet): user instructions of a get 3866, without
//! timers 3367, with (1) and (3) 3221. connect-get-close on a unix socket: median 0.78 times, CPU 0.97 times what it
//! was; on TCP CPU 0.97 times; gets on a unix socket CPU 0.95 times.
//!
//! The first look at a new socket comes before any wait: CPU the same, median on a unix socket 0.97 times.
//!
//! Refused: mio's sockets (one more way to the same descriptors); an event loop of our own inside tokio's (the bare
//! loop has it at 1.04 times the CPU, for one more wait per batch; in its place, `decisions::d18`).
//!
//! Price: a pause is up to 100 ms long; the end of a stuck TLS handshake is as exact.
//!
//! Reopen: when a unix socket no longer wakes who waits to send whenever its peer reads.
