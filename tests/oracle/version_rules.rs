//! Translates a command line for memcached 1.6.18, so that its reply is the one that 1.6.45 would send.
//!
//! Each rule is a known difference between the two versions. Where 1.6.18 has an equivalent line, it gets that line.
//! Otherwise it gets none, and larder must send the reply in the rule. A line without a rule goes to both servers
//! unchanged. `known_differences.rs` tests that the differences exist. Tokens and numbers are parsed here without
//! larder's code.

use crate::meta_version_rules;

pub const ERROR: &str = "ERROR\r\n";
pub const BAD_LINE: &str = "CLIENT_ERROR bad command line format\r\n";

/// The reply that is expected of larder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// That of memcached.
    AsMemcached,
    /// This reply, because that of 1.6.18 differs.
    Exactly(&'static str),
}

/// Whether the value may be empty or consist of white space only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blank {
    Allowed,
    Refused,
}

/// The kind of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LineKind {
    /// A command without a data block.
    Line { oracle: Vec<u8>, expected: Expected },
    /// A storage command. A data block of this length follows it on both servers.
    Stores { oracle: Vec<u8>, value_len: usize, blank: Blank },
    /// A refused storage command. larder drops the data block; memcached gets none, as it would parse it as commands.
    RefusesBlock { oracle: Vec<u8>, expected: Expected, value_len: Option<usize> },
}

/// Keys whose values may be blank. They get no incr or decr, because 1.6.18 reads past a blank value and may find a
/// number that an earlier item left there.
pub const BLANK_KEYS: [&[u8]; 3] = [b"a", b"c", b"key:1"];

/// Tokens of a line that memcached records.
const RECORDED: usize = 23;

/// Exptimes and delayed flushes within this many seconds might take effect during the test.
const FAR_SECS: i64 = 3600;

/// Largest increment: from small numbers no sequence of increments gets close to 2^63.
const STEP_MAX: i128 = 1_000_000_000_000;

const RELATIVE_MAX_SECS: i64 = 60 * 60 * 24 * 30;

/// Longer lines are left to other tests: the result depends on how they are split into packets.
const LINE_MAX: usize = 2000;

/// Commands that larder does not have, that close the connection, or whose reply depends on the server.
const NOT_COMPARED: [&[u8]; 12] = [
    b"version",
    b"quit",
    b"slabs",
    b"lru",
    b"lru_crawler",
    b"watch",
    b"extstore",
    b"refresh_certs",
    b"misbehave",
    b"debugtime",
    b"debugitem",
    b"stats_",
];

pub fn same(line: &[u8]) -> LineKind {
    LineKind::Line { oracle: line.to_vec(), expected: Expected::AsMemcached }
}

/// larder must send this reply, or none with `noreply`; memcached does not get the line.
fn larder_only(reply: &'static str, noreply: bool) -> LineKind {
    LineKind::Line { oracle: Vec::new(), expected: Expected::Exactly(if noreply { "" } else { reply }) }
}

/// memcached gets these words instead, with a trailing `noreply` if the line has one.
fn instead(words: &[&[u8]], noreply: bool) -> LineKind {
    LineKind::Line { oracle: joined(words, noreply), expected: Expected::AsMemcached }
}

