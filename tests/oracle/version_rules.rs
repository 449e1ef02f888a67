//! What one command line is sent as to memcached 1.6.18, so that its answer is the one that 1.6.45 would give.
//!
//! Each rule is a listed difference between the two versions; where 1.6.18 has a way to say the same, the line is put
//! in that form, and where it has none, it is not asked and larder's answer must be the stated one. Lines on which no
//! rule bears go to both unchanged. `known_differences.rs` holds the evidence for each rule. The tokens and numbers are read anew
//! here, not by larder's code.

use crate::meta_version_rules;

pub const ERROR: &str = "ERROR\r\n";
pub const BAD_LINE: &str = "CLIENT_ERROR bad command line format\r\n";

/// How larder's answer is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The oracle gives it.
    AsOracle,
    /// This one, because 1.6.18 would answer otherwise.
    Exactly(&'static str),
}

/// May the value consist of white space alone, or of nothing?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blank {
    Allowed,
    Refused,
}

/// What a line is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// A command that is complete with its line.
    Line { oracle: Vec<u8>, answer: Answer },
    /// A storage command; a block of this length follows it on both sides.
    Stores { oracle: Vec<u8>, value_len: usize, blank: Blank },
    /// A refused storage command. larder drops the block; the oracle gets none, as it would take it for commands.
    RefusesBlock { oracle: Vec<u8>, answer: Answer, value_len: Option<usize> },
}

/// Keys whose values may be blank; no incr or decr goes to them, because 1.6.18 reads on behind a blank value in search
/// of a number, and finds what an earlier item left there.
pub const BLANK_KEYS: [&[u8]; 3] = [b"a", b"c", b"key:1"];

/// Tokens that memcached records.
const RECORDED: usize = 23;

/// Deadlines and delayed flushes nearer than this many seconds could fall within the run.
const FAR_SECS: i64 = 3600;

/// Largest step up; from numbers that start far below it, none comes near 2^63.
const STEP_MAX: i128 = 1_000_000_000_000;

const RELATIVE_MAX_SECS: i64 = 60 * 60 * 24 * 30;

/// Lines longer than this are left to other tests: what happens to them depends on how they were torn.
const LINE_MAX: usize = 2000;

/// Commands of memcached that larder does not have, or that end the conversation, or whose answer is nobody else's.
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

pub fn same(line: &[u8]) -> Ruling {
    Ruling::Line { oracle: line.to_vec(), answer: Answer::AsOracle }
}

/// larder's answer is known, and silenced by `noreply`; the oracle is not asked.
fn not_asked(answer: &'static str, noreply: bool) -> Ruling {
    Ruling::Line { oracle: Vec::new(), answer: Answer::Exactly(if noreply { "" } else { answer }) }
}

/// The words joined, with a trailing `noreply` if there was one.
fn instead(words: &[&[u8]], noreply: bool) -> Ruling {
    Ruling::Line { oracle: joined(words, noreply), answer: Answer::AsOracle }
}

