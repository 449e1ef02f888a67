//! # One thread polls, the others run tasks
//! Need: if a connection belongs to one thread, it waits for that thread while another is idle.
//! With one event loop for all threads, no thread polled while the poller ran tasks. At `-t 4`, a
//! client that read one value of 1 MB in a loop raised the p50 of another client's get to 27 times
//! memcached's.
//!
//! Choice: one event loop. One thread waits in epoll, the others run tasks or are parked. A turn
//! ends with its work budget (32 KiB of bytes moved), and so does a batch of turns. Tasks that used
//! up their budget yield into a second queue. A thread that runs them polls between two of them and
//! keeps another thread in epoll. With more than one thread, at least one never runs tasks that
//! yielded. The rules are in `server/event_loop`; `tests/schedules` tries every order.
//!
//! Measured (2 CPUs, p99 of a get beside 1000-key multigets at `-t 4`, relative to memcached
//! 1.6.18): before 6 to 20, with a polling thread 3 to 4, with polls between turns 0.2.
//!
//! Refused: waking a second thread per batch (a quarter more CPU under light load). All threads in
//! epoll ([d18](super::d18_larder_has_its_own_event_loop)). Connections bound to threads (108,000
//! instead of 160,000 gets a second at `-t 2`). Guessing heavy connections, which the budget
//! already identifies.
//!
//! Price: a large reply takes one turn per 128 KiB. At most `-t` minus one threads serve heavy
//! clients.
//!
//! Reopen: more CPUs than threads, and the one event loop is the limit.
