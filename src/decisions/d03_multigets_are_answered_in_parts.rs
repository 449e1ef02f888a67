//! # Output is cut inside a key list
//! Need: one `get` line may name a value thousands of times; a client that asks and never reads must not make the
//! server hold all of it, and a line of keys may be longer than any buffer.
//!
//! Choice: a retrieval is executed key by key until 15 KiB of replies have gathered or 128 keys were looked up, then
//! sent, then resumed where it stopped (`decisions::d22`); a key list longer than 16 KiB is executed in parts of that
//! size. While replies wait to be sent, nothing is read. So a connection holds at most one part of a list and one batch
//! of replies (large values by reference), whatever it asks for.
//!
//! Refused: memcached's way (an unbounded line buffer and one reply object per key).
//!
//! Price: an over-long key late in a very long list is refused after values of earlier parts were sent.
//!
//! Reopen: never for speed; the sizes may change with measured batch sizes.
