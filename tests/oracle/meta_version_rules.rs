//! What one line of a meta command is sent as to memcached 1.6.18; the rules of `version_rules.rs` for `mg`, `ms`, `md`, `ma`.
//!
//! 1.6.18 lacks the flags E and x, C of mg, s of ms and N of a joining ms, wants exactly one character behind M, cuts
//! numbers that do not fit, allows a token less, has one line for all faults of md, and answers the making of a number
//! in spite of `q`. It forgets that a key came encoded when something is joined to the value or a number grows,
//! and the T of an ma whose number grows (`known_differences.rs`). What is lazy there (`h`, `l`), runs with the clock (`t`) or is a number of its own (`c`, `me`) is
//! not compared here, nor how mg shows a key (`k`). The flags are read anew, not by larder's code.

use crate::version_rules::{
    Answer, BAD_LINE, BLANK_KEYS, Blank, Ruling, is_placeholder, same, settled, strict, strict_i32,
};

/// Tokens that both take.
const TOKENS_MAX: usize = 17;

/// Longest opaque token.
const OPAQUE_MAX: usize = 32;

const KEY_MAX: usize = 250;

/// Flags that 1.6.18 lacks in some command or answers otherwise.
const NOT_COMPARED: &[u8] = b"ExStlhc";

/// Judges a line whose word is a meta command. `None`: not to be compared.
pub fn judge(line: &[u8], word: &[u8], arguments: &[&[u8]]) -> Option<Ruling> {
    match word {
        b"mn" => return Some(same(line)),
        b"me" => return None,
        _ => {}
    }
    let &[key, ..] = arguments else { return Some(refused(None)) };
    let value_len = match (word, arguments.get(1)) {
        (b"ms", None) => return Some(refused(None)),
        // 1.6.18 does not take it for 0.
        (b"ms", Some(&b"-")) => return None,
        (b"ms", Some(len)) => match strict_i32(len).filter(|len| (0..=2_147_483_645).contains(len)) {
            Some(len) => Some(len as usize),
            None => {
                let answer = Answer::Exactly(BAD_LINE);
                return Some(Ruling::RefusesBlock { oracle: Vec::new(), answer, value_len: None });
            }
        },
        _ => None,
    };
    let flags = &arguments[1 + usize::from(value_len.is_some())..];
    // A fault of the whole line, which 1.6.18 takes for an unknown flag.
    if flags.iter().any(|flag| !matches!(flag[0], b'A'..=b'z' | b'0'..=b'9')) {
        return Some(refused(value_len));
    }
    if key.len() > KEY_MAX {
        // 1.6.18 does not drop the block, and has no other words for ma.
        return (word != b"ma").then(|| refused(value_len));
    }
    if !is_comparable(word, key, flags, arguments.len() + 1) {
        return None;
    }
    let blank = if BLANK_KEYS.contains(&key) && !has(flags, b'b') || joins(flags) {
        Blank::Allowed
    } else {
        Blank::Refused
    };
    Some(match value_len {
        Some(value_len) => Ruling::Stores { oracle: line.to_vec(), value_len, blank },
        None => same(line),
    })
}

/// The line is refused with the block that follows it, if it is one of `ms` with a length.
fn refused(value_len: Option<usize>) -> Ruling {
    let answer = Answer::Exactly(BAD_LINE);
    match value_len {
        Some(_) => Ruling::RefusesBlock { oracle: Vec::new(), answer, value_len },
        None => Ruling::Line { oracle: Vec::new(), answer },
    }
}

fn find<'a>(flags: &[&'a [u8]], letter: u8) -> Option<&'a [u8]> {
    flags.iter().find(|flag| flag[0] == letter).copied()
}

fn has(flags: &[&[u8]], letter: u8) -> bool {
    find(flags, letter).is_some()
}

/// True for an ms that appends or prepends.
fn joins(flags: &[&[u8]]) -> bool {
    matches!(find(flags, b'M'), Some(b"MA" | b"MP"))
}

