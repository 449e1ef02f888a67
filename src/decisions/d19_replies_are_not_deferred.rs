//! # Replies are not deferred
//! Need: up to 16 ready connections were once read first, and their short replies were then sent
//! one after another. The question was whether that saves work.
//!
//! Choice: each connection sends its replies at the end of its batch of requests. A turn ends when
//! its reply was sent, so its work can be counted.
//!
//! Measured with 50 connections and 15 rounds, relative to memcached 1.6.45, deferred and direct:
//! depth 1 CPU 0.918 and 0.929, operations 0.996 and 0.995; depth 16 CPU 0.830 and 0.784,
//! operations 0.993 and 1.035, p99 1.020 and 0.922.
//!
//! Price: on another machine (2 CPUs, `benches/loopback`) direct replies cost 1.11 times the CPU at
//! depth 16, with 0.89 times the operations. There, one wake of the client covers 16 replies.
//!
//! Reopen: the two measurements are explained. The first suspect is how each load generator waits
//! for replies.
