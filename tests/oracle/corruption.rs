//! Corrupts a command the way faulty clients, proxies and typing errors do: too many or too few words, invalid numbers,
//! wrong lengths, wrong line ends.
//!
//! A NUL is never inserted: 1.6.18 ends a line there.

use fastrand::Rng;

/// Words that are invalid for some argument.
const WORDS: [&str; 36] = [
    "-1",
    "+1",
    "-",
    "+",
    "x",
    "1x",
    "1.5",
    "0x10",
    "00012",
    "000000000012",
    "00000000000000000000012",
    "4294967295",
    "4294967296",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999",
    "noreply",
    "NOREPLY",
    "noreply2",
    "0",
    "1",
    "5",
    "17",
    "\r",
    "\t",
    "set",
    "get",
    "a",
];

/// Corrupts the command in one to three places.
pub fn corrupt(rng: &mut Rng, command: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..=3) {
        corrupt_once(rng, command);
    }
}

fn corrupt_once(rng: &mut Rng, command: &mut Vec<u8>) {
    let line_end = command.iter().position(|byte| *byte == b'\n').unwrap_or(command.len());
    match rng.u32(..12) {
        0 => {
            let at = rng.usize(..=line_end.min(command.len()));
            command.insert(at, byte(rng));
        }
        1 if line_end > 0 => {
            let from = rng.usize(..line_end);
            let to = (from + rng.usize(1..=4)).min(command.len());
            command.drain(from..to);
        }
        2..=5 => words(rng, command, line_end),
        6 => {
            let at = rng.usize(..=command.len());
            let end: &[u8] = if rng.bool() { b"\n" } else { b"\r\n" };
            command.splice(at..at, end.iter().copied());
        }
        7 => end_of_line(rng, command, line_end),
        8..=10 => end_of_block(rng, command),
        _ => {
            let to = rng.usize(..=line_end.min(command.len()));
            command[..to].make_ascii_uppercase();
        }
    }
}

/// Any byte but NUL, often one that has a meaning in the grammar.
fn byte(rng: &mut Rng) -> u8 {
    const SPECIAL: &[u8] = b" \r\n0129-+ax\t";
    if rng.bool() { SPECIAL[rng.usize(..SPECIAL.len())] } else { rng.u8(1..) }
}

/// Replaces, removes, inserts or appends words of the line.
fn words(rng: &mut Rng, command: &mut Vec<u8>, line_end: usize) {
    let text_end = if command[..line_end].ends_with(b"\r") { line_end - 1 } else { line_end };
    let mut words: Vec<Vec<u8>> =
        command[..text_end].split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    let at = rng.usize(..words.len());
    let new = WORDS[rng.usize(..WORDS.len())].as_bytes().to_vec();
    match rng.u32(..8) {
        0..=2 => words[at] = new,
        3 => drop(words.remove(at)),
        4 => words.insert(at, new),
        5 => words.push(new),
        6 => {
            // Around the number of tokens that memcached records.
            words.extend((0..rng.usize(1..25)).map(|_| b"w".to_vec()));
            if rng.bool() {
                words.push(b"noreply".to_vec());
            }
        }
        // Keys around the limit of 250 bytes.
        _ => words[at] = vec![b'K'; rng.usize(249..=252)],
    }
    let gap: &[u8] = if rng.u32(..4) == 0 { b"  " } else { b" " };
    let mut line = words.join(gap);
    if rng.u32(..8) == 0 {
        line.push(b' ');
    }
    command.splice(..text_end, line);
}

fn end_of_line(rng: &mut Rng, command: &mut Vec<u8>, line_end: usize) {
    let from = if command[..line_end].ends_with(b"\r") { line_end - 1 } else { line_end };
    let to = (line_end + 1).min(command.len());
    let end: &[u8] = [&b"\n"[..], b"\r\r\n", b"", b"\r", b" \r\n", b"\n\n"][rng.usize(..6)];
    command.splice(from..to, end.iter().copied());
}

/// Makes the data block longer or shorter than its length, or changes its line end.
fn end_of_block(rng: &mut Rng, command: &mut Vec<u8>) {
    let text_end = command.len() - command.iter().rev().take_while(|byte| b"\r\n".contains(byte)).count();
    let end: &[u8] =
        [&b"\n"[..], b"", b"\r", b"x\r\n", b"xy\r\n", b"tail of a value\r\n", b"\r\r\n", b"\n\r\n"]
            [rng.usize(..8)];
    command.splice(text_end.., end.iter().copied());
}
