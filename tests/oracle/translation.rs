//! Splits a command, corrupted or not, into steps. Each step has the bytes for larder, the bytes for memcached, and the
//! source of the expected reply.
//!
//! The steps follow larder's parsing (decision note d02): a data block whose end does not match its length, or whose
//! length cannot be parsed, is dropped up to its line end. memcached parses the rest of such a block as commands, so it
//! gets the block without the rest. A command that corruption left incomplete is completed here; otherwise it would
//! swallow a part of the next command.

use crate::version_rules::{Blank, Expected, LineKind, classify};

/// Longest value that is sent.
const VALUE_MAX: usize = 1_100_000;

/// larder closes a connection if the line end after an invalid data block is further away than this.
const LEFT_OVER_MAX: usize = 1000;

/// Follows a line whose length cannot be parsed. It is no command, so it is dropped however the stream is split.
const UNREADABLE_BLOCK: &[u8] = b"~block~\r\n";

/// A part of a command with a reply of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub larder: Vec<u8>,
    pub oracle: Vec<u8>,
    pub expected: Expected,
}

/// The steps of a command; `None` if it cannot be compared.
pub fn translate(command: &[u8]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = command.to_vec();
    while !rest.is_empty() {
        if !rest.contains(&b'\n') {
            rest.extend_from_slice(b"\r\n");
        }
        let line_len = position(&rest, 0)? + 1;
        let line: Vec<u8> = rest.drain(..line_len).collect();
        match classify(&line)? {
            LineKind::Line { oracle, expected } => steps.push(Step { larder: line, oracle, expected }),
            LineKind::Stores { oracle, value_len, blank } => {
                let block = Block::take(&mut rest, value_len)?;
                if blank == Blank::Refused && block.is_blank(value_len) {
                    return None;
                }
                let oracle = [&oracle[..], &block.for_oracle].concat();
                let larder = [&line[..], &block.for_larder].concat();
                steps.push(Step { larder, oracle, expected: Expected::AsMemcached });
            }
            LineKind::RefusesBlock { oracle, expected, value_len: Some(value_len) } => {
                let block = Block::take(&mut rest, value_len)?;
                steps.push(Step { larder: [&line[..], &block.for_larder].concat(), oracle, expected });
            }
            LineKind::RefusesBlock { oracle, expected, value_len: None } => {
                rest.clear();
                steps.push(Step { larder: [&line[..], UNREADABLE_BLOCK].concat(), oracle, expected });
            }
        }
    }
    Some(steps)
}

fn position(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at)
}

/// A data block with the bytes that larder drops together with it.
struct Block {
    for_larder: Vec<u8>,
    for_oracle: Vec<u8>,
}

impl Block {
    fn take(rest: &mut Vec<u8>, value_len: usize) -> Option<Block> {
        if value_len > VALUE_MAX {
            return None;
        }
        if rest.len() < value_len {
            rest.resize(value_len, b'f');
        }
        match &rest[value_len..] {
            b"\r" => rest.push(b'\n'),
            behind if !behind.contains(&b'\n') => rest.extend_from_slice(b"\r\n"),
            _ => {}
        }
        let intact = rest[value_len..].starts_with(b"\r\n");
        let end = if intact { value_len + 2 } else { position(rest, value_len)? + 1 };
        // A placeholder in a value would be replaced by uniques of different lengths.
        if end - value_len > LEFT_OVER_MAX || rest[..end].windows(4).any(|window| window == b"{cas") {
            return None;
        }
        let for_larder: Vec<u8> = rest.drain(..end).collect();
        let mut for_oracle = for_larder[..value_len].to_vec();
        for_oracle.extend_from_slice(if intact { b"\r\n" } else { b"xx" });
        Some(Block { for_larder, for_oracle })
    }

    fn is_blank(&self, value_len: usize) -> bool {
        // White space as defined by C's isspace.
        self.for_larder[..value_len].iter().all(|byte| matches!(byte, b'\t'..=b'\r' | b' '))
    }
}
