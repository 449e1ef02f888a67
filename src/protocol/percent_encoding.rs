//! Percent-encoding of keys (RFC 3986), as in `lru_crawler metadump`.

use super::reply::ReplyBuffer;

/// Appends `bytes`, with every byte encoded that is not an unreserved character of RFC 3986.
pub fn push_percent_encoded(out: &mut ReplyBuffer, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_unreserved(byte)) {
        let byte = rest[at];
        out.push(&rest[..at]);
        out.push(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        rest = &rest[at + 1..];
    }
    out.push(rest);
}

/// `bytes` percent-encoded.
pub fn percent_encoded(bytes: &[u8]) -> String {
    let mut out = ReplyBuffer::default();
    push_percent_encoded(&mut out, bytes);
    String::from_utf8_lossy(out.contiguous().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bytes_are_encoded() {
        assert_eq!(percent_encoded(b"a b/\xff~"), "a%20b%2F%FF~");
    }
}