fn is_comparable(word: &[u8], key: &[u8], flags: &[&[u8]], tokens: usize) -> bool {
    let lacking = flags.iter().any(|flag| NOT_COMPARED.contains(&flag[0]))
        || word == b"mg" && (has(flags, b'C') || has(flags, b'k'))
        || word == b"ma" && has(flags, b'T')
        || word == b"ms" && (has(flags, b's') || (has(flags, b'N') || has(flags, b'b')) && joins(flags));
    let mode = find(flags, b'M').is_none_or(|mode| mode.len() == 2 && !mode[1].is_ascii_lowercase());
    // The error is found behind the work, or before it.
    let long_opaque = find(flags, b'O').is_some_and(|opaque| opaque.len() > OPAQUE_MAX);
    let opaque = !long_opaque || matches!(word, b"ms" | b"md");
    let silent_making = word == b"ma" && has(flags, b'q') && has(flags, b'N');
    // 1.6.18 reads on behind a blank value in search of a number (`version_rules.rs`), so nothing is counted where blank values
    // may be, and no empty item is made elsewhere.
    let may_be_blank = BLANK_KEYS.contains(&key) && !has(flags, b'b');
    let blanks = match word {
        b"ma" => !may_be_blank && !is_encoded_blank_key(key, flags),
        b"mg" => may_be_blank || !has(flags, b'N'),
        _ => true,
    };
    tokens <= TOKENS_MAX
        && !lacking
        && mode
        && opaque
        && !silent_making
        && blanks
        && flags.iter().all(|flag| is_plain(flag))
        && (word != b"md" || is_faultless(key, flags))
        && (!has(flags, b'b') || is_canonical(key))
}

fn is_encoded_blank_key(key: &[u8], flags: &[&[u8]]) -> bool {
    const ENCODED: [&[u8]; 3] = [b"YQ==", b"Yw==", b"a2V5OjE="];
    has(flags, b'b') && ENCODED.contains(&key)
}

/// True if both read the argument alike: as the same number, as none, or not at all.
fn is_plain(flag: &[u8]) -> bool {
    let argument = &flag[1..];
    match flag[0] {
        b'T' | b'N' => match strict_i32(argument) {
            Some(exptime) => argument != b"-" && settled(exptime),
            None => is_no_number(argument),
        },
        b'R' => argument != b"-" && strict_i32(argument).is_some() || is_no_number(argument),
        b'F' => strict(argument, 11, 0, u32::MAX.into()).is_some() || is_no_number(argument),
        b'C' | b'D' | b'J' => {
            is_placeholder(argument)
                || strict(argument, 22, 0, i64::MAX.into()).is_some()
                || argument == b"18446744073709551615"
                || is_no_number(argument)
        }
        _ => true,
    }
}

/// True if no function of C finds a number here.
fn is_no_number(argument: &[u8]) -> bool {
    argument.first().is_none_or(|first| first.is_ascii_alphabetic())
}

/// True if md has nothing to complain of; 1.6.18 has one line for all complaints.
fn is_faultless(key: &[u8], flags: &[&[u8]]) -> bool {
    let known = flags.iter().all(|flag| b"bcCDfFhIJklLMNOPqRstTuv".contains(&flag[0]));
    let twice = flags.iter().enumerate().any(|(at, flag)| has(&flags[..at], flag[0]));
    let numbers = flags.iter().all(|flag| !b"TNRCDJF".contains(&flag[0]) || !is_no_number(&flag[1..]));
    known && !twice && numbers && (!has(flags, b'b') || key.len().is_multiple_of(4))
}

/// True if a key has the form that an encoder gives it.
fn is_canonical(key: &[u8]) -> bool {
    let text = key.strip_suffix(b"==").or(key.strip_suffix(b"=")).unwrap_or(key);
    key.len().is_multiple_of(4)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}
