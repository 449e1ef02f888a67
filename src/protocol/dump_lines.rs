//! The lines of the reports that list items: metadump, mgdump, cachedump.

use super::base64_key::{self, ENCODED_KEY_MAX_BYTES};
use super::percent_encoding::push_percent_encoded;
use super::reply::ReplyBuffer;

/// The fields of an item in a metadump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DumpedItem<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Unix time of expiry; `None` if the item does not expire.
    pub expires_at: Option<u64>,
    /// Unix time of the last access.
    pub last_access: u64,
    /// CAS unique.
    pub cas: u64,
    /// True if the item was fetched since it was stored.
    pub fetched: bool,
    /// Slab class.
    pub class: u32,
    /// Size of the item in bytes.
    pub bytes: u64,
    /// The client flags.
    pub flags: u32,
}

/// Appends a line of `lru_crawler metadump`, which ends in a bare LF.
pub fn push_metadump_line(out: &mut ReplyBuffer, item: &DumpedItem<'_>) {
    out.push(b"key=");
    push_percent_encoded(out, item.key);
    out.push(b" exp=");
    match item.expires_at {
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

/// Appends a line of `lru_crawler mgdump`: an `mg` request. A binary key is base64-encoded.
pub fn push_mgdump_line(out: &mut ReplyBuffer, key: &[u8], binary_key: bool) {
    out.push(b"mg ");
    if binary_key {
        out.push(base64_key::encode(key, &mut [0; ENCODED_KEY_MAX_BYTES]));
        out.push(b" b\r\n");
    } else {
        out.push(key);
        out.push(b"\r\n");
    }
}

/// Appends a line of `stats cachedump`; `expires_at` is a Unix time, or 0 if the item does not expire.
pub fn push_cachedump_line(out: &mut ReplyBuffer, key: &[u8], value_len: usize, expires_at: u64) {
    out.push(b"ITEM ");
    out.push(key);
    out.push(b" [");
    out.push_number(value_len as u64);
    out.push(b" b; ");
    out.push_number(expires_at);
    out.push(b" s]\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_memcacheds_format() {
        let mut out = ReplyBuffer::default();
        let item = DumpedItem {
            key: b"a b/\xff~",
            expires_at: None,
            last_access: 17,
            cas: 2,
            fetched: false,
            class: 1,
            bytes: 67,
            flags: 5,
        };
        push_metadump_line(&mut out, &item);
        push_metadump_line(&mut out, &DumpedItem { key: b"k", expires_at: Some(99), fetched: true, ..item });
        push_mgdump_line(&mut out, b"k", false);
        push_mgdump_line(&mut out, b"a b", true);
        push_cachedump_line(&mut out, b"k", 3, 0);
        let expected = "key=a%20b%2F%FF~ exp=-1 la=17 cas=2 fetch=no cls=1 size=67 flags=5 \n\
            key=k exp=99 la=17 cas=2 fetch=yes cls=1 size=67 flags=5 \n\
            mg k\r\nmg YSBi b\r\nITEM k [3 b; 0 s]\r\n";
        assert_eq!(out.contiguous(), Some(expected.as_bytes()));
    }
}
