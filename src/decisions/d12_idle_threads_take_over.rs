//! # Idle threads take over what waits for others
//! Need: with a thread to every connection for good, a connection waits for its thread although another has nothing to
//! do. With 2 threads on 2 CPUs that they share with the load, single gets were as slow as memcached's or slower.
//!
//! Choice: with more than one thread, one event loop for all of them (tokio's multi_thread), whose idle threads take
//! ready connections from the queues of busy ones; an address has one listening socket. With one thread, an event loop
//! of its own, which has no queue to share. What a thread has of its own goes by the thread and not by the connection:
//! counters (still one writer, no locked instruction), buffers, the sign of life, what the allocator keeps.
//!
//! Measured before the listening sockets became one (`benches/loopback`, 50 connections, TCP, 2 CPUs, medians of 5 to
//! 7 rounds, machine not quiet), thousands of operations a second of memcached / a thread to each connection / this:
//! gets one at a time, `-t 2`, in two runs 105 / 90 / 106 and 84 / 88 / 104, `-t 4` 91 / 94 / 113; 16 at once, `-t 2`
//! 246 / 759 / 768, `-t 4` 266 / 928 / 875. p99 halves: 2.4 to 1.2 ms, 16 at once 4.5 to 2.3 ms. CPU time of a get:
//! 0.88 times, `-t 4` 0.80. Gets of 100 keys and connect-get-close by TCP: the same; by unix socket at `-t 4`: CPU
//! 1.12 times. With one thread the shared loop took 0.97 to 1.23 times the CPU, in rounds where a build was 0.87 to
//! 1.5 of itself.
//!
//! Refused: dealing connections out evenly, each to stay (90 where the kernel's uneven dealing had 88); a listening
//! socket per thread (104 with and without).
//!
//! Price: what every thread must do for itself after much was freed holds all of them up until the last has come, for
//! 10 ms at most; a thread that hangs takes the watchdog along as before.
//!
//! Reopen: when a machine with more CPUs than threads shows that the one event loop is the limit.