fn joined(words: &[&[u8]], noreply: bool) -> Vec<u8> {
    let mut line = words.join(&b' ');
    if noreply {
        line.extend_from_slice(b" noreply");
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Classifies a line, including its line end. `None` if it cannot be compared.
pub fn classify(line: &[u8]) -> Option<LineKind> {
    let text = line.strip_suffix(b"\n")?;
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if line.len() > LINE_MAX || line.contains(&0) {
        return None;
    }
    let tokens: Vec<&[u8]> = text.split(|byte| *byte == b' ').filter(|token| !token.is_empty()).collect();
    let word = *tokens.first().unwrap_or(&&b""[..]);
    let arguments = tokens.get(1..).unwrap_or_default();
    if NOT_COMPARED.contains(&word) || tokens.last().is_some_and(|last| last.starts_with(b"HTTP/")) {
        return None;
    }
    if misplaced_placeholder(word, arguments) {
        return None;
    }
    let noreply = tokens.iter().take(RECORDED).next_back() == Some(&&b"noreply"[..]);
    // 1.6.18 replies ERROR.
    if line.len() < 4 {
        return Some(larder_only(BAD_LINE, false));
    }
    let administrative = administrative(word, arguments, noreply);
    // 1.6.18 skips leading spaces for all commands, 1.6.45 for administrative ones.
    if text.starts_with(b" ") && administrative.is_none() {
        return Some(larder_only(ERROR, noreply));
    }
    match word {
        b"mg" | b"ms" | b"md" | b"ma" | b"mn" | b"me" => meta_version_rules::classify(line, word, arguments),
        b"get" | b"gets" => retrieval(line, arguments),
        b"gat" | b"gats" => retrieval_with_touch(word, line, arguments),
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => storage(word, arguments, None, noreply),
        b"cas" => storage(word, arguments, Some(arguments.get(4).copied()), noreply),
        b"delete" => Some(match arguments {
            // 1.6.18 replies ERROR.
            [] => larder_only(BAD_LINE, false),
            // 1.6.18 accepts no argument but 0, and replies to `delete noreply`.
            [key] | [key, _] | [key, _, b"noreply"] => instead(&[word, key], noreply),
            // 1.6.18 refuses more words with another error line; 1.6.45 accepts them, larder does not (decision note
            // d08).
            _ => larder_only(BAD_LINE, noreply),
        }),
        b"incr" | b"decr" => Some(match arguments {
            [] | [_] => larder_only(BAD_LINE, false),
            [key, ..] if BLANK_KEYS.contains(key) => return None,
            [key, delta, ..] => match strict(delta, 22, 0, u64::MAX.into()) {
                // 1.6.18 looks for a minus after the end of a number of 2^63 or more.
                Some(delta) if word == b"incr" && delta > STEP_MAX => return None,
                Some(_) => instead(&[word, key, delta], noreply),
                // 1.6.18 accepts a sign and any number of digits.
                None => instead(&[word, key, b"x"], noreply),
            },
        }),
        b"touch" => Some(match arguments {
            [] | [_] => larder_only(BAD_LINE, false),
            [key, exptime, ..] => instead(&[word, key, exptime_for_oracle(exptime)?], noreply),
        }),
        b"stats" => statistics(arguments),
        _ => administrative.unwrap_or_else(|| {
            Some(if word == b"bget" || noreply {
                // An old alias of get, and unknown commands with noreply: 1.6.18 replies to both.
                larder_only(ERROR, noreply)
            } else {
                same(line)
            })
        }),
    }
}

/// True if corruption moved a placeholder: each server would get a different word there.
fn misplaced_placeholder(word: &[u8], arguments: &[&[u8]]) -> bool {
    let elsewhere = |(at, token): (usize, &&[u8])| {
        let in_cas = word == b"cas" && at == 4 && is_placeholder(token);
        let in_meta = matches!(word, b"ms" | b"md" | b"ma")
            && at > 0
            && token[0] == b'C'
            && is_placeholder(&token[1..]);
        token.contains(&b'{') && !in_cas && !in_meta
    };
    word.contains(&b'{') || arguments.iter().enumerate().any(elsewhere)
}

/// Parses a number of at most `len_max` characters: digits, with a minus before them if `min` is negative.
pub fn strict(token: &[u8], len_max: usize, min: i128, max: i128) -> Option<i128> {
    let digits = if min < 0 { token.strip_prefix(b"-").unwrap_or(token) } else { token };
    let plain = token.len() <= len_max && !token.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // A lone minus is 0.
    let value: i128 = match (plain, digits) {
        (false, _) => return None,
        (true, b"") => 0,
        (true, digits) => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    let value = if digits.len() < token.len() { -value } else { value };
    (min..=max).contains(&value).then_some(value)
}

pub fn strict_i32(token: &[u8]) -> Option<i64> {
    strict(token, 11, i32::MIN.into(), i32::MAX.into()).map(|value| value as i64)
}

/// Reads an exptime of touch, gat and the meta commands as larder does.
pub fn strict_exptime(token: &[u8]) -> Option<i64> {
    strict(token, 11, i32::MIN.into(), i64::MAX.into()).map(|value| value as i64)
}

/// Translates an exptime of touch and gat. 1.6.18 accepts a sign, truncates large numbers, and refuses a lone minus,
/// which is 0 in 1.6.45. `None` if the item could expire during the test.
fn exptime_for_oracle(token: &[u8]) -> Option<&[u8]> {
    match strict_exptime(token) {
        None => Some(b"x"),
        Some(0) => Some(b"0"),
        Some(exptime) => settled(exptime).then_some(token),
    }
}

/// True if an exptime has the same effect on both servers during the whole test; memcached cuts it to 32 bits.
pub fn settled(exptime: i64) -> bool {
    const YEAR_2020: i64 = 1_577_836_800;
    const YEAR_2037: i64 = 2_114_380_800;
    i32::try_from(exptime).is_ok()
        && (exptime <= 0 || (FAR_SECS..YEAR_2020).contains(&exptime) || exptime > YEAR_2037)
}

fn over_long(key: &[u8]) -> bool {
    key.len() > 250
}

fn retrieval(line: &[u8], keys: &[&[u8]]) -> Option<LineKind> {
    // 1.6.18 replies ERROR if there is no key. After an over-long key both versions drop replies to earlier commands;
    // larder does not.
    match keys.iter().position(|key| over_long(key)) {
        _ if keys.is_empty() => Some(larder_only(BAD_LINE, false)),
        Some(0) => Some(larder_only(BAD_LINE, false)),
        // Whether the values before it have been sent depends on their size (decision note d03).
        Some(_) => None,
        None => Some(same(line)),
    }
}

fn retrieval_with_touch(word: &[u8], line: &[u8], arguments: &[&[u8]]) -> Option<LineKind> {
    let [exptime, keys @ ..] = arguments else { return Some(larder_only(BAD_LINE, false)) };
    // 1.6.18 treats `gat 10` as an empty list of keys, and `gat a` as an invalid exptime.
    if keys.is_empty() {
        return Some(larder_only(BAD_LINE, false));
    }
    let for_oracle = exptime_for_oracle(exptime)?;
    if for_oracle == b"x" {
        return Some(larder_only("CLIENT_ERROR invalid exptime argument\r\n", false));
    }
    // As for get.
    match keys.iter().position(|key| over_long(key)) {
        Some(0) => return Some(larder_only(BAD_LINE, false)),
        Some(_) => return None,
        None => {}
    }
    if for_oracle == *exptime {
        return Some(same(line));
    }
    Some(instead(&[&[word, for_oracle], keys].concat(), false))
}

/// `unique` is `None` for all commands but cas, else the argument at the position of the CAS unique.
fn storage(
    word: &[u8],
    arguments: &[&[u8]],
    unique: Option<Option<&[u8]>>,
    noreply: bool,
) -> Option<LineKind> {
    let &[key, flags, exptime, bytes, ..] = arguments else { return Some(larder_only(BAD_LINE, false)) };
    let Some(value_len) =
        strict(bytes, 11, i32::MIN.into(), i128::from(i32::MAX) - 2).filter(|len| *len >= 0)
    else {
        // 1.6.18 accepts a plus, more digits and multiples of 2^32, and obeys noreply here.
        let expected = Expected::Exactly(BAD_LINE);
        return Some(LineKind::RefusesBlock { oracle: Vec::new(), expected, value_len: None });
    };
    let value_len = value_len as usize;
    let len_text: &[u8] = if bytes == b"-" { b"0" } else { bytes };
    let flags_read = loose(flags, 0, u64::MAX.into());
    let exptime_read = loose(exptime, i64::MIN.into(), i64::MAX.into());
    // 1.6.18 ends a number at a TAB or other white space.
    let flags: &[u8] = if flags_read.is_some() { flags } else { b"x" };
    let exptime: &[u8] = if exptime_read.is_some() { exptime } else { b"x" };
    let mut words: Vec<&[u8]> = vec![word, key, flags, exptime, len_text];
    if let Some(unique) = unique {
        // 1.6.18 checks the unique first and replies ERROR.
        let Some(unique) = unique.filter(|unique| is_unique(unique)) else {
            let expected = Expected::Exactly(if noreply { "" } else { BAD_LINE });
            return Some(LineKind::RefusesBlock { oracle: Vec::new(), expected, value_len: Some(value_len) });
        };
        words.push(unique);
    }
    // 1.6.18 accepts one superfluous word only.
    let oracle = joined(&words, noreply);
    match exptime_read {
        Some(exptime) if !over_long(key) && flags_read.is_some() => {
            // The values of other keys are not blank, so they are not blank after an append either.
            let blank = match word {
                b"append" | b"prepend" => Blank::Allowed,
                _ if BLANK_KEYS.contains(&key) => Blank::Allowed,
                _ => Blank::Refused,
            };
            settled(exptime as i64).then_some(LineKind::Stores { oracle, value_len, blank })
        }
        _ => Some(LineKind::RefusesBlock {
            oracle,
            expected: Expected::AsMemcached,
            value_len: Some(value_len),
        }),
    }
}

pub fn is_placeholder(token: &[u8]) -> bool {
    matches!(token, [b'{', b'c', b'a', b's', b'0'..=b'9', b'}'])
}

fn is_unique(token: &[u8]) -> bool {
    is_placeholder(token) || strict(token, 22, 0, u64::MAX.into()).is_some()
}

/// Parses a whole token as strtol does.
fn loose(token: &[u8], min: i128, max: i128) -> Option<i128> {
    let (sign, digits) = match token {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || digits.len() > 30 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = sign * std::str::from_utf8(digits).ok()?.parse::<i128>().ok()?;
    (min..=max).contains(&value).then_some(value)
}

fn statistics(arguments: &[&[u8]]) -> Option<LineKind> {
    match arguments {
        // 1.6.18 does not accept a prefix of the word.
        [word, ..] if b"reset".starts_with(word) => Some(instead(&[b"stats", b"reset"], false)),
        [b"nosuch", ..] => Some(instead(&[b"stats", b"nosuch"], false)),
        // Other reports differ between the servers.
        _ => None,
    }
}

/// Commands that may follow spaces. `None` for other commands, `Some(None)` if the line cannot be compared.
fn administrative(word: &[u8], arguments: &[&[u8]], noreply: bool) -> Option<Option<LineKind>> {
    let first = arguments.first().copied();
    let alone = first.is_none() || arguments.len() == 1 && noreply;
    Some(match word {
        b"flush_all" => match if alone { Some(0) } else { strict_i32(first?) } {
            None => Some(instead(&[b"flush_all", b"x"], noreply)),
            // 1.6.18 accepts a single argument. In larder a time in the past flushes at once.
            Some(delay)
                if delay <= 0 || delay > RELATIVE_MAX_SECS && settled(delay) && delay < 2_000_000_000 =>
            {
                Some(instead(&[b"flush_all"], noreply))
            }
            // In 1.6.18 it would restore items that an earlier flush removed and no command has looked up since.
            Some(delay) => settled(delay).then(|| larder_only("OK\r\n", noreply)),
        },
        // 1.6.18 accepts any number of digits and replies ERROR if there is no argument.
        b"verbosity" => Some(match first {
            None => larder_only(BAD_LINE, false),
            Some(level) if strict(level, 11, 0, u32::MAX.into()).is_some() => {
                instead(&[b"verbosity", b"0"], noreply)
            }
            Some(_) => instead(&[b"verbosity", b"x"], noreply),
        }),
        b"cache_memlimit" => match first.and_then(|mib| strict(mib, 11, 0, u32::MAX.into())) {
            None => Some(larder_only(ERROR, noreply)),
            // Both servers keep enough memory for the test.
            Some(8..1024) => None,
            Some(mib) => Some(instead(&[b"cache_memlimit", mib.to_string().as_bytes()], noreply)),
        },
        // 1.6.18 replies `ERROR:`.
        b"shutdown" => Some(larder_only("SERVER_ERROR: shutdown not enabled\r\n", noreply)),
        _ => return None,
    })
}
