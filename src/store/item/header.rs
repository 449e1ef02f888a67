//! An item in a chunk, byte by byte.
//!
//! ```text
//! offset  bytes  field
//!      0      2  bits: 0..2 use count (0 to 3), 2 probation, 3 fetched, 4 has CAS, 5 has flags, 6 has deadline,
//!                7 occupied, 8 stale, 9 won, 10 binary key, 11..16 generation of last use (`eviction/recency.rs`)
//!      2      1  key length (1 to 250)
//!      3      2  value length
//!      5      4  last access, seconds
//!      9      8  CAS unique         if kept
//!      .      4  client flags       if not 0
//!      .      4  deadline, seconds  if it can have one
//!      .         key, then value
//! ```
//! All numbers are little-endian. A plain item with CAS has a header of 17 bytes, a full one of 25. A free chunk has
//! bits 0 and, in bytes 2 to 4, the index of the next free chunk of its page.
//!
//! Knows the bytes of one chunk, not its page.

use crate::clock::{Deadline, Now};

const BITS: usize = 0;
const KEY_LEN: usize = 2;
const VALUE_LEN: usize = 3;
const LAST_ACCESS: usize = 5;
/// Bytes of the fields that every item has.
pub const FIXED_BYTES: usize = 9;
/// Bytes of the longest header.
pub const HEADER_MAX_BYTES: usize = FIXED_BYTES + CAS_BYTES + FLAGS_BYTES + DEADLINE_BYTES;
const CAS_BYTES: usize = 8;
const FLAGS_BYTES: usize = 4;
const DEADLINE_BYTES: usize = 4;

const USE_MASK: u16 = 0b11;
const PROBATION: u16 = 1 << 2;
const FETCHED: u16 = 1 << 3;
const HAS_CAS: u16 = 1 << 4;
const HAS_FLAGS: u16 = 1 << 5;
const HAS_DEADLINE: u16 = 1 << 6;
const OCCUPIED: u16 = 1 << 7;
const STALE: u16 = 1 << 8;
const WON: u16 = 1 << 9;
const BINARY_KEY: u16 = 1 << 10;
const MARKS: u16 = STALE | WON | BINARY_KEY;
/// Stamp and marks share a byte, so that the stamp is accessed without the other bits.
const STAMP: usize = BITS + 1;
const STAMP_SHIFT: u32 = 3;
/// The stamp of an item that was not used since it was stored; the largest stamp.
pub const UNUSED_STAMP: u8 = 31;

/// Number of optional fields. Their bits are adjacent, with the CAS unique lowest.
const OPTIONAL_FIELDS: usize = 3;

/// Header size by the bits of the optional fields, in bytes.
const HEADER_BYTES: [u8; 1 << OPTIONAL_FIELDS] = {
    let mut bytes = [FIXED_BYTES as u8; 1 << OPTIONAL_FIELDS];
    let mut fields = 0;
    while fields < bytes.len() {
        let bits = fields as u16 * HAS_CAS;
        bytes[fields] += if bits & HAS_CAS != 0 { CAS_BYTES as u8 } else { 0 };
        bytes[fields] += if bits & HAS_FLAGS != 0 { FLAGS_BYTES as u8 } else { 0 };
        bytes[fields] += if bits & HAS_DEADLINE != 0 { DEADLINE_BYTES as u8 } else { 0 };
        fields += 1;
    }
    bytes
};

const _: () = assert!(HAS_FLAGS == HAS_CAS << 1 && HAS_DEADLINE == HAS_CAS << 2);
const _: () = assert!(HEADER_MAX_BYTES <= 26 && FIXED_BYTES + CAS_BYTES == 17);

/// State of an item that meta commands set.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ItemMarks {
    /// Invalidated, but kept until a client replaces it.
    pub stale: bool,
    /// A client was told to replace it.
    pub won: bool,
    /// The key was received base64-encoded, because it may not fit a text line.
    pub binary_key: bool,
}

