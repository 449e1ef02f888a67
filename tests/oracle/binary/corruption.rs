//! Corrupts a frame: other lengths, another opcode, another first byte. Both servers close the connection after most of
//! these frames, so a corrupted frame is the last one of its stream.

use super::random_requests::{Frames, NO_UNIQUE};
use super::{CORRUPTED, TAIL_BYTES};

/// memcached closes without a reply if a key does not fit its read buffer.
const KEY_MAX: u32 = 15_000;

/// The fields of a header.
struct Header {
    opcode: u8,
    key_len: usize,
    extras_len: usize,
    body_len: usize,
}

impl Header {
    fn of(bytes: &[u8]) -> Header {
        Header {
            opcode: bytes[1],
            key_len: usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
            extras_len: usize::from(bytes[4]),
            body_len: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize,
        }
    }

    /// False where larder finds the next frame and memcached does not (see the table of differences), and where the
    /// reply depends on the version or on timing.
    fn is_comparable(&self) -> bool {
        let head_len = self.key_len + self.extras_len;
        let valued = self.body_len > head_len;
        match self.opcode {
            0x0b | 0x1b => false,
            0x10 => !valued && self.key_len == 0 || self.extras_len > 0,
            0x1c..=0x1e | 0x23 | 0x24 => !valued,
            // memcached drops the value first, then the zeros end the connection before the reply is sent.
            0x1f | 0x21 | 0x22 | 0x25.. => self.body_len == 0 || head_len > self.body_len,
            _ => true,
        }
    }
}

/// A corrupted frame, followed by zeros.
pub fn corrupted(frames: &mut Frames) -> Vec<u8> {
    loop {
        let (request, _) = frames.next().filled_in(&vec![(NO_UNIQUE, NO_UNIQUE); frames.keys.len()]);
        let mut bytes = request.opaque(CORRUPTED).bytes();
        let rng = &mut frames.rng;
        for _ in 0..rng.usize(1..=2) {
            let length = if rng.bool() { rng.u32(..40) } else { rng.u32(..66_000) };
            match rng.u32(..9) {
                0..2 => bytes[1] = rng.u8(..),
                2..4 => bytes[2..4].copy_from_slice(&((length % KEY_MAX) as u16).to_be_bytes()),
                4..6 => bytes[4] = if rng.bool() { length as u8 } else { [0, 4, 8, 20][rng.usize(..4)] },
                6..8 => bytes[8..12].copy_from_slice(&length.to_be_bytes()),
                _ => bytes[0] = rng.u8(..),
            }
        }
        if Header::of(&bytes).is_comparable() && bytes.len() < TAIL_BYTES {
            bytes.resize(bytes.len() + TAIL_BYTES, 0);
            return bytes;
        }
    }
}
