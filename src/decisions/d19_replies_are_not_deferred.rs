//! # Replies are not deferred
//! Superseded: for a time, short replies of up to 16 connections that were ready at once waited until all of them had
//! been read, and were then sent behind one another.
//!
//! Measured with closed-loop load (50 connections, load on the other CPU, 15 rounds by turns, ratios to memcached 1.6.45
//! within each round), with and without: depth 1 CPU 0.918 and 0.929, operations per second 0.996 and 0.995; depth 16
//! CPU 0.830 and 0.784, operations 0.993 and 1.035, p50 1.036 and 0.953, p99 1.020 and 0.922.
//!
//! Choice: each connection sends its replies at the end of its batch of requests. A batch has one order of things, and a
//! turn ends when its reply has left, so its work can be counted.
//!
//! Price: another machine (2 CPUs, `benches/loopback`, 9 and 11 rounds) shows the opposite at depth 16, with the build
//! that deferred and the same build without: without, CPU 1.11 times, operations 0.89, p50 1.20; at depth 1 1.10, 0.93
//! and 1.09. There the client is woken once for 16 replies and reads them together.
//!
//! Reopen: when the two measurements are explained. The first suspect is how a load generator waits for its replies.
