//! Generates random valid meta commands over the key space of [`RandomCommands`].
//!
//! Flags are in random order. The flag `c` is left out, because the two servers assign different CAS uniques; `C` uses
//! the placeholders of `cas`. memcached updates `l` and `h` lazily, and `t` depends on the clock, so they are left out
//! as well.

use crate::random_commands::RandomCommands;

/// None, in the past, or far in the future.
const EXPTIMES: [&str; 8] = ["0", "0", "0", "-1", "4000", "4000", "2592000", "2147483647"];

/// Flags whose result does not depend on the clock.
const RETURNED: [&str; 6] = ["k", "s", "f", "O1", "Oopaque-token", "q"];

/// A unique lower than that of every item.
pub const OLDEST_UNIQUE: u64 = 1;

const STORE_MODES: [&str; 6] = ["", "MS", "ME", "MR", "MA", "MP"];

impl RandomCommands {
    /// A valid meta command with its data block.
    pub fn next_meta(&mut self) -> Vec<u8> {
        match self.rng.u32(..100) {
            0..30 => self.meta_get(),
            30..65 => self.meta_store(),
            65..75 => self.meta_delete(),
            75..90 => self.meta_arithmetic(),
            90..94 => b"mn\r\n".to_vec(),
            _ => self.meta_bad(),
        }
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.rng.u32(..many) == 0
    }

    /// A line of command, key, `first` and the flags in random order.
    fn meta_line(&mut self, command: &str, key: &[u8], first: &str, mut flags: Vec<String>) -> Vec<u8> {
        for flag in RETURNED {
            let opaque_twice = flag.starts_with('O') && flags.iter().any(|other| other.starts_with('O'));
            if self.one_in(5) && !opaque_twice && !(flag == "s" && command == "ms") {
                flags.push(flag.to_owned());
            }
        }
        self.rng.shuffle(&mut flags);
        let mut line = [command.as_bytes(), b" ", key].concat();
        for word in std::iter::once(first.to_owned()).chain(flags).filter(|word| !word.is_empty()) {
            line.push(b' ');
            line.extend_from_slice(word.as_bytes());
        }
        line.extend_from_slice(b"\r\n");
        line
    }

    /// The index of a key and its text; sometimes in base64, with the flag for that.
    fn meta_key(&mut self, flags: &mut Vec<String>) -> (usize, Vec<u8>) {
        let at = self.rng.usize(..self.keys.len());
        // The longest key exceeds the key limit in base64.
        if self.one_in(6) && self.keys[at].len() < 180 {
            flags.push("b".to_owned());
            return (at, base64(&self.keys[at]));
        }
        (at, self.keys[at].clone())
    }

    fn meta_compare(&mut self, key: usize, flags: &mut Vec<String>, one_in: u32) {
        if self.one_in(one_in) {
            flags.push(match self.rng.u32(..6) {
                0 => "C0".to_owned(),
                1 => "C18446744073709551615".to_owned(),
                2 => format!("C{OLDEST_UNIQUE}"),
                _ => format!("C{{cas{key}}}"),
            });
        }
    }

    fn meta_exptime(&mut self, letter: &str, flags: &mut Vec<String>, one_in: u32) {
        if self.one_in(one_in) {
            let exptime = EXPTIMES[self.rng.usize(..EXPTIMES.len())];
            flags.push(format!("{letter}{exptime}"));
        }
    }

    fn meta_get(&mut self) -> Vec<u8> {
        let mut flags = Vec::new();
        let (_, key) = self.meta_key(&mut flags);
        if !self.one_in(4) {
            flags.push("v".to_owned());
        }
        if self.one_in(8) {
            flags.push("u".to_owned());
        }
        self.meta_exptime("T", &mut flags, 8);
        self.meta_exptime("N", &mut flags, 8);
        if self.one_in(8) {
            flags.push(["R0", "R-1", "R30", "R10000", "R10000"][self.rng.usize(..5)].to_owned());
        }
        self.meta_line("mg", &key, "", flags)
    }

    fn meta_store(&mut self) -> Vec<u8> {
        let value = self.value();
        let mut flags = Vec::new();
        let (at, key) = self.meta_key(&mut flags);
        let mode = STORE_MODES[self.rng.usize(..STORE_MODES.len())];
        if !mode.is_empty() {
            flags.push(mode.to_owned());
        }
        self.meta_compare(at, &mut flags, 4);
        self.meta_exptime("T", &mut flags, 3);
        if self.one_in(3) {
            flags.push(["F0", "F5", "F4294967295"][self.rng.usize(..3)].to_owned());
        }
        if self.one_in(4) {
            flags.push("I".to_owned());
        }
        let mut bytes = self.meta_line("ms", &key, &value.len().to_string(), flags);
        bytes.extend(value);
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    fn meta_delete(&mut self) -> Vec<u8> {
        let mut flags = Vec::new();
        let (at, key) = self.meta_key(&mut flags);
        self.meta_compare(at, &mut flags, 3);
        self.meta_exptime("T", &mut flags, 4);
        if self.one_in(3) {
            flags.push("I".to_owned());
        }
        self.meta_line("md", &key, "", flags)
    }

    fn meta_arithmetic(&mut self) -> Vec<u8> {
        let mut flags = Vec::new();
        let (at, key) = self.meta_key(&mut flags);
        self.meta_compare(at, &mut flags, 6);
        self.meta_exptime("N", &mut flags, 4);
        for choices in [["v", "", "v"], ["MI", "MD", "M-"], ["D0", "D90", ""], ["J5", "J100", ""]] {
            let flag = choices[self.rng.usize(..3)];
            if !flag.is_empty() {
                flags.push(flag.to_owned());
            }
        }
        self.meta_line("ma", &key, "", flags)
    }

    /// Lines that both versions refuse with the same error.
    fn meta_bad(&mut self) -> Vec<u8> {
        const LINES: [&str; 14] = [
            "mg a v v\r\n",
            "mg a z\r\n",
            "mg a _\r\n",
            "mg a Nx Jx\r\n",
            "mg a F\r\n",
            "mg Zg b\r\n",
            "mg a O12345678901234567890123456789012\r\n",
            "md a O12345678901234567890123456789012\r\n",
            "ms a 3 z\r\nabc\r\n",
            "ms a 3 MQ\r\nmn\n\r\n",
            "ms a 3 Jx q\r\nabc\r\n",
            "ma a MQ\r\n",
            "ma a v v\r\n",
            "mx a\r\n",
        ];
        LINES[self.rng.usize(..LINES.len())].as_bytes().to_vec()
    }
}

/// Encodes without larder's own code.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let sextet = bits >> (18 - 6 * place) & 63;
            text.push(if place <= group.len() { ALPHABET[sextet as usize] } else { b'=' });
        }
    }
    text
}
