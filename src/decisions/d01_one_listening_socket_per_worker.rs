//! # Each worker has its own listening socket
//! Superseded by [d12](super::d12_one_thread_polls_the_others_run_tasks): an address has one
//! socket, and any worker serves it.
//!
//! Need: Django connects, asks for a few keys and closes, on every request of the site. Accepting
//! is therefore a hot path.
//!
//! Choice: each worker opened a socket of its own for every TCP address (SO_REUSEPORT). One thread
//! accepted, served and closed a connection.
//!
//! Price: the kernel distributes connections by a hash of their addresses. A few long-lived
//! connections could share one worker while others were idle.