fn joined(words: &[&[u8]], noreply: bool) -> Vec<u8> {
    let mut line = words.join(&b' ');
    if noreply {
        line.extend_from_slice(b" noreply");
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Judges one line, given with its line end. `None`: not a line that can be compared.
pub fn judge(line: &[u8]) -> Option<Ruling> {
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
    // 1.6.18 says ERROR.
    if line.len() < 4 {
        return Some(not_asked(BAD_LINE, false));
    }
    let administrative = administrative(word, arguments, noreply);
    // 1.6.18 skips leading spaces for all commands, 1.6.45 for administrative ones.
    if text.starts_with(b" ") && administrative.is_none() {
        return Some(not_asked(ERROR, noreply));
    }
    match word {
        b"mg" | b"ms" | b"md" | b"ma" | b"mn" | b"me" => meta_version_rules::judge(line, word, arguments),
        b"get" | b"gets" => retrieval(line, arguments),
        b"gat" | b"gats" => retrieval_with_touch(word, line, arguments),
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => storage(word, arguments, None, noreply),
        b"cas" => storage(word, arguments, Some(arguments.get(4).copied()), noreply),
        b"delete" => Some(match arguments {
            // 1.6.18 says ERROR.
            [] => not_asked(BAD_LINE, false),
            // 1.6.18 takes no argument but 0, and takes `delete noreply` for a command that wants its reply.
            [key] | [key, _] | [key, _, b"noreply"] => instead(&[word, key], noreply),
            // Both refuse more, in other words, and 1.6.45 does not (decision note d08).
            _ => not_asked(BAD_LINE, noreply),
        }),
        b"incr" | b"decr" => Some(match arguments {
            [] | [_] => not_asked(BAD_LINE, false),
            [key, ..] if BLANK_KEYS.contains(key) => return None,
            [key, delta, ..] => match strict(delta, 22, 0, u64::MAX.into()) {
                // 1.6.18 looks for a minus beyond the end of a number of 2^63 or more.
                Some(delta) if word == b"incr" && delta > STEP_MAX => return None,
                Some(_) => instead(&[word, key, delta], noreply),
                // 1.6.18 takes a sign and any number of digits.
                None => instead(&[word, key, b"x"], noreply),
            },
        }),
        b"touch" => Some(match arguments {
            [] | [_] => not_asked(BAD_LINE, false),
            [key, exptime, ..] => instead(&[word, key, exptime_for_oracle(exptime)?], noreply),
        }),
        b"stats" => statistics(arguments),
        _ => administrative.unwrap_or_else(|| {
            Some(if word == b"bget" || noreply {
                // An old alias of get; and unknown commands that 1.6.18 answers in spite of noreply.
                not_asked(ERROR, noreply)
            } else {
                same(line)
            })
        }),
    }
}

/// A cas unique that damage moved elsewhere would be another word on each side.
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

/// A number of digits alone or, below 0 being allowed, of a minus and digits, that has at most `len_max` characters.
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

/// An exptime of touch and gat: 1.6.18 takes a sign, cuts what does not fit, and refuses a lone minus, which is 0.
/// `None` if it falls within the run.
fn exptime_for_oracle(token: &[u8]) -> Option<&[u8]> {
    match strict_i32(token) {
        None => Some(b"x"),
        Some(0) => Some(b"0"),
        Some(exptime) => settled(exptime).then_some(token),
    }
}

/// True if an exptime has the same effect during the whole run.
pub fn settled(exptime: i64) -> bool {
    const YEAR_2020: i64 = 1_577_836_800;
    const YEAR_2037: i64 = 2_114_380_800;
    exptime <= 0 || (FAR_SECS..YEAR_2020).contains(&exptime) || exptime > YEAR_2037
}

fn over_long(key: &[u8]) -> bool {
    key.len() > 250
}

fn retrieval(line: &[u8], keys: &[&[u8]]) -> Option<Ruling> {
    // 1.6.18 says ERROR to no key. An over-long key makes it forget answers that are due to earlier commands, and
    // 1.6.45 as well; larder does not follow them.
    match keys.iter().position(|key| over_long(key)) {
        _ if keys.is_empty() => Some(not_asked(BAD_LINE, false)),
        Some(0) => Some(not_asked(BAD_LINE, false)),
        // Whether values before it are on their way already depends on their size (decision note d03).
        Some(_) => None,
        None => Some(same(line)),
    }
}

fn retrieval_with_touch(word: &[u8], line: &[u8], arguments: &[&[u8]]) -> Option<Ruling> {
    let [exptime, keys @ ..] = arguments else { return Some(not_asked(BAD_LINE, false)) };
    // 1.6.18 takes `gat 10` for an empty list, and `gat a` for a bad exptime.
    if keys.is_empty() {
        return Some(not_asked(BAD_LINE, false));
    }
    let for_oracle = exptime_for_oracle(exptime)?;
    if for_oracle == b"x" {
        return Some(not_asked("CLIENT_ERROR invalid exptime argument\r\n", false));
    }
    // As for get.
    match keys.iter().position(|key| over_long(key)) {
        Some(0) => return Some(not_asked(BAD_LINE, false)),
        Some(_) => return None,
        None => {}
    }
    if for_oracle == *exptime {
        return Some(same(line));
    }
    Some(instead(&[&[word, for_oracle], keys].concat(), false))
}

/// `unique` is the argument in its place, if the command is cas.
fn storage(word: &[u8], arguments: &[&[u8]], unique: Option<Option<&[u8]>>, noreply: bool) -> Option<Ruling> {
    let &[key, flags, exptime, bytes, ..] = arguments else { return Some(not_asked(BAD_LINE, false)) };
    let Some(value_len) =
        strict(bytes, 11, i32::MIN.into(), i128::from(i32::MAX) - 2).filter(|len| *len >= 0)
    else {
        // 1.6.18 takes a plus, more digits, and multiples of 2^32, and is silent if told so.
        let answer = Answer::Exactly(BAD_LINE);
        return Some(Ruling::RefusesBlock { oracle: Vec::new(), answer, value_len: None });
    };
    let value_len = value_len as usize;
    let len_text: &[u8] = if bytes == b"-" { b"0" } else { bytes };
    let flags_read = loose(flags, 0, u64::MAX.into());
    let exptime_read = loose(exptime, i64::MIN.into(), i64::MAX.into());
    // 1.6.18 reads a number up to a TAB or another white byte.
    let flags: &[u8] = if flags_read.is_some() { flags } else { b"x" };
    let exptime: &[u8] = if exptime_read.is_some() { exptime } else { b"x" };
    let mut words: Vec<&[u8]> = vec![word, key, flags, exptime, len_text];
    if let Some(unique) = unique {
        // 1.6.18 wants it before it looks at anything else, and says ERROR.
        let Some(unique) = unique.filter(|unique| is_unique(unique)) else {
            let answer = Answer::Exactly(if noreply { "" } else { BAD_LINE });
            return Some(Ruling::RefusesBlock { oracle: Vec::new(), answer, value_len: Some(value_len) });
        };
        words.push(unique);
    }
    // 1.6.18 takes no more than one word too many.
    let oracle = joined(&words, noreply);
    match exptime_read {
        Some(exptime) if !over_long(key) && flags_read.is_some() => {
            // A join with something that is not blank is not blank.
            let blank = match word {
                b"append" | b"prepend" => Blank::Allowed,
                _ if BLANK_KEYS.contains(&key) => Blank::Allowed,
                _ => Blank::Refused,
            };
            settled((exptime as i32).into()).then_some(Ruling::Stores { oracle, value_len, blank })
        }
        _ => Some(Ruling::RefusesBlock { oracle, answer: Answer::AsOracle, value_len: Some(value_len) }),
    }
}

pub fn is_placeholder(token: &[u8]) -> bool {
    matches!(token, [b'{', b'c', b'a', b's', b'0'..=b'9', b'}'])
}

fn is_unique(token: &[u8]) -> bool {
    is_placeholder(token) || strict(token, 22, 0, u64::MAX.into()).is_some()
}

/// A number as strtol reads one that is a whole token.
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

fn statistics(arguments: &[&[u8]]) -> Option<Ruling> {
    match arguments {
        // 1.6.18 wants the whole word.
        [word, ..] if b"reset".starts_with(word) => Some(instead(&[b"stats", b"reset"], false)),
        [b"nosuch", ..] => Some(instead(&[b"stats", b"nosuch"], false)),
        // The figures are compared elsewhere.
        _ => None,
    }
}

/// The commands that may stand behind spaces; `Some(None)` if not to be compared.
fn administrative(word: &[u8], arguments: &[&[u8]], noreply: bool) -> Option<Option<Ruling>> {
    let first = arguments.first().copied();
    let alone = first.is_none() || arguments.len() == 1 && noreply;
    Some(match word {
        b"flush_all" => match if alone { Some(0) } else { strict_i32(first?) } {
            None => Some(instead(&[b"flush_all", b"x"], noreply)),
            // 1.6.18 takes one number alone. A time that has passed flushes at once.
            Some(delay)
                if delay <= 0 || delay > RELATIVE_MAX_SECS && settled(delay) && delay < 2_000_000_000 =>
            {
                Some(instead(&[b"flush_all"], noreply))
            }
            // It would bring back what an earlier flush removed and nobody has looked for since.
            Some(delay) => settled(delay).then(|| not_asked("OK\r\n", noreply)),
        },
        // 1.6.18 takes any number of digits, and says ERROR to none.
        b"verbosity" => Some(match first {
            None => not_asked(BAD_LINE, false),
            Some(level) if strict(level, 11, 0, u32::MAX.into()).is_some() => {
                instead(&[b"verbosity", b"0"], noreply)
            }
            Some(_) => instead(&[b"verbosity", b"x"], noreply),
        }),
        b"cache_memlimit" => match first.and_then(|mib| strict(mib, 11, 0, u32::MAX.into())) {
            None => Some(not_asked(ERROR, noreply)),
            // Both keep room enough.
            Some(8..1024) => None,
            Some(mib) => Some(instead(&[b"cache_memlimit", mib.to_string().as_bytes()], noreply)),
        },
        // 1.6.18 says ERROR with a colon.
        b"shutdown" => Some(not_asked("SERVER_ERROR: shutdown not enabled\r\n", noreply)),
        _ => return None,
    })
}
