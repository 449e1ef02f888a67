//! How a fuzzer's bytes are read: a stream, and how it is torn.
//!
//! ```text
//! mode | number of cuts, modulo 16 | a byte per cut | the stream, long runs of one byte as 0xf5 length/128 byte
//! ```
//! The lengths at which larder does something else (a long line, a long value) are beyond what a fuzzer that prefers
//! short inputs would write out. Behind 0xf5, a length of 0 stands for 0xf5 itself.

const RUN: u8 = 0xf5;
const RUN_UNIT_BYTES: usize = 128;

/// A stream that fits one read of a connection: the whole of it is one piece for certain.
const STREAM_MAX_BYTES: usize = 60_000;

/// Pieces at most, or so.
const PIECES_MAX: usize = 64;

pub struct Input {
    /// What is to be done with the stream, as the check likes it.
    pub mode: u8,
    /// Lengths of the pieces, over and over.
    pub cuts: Vec<u8>,
    pub stream: Vec<u8>,
}

impl Input {
    pub fn read(data: &[u8]) -> Option<Input> {
        let [mode, cut_count, rest @ ..] = data else { return None };
        let (cuts, written) = rest.split_at_checked(usize::from(cut_count % 16))?;
        Some(Input { mode: *mode, cuts: cuts.to_vec(), stream: expanded(written) })
    }

    /// Where the pieces end, the last one with the stream.
    pub fn ends(&self) -> Vec<usize> {
        let least = self.stream.len() / PIECES_MAX;
        let mut cuts = self.cuts.iter().cycle();
        let mut ends = Vec::new();
        let mut end = 0;
        while end < self.stream.len() {
            let len = cuts.next().map_or(usize::MAX, |cut| piece_len(*cut)).max(least);
            end = self.stream.len().min(end.saturating_add(len));
            ends.push(end);
        }
        ends
    }

    /// The stream in pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends().into_iter().map(move |end| &self.stream[std::mem::replace(&mut start, end)..end])
    }
}

/// From one byte to more than a long value needs.
pub fn piece_len(cut: u8) -> usize {
    match cut {
        0..200 => usize::from(cut) + 1,
        200.. => (usize::from(cut) - 199) * 512,
    }
}

fn expanded(written: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.iter().position(|byte| *byte == RUN) {
        stream.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [0, behind @ ..] => {
                stream.push(RUN);
                behind
            }
            [units, byte, behind @ ..] => {
                stream.extend(std::iter::repeat_n(*byte, usize::from(*units) * RUN_UNIT_BYTES));
                behind
            }
            _ => &[],
        };
    }
    stream.extend_from_slice(rest);
    stream.truncate(STREAM_MAX_BYTES);
    stream
}
