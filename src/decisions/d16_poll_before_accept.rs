//! # Nobody is accepted in vain
//! Need: a site opens a connection, asks and closes it on every request of its own; that is to cost less than anywhere.
//!
//! Choice: (1) after each accept the worker asks by `poll` whether somebody else waits. Accepting in vain is dear: the
//! kernel builds a socket and a file before it finds nobody (4.5 us, `poll` 0.2 us). (2) A connection enters the event
//! loop when it has to be waited for, by when its first request is often answered. (3) The event loop calls nobody when
//! it waits and wakes: a connection notes itself that its thread is at work. (4) Connections are listed by descriptor in
//! an array. (5) A closed socket has left the event loop, which need not be told. (6) The first reply acknowledges the
//! first request, by TCP_QUICKACK off at the listening socket; where a request comes in pieces, the connection
//! acknowledges at once, for a peer that waits for it (RFC 896). (7) Whose peer has left has its turn after who has come.
//!
//! Measured (`benches/loopback`, one run, one thread, connect-get-close), before the event loop was our own
//! (`decisions::d18`): against the build before, on TCP CPU 0.95 and median 0.92, on a unix socket 0.88 and 0.88. (6)
//! saves one packet of ten; a request in two pieces on a connection in use is answered after 0.04 ms, by memcached after
//! 44. Since: (7) on a unix socket, median 30.6 to 26.1 us, CPU 0.98 to 1.03 times: who has its reply sooner leaves
//! sooner, at times before the worker sleeps.
//!
//! Refused: `TCP_DEFER_ACCEPT` (CPU 0.97 times, median 1.07 times; who says nothing is not seen for a second). To wait
//! once or twice by `poll` for epoll, listening socket and newcomer, which asks by itself whether somebody waits and
//! leaves epoll alone, 7 calls for 9: CPU 0.97 to 0.98 times on a unix socket, 0.98 on TCP, 1.01 with five gets, medians
//! the same, for a second rule of how long a socket lives. On a unix socket the barest loop takes 0.66 times memcached's
//! CPU by the 9 calls and 0.62 by the 7, larder 0.66 to 0.70: half of it is one sleep and one wake of the peer.
//!
//! Price: under a burst, one `poll` for each accepted connection.
//! Reopen: when waiting for a listening socket by level is cheaper (median 1.05 times, CPU the same).
