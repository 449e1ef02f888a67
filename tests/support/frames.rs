//! Frames of the binary protocol, made and read without larder's own code.

/// A request in the making; its header tells the truth unless it is damaged afterwards.
#[derive(Clone, Debug)]
pub struct Request {
    pub opcode: u8,
    pub opaque: u32,
    pub cas: u64,
    pub extras: Vec<u8>,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// A request without a body.
pub fn request(opcode: u8) -> Request {
    Request { opcode, opaque: 0, cas: 0, extras: Vec::new(), key: Vec::new(), value: Vec::new() }
}

/// A request with a key alone: get, delete, and with an empty key all that takes none.
pub fn keyed(opcode: u8, key: impl AsRef<[u8]>) -> Request {
    Request { key: key.as_ref().to_vec(), ..request(opcode) }
}

/// set, add, replace, and their quiet twins.
pub fn store(
    opcode: u8,
    key: impl AsRef<[u8]>,
    flags: u32,
    exptime: u32,
    value: impl AsRef<[u8]>,
) -> Request {
    let extras = [flags.to_be_bytes(), exptime.to_be_bytes()].concat();
    Request { extras, value: value.as_ref().to_vec(), ..keyed(opcode, key) }
}

/// append, prepend, and what SASL sends.
pub fn valued(opcode: u8, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Request {
    Request { value: value.as_ref().to_vec(), ..keyed(opcode, key) }
}

/// touch, gat, and with an empty key flush and verbosity.
pub fn numbered(opcode: u8, key: impl AsRef<[u8]>, number: u32) -> Request {
    Request { extras: number.to_be_bytes().to_vec(), ..keyed(opcode, key) }
}

/// incr and decr.
pub fn arithmetic(opcode: u8, key: impl AsRef<[u8]>, delta: u64, initial: u64, exptime: u32) -> Request {
    let extras = [&delta.to_be_bytes()[..], &initial.to_be_bytes(), &exptime.to_be_bytes()].concat();
    Request { extras, ..keyed(opcode, key) }
}

impl Request {
    /// With this CAS unique.
    pub fn cas(self, cas: u64) -> Request {
        Request { cas, ..self }
    }

    /// With this opaque number.
    pub fn opaque(self, opaque: u32) -> Request {
        Request { opaque, ..self }
    }

    /// On the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let body = [&self.extras[..], &self.key, &self.value].concat();
        [&self.header(body.len() as u32)[..], &body].concat()
    }

    /// A header that says that the body has this length.
    pub fn header(&self, body_len: u32) -> Vec<u8> {
        let mut header = vec![0x80, self.opcode];
        header.extend((self.key.len() as u16).to_be_bytes());
        header.extend([self.extras.len() as u8, 0, 0, 0]);
        header.extend(body_len.to_be_bytes());
        header.extend(self.opaque.to_be_bytes());
        header.extend(self.cas.to_be_bytes());
        header
    }
}

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub opcode: u8,
    pub status: u16,
    pub opaque: u32,
    pub cas: u64,
    pub extras: Vec<u8>,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Reply {
    /// In one line: opcode, status, and what there is of extras, key, value and CAS unique. The opaque number and the
    /// size of the unique are left out.
    pub fn line(&self) -> String {
        let mut line = format!("{:02x} {:x}", self.opcode, self.status);
        if !self.extras.is_empty() {
            line.push_str(" +");
            self.extras.iter().for_each(|byte| line.push_str(&format!("{byte:02x}")));
        }
        for (name, bytes) in [("key", &self.key), ("value", &self.value)] {
            match bytes.len() {
                0 => {}
                1..=300 => line.push_str(&format!(" {name}={}", bytes.escape_ascii())),
                len => line.push_str(&format!(" {name} of {len} bytes from {}", bytes[..20].escape_ascii())),
            }
        }
        line + if self.cas == 0 { "" } else { " cas" }
    }
}

/// Takes one reply from the front of the bytes, if it is complete.
pub fn take_reply(bytes: &mut &[u8]) -> Option<Reply> {
    let (header, body) = bytes.split_first_chunk::<24>()?;
    assert_eq!((header[0], header[5]), (0x81, 0), "no header of a reply: {}", header.escape_ascii());
    let number = |range: std::ops::Range<usize>| {
        header[range].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let (key_len, extras_len, body_len) = (number(2..4) as usize, header[4] as usize, number(8..12) as usize);
    let (body, rest) = body.split_at_checked(body_len)?;
    let (extras, body) = body.split_at(extras_len);
    let (key, value) = body.split_at(key_len);
    *bytes = rest;
    Some(Reply {
        opcode: header[1],
        status: number(6..8) as u16,
        opaque: number(12..16) as u32,
        cas: number(16..24),
        extras: extras.to_vec(),
        key: key.to_vec(),
        value: value.to_vec(),
    })
}

/// All replies in the bytes, which hold nothing else.
#[track_caller]
pub fn replies(mut bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while let Some(reply) = take_reply(&mut bytes) {
        replies.push(reply);
    }
    assert!(bytes.is_empty(), "{} bytes behind the last reply", bytes.len());
    replies
}
