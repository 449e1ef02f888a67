//! Frames of the binary protocol, encoded and decoded without larder's own code.

/// A request. Its header matches its body.
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

/// A request with a key only: get, delete. An empty key stands for none.
pub fn keyed(opcode: u8, key: impl AsRef<[u8]>) -> Request {
    Request { key: key.as_ref().to_vec(), ..request(opcode) }
}

/// set, add, replace, and their quiet variants.
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

/// A request with key and value: append, prepend, SASL authentication.
pub fn valued(opcode: u8, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Request {
    Request { value: value.as_ref().to_vec(), ..keyed(opcode, key) }
}

/// A request with key and a 32-bit number: touch, gat. An empty key stands for none: flush, verbosity.
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

    /// The encoded frame.
    pub fn bytes(&self) -> Vec<u8> {
        let body = [&self.extras[..], &self.key, &self.value].concat();
        [&self.header(body.len() as u32)[..], &body].concat()
    }

    /// A header that declares a body of this length.
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
    /// One line of opcode and status, followed by extras, key and value where they are not empty, and by `cas` for a
    /// CAS unique other than 0. The opaque number is left out.
    pub fn summary(&self) -> String {
        let mut line = format!("{:02x} {:x}", self.opcode, self.status);
        if !self.extras.is_empty() {
            line.push_str(" +");
            self.extras.iter().for_each(|byte| line.push_str(&format!("{byte:02x}")));
        }
        for (name, bytes) in [("key", &self.key), ("value", &self.value)] {
            match bytes.len() {
                0 => {}
                1..=300 => line.push_str(&format!(" {name}={}", bytes.escape_ascii())),
                len => line.push_str(&format!(" {name} of {len} bytes: {}", bytes[..20].escape_ascii())),
            }
        }
        line + if self.cas == 0 { "" } else { " cas" }
    }
}

/// Removes one reply from the front of the bytes, if it is complete.
pub fn take_reply(bytes: &mut &[u8]) -> Option<Reply> {
    let (header, body) = bytes.split_first_chunk::<24>()?;
    assert_eq!((header[0], header[5]), (0x81, 0), "not the header of a reply: {}", header.escape_ascii());
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

/// The replies in the bytes. Fails if anything else follows the last one.
#[track_caller]
pub fn replies(bytes: &[u8]) -> Vec<Reply> {
    let (replies, rest) = split_replies(bytes);
    assert!(rest.is_empty(), "{}", describe_rest(&replies, rest));
    replies
}

/// The complete replies in the bytes, and the bytes after the last one.
pub fn split_replies(mut bytes: &[u8]) -> (Vec<Reply>, &[u8]) {
    let mut replies = Vec::new();
    while let Some(reply) = take_reply(&mut bytes) {
        replies.push(reply);
    }
    (replies, bytes)
}

/// Describes an incomplete reply and the one before it, for the message of a failed test.
pub fn describe_rest(replies: &[Reply], rest: &[u8]) -> String {
    let last = match replies.last() {
        Some(reply) => format!("reply {} ({} to request {})", replies.len(), reply.summary(), reply.opaque),
        None => "no reply".to_owned(),
    };
    let start = rest[..rest.len().min(40)].escape_ascii();
    format!("{} bytes of an incomplete reply follow {last}: {start}", rest.len())
}
