//! # One thread waits for readiness, the others run tasks
//! Need: with a thread to every connection for good, a connection waits for its thread although another one is idle.
//! With one event loop for all threads, the thread that had polled ran tasks while no thread polled: at `-t 4` a
//! client that read one value of 1 MB over and over slowed a single get of another client to 27 times memcached's p50.
//!
//! Choice: one event loop. One thread waits at epoll, the others run tasks or are parked. A turn ends with a work budget
//! (`session::Budget`, 32 KiB of bytes moved), a batch of turns as well. Tasks that used their budget up yield into a
//! queue of their own. A thread that runs them polls without waiting between two of them, and sees to it that another
//! thread waits, so that readiness is noticed although the kernel has taken the CPU from either. With more than one
//! thread, one never runs tasks that yielded. Rules and invariants: `server/event_loop/scheduler.rs`, `tests/schedules`.
//!
//! Measured (2 CPUs, memcached 1.6.18 in the same run, p99 of a single get beside one client with 1000-key multigets at
//! `-t 4`): before 6 to 20 times memcached's; with a thread that waits 3 to 4 times; with polls between turns as well
//! 0.2 times. `benches/neighbours` has all kinds.
//!
//! Refused: waking a second thread for every batch (a quarter more CPU under light load); all threads waiting at once
//! (d18); connections that stay with a thread (a single get 108,000 against 160,000 a second at `-t 2`); a controller
//! that guesses which connections are heavy, where a used-up budget says so.
//!
//! Price: a large reply takes a turn for every 128 KiB; at most `-t` minus one threads serve heavy clients.
//!
//! Reopen: when a machine with more CPUs than threads shows that the one event loop is the limit.
