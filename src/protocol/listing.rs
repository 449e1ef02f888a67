//! The lines of the reports that list items: metadump, mgdump, cachedump.

use super::encoded_key::{self, ENCODED_ROOM_BYTES};
use super::reply::ReplyBuffer;

/// What a metadump says of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Unix time when it dies; `None` if never.
    pub dies_at: Option<u64>,
    /// Unix time of the last access.
    pub last_access: u64,
    /// CAS unique.
    pub cas: u64,
    /// It was fetched before.
    pub fetched: bool,
    /// Slab class.
    pub class: u32,
    /// Bytes it takes.
    pub bytes: u64,
    /// The client's 32 bits.
    pub flags: u32,
}

/// A line of `lru_crawler metadump`, which ends in a bare LF.
pub fn push_metadump_line(out: &mut ReplyBuffer, item: &Listed<'_>) {
    out.push(b"key=");
    push_uri_encoded(out, item.key);
    out.push(b" exp=");
    match item.dies_at {
        Some(unix) => out.push_number(unix),
        None => out.push(b"-1"),
    }
    out.push(b" la=");
    out.push_number(item.last_access);
    out.push(b" cas=");
    out.push_number(item.cas);
    out.push(if item.fetched { b" fetch=yes cls=" } else { b" fetch=no cls=" });
    out.push_number(u64::from(item.class));
    out.push(b" size=");
    out.push_number(item.bytes);
    out.push(b" flags=");
    out.push_number(u64::from(item.flags));
    out.push(b" \n");
}

/// A line of `lru_crawler mgdump`: a request of the meta protocol. A key that came encoded goes encoded.
pub fn push_mgdump_line(out: &mut ReplyBuffer, key: &[u8], binary: bool) {
    out.push(b"mg ");
    if binary {
        out.push(encoded_key::encode(key, &mut [0; ENCODED_ROOM_BYTES]));
        out.push(b" b\r\n");
    } else {
        out.push(key);
        out.push(b"\r\n");
    }
}

/// A line of `stats cachedump`; a Unix time of 0 is never.
pub fn push_cachedump_line(out: &mut ReplyBuffer, key: &[u8], value_len: usize, dies_at: u64) {
    out.push(b"ITEM ");
    out.push(key);
    out.push(b" [");
    out.push_number(value_len as u64);
    out.push(b" b; ");
    out.push_number(dies_at);
    out.push(b" s]\r\n");
}

/// Appends bytes with everything encoded that is not an unreserved character of RFC 3986.
pub fn push_uri_encoded(out: &mut ReplyBuffer, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_plain(byte)) {
        let byte = rest[at];
        out.push(&rest[..at]);
        out.push(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        rest = &rest[at + 1..];
    }
    out.push(rest);
}

/// Bytes encoded as by [`push_uri_encoded`].
pub fn uri_encoded(bytes: &[u8]) -> String {
    let mut out = ReplyBuffer::default();
    push_uri_encoded(&mut out, bytes);
    String::from_utf8_lossy(out.plain().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_form_of_memcached() {
        let mut out = ReplyBuffer::default();
        let item = Listed {
            key: b"a b/\xff~",
            dies_at: None,
            last_access: 17,
            cas: 2,
            fetched: false,
            class: 1,
            bytes: 67,
            flags: 5,
        };
        push_metadump_line(&mut out, &item);
        push_metadump_line(&mut out, &Listed { key: b"k", dies_at: Some(99), fetched: true, ..item });
        push_mgdump_line(&mut out, b"k", false);
        push_mgdump_line(&mut out, b"a b", true);
        push_cachedump_line(&mut out, b"k", 3, 0);
        let expected = "key=a%20b%2F%FF~ exp=-1 la=17 cas=2 fetch=no cls=1 size=67 flags=5 \n\
            key=k exp=99 la=17 cas=2 fetch=yes cls=1 size=67 flags=5 \n\
            mg k\r\nmg YSBi b\r\nITEM k [3 b; 0 s]\r\n";
        assert_eq!(out.plain(), Some(expected.as_bytes()));
    }
}
