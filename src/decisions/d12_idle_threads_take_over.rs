//! # Idle threads take over what waits for others
//! Need: with a thread to every connection for good, a connection waits for its thread although another has nothing to
//! do. With 2 threads on 2 CPUs that they share with the load, single gets were as slow as memcached's or slower.
//!
//! Choice: with more than one thread, one event loop for all of them (tokio's multi_thread), whose idle threads take
//! ready connections from the queues of busy ones; an address has one listening socket. With one thread, an event loop
//! of its own, which has no queue to share. What a thread has of its own goes by the thread and not by the connection:
//! counters (still one writer, no locked instruction), buffers, the sign of life, what the allocator keeps.
//!
//! Measured (`benches/loopback`, 50 connections, medians of 5 to 7 rounds, machine not quiet):
//! @@
//!
//! Refused: dealing connections out evenly, each to stay (no faster than the kernel's uneven dealing: 90 against 88);
//! a listening socket per thread beside it (the same speed, and `stats conns` lists one of them).
//!
//! Price: what every thread must do for itself after much was freed holds all of them up until the last has come, for
//! 10 ms at most; a thread that hangs takes the watchdog along as before.
//!
//! Reopen: when a machine with more CPUs than threads shows that the one event loop is the limit.
