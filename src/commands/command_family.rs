//! The command family of a request, for latency statistics.

use super::Engine;
use crate::insight::CommandFamily;
use crate::protocol::binary::MAGIC_REQUEST;

/// The family of the request at the front of the input, by its first word or its opcode.
pub fn family_of(front: &[u8], binary: bool) -> CommandFamily {
    if binary || front.first() == Some(&MAGIC_REQUEST) {
        return front.get(1).map_or(CommandFamily::Other, |opcode| family_of_opcode(*opcode));
    }
    let word = front.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    match word {
        b"get" | b"gets" | b"gat" | b"gats" => CommandFamily::Get,
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => CommandFamily::Set,
        b"delete" => CommandFamily::Delete,
        b"incr" | b"decr" => CommandFamily::Arithmetic,
        b"touch" => CommandFamily::Touch,
        b"mg" | b"ms" | b"md" | b"ma" | b"mn" | b"me" => CommandFamily::Meta,
        _ => CommandFamily::Other,
    }
}

/// The family of an opcode of `protocol_binary.txt`; quiet commands belong to the family of their normal form.
fn family_of_opcode(opcode: u8) -> CommandFamily {
    match opcode {
        0x00 | 0x09 | 0x0c | 0x0d | 0x1d | 0x1e | 0x23 | 0x24 => CommandFamily::Get,
        0x01..=0x03 | 0x0e | 0x0f | 0x11..=0x13 | 0x19 | 0x1a => CommandFamily::Set,
        0x04 | 0x14 => CommandFamily::Delete,
        0x05 | 0x06 | 0x15 | 0x16 => CommandFamily::Arithmetic,
        0x1c => CommandFamily::Touch,
        _ => CommandFamily::Other,
    }
}

impl Engine {
    /// Records the latency of a batch for the family of its first request: the time from the last received byte until
    /// the kernel has the reply.
    pub fn record_latency(&self, worker: usize, family: CommandFamily, nanos: u64) {
        self.latencies.record(worker, family, nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_or_opcode_selects_the_family() {
        let cases: [(&[u8], CommandFamily); 9] = [
            (b"get k\r\n", CommandFamily::Get),
            (b"gats 0 k\r\n", CommandFamily::Get),
            (b"cas k 0 0 1 2\r\nx\r\n", CommandFamily::Set),
            (b"mg k v\r\n", CommandFamily::Meta),
            (b"touch k 0\r\n", CommandFamily::Touch),
            (b"stats\r\n", CommandFamily::Other),
            (b"", CommandFamily::Other),
            (b"\x80\x0d", CommandFamily::Get),
            (b"\x80\x15", CommandFamily::Arithmetic),
        ];
        for (front, family) in cases {
            assert_eq!(family_of(front, false), family, "{front:?}");
        }
    }
}
