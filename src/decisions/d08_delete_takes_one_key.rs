//! # delete takes one key
//! Need: memcached 1.6.45 ignores every word behind the key of `delete`, so that `delete a b c` answers `DELETED` and
//! leaves `b` and `c` alive. Its documentation knows `delete <key> [noreply]` only, its older versions answer an
//! error, and libmemcached's conformance test (`memccapable -a`) asks for that error.
//!
//! Choice: one word between the key and `noreply` is accepted and ignored, because old clients send a time there;
//! anything more is `CLIENT_ERROR bad command line format` and deletes nothing.
//!
//! Refused: ignoring all words (a stale value stays while its owner reads `DELETED`); refusing the time as well
//! (clients that send it would lose every delete).
//!
//! Price: a client that sends several words behind the key and reads `DELETED` from memcached reads an error here.
//!
//! Reopen: such a client found in use.
