//! # The event loop is our own
//! Need: connect-get-close, 5 gets on a connection, a single get and an idle connection cost more than the bare loop of
//! epoll: 8 of 52 us, 9 of 122 us, 0.7 of 5.7 us, 500 of 572 bytes. tokio's task, registration and readiness were most
//! of it: 3000 of 6000 instructions of a connection, 900 of 3011 of a get, 512 of the bytes.
//!
//! Choice: `server::event_loop`, 300 lines over rustix's epoll: a task is a future, the byte that says who may run it
//! (tried in every order of threads, `tests/schedules`) and its place in a table by descriptor. What is not the path of
//! a request stays with tokio: signals, time, metrics, the notices between threads, the traits of a stream.
//!
//! Measured in one run (`benches/loopback`, medians of 5; the build before, the bare loop, this; memcached 1.6.18 = 1):
//! get 0.87, 0.77, 0.81 (with more rounds 1.05 to 1.08 of the bare loop); mix 0.85, 0.75, 0.79; 500 connections 0.86, 0.75, 0.79; connect-get-close 0.79, 0.78, 0.72,
//! median 0.82, 0.84, 0.77; 5 gets 0.86, 0.78, 0.79; unix socket 0.60, -, 0.50. Idle connection 572, 72, 316 bytes. Of
//! the build before, with `-t 4`: get 0.95, 16 at once 0.99, connect-get-close 0.90, unix socket 0.78. A get takes
//! 2111 instructions, 3011 before.
//!
//! Refused: all threads waiting at the epoll instance at once (with `-t 4` on two CPUs gets 1.11 times and unix
//! connections 1.09 times the build before: two threads take turns at one connection); mio (the same calls, and sockets
//! of its own).
//!
//! Price: our own code for what tokio gives, Linux alone, one mutex for the queue of all threads.
//!
//! Reopen: when tokio has tasks and readiness in one allocation; when more than 4 CPUs show the queue's mutex.