impl ItemMarks {
    fn bits(self) -> u16 {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        bit(self.stale, STALE) | bit(self.won, WON) | bit(self.binary_key, BINARY_KEY)
    }

    fn of_bits(bits: u16) -> ItemMarks {
        ItemMarks { stale: bits & STALE != 0, won: bits & WON != 0, binary_key: bits & BINARY_KEY != 0 }
    }
}

/// The fields of an item besides key and value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fields {
    /// The client's flags.
    pub flags: u32,
    /// CAS unique; 0 if none is kept.
    pub cas: u64,
    /// When it expires.
    pub deadline: Deadline,
    /// True if the header has space for a deadline even if there is none.
    pub keep_deadline: bool,
    /// When it was last read or written.
    pub last_access: Now,
    /// Read since it was written.
    pub fetched: bool,
    /// Uses since the clock hand last passed, at most 3.
    pub uses: u8,
    /// On probation: not used since it was stored.
    pub probation: bool,
    /// The generation of its last use, by [`Recency`](crate::store::eviction::Recency).
    pub stamp: u8,
    /// State set by meta commands.
    pub marks: ItemMarks,
}

impl Fields {
    /// The fields of a new item.
    pub fn unused(flags: u32, cas: u64, deadline: Deadline, keep_deadline: bool, now: Now) -> Fields {
        Fields {
            flags,
            cas,
            deadline,
            keep_deadline,
            last_access: now,
            fetched: false,
            uses: 0,
            probation: true,
            stamp: UNUSED_STAMP,
            marks: ItemMarks::default(),
        }
    }

    /// Bytes of the header.
    pub fn header_bytes(&self) -> usize {
        FIXED_BYTES
            + if self.cas != 0 { CAS_BYTES } else { 0 }
            + if self.flags != 0 { FLAGS_BYTES } else { 0 }
            + if self.has_deadline() { DEADLINE_BYTES } else { 0 }
    }

    /// Bytes of the whole item.
    pub fn item_bytes(&self, key_len: usize, value_len: usize) -> usize {
        self.header_bytes() + key_len + value_len
    }

    fn has_deadline(&self) -> bool {
        self.keep_deadline || !self.deadline.is_never()
    }

    fn bits(&self) -> u16 {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        OCCUPIED
            | u16::from(self.uses.min(USE_MASK as u8))
            | bit(self.probation, PROBATION)
            | bit(self.fetched, FETCHED)
            | bit(self.cas != 0, HAS_CAS)
            | bit(self.flags != 0, HAS_FLAGS)
            | bit(self.has_deadline(), HAS_DEADLINE)
            | self.marks.bits()
            | u16::from(self.stamp << STAMP_SHIFT) << 8
    }
}

/// Reads a field with one bounds check.
fn read<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a range of N bytes")
}

fn read_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(read(bytes, at))
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(read(bytes, at))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(read(bytes, at))
}

/// True if the chunk holds an item.
pub fn is_occupied(chunk: &[u8]) -> bool {
    chunk[BITS] & OCCUPIED as u8 != 0
}

/// Marks a chunk as free and links it to the next free chunk of its page.
pub fn set_free(chunk: &mut [u8], next: u16) {
    chunk[BITS..BITS + 2].fill(0);
    chunk[KEY_LEN..KEY_LEN + 2].copy_from_slice(&next.to_le_bytes());
}

/// The chunk that a free chunk links to.
pub fn next_free(chunk: &[u8]) -> u16 {
    read_u16(chunk, KEY_LEN)
}

/// Writes an item; the chunk must be large enough.
pub fn write(chunk: &mut [u8], fields: &Fields, key: &[u8], value: &[u8]) {
    let key_at = write_header(chunk, fields, key.len(), value.len());
    let value_at = key_at + key.len();
    chunk[key_at..value_at].copy_from_slice(key);
    chunk[value_at..value_at + value.len()].copy_from_slice(value);
}

