//! # Short replies are sent together
//! Need: a get cost 1.06 to 1.10 times the CPU of the bare loop of epoll (goal 1.05), and half of what it cost more was
//! code that had left the CPU's nearest memory since the request before: between two runs of it lies the kernel's TCP.
//!
//! Choice: a thread runs connections that have news by rounds, at most 16. Each reads and executes in its first turn;
//! replies of up to 4 KiB wait for a second turn, after the first turns of the others, and are then sent behind one
//! another. So one piece of code runs 16 times before the next. A round of one has no second turn. With several threads
//! a thread takes 4 connections at most, the others are left to whoever is idle.
//!
//! Measured in one run (`benches/loopback`, one thread, 7 rounds; bare loop, the build before, this): get 5.15, 5.46,
//! 5.25 us, median 228, 263, 256 us; mix 5.02, 5.48, 5.21; 500 connections 5.21, 5.78, 5.45; 16 at once 0.78, 0.88,
//! 0.67, median 586, 660, 515; mix of 16 0.75, 0.84, 0.70. The bare loop with such rounds: 0.95 to 0.96, with rounds
//! of 4 / 64 0.99 / 0.97. In times when the machine is slow, a get has 0.98 times the CPU of before.
//!
//! With `-t 2` on two CPUs shared with the load, thousands of operations a second of single gets and 16 at once: before
//! 140 and 1256; rounds of 1, 2, 4, 16: 136 and 1199, 136 and 1362, 133 and 1480, 127 and 1624. Beside the load a
//! thread is stopped now and then, and all of its round waits.
//!
//! Price: 80 instructions of a get alone, 300 in a round, at most 130 KiB a thread; who is first in a round waits for
//! the others' requests, up to 16 shares of `-R`.
//!
//! Refused: up to 8 KiB (a get of 4 KB: 1.00 times the CPU, 31 rounds).
//!
//! Reopen: when threads have CPUs of their own and more than 4 at once can be shown to pay.
