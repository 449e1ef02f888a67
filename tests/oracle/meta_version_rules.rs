//! The rules of `version_rules.rs` for the meta commands `mg`, `ms`, `md` and `ma`.
//!
//! 1.6.18 lacks the flags E and x, C of mg, s of ms, and N of an ms that appends or prepends. It requires exactly one
//! character after M, truncates large numbers, allows one token less, has a single error line for md, and replies to an
//! ma with `q` that creates a number. It loses the mark of an encoded key on append, prepend and when a number gets
//! longer, and the T of an ma in the latter case (`known_differences.rs`).
//!
//! Not compared are values that memcached updates lazily (`h`, `l`), that depend on the clock (`t`) or on the server
//! (`c`, `me`), and the key in replies to mg (`k`). The flags are parsed without larder's code.

use crate::version_rules::{
    BAD_LINE, BLANK_KEYS, Blank, Expected, LineKind, is_placeholder, same, settled, strict, strict_exptime,
    strict_i32,
};

/// Tokens of a line that both versions accept.
const TOKENS_MAX: usize = 17;

/// Longest opaque token.
const OPAQUE_MAX: usize = 32;

const KEY_MAX: usize = 250;

/// Flags that 1.6.18 lacks in some command or replies to differently.
const NOT_COMPARED: &[u8] = b"ExStlhc";

/// Classifies the line of a meta command. `None` if it cannot be compared.
pub fn classify(line: &[u8], word: &[u8], arguments: &[&[u8]]) -> Option<LineKind> {
    match word {
        b"mn" => return Some(same(line)),
        b"me" => return None,
        _ => {}
    }
    let &[key, ..] = arguments else { return Some(refused(None)) };
    let value_len = match (word, arguments.get(1)) {
        (b"ms", None) => return Some(refused(None)),
        // 1.6.18 does not parse it as 0.
        (b"ms", Some(&b"-")) => return None,
        (b"ms", Some(len)) => match strict_i32(len).filter(|len| (0..=2_147_483_645).contains(len)) {
            Some(len) => Some(len as usize),
            None => {
                let expected = Expected::Exactly(BAD_LINE);
                return Some(LineKind::RefusesBlock { oracle: Vec::new(), expected, value_len: None });
            }
        },
        _ => None,
    };
    let flags = &arguments[1 + usize::from(value_len.is_some())..];
    // larder refuses the whole line; 1.6.18 reports an unknown flag.
    if flags.iter().any(|flag| !matches!(flag[0], b'A'..=b'z' | b'0'..=b'9')) {
        return Some(refused(value_len));
    }
    if key.len() > KEY_MAX {
        // 1.6.18 does not drop the data block. Its error line for ma is the same as for other faults.
        return (word != b"ma").then(|| refused(value_len));
    }
    if !is_comparable(word, key, flags, arguments.len() + 1) {
        return None;
    }
    let blank = if BLANK_KEYS.contains(&key) && !has(flags, b'b') || appends_or_prepends(flags) {
        Blank::Allowed
    } else {
        Blank::Refused
    };
    Some(match value_len {
        Some(value_len) => LineKind::Stores { oracle: line.to_vec(), value_len, blank },
        None => same(line),
    })
}

/// larder refuses the line, and the data block after it if the line declares one.
fn refused(value_len: Option<usize>) -> LineKind {
    let expected = Expected::Exactly(BAD_LINE);
    match value_len {
        Some(_) => LineKind::RefusesBlock { oracle: Vec::new(), expected, value_len },
        None => LineKind::Line { oracle: Vec::new(), expected },
    }
}

fn find<'a>(flags: &[&'a [u8]], letter: u8) -> Option<&'a [u8]> {
    flags.iter().find(|flag| flag[0] == letter).copied()
}

fn has(flags: &[&[u8]], letter: u8) -> bool {
    find(flags, letter).is_some()
}

/// True for an ms that appends or prepends.
fn appends_or_prepends(flags: &[&[u8]]) -> bool {
    matches!(find(flags, b'M'), Some(b"MA" | b"MP"))
}

fn is_comparable(word: &[u8], key: &[u8], flags: &[&[u8]], tokens: usize) -> bool {
    let lacking = flags.iter().any(|flag| NOT_COMPARED.contains(&flag[0]))
        || word == b"mg" && (has(flags, b'C') || has(flags, b'k'))
        || word == b"ma" && has(flags, b'T')
        || word == b"ms"
            && (has(flags, b's') || (has(flags, b'N') || has(flags, b'b')) && appends_or_prepends(flags));
    let mode = find(flags, b'M').is_none_or(|mode| mode.len() == 2 && !mode[1].is_ascii_lowercase());
    // For mg and ma, 1.6.18 reports the error after executing the command.
    let long_opaque = find(flags, b'O').is_some_and(|opaque| opaque.len() > OPAQUE_MAX);
    let opaque = !long_opaque || matches!(word, b"ms" | b"md");
    let creates_silently = word == b"ma" && has(flags, b'q') && has(flags, b'N');
    // 1.6.18 reads past a blank value (`version_rules.rs`). So no arithmetic goes to keys whose values may be blank,
    // and no empty item is created under other keys.
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
        && !creates_silently
        && blanks
        && flags.iter().all(|flag| is_plain(flag))
        && (word != b"md" || is_faultless(key, flags))
        && (!has(flags, b'b') || is_canonical(key))
}

fn is_encoded_blank_key(key: &[u8], flags: &[&[u8]]) -> bool {
    const ENCODED: [&[u8]; 3] = [b"YQ==", b"Yw==", b"a2V5OjE="];
    has(flags, b'b') && ENCODED.contains(&key)
}

/// True if both versions parse the argument alike.
fn is_plain(flag: &[u8]) -> bool {
    let argument = &flag[1..];
    match flag[0] {
        b'T' | b'N' => match strict_exptime(argument) {
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

/// True if C's number parsers find no number at the start.
fn is_no_number(argument: &[u8]) -> bool {
    argument.first().is_none_or(|first| first.is_ascii_alphabetic())
}

/// True if md reports no error; 1.6.18 has a single error line for md.
fn is_faultless(key: &[u8], flags: &[&[u8]]) -> bool {
    let known = flags.iter().all(|flag| b"bcCDfFhIJklLMNOPqRstTuv".contains(&flag[0]));
    let twice = flags.iter().enumerate().any(|(at, flag)| has(&flags[..at], flag[0]));
    let numbers = flags.iter().all(|flag| !b"TNRCDJF".contains(&flag[0]) || !is_no_number(&flag[1..]));
    known && !twice && numbers && (!has(flags, b'b') || key.len().is_multiple_of(4))
}

/// True if a key is canonical base64.
fn is_canonical(key: &[u8]) -> bool {
    let text = key.strip_suffix(b"==").or(key.strip_suffix(b"=")).unwrap_or(key);
    key.len().is_multiple_of(4)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}
