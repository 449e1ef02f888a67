//! # Multigets are answered in parts
//! Need: one `get` line may name a large value thousands of times. A client that never reads must
//! not make the server hold all replies. A line of keys may also be longer than any buffer.
//!
//! Choice: a retrieval runs key by key until 15 KiB of replies are pending or 128 keys were looked
//! up. Then the replies are sent, and the retrieval resumes
//! ([d22](super::d22_a_session_does_no_io)). A key list longer than 16 KiB is parsed in parts of
//! that size. While replies are unsent, nothing is read. A connection holds at most one part of a
//! list and one batch of replies, with large values by reference.
//!
//! Refused: memcached's design, with an unbounded line buffer and one reply object per key.
//!
//! Price: if a key late in a very long list is too long, its error follows values that were already
//! sent.
//!
//! Reopen: the sizes may follow new measurements of batches. The bound itself stays.
