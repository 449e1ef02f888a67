//! Generates random valid commands over a small key space.
//!
//! The two servers assign different CAS uniques, so a unique is generated as a placeholder: `{cas3}` for the key of
//! index 3. It is replaced per server when the stream is sent. No item expires during the test: exptimes are 0, in the
//! past, or far in the future.

use fastrand::Rng;

/// Numeric values, most of them next to a change of the number of digits.
const NUMBERS: [&str; 12] =
    ["0", "1", "9", "10", "99", "100", "1000", "00012", "4000000000000000000", " 7", "7 ", "5 6"];

/// Arguments of incr and decr.
const STEPS: [&str; 8] = ["0", "1", "2", "9", "90", "1000", "00012", "1000000000"];

/// Values that incr and decr refuse, and values that look like requests.
const NO_NUMBERS: [&str; 10] = [
    "",
    "x",
    "1a",
    "-1",
    "1.5",
    "0x10",
    "18446744073709551616",
    "get a\r\nEND\r\n",
    "flush_all\r\n",
    "set a 0 0 1\r\n2\r\n",
];

/// None, in the past, or far in the future.
const EXPTIMES: [&str; 9] = ["0", "0", "0", "0", "-1", "-2147483648", "2592000", "2592001", "2147483647"];

const FLAGS: [&str; 8] = ["0", "0", "0", "1", "5", "65536", "4294967295", "0007"];

const STORAGE: [&str; 8] = ["set", "set", "set", "add", "replace", "append", "prepend", "cas"];

/// The item size limit of both servers minus the overhead of an item with a key of one byte and no flags.
const LARGEST_VALUE: usize = 1048576 - 48 - 8 - 2 - 2;

/// The generator.
pub struct RandomCommands {
    pub rng: Rng,
    pub keys: Vec<Vec<u8>>,
}

impl RandomCommands {
    pub fn new(rng: Rng) -> RandomCommands {
        let mut keys: Vec<Vec<u8>> = ["a", "b", "c", "n", "m", "key:1", "noreply", "k\tx"]
            .iter()
            .map(|key| key.as_bytes().to_vec())
            .collect();
        keys.push(b"\x01\x7f\x80\xff\rz".to_vec());
        keys.push(vec![b'l'; 250]);
        RandomCommands { rng, keys }
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.rng.usize(..from.len())]
    }

    fn key(&mut self) -> Vec<u8> {
        self.keys[self.rng.usize(..self.keys.len())].clone()
    }

    /// A valid command with its data block.
    pub fn next(&mut self) -> Vec<u8> {
        match self.rng.u32(..100) {
            0..38 => self.storage(),
            38..58 => self.retrieval(),
            58..63 => self.retrieval_with_touch(),
            63..70 => self.with_key("delete", ""),
            70..85 => {
                let delta = self.pick(&STEPS).to_owned();
                let verb = self.pick(&["incr", "incr", "decr"]);
                self.with_key(verb, &delta)
            }
            85..92 => {
                let exptime = self.pick(&EXPTIMES).to_owned();
                self.with_key("touch", &exptime)
            }
            92..94 => self.line(&["flush_all", "flush_all 0", "flush_all -1", "flush_all 100000"]),
            94..96 => self.line(&["verbosity 0", "cache_memlimit 1024", "cache_memlimit 7", "stats reset"]),
            96..98 => self.line(&["shutdown", "stats nosuch", "cache_memlimit 1000000001"]),
            _ => self.line(&["nosuch", "GET a", "bget a", "foo bar baz", "seta 0 0 1"]),
        }
    }

    fn line(&mut self, from: &[&str]) -> Vec<u8> {
        let mut line = self.pick(from).as_bytes().to_vec();
        self.end(&mut line);
        line
    }

    /// Ends a line, sometimes with noreply.
    fn end(&mut self, line: &mut Vec<u8>) {
        if self.rng.u32(..8) == 0 {
            line.extend_from_slice(b" noreply");
        }
        line.extend_from_slice(b"\r\n");
    }

    fn with_key(&mut self, verb: &str, argument: &str) -> Vec<u8> {
        let mut line = verb.as_bytes().to_vec();
        line.push(b' ');
        line.extend(self.key());
        if !argument.is_empty() {
            line.push(b' ');
            line.extend_from_slice(argument.as_bytes());
        }
        self.end(&mut line);
        line
    }

    fn retrieval(&mut self) -> Vec<u8> {
        let mut line = self.pick(&["get", "gets"]).as_bytes().to_vec();
        self.key_list(&mut line);
        line
    }

    fn retrieval_with_touch(&mut self) -> Vec<u8> {
        let mut line = self.pick(&["gat ", "gats "]).as_bytes().to_vec();
        line.extend_from_slice(self.pick(&EXPTIMES).as_bytes());
        self.key_list(&mut line);
        line
    }

    fn key_list(&mut self, line: &mut Vec<u8>) {
        let most = if self.rng.u32(..20) == 0 { 30 } else { 4 };
        for _ in 0..self.rng.usize(1..=most) {
            let key = self.key();
            // Whether a longer line is accepted depends on how the stream is split.
            if line.len() + key.len() < 1500 {
                line.push(b' ');
                line.extend(key);
            }
        }
        line.extend_from_slice(b"\r\n");
    }

    fn storage(&mut self) -> Vec<u8> {
        let verb = self.pick(&STORAGE);
        let key = self.rng.usize(..self.keys.len());
        let value = self.value();
        let mut bytes = verb.as_bytes().to_vec();
        bytes.push(b' ');
        bytes.extend_from_slice(&self.keys[key]);
        let (flags, exptime) = (self.pick(&FLAGS), self.pick(&EXPTIMES));
        bytes.extend_from_slice(format!(" {flags} {exptime} {}", value.len()).as_bytes());
        if verb == "cas" {
            let unique = match self.rng.u32(..8) {
                0 => "0".to_owned(),
                1 => "18446744073709551615".to_owned(),
                _ => format!("{{cas{key}}}"),
            };
            bytes.extend_from_slice(format!(" {unique}").as_bytes());
        }
        self.end(&mut bytes);
        bytes.extend(value);
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    pub fn value(&mut self) -> Vec<u8> {
        match self.rng.u32(..1000) {
            0..450 => self.pick(&NUMBERS).as_bytes().to_vec(),
            450..600 => self.pick(&NO_NUMBERS).as_bytes().to_vec(),
            600..980 => {
                let len = self.rng.usize(..200);
                (0..len).map(|_| self.rng.u8(..)).collect()
            }
            // Around the length above which larder receives a value directly into its page.
            980..998 => vec![b'v'; self.rng.usize(16_380..16_390)],
            _ => vec![b'w'; self.rng.usize(LARGEST_VALUE - 2..LARGEST_VALUE + 3)],
        }
    }
}
