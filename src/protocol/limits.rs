//! The limits of the protocols, each with its source. Each limit has a test just over it.

/// Longest key in bytes (protocol.txt, "Keys").
pub const KEY_MAX_BYTES: usize = 250;

/// Longest command line without its line end, in bytes. memcached closes the connection when it has buffered more than
/// this without a line end. The key lists of `get`, `gets`, `gat` and `gats` are exempt.
pub const LINE_MAX_BYTES: usize = 2048;

/// Longest part of a key list that is executed at once, in bytes: a line of any length needs no larger buffer.
pub const KEYS_PART_BYTES: usize = 16 * 1024;

/// Shortest line that can be a command, line end included; memcached refuses shorter ones without parsing.
pub const LINE_MIN_BYTES: usize = 4;

/// Tokens read per line; later ones, a `noreply` included, are ignored. Key lists are exempt.
pub const TOKENS_MAX: usize = 23;

/// Tokens of a meta command's line, command and key included.
pub const META_TOKENS_MAX: usize = 20;

/// Longest opaque token of a meta command in bytes, its `O` included.
pub const META_OPAQUE_MAX_BYTES: usize = 32;

/// Largest `<bytes>` that is a valid length; the value must still fit the item limit.
pub const VALUE_LENGTH_MAX: i32 = i32::MAX - 2;

/// Values up to this many bytes are buffered by the connection; longer ones are received directly into store memory.
pub const VALUE_INLINE_MAX_BYTES: usize = 16 * 1024;

/// Unsent output of a connection beyond which no further request is executed, in bytes; a large value counts in full.
pub const OUTPUT_BATCH_BYTES: usize = 12 * 1024;

/// Output of a part of a retrieval, in bytes. The first key that reaches this limit ends the part; the rest is executed
/// in a later turn of the connection.
pub const RETRIEVAL_PART_BYTES: usize = 15 * 1024;

/// Keys of a part of a retrieval.
pub const RETRIEVAL_PART_KEYS: u32 = 128;

/// Received input of a connection that is not executed yet, in bytes.
pub const INPUT_MAX_BYTES: usize = 20 * 1024;

/// Buffers of a connection to a slow reader, in bytes, without large values.
pub const HELD_MAX_BYTES: usize = 64 * 1024;

/// Bytes discarded in search of a line end after a data block of unknown length; then the connection is closed.
pub const RESYNC_MAX_BYTES: usize = LINE_MAX_BYTES;

/// Largest `verbosity`; a larger argument counts as this one.
pub const VERBOSITY_MAX: u32 = 2;

/// Smallest `cache_memlimit`, in MiB.
pub const MEMLIMIT_MIN_MIB: u32 = 8;

/// Largest `cache_memlimit`, in MiB; a larger argument is refused as a number of bytes.
pub const MEMLIMIT_MAX_MIB: u32 = 1_000_000_000;

/// Ids of slab classes in commands are below this. memcached has at most 64 classes, larder has more.
pub const SLAB_CLASSES_MAX: u32 = 256;

/// Longest reply to `stats cachedump`, in bytes.
pub const CACHEDUMP_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Largest `lru_crawler sleep`, in microseconds.
pub const CRAWLER_SLEEP_MAX_MICROS: u32 = 1_000_000;

/// Largest sum of the shares of hot and warm items in `lru tune`, in percent.
pub const LRU_PERCENT_MAX: u32 = 80;

/// Largest `slabs automove`.
pub const AUTOMOVE_MAX: u32 = 2;

/// Range of `slabs automove window`.
pub const AUTOMOVE_WINDOW: std::ops::RangeInclusive<u32> = 3..=1800;

/// Exptimes up to this many seconds are relative, larger ones are Unix times (protocol.txt, "Expiration times").
pub const EXPTIME_RELATIVE_MAX_SECS: u32 = 60 * 60 * 24 * 30;

/// Longest body of a binary frame, in bytes; a header with a larger one ends the connection.
pub const BODY_MAX_BYTES: usize = 1 << 30;

/// Longest name of a SASL mechanism, in bytes.
pub const MECHANISM_MAX_BYTES: usize = 32;

/// Longest `user password` of a text login, in bytes.
pub const LOGIN_TOKEN_MAX_BYTES: usize = 16 * 1024;

/// Failed logins after which a connection is closed.
pub const LOGIN_FAILURES_MAX: u32 = 3;

const _: () = assert!(LOGIN_TOKEN_MAX_BYTES <= VALUE_INLINE_MAX_BYTES);
/// An incomplete request leaves space for a read.
const _: () = assert!(LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4 < INPUT_MAX_BYTES);
const _: () = assert!(KEYS_PART_BYTES < INPUT_MAX_BYTES);
/// A full batch, a part of a retrieval, its last value with its line, and the pending input.
const _: () = assert!(
    OUTPUT_BATCH_BYTES + RETRIEVAL_PART_BYTES + VALUE_INLINE_MAX_BYTES + 2 * KEY_MAX_BYTES + INPUT_MAX_BYTES
        <= HELD_MAX_BYTES
);
const _: () = assert!(KEY_MAX_BYTES < LINE_MAX_BYTES && LINE_MAX_BYTES < KEYS_PART_BYTES);
