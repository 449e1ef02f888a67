//! # larder has its own event loop
//! Need: tokio cost more than a bare epoll loop: 8 of 52 µs per connect-get-close, 0.7 of 5.7 µs
//! per get, 500 of 572 bytes per idle connection. Its tasks, registrations and readiness took 900
//! of the 3011 instructions of a get.
//!
//! Choice: `server::event_loop`, a small loop over rustix's epoll. A task is a future, a byte that
//! tells which thread may run it, and its place in a table by descriptor. `tests/schedules` tries
//! every order of threads. tokio keeps what is off the path of a request: signals, timers, the
//! metrics server, notices between threads and the stream traits.
//!
//! Measured in one run (`benches/loopback`, CPU relative to memcached 1.6.18; tokio, bare loop, own
//! loop): get 0.87, 0.77, 0.81; 500 connections 0.86, 0.75, 0.79; connect-get-close 0.79, 0.78,
//! 0.72; unix socket 0.60, not measured, 0.50. An idle connection takes 572, 72 and 316 bytes. A
//! get takes 2111 instructions instead of 3011.
//!
//! Refused: all threads in epoll at once (at `-t 4` on two CPUs gets cost 1.11 times, because two
//! threads alternate on one connection). mio, which makes the same calls on sockets of its own.
//!
//! Price: own code for what tokio offers, Linux only, one mutex for the run queue.
//!
//! Reopen: tokio keeps task and readiness in one allocation, or more than 4 CPUs show the mutex of
//! the queue.
