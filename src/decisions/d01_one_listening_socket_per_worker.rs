//! # One listening socket per worker
//! Superseded by `d12_one_thread_polls_the_others_run_tasks`: an address has one socket, and any thread serves what comes in there.
//!
//! Need: a website's client connects, asks for a few keys and closes, on every request; accepting is the hot path.
//!
//! Choice: a TCP address gets one socket per worker (SO_REUSEPORT), so that a connection is accepted, served and
//! closed by one thread without crossing to another.
//!
//! Price: the kernel deals by a hash of the addresses, so a handful of long-lived connections may sit unevenly.
//!
//! Reopened by: the measurements beside memcached's dealing, with two threads on two CPUs that they share with the load.