/// Writes a header and returns the offset of the key.
fn write_header(chunk: &mut [u8], fields: &Fields, key_len: usize, value_len: usize) -> usize {
    chunk[BITS..BITS + 2].copy_from_slice(&fields.bits().to_le_bytes());
    chunk[KEY_LEN] = key_len as u8;
    chunk[VALUE_LEN..VALUE_LEN + 2].copy_from_slice(&(value_len as u16).to_le_bytes());
    chunk[LAST_ACCESS..LAST_ACCESS + 4].copy_from_slice(&fields.last_access.secs().to_le_bytes());
    let mut at = FIXED_BYTES;
    if fields.cas != 0 {
        chunk[at..at + CAS_BYTES].copy_from_slice(&fields.cas.to_le_bytes());
        at += CAS_BYTES;
    }
    if fields.flags != 0 {
        chunk[at..at + FLAGS_BYTES].copy_from_slice(&fields.flags.to_le_bytes());
        at += FLAGS_BYTES;
    }
    if fields.has_deadline() {
        chunk[at..at + DEADLINE_BYTES].copy_from_slice(&fields.deadline.secs().to_le_bytes());
        at += DEADLINE_BYTES;
    }
    at
}

/// Notes a use: raises the use count up to 3 and sets the last access. Returns true if the count was 0.
pub fn note_use(chunk: &mut [u8], now: Now) -> bool {
    let bits = chunk[BITS];
    let uses = bits & USE_MASK as u8;
    chunk[BITS] = if uses == USE_MASK as u8 { bits } else { bits + 1 };
    note_access(chunk, now);
    uses == 0
}

/// Notes that the value was replaced, which counts as a use without a read.
pub fn note_rewrite(chunk: &mut [u8]) {
    chunk[BITS] += u8::from(chunk[BITS] & USE_MASK as u8 != USE_MASK as u8);
}

/// Like [`note_use`], and notes that the value was read.
pub fn note_hit(chunk: &mut [u8], now: Now) -> bool {
    chunk[BITS] |= FETCHED as u8;
    note_use(chunk, now)
}

/// Sets the time of the last access.
pub fn note_access(chunk: &mut [u8], now: Now) {
    chunk[LAST_ACCESS..LAST_ACCESS + 4].copy_from_slice(&now.secs().to_le_bytes());
}

/// Sets the use count and the probation bit, as the clock hand does.
pub fn set_eviction_state(chunk: &mut [u8], uses: u8, probation: bool) {
    let kept = chunk[BITS] & !(USE_MASK as u8 | PROBATION as u8);
    chunk[BITS] = kept | uses | if probation { PROBATION as u8 } else { 0 };
}

/// Sets the generation of the last use.
pub fn set_stamp(chunk: &mut [u8], stamp: u8) {
    chunk[STAMP] = chunk[STAMP] & ((1 << STAMP_SHIFT) - 1) | stamp << STAMP_SHIFT;
}

/// Sets the marks.
pub fn set_marks(chunk: &mut [u8], marks: ItemMarks) {
    let bits = read_u16(chunk, BITS) & !MARKS | marks.bits();
    chunk[BITS..BITS + 2].copy_from_slice(&bits.to_le_bytes());
}

/// Changes the deadline if the header has space for it; else returns false and changes nothing.
#[must_use]
pub fn set_deadline(chunk: &mut [u8], deadline: Deadline) -> bool {
    let item = Item(chunk);
    if item.bits() & HAS_DEADLINE == 0 {
        return deadline.is_never();
    }
    let at = item.key_at() - DEADLINE_BYTES;
    chunk[at..at + DEADLINE_BYTES].copy_from_slice(&deadline.secs().to_le_bytes());
    true
}

/// An item read from its chunk.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a>(pub &'a [u8]);

