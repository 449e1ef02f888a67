//! # One listening socket per worker
//! Need: a website's client connects, asks for a few keys and closes, on every request; accepting is the hot path.
//!
//! Choice: a TCP address gets one socket per worker (SO_REUSEPORT), so that a connection is accepted, served and
//! closed by one thread without crossing to another. The first socket is bound without the option and gets it
//! afterwards: a second larder, or anything else on the port, is then told "Address already in use" instead of
//! silently sharing the port, which plain SO_REUSEPORT on both sides would allow to the same user.
//! Sockets that exist once (unix, handed over by the service manager) are accepted by one worker, which keeps a
//! connection unless another worker has at least two fewer.
//!
//! Refused: one acceptor that deals out in turn, as memcached does (a wake-up of another thread for each connection);
//! all workers waiting on one socket (all wake up for each connection).
//!
//! Price: the kernel deals by a hash of the addresses, so a handful of long-lived connections may sit unevenly.
//!
//! Reopen: when connection churn or evenness measured beside memcached's dealing says otherwise.
