//! Every bound of the protocol, each with its source. A bound without a test just over it does not belong here.

/// Longest key in bytes (protocol.txt, "Keys").
pub const KEY_MAX_BYTES: usize = 250;

/// Longest command line without its line end, in bytes. memcached closes when more than this is buffered without a
/// line end; the key lists of `get`, `gets`, `gat` and `gats` are exempt.
pub const LINE_MAX_BYTES: usize = 2048;

/// A key list longer than this is executed in parts, so that a line of any length needs no more buffer than this.
pub const KEYS_PART_BYTES: usize = 16 * 1024;

/// Shortest line that is looked up as a command, line end included; memcached refuses shorter ones unseen.
pub const LINE_MIN_BYTES: usize = 4;

/// Tokens recorded per line; later ones, a `noreply` included, are ignored. Key lists are exempt.
pub const TOKENS_MAX: usize = 23;

/// Tokens of a meta command's line, command and key included.
pub const META_TOKENS_MAX: usize = 20;

/// Longest opaque token of a meta command in bytes, its `O` included.
pub const META_OPAQUE_MAX_BYTES: usize = 32;

/// Largest `<bytes>` that is a legal length; the value must still fit the item limit.
pub const VALUE_LENGTH_MAX: i32 = i32::MAX - 2;

/// Values up to this many bytes are framed in the connection's buffer; longer ones are received in place.
pub const VALUE_INLINE_MAX_BYTES: usize = 16 * 1024;

/// Output of one connection beyond which no further request is executed before it is sent, in bytes; a large value
/// counts in full.
pub const OUTPUT_BATCH_BYTES: usize = 12 * 1024;

/// A retrieval stops after a key with which it has gathered as much output, in bytes, or that is this many keys behind
/// its first one; it goes on when that was sent and others had their turn.
pub const RETRIEVAL_PART_BYTES: usize = 15 * 1024;

/// Keys of such a part.
pub const RETRIEVAL_PART_KEYS: u32 = 128;

/// What a connection may hold of input that was received and not executed, in bytes.
pub const INPUT_MAX_BYTES: usize = 20 * 1024;

/// What a connection may hold for a client that does not read, in bytes, large values apart.
pub const HELD_MAX_BYTES: usize = 64 * 1024;

/// Bytes dropped in search of a line end after a data block of unknown length, before the connection is closed.
pub const RESYNC_MAX_BYTES: usize = LINE_MAX_BYTES;

/// `verbosity` above this is taken as this.
pub const VERBOSITY_MAX: u32 = 2;

/// Smallest `cache_memlimit`, in MiB.
pub const MEMLIMIT_MIN_MIB: u32 = 8;

/// A `cache_memlimit` above this is taken for bytes and refused, in MiB.
pub const MEMLIMIT_MAX_MIB: u32 = 1_000_000_000;

/// A slab class that is named has a number below this. memcached has 64 at most; larder cuts finer.
pub const SLAB_CLASSES_MAX: u32 = 256;

/// What `stats cachedump` prints, at most, in bytes.
pub const CACHEDUMP_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Largest `lru_crawler sleep`, in microseconds.
pub const CRAWLER_SLEEP_MAX_MICROS: u32 = 1_000_000;

/// What `lru tune` may give to hot and warm items together, in percent.
pub const LRU_PERCENT_MAX: u32 = 80;

/// Largest `slabs automove`.
pub const AUTOMOVE_MAX: u32 = 2;

/// What `slabs automove window` may be.
pub const AUTOMOVE_WINDOW: std::ops::RangeInclusive<u32> = 3..=1800;

/// Exptimes up to this many seconds are relative, larger ones are Unix times (protocol.txt, "Expiration times").
pub const EXPTIME_RELATIVE_MAX_SECS: u32 = 60 * 60 * 24 * 30;

/// Longest body of a binary frame, in bytes; a header that says more ends the connection.
pub const BODY_MAX_BYTES: usize = 1 << 30;

/// Longest name of a SASL mechanism, in bytes.
pub const MECHANISM_MAX_BYTES: usize = 32;

/// Longest `user password` of a login by text, in bytes.
pub const LOGIN_TOKEN_MAX_BYTES: usize = 16 * 1024;

/// Failed logins on one connection; with the last of them it is closed.
pub const LOGIN_FAILURES_MAX: u32 = 3;

const _: () = assert!(LOGIN_TOKEN_MAX_BYTES <= VALUE_INLINE_MAX_BYTES);
/// An incomplete request leaves room for a read.
const _: () = assert!(LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4 < INPUT_MAX_BYTES);
const _: () = assert!(KEYS_PART_BYTES < INPUT_MAX_BYTES);
/// A full batch, a part of a retrieval, its last value with its line, and the input behind it.
const _: () = assert!(
    OUTPUT_BATCH_BYTES + RETRIEVAL_PART_BYTES + VALUE_INLINE_MAX_BYTES + 2 * KEY_MAX_BYTES + INPUT_MAX_BYTES
        <= HELD_MAX_BYTES
);
const _: () = assert!(KEY_MAX_BYTES < LINE_MAX_BYTES && LINE_MAX_BYTES < KEYS_PART_BYTES);