impl<'a> Item<'a> {
    fn bits(self) -> u16 {
        read_u16(self.0, BITS)
    }

    fn key_at(self) -> usize {
        header_bytes(self.bits())
    }

    /// All fields and the value, decoded with one read of the bits. Inlined, so that unused fields cost nothing.
    #[inline(always)]
    pub fn read(self) -> (Fields, &'a [u8]) {
        let bits = self.bits();
        let (header, rest) = self.0.split_at(header_bytes(bits));
        let value_at = usize::from(header[KEY_LEN]);
        let value = &rest[value_at..value_at + usize::from(read_u16(header, VALUE_LEN))];
        let has = |bit: u16| bits & bit != 0;
        let flags_at = FIXED_BYTES + if has(HAS_CAS) { CAS_BYTES } else { 0 };
        let fields = Fields {
            flags: if has(HAS_FLAGS) { read_u32(header, flags_at) } else { 0 },
            cas: if has(HAS_CAS) { read_u64(header, FIXED_BYTES) } else { 0 },
            deadline: match has(HAS_DEADLINE) {
                true => Deadline::from_secs(read_u32(header, header.len() - DEADLINE_BYTES)),
                false => Deadline::NEVER,
            },
            keep_deadline: has(HAS_DEADLINE),
            last_access: Now::from_secs(read_u32(header, LAST_ACCESS)),
            fetched: has(FETCHED),
            uses: (bits & USE_MASK) as u8,
            probation: has(PROBATION),
            stamp: (bits >> 8) as u8 >> STAMP_SHIFT,
            marks: ItemMarks::of_bits(bits),
        };
        (fields, value)
    }

    /// The key.
    pub fn key(self) -> &'a [u8] {
        let at = self.key_at();
        &self.0[at..at + self.0[KEY_LEN] as usize]
    }

    /// The value.
    pub fn value(self) -> &'a [u8] {
        let at = self.key_at() + self.0[KEY_LEN] as usize;
        &self.0[at..at + read_u16(self.0, VALUE_LEN) as usize]
    }

    /// Bytes of header, key and value.
    pub fn bytes(self) -> usize {
        self.key_at() + self.0[KEY_LEN] as usize + read_u16(self.0, VALUE_LEN) as usize
    }

    /// When it expires.
    pub fn deadline(self) -> Deadline {
        if self.bits() & HAS_DEADLINE == 0 {
            return Deadline::NEVER;
        }
        Deadline::from_secs(read_u32(self.0, self.key_at() - DEADLINE_BYTES))
    }

    /// Uses since the clock hand last passed.
    pub fn uses(self) -> u8 {
        (self.bits() & USE_MASK) as u8
    }

    /// True if it is on probation: not used since it was stored.
    pub fn probation(self) -> bool {
        self.bits() & PROBATION != 0
    }

    /// The generation of its last use.
    pub fn stamp(self) -> u8 {
        self.0[STAMP] >> STAMP_SHIFT
    }

    /// Read since it was written.
    pub fn fetched(self) -> bool {
        self.bits() & FETCHED != 0
    }

    /// CAS unique; 0 if none is kept.
    pub fn cas(self) -> u64 {
        if self.bits() & HAS_CAS == 0 { 0 } else { read_u64(self.0, FIXED_BYTES) }
    }

    /// State set by meta commands.
    pub fn marks(self) -> ItemMarks {
        ItemMarks::of_bits(self.bits())
    }

    /// When it was last read or written.
    pub fn last_access(self) -> Now {
        Now::from_secs(read_u32(self.0, LAST_ACCESS))
    }

    /// All fields.
    pub fn fields(self) -> Fields {
        self.read().0
    }
}

