//! # `delete` takes one key
//! Need: memcached 1.6.45 ignores every word after the key. `delete a b c` answers `DELETED` and
//! leaves `b` and `c` stored. Its documentation allows `delete <key> [noreply]` only, its older
//! versions answer an error, and libmemcached's conformance test (`memccapable -a`) expects that
//! error.
//!
//! Choice: one word between the key and `noreply` is accepted and ignored, because old clients send
//! a time there. More words are answered with `CLIENT_ERROR bad command line format`, and nothing
//! is deleted.
//!
//! Refused: ignoring all words, which leaves a stale value after a reply of `DELETED`. Refusing the
//! time as well, which breaks every delete of old clients.
//!
//! Price: a client that sends several words gets an error here and `DELETED` from memcached.
//!
//! Reopen: such a client is in use.
