//! Generates random valid requests of the binary protocol over a small key space.
//!
//! No item expires during the test, and numbers stay small. incr and decr have keys of their own, whose values are
//! never blank and never appended to, because 1.6.18 reads past such a value.

use crate::frames::{Request, arithmetic, keyed, numbered, request, store, valued};
use fastrand::Rng;
use std::fmt;

/// A CAS unique for keys without an item; larger than any real one.
pub const NO_UNIQUE: u64 = 999_999_999_999;

/// The index of the first key with a number.
const NUMBERS_FROM: usize = 6;

const VALUES_OF_NUMBERS: [&str; 10] = ["0", "1", "9", "10", "99", "100", "00012", "x", "1a", "-1"];

/// Unsigned: never, in 30 days, in January 1970, in 2106.
const EXPTIMES: [u32; 6] = [0, 0, 0, 2_592_000, 2_592_001, u32::MAX];

const FLAGS: [u32; 4] = [0, 0, 5, u32::MAX];

/// The item size limit of both servers minus the overhead of an item with a key of one byte and no flags.
const LARGEST_VALUE: usize = 1048576 - 48 - 8 - 2 - 2;

/// A request whose CAS unique is set per server.
pub struct Planned {
    request: Request,
    /// The index of the key whose unique it gets.
    unique_of: Option<usize>,
}

impl Planned {
    /// The requests for larder and for memcached.
    pub fn filled_in(&self, current: &[(u64, u64)]) -> (Request, Request) {
        let (larder, oracle) =
            self.unique_of.map_or((self.request.cas, self.request.cas), |key| current[key]);
        (self.request.clone().cas(larder), self.request.clone().cas(oracle))
    }

    /// True for incr and decr.
    pub fn is_arithmetic(&self) -> bool {
        matches!(self.request.opcode, 0x05 | 0x06 | 0x15 | 0x16)
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { opcode, cas, extras, key, value, .. } = &self.request;
        let value_start = &value[..value.len().min(60)];
        write!(f, "{opcode:02x} +{} {} ", extras.escape_ascii(), key.escape_ascii())?;
        write!(
            f,
            "{} ({} bytes), cas {cas} or of {:?}",
            value_start.escape_ascii(),
            value.len(),
            self.unique_of
        )
    }
}

/// The generator.
pub struct Frames {
    pub rng: Rng,
    pub keys: Vec<Vec<u8>>,
}

impl Frames {
    pub fn new(rng: Rng) -> Frames {
        let mut keys: Vec<Vec<u8>> = vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
        keys.push(b"\0 \r\n\xff".to_vec());
        keys.push(vec![b'l'; 250]);
        keys.push(b"key:1".to_vec());
        keys.extend([b"n".to_vec(), b"m".to_vec(), b"number".to_vec()]);
        Frames { rng, keys }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    /// The opcode or its quiet variant.
    fn one_of(&mut self, loud: u8, quiet: u8) -> u8 {
        if self.rng.u32(..3) == 0 { quiet } else { loud }
    }

    /// The next valid request.
    pub fn next(&mut self) -> Planned {
        let key = self.rng.usize(..self.keys.len());
        let name = self.keys[key].clone();
        let request = match self.rng.u32(..100) {
            0..36 => self.store(key, &name),
            36..44 if key < NUMBERS_FROM => {
                let opcode = self.pick(&[0x0e, 0x0f, 0x19, 0x1a]);
                valued(opcode, name, self.value())
            }
            36..62 => {
                let opcode = self.pick(&[0x00, 0x09, 0x0c, 0x0d]);
                return Planned { request: keyed(opcode, name), unique_of: None };
            }
            62..70 => {
                let (opcode, exptime) = (self.pick(&[0x1c, 0x1d, 0x1e, 0x23, 0x24]), self.pick(&EXPTIMES));
                return Planned { request: numbered(opcode, name, exptime), unique_of: None };
            }
            70..77 => keyed(self.one_of(0x04, 0x14), name),
            77..92 if key >= NUMBERS_FROM => self.count(&name),
            77..94 => self.store(key, &name),
            94..96 => request(self.one_of(0x08, 0x18)),
            96..98 => keyed(0x10, self.pick(&["nosuch", "detail", "conns"])),
            _ => self.pick_other(),
        };
        let wants_unique = !request.key.is_empty() && self.rng.u32(..4) == 0 && request.opcode != 0x10;
        let unique_of = (wants_unique && self.rng.u32(..5) > 0).then_some(key);
        let cas = if wants_unique { NO_UNIQUE } else { 0 };
        Planned { request: request.cas(cas), unique_of }
    }

    fn store(&mut self, key: usize, name: &[u8]) -> Request {
        let (loud, quiet) = self.pick(&[(0x01, 0x11), (0x01, 0x11), (0x02, 0x12), (0x03, 0x13)]);
        let value = if key < NUMBERS_FROM { self.value() } else { self.pick(&VALUES_OF_NUMBERS).into() };
        let (flags, exptime) = (self.pick(&FLAGS), self.pick(&EXPTIMES));
        store(self.one_of(loud, quiet), name, flags, exptime, value)
    }

    fn count(&mut self, name: &[u8]) -> Request {
        let (loud, quiet) = self.pick(&[(0x05, 0x15), (0x05, 0x15), (0x06, 0x16)]);
        let (delta, initial) = (self.pick(&[0, 1, 9, 90, 1_000_000_000]), self.pick(&[0, 7, 99]));
        let exptime = self.pick(&[0, 0, 2_592_001, u32::MAX]);
        arithmetic(self.one_of(loud, quiet), name, delta, initial, exptime)
    }

    /// Commands without a key, and unknown commands that memcached skips correctly.
    fn pick_other(&mut self) -> Request {
        let unknown = self.pick(&[0x30, 0x3c, 0x77, 0xff]);
        match self.rng.u32(..4) {
            0 => request(0x0a),
            1 => request(unknown),
            2 => valued(unknown, "", "a value"),
            _ => sasl(self.pick(&[0x20, 0x21, 0x22])),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.rng.u32(..1000) {
            0..980 => {
                let len = self.rng.usize(..200);
                (0..len).map(|_| self.rng.u8(..)).collect()
            }
            // Around the length above which larder receives a value directly into its page.
            980..998 => vec![b'v'; self.rng.usize(16_380..16_390)],
            _ => vec![b'w'; self.rng.usize(LARGEST_VALUE - 2..LARGEST_VALUE + 3)],
        }
    }
}

/// A valid SASL request; SASL is disabled.
fn sasl(opcode: u8) -> Request {
    if opcode == 0x20 { request(opcode) } else { valued(opcode, "PLAIN", "\0user\0password") }
}