/// Bytes of the header with these bits.
fn header_bytes(bits: u16) -> usize {
    usize::from(HEADER_BYTES[usize::from(bits / HAS_CAS % (1 << OPTIONAL_FIELDS))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(flags: u32, cas: u64, deadline: u32) -> Fields {
        Fields {
            flags,
            cas,
            deadline: Deadline::from_secs(deadline),
            keep_deadline: deadline != 0,
            last_access: Now::from_secs(77),
            fetched: false,
            uses: 0,
            probation: true,
            stamp: flags as u8 % 32,
            marks: ItemMarks { stale: flags == 1, won: cas == 2, binary_key: deadline == 1 },
        }
    }

    #[test]
    fn an_item_reads_back_as_written_with_every_set_of_optional_fields() {
        for flags in [0, 1, u32::MAX] {
            for cas in [0, 2, u64::MAX] {
                for deadline in [0, 1, u32::MAX] {
                    let fields = fields(flags, cas, deadline);
                    let mut chunk = vec![0xff; fields.item_bytes(3, 5)];
                    write(&mut chunk, &fields, b"key", b"value");
                    let item = Item(&chunk);
                    assert!(is_occupied(&chunk));
                    assert_eq!(item.fields(), fields);
                    assert_eq!((item.key(), item.value()), (&b"key"[..], &b"value"[..]));
                    assert_eq!(item.bytes(), chunk.len());
                }
            }
        }
    }

    #[test]
    fn set_marks_changes_nothing_else() {
        let mut chunk = vec![0; 64];
        write(&mut chunk, &fields(3, 2, 9), b"k", b"v");
        note_use(&mut chunk, Now::from_secs(78));
        let before = Item(&chunk).fields();
        for bits in 0..8 {
            let marks = ItemMarks { stale: bits & 1 != 0, won: bits & 2 != 0, binary_key: bits & 4 != 0 };
            set_marks(&mut chunk, marks);
            assert_eq!(Item(&chunk).fields(), Fields { marks, ..before });
        }
    }

    #[test]
    fn headers_have_the_documented_sizes() {
        assert_eq!(fields(0, 0, 0).header_bytes(), 9);
        assert_eq!(fields(0, 2, 0).header_bytes(), 17);
        assert_eq!(fields(7, 2, 9).header_bytes(), 25);
    }

    #[test]
    fn the_use_count_stops_at_three_and_the_first_use_is_reported() {
        let mut chunk = vec![0; 64];
        write(&mut chunk, &fields(0, 2, 0), b"k", b"");
        let first: Vec<bool> = (0..5).map(|_| note_hit(&mut chunk, Now::from_secs(80))).collect();
        assert_eq!(first, [true, false, false, false, false]);
        let item = Item(&chunk);
        assert_eq!((item.uses(), item.fetched(), item.probation()), (3, true, true));
        assert_eq!(item.last_access(), Now::from_secs(80));
        set_eviction_state(&mut chunk, 1, false);
        let item = Item(&chunk);
        assert_eq!((item.uses(), item.fetched(), item.probation()), (1, true, false));
    }

    #[test]
    fn a_deadline_changes_in_place_only_if_the_header_has_space() {
        let mut chunk = vec![0; 64];
        write(&mut chunk, &fields(3, 2, 9), b"k", b"v");
        assert!(set_deadline(&mut chunk, Deadline::NEVER));
        assert!(set_deadline(&mut chunk, Deadline::from_secs(11)));
        assert_eq!(Item(&chunk).deadline(), Deadline::from_secs(11));
        assert_eq!(Item(&chunk).value(), b"v");
        write(&mut chunk, &fields(3, 2, 0), b"k", b"v");
        assert!(set_deadline(&mut chunk, Deadline::NEVER));
        assert!(!set_deadline(&mut chunk, Deadline::from_secs(11)));
    }

    #[test]
    fn a_free_chunk_is_not_occupied_and_links_to_the_next() {
        let mut chunk = vec![0xff; 48];
        set_free(&mut chunk, 1234);
        assert!(!is_occupied(&chunk));
        assert_eq!(next_free(&chunk), 1234);
    }
}
