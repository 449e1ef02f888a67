//! Cuts a command, damaged or not, into steps: what larder gets, what the oracle gets, and who gives the answer.
//!
//! The cuts are where larder cuts (decision note d02): a block that does not end where its length says is dropped to
//! its line end, and so is one whose length cannot be read. memcached reads what is left over as commands, so it is
//! sent the block without what is left over. A command that its damage left incomplete is completed here, or the
//! answers of all that follow would be a matter of chance.

use crate::version_rules::{Answer, Blank, Ruling, judge};

/// Longest value that is worth its bytes.
const VALUE_MAX: usize = 1_100_000;

/// larder gives a connection up that shows no line end for longer than this behind a broken block.
const LEFT_OVER_MAX: usize = 1000;

/// Stands behind a line whose length cannot be read. No command, so it is dropped whenever it comes.
const UNREADABLE_BLOCK: &[u8] = b"~block~\r\n";

/// A part of a command with an answer of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub larder: Vec<u8>,
    pub oracle: Vec<u8>,
    pub answer: Answer,
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
        match judge(&line)? {
            Ruling::Line { oracle, answer } => steps.push(Step { larder: line, oracle, answer }),
            Ruling::Stores { oracle, value_len, blank } => {
                let block = Block::take(&mut rest, value_len)?;
                if blank == Blank::Refused && block.is_blank(value_len) {
                    return None;
                }
                let oracle = [&oracle[..], &block.for_oracle].concat();
                let larder = [&line[..], &block.for_larder].concat();
                steps.push(Step { larder, oracle, answer: Answer::AsOracle });
            }
            Ruling::RefusesBlock { oracle, answer, value_len: Some(value_len) } => {
                let block = Block::take(&mut rest, value_len)?;
                steps.push(Step { larder: [&line[..], &block.for_larder].concat(), oracle, answer });
            }
            Ruling::RefusesBlock { oracle, answer, value_len: None } => {
                rest.clear();
                steps.push(Step { larder: [&line[..], UNREADABLE_BLOCK].concat(), oracle, answer });
            }
        }
    }
    Some(steps)
}

fn position(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at)
}

/// A data block with all that larder drops along with it.
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
        // A cas unique that damage moved here would be of another length on each side.
        if end - value_len > LEFT_OVER_MAX || rest[..end].windows(4).any(|window| window == b"{cas") {
            return None;
        }
        let for_larder: Vec<u8> = rest.drain(..end).collect();
        let mut for_oracle = for_larder[..value_len].to_vec();
        for_oracle.extend_from_slice(if intact { b"\r\n" } else { b"xx" });
        Some(Block { for_larder, for_oracle })
    }

    fn is_blank(&self, value_len: usize) -> bool {
        // As C's isspace has it.
        self.for_larder[..value_len].iter().all(|byte| matches!(byte, b'\t'..=b'\r' | b' '))
    }
}
