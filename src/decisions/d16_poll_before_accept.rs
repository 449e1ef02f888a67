//! # A worker polls before it accepts again
//! Need: Django opens a connection, asks and closes it on every request of the site. That path must
//! be cheaper than memcached's.
//!
//! Choice: (1) after each accept, `poll` tells whether another connection is pending. A failed
//! accept costs 4.5 µs, because the kernel builds a socket and a file first; `poll` costs 0.2 µs.
//! (2) A connection is registered with epoll only when it has to wait. By then its first request is
//! often answered. (3) Connections are listed by descriptor in an array, and closing needs no
//! deregistration call. (4) The first reply acknowledges the first request (TCP_QUICKACK is off).
//! If a request arrives in pieces, the connection acknowledges at once. (5) Connections that were
//! hung up run last.
//!
//! Measured (`benches/loopback`, one thread, connect-get-close, relative to the build before): TCP
//! CPU 0.95 and median 0.92, unix socket 0.88 and 0.88. (4) saves one packet in ten; a request in
//! two pieces is answered after 0.04 ms, by memcached after 44 ms. (5) lowers the median on a unix
//! socket from 30.6 to 26.1 µs.
//!
//! Refused: `TCP_DEFER_ACCEPT` (CPU 0.97, median 1.07, silent clients stay unseen for a second).
//! Polling the listening socket and the new connection without epoll (7 calls instead of 9, CPU
//! 0.97 to 1.01), which needs a second rule for the lifetime of a socket.
//!
//! Price: under a burst, one `poll` per accepted connection.
//! Reopen: level-triggered waiting on the listening socket becomes cheaper (today median 1.05).
