//! # A session does no IO
//! Need: five loops parsed and dispatched requests: text, binary, login, and datagrams of both.
//! Every bound was kept in each of them, and none could be tested without a socket.
//!
//! Choice: `session::Session` holds the protocol state of one client. It executes the complete
//! requests of its input and stops when the input ends, the output is full or the work budget is
//! used up. It does no IO and reads no clock. `server` moves bytes and knows no protocol. Tests and
//! fuzzers call the session directly.
//!
//! The budget counts bytes parsed, received and sent, plus a fixed price per request and per key. A
//! retrieval is answered in parts of at most 128 keys and 15 KiB, a report in batches, a large
//! value in writes of 128 KiB. Commands of operators end their turn.
//!
//! Bounds: a client that does not read holds at most 64 KiB: 12 KiB of output, one part, one small
//! value and 20 KiB of input. A bad key cancels the whole reply of its line, so all keys of a part
//! are checked before its first reply is sent.
//!
//! Refused: a budget in time, which needs a clock read per request. A thread or coroutine per
//! connection, which costs memory for idle connections.
//!
//! Price: a long reply is built in steps, with state between them.
//!
//! Reopen: a protocol that needs two requests of one client in progress at once.
