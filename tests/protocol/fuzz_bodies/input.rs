//! The format of a fuzzer's input: a stream, and how it is split.
//!
//! ```text
//! mode | number of cuts, modulo 16 | a byte per cut | the stream, long runs of one byte as 0xf5 length/128 byte
//! ```
//! Runs make the lengths reachable at which larder behaves differently (a long line, a long value): fuzzers prefer
//! short inputs. After 0xf5, a length of 0 stands for 0xf5 itself.

const RUN: u8 = 0xf5;
const RUN_UNIT_BYTES: usize = 128;

/// Longest stream in bytes.
const STREAM_MAX_BYTES: usize = 60_000;

/// Most pieces, approximately.
const PIECES_MAX: usize = 64;

pub struct Input {
    /// Options of the check.
    pub mode: u8,
    /// Lengths of the pieces, repeated.
    pub cuts: Vec<u8>,
    pub stream: Vec<u8>,
}

impl Input {
    pub fn read(data: &[u8]) -> Option<Input> {
        let [mode, cut_count, rest @ ..] = data else { return None };
        let (cuts, written) = rest.split_at_checked(usize::from(cut_count % 16))?;
        Some(Input { mode: *mode, cuts: cuts.to_vec(), stream: expanded(written) })
    }

    /// The ends of the pieces; the last one is the end of the stream.
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

/// The length of a piece: from one byte to more than a long value.
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
            [0, after @ ..] => {
                stream.push(RUN);
                after
            }
            [units, byte, after @ ..] => {
                stream.extend(std::iter::repeat_n(*byte, usize::from(*units) * RUN_UNIT_BYTES));
                after
            }
            _ => &[],
        };
    }
    stream.extend_from_slice(rest);
    stream.truncate(STREAM_MAX_BYTES);
    stream
}
