//! # Idle threads take over what waits for others
//! Need: with a thread to every connection for good, a connection waits for its thread although another has nothing to
//! do. With 2 threads on 2 CPUs that they share with the load, single gets were as slow as memcached's or slower.
//!
//! Choice: one event loop for all threads, whose idle ones take ready connections that a busy one has found; an address
//! has one listening socket. What a thread has of its own goes by the thread and not by the connection: counters (still
//! one writer, no locked instruction), buffers, the sign of life, what the allocator keeps.
//!
//! Measured with tokio's multi_thread, before the event loop was our own (`decisions::d18`), in one run
//! (`benches/loopback`, 50 connections by TCP, 2 CPUs, 5 rounds), thousands of operations a second of memcached / a thread to each connection / this: gets one at a time, `-t 2` 108 / 129 / 160, `-t 4` 108 /
//! 125 / 165; 16 at once, `-t 2` 239 / 894 / 840, `-t 4` 239 / 1067 / 1054. CPU time of a get: 0.86 times, `-t 4` 0.74;
//! 16 at once 1.05 and 1.01. p99: 3.3 to 0.9 ms, 16 at once 2.6 to 2.1, `-t 4` 1.5 to 1.0 and 5.2 to 1.7. Runs before,
//! with others at work on the machine: 90 to 106 and 88 to 104 where memcached had 105 and 84. With one thread, a loop
//! made to be shared took 0.97 to 1.23 times the CPU, in rounds where a build was 0.87 to 1.5 of itself.
//!
//! Refused: dealing connections out evenly, each to stay (90 where the kernel's uneven dealing had 88, and taking over
//! 104); a listening socket per thread (104 with and without).
//!
//! Price: what every thread must do for itself after much was freed holds all of them up until the last has come, for
//! 10 ms at most.
//!
//! Reopen: when a machine with more CPUs than threads shows that the one event loop is the limit.
