//! # A session does no IO
//! Need: five loops pulled frames and dispatched them (connections by text, by binary and before a login, datagrams by
//! text and by binary). Each bound had to be kept in each of them, and none could be tested without a socket.
//!
//! Choice: `session::Session` holds the protocol state of one client. `advance(input, output, budget)` executes what is
//! complete and stops when the input ends, the output is full or the budget is used up. It does no IO and reads no
//! clock. `server` moves bytes and knows no protocol; tests and fuzzers call the session directly.
//!
//! The budget counts bytes parsed, received and sent, and a fixed price for a request and for a key, because a turn of
//! 20 requests (`-R`) may be a megabyte. A retrieval is answered in parts of at most 128 keys and 15 KiB, a report in
//! batches, a large value in writes of 128 KiB; commands of operators end their turn.
//!
//! Bounds: 12 KiB of output, one part, one inline value and 20 KiB of input are at most 64 KiB for a client that does
//! not read. A wrong key takes back the whole answer of its line, so the first part is sent only after all keys of the
//! frame (at most 16 KiB) were looked at.
//!
//! Refused: a budget of time (a clock read per request, and tests that depend on it); connections with threads or
//! coroutines of their own (memory of idle connections).
//!
//! Reopen: when a protocol needs two requests of one client under way at once.
