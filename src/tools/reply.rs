//! Parsers of reply lines, each for one line without its end. They check the form; the callers interpret names and
//! values.

use super::escape::percent_decoded;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1};
use nom::character::complete::{char, digit1, space0};
use nom::combinator::{all_consuming, map, map_opt, map_res, opt, rest, value};
use nom::multi::many0;
use nom::sequence::{preceded, separated_pair};
use nom::{IResult, Parser};

/// Largest value: the upper bound of `-I`.
const VALUE_MAX_BYTES: u64 = 1 << 30;

type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// The reply to `why KEY`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyReply {
    /// The key is stored.
    Present {
        /// Seconds since it was stored.
        age_secs: Option<u64>,
        /// Seconds since its last use.
        idle_secs: u64,
        /// Seconds until it expires; `None`: never.
        left_secs: Option<u64>,
        /// Bytes of its value.
        bytes: u64,
    },
    /// The item was removed.
    Removed {
        /// The cause.
        cause: Cause,
        /// Seconds ago.
        ago_secs: u64,
        /// Its age at that time, in seconds.
        age_secs: Option<u64>,
        /// Seconds since its last use at that time.
        idle_secs: u64,
        /// Bytes of the item.
        bytes: u64,
    },
    /// The item was stored with an absolute time that had already passed.
    PassedTime {
        /// Seconds ago.
        ago_secs: u64,
        /// The Unix time in seconds.
        exptime: u64,
        /// Its year.
        year: u64,
        /// Bytes of the value.
        bytes: u64,
    },
    /// No removal is known.
    Unknown {
        /// Seconds for which removals are remembered.
        reach_secs: u64,
        /// Seconds since the last flush.
        flushed_secs: Option<u64>,
    },
}

/// Cause of a removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Evicted for memory.
    Evicted,
    /// Expired.
    Expired,
    /// Deleted by a client.
    Deleted,
    /// A newer value did not get memory.
    NoMemory,
    /// A newer value was too large.
    TooLarge,
}

/// A line of `lru_crawler metadump`. A field is `None` if the server does not send it: older versions have no flags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item<'a> {
    /// The decoded key.
    pub key: Vec<u8>,
    /// The key as received.
    pub encoded: &'a [u8],
    /// Unix time of expiry; `Some(None)`: never.
    pub expires: Option<Option<u64>>,
    /// Unix time of its last use.
    pub used: Option<u64>,
    /// Bytes of the item.
    pub bytes: Option<u64>,
    /// The client flags.
    pub flags: Option<u32>,
}

/// Name and value of a STAT line.
pub fn stat(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = preceded(tag(&b"STAT "[..]), token);
    parse_all(line, (name, opt(preceded(char(' '), rest))))
        .map(|(name, value)| (name, value.unwrap_or_default()))
}

/// Size, flags and seconds left of the reply to `mg KEY f t v`: `VA 5 f16 t-1`.
pub fn value_header(line: &[u8]) -> Option<(u64, u32, Option<u64>)> {
    let mut words = std::str::from_utf8(line).ok()?.strip_prefix("VA ")?.split(' ');
    let bytes = words.next()?.parse().ok().filter(|bytes| *bytes <= VALUE_MAX_BYTES)?;
    let flags = words.next()?.strip_prefix('f')?.parse().ok()?;
    let left = match words.next()?.strip_prefix('t')? {
        "-1" => None,
        left => Some(left.parse().ok()?),
    };
    words.next().is_none().then_some((bytes, flags, left))
}

/// A WHY line.
pub fn why(line: &[u8]) -> Option<WhyReply> {
    let head = preceded((tag(&b"WHY "[..]), token, char(' ')), token);
    let (word, fields) = parse_all(line, (head, fields))?;
    let secs = |name: &str| number(fields.get(name)?);
    let bytes = || secs("size");
    Some(match word {
        b"present" => WhyReply::Present {
            age_secs: number_or(fields.get("age")?, b"?")?,
            idle_secs: secs("idle")?,
            left_secs: number_or(fields.get("left")?, b"never")?,
            bytes: bytes()?,
        },
        b"unknown" => WhyReply::Unknown { reach_secs: secs("reach")?, flushed_secs: secs("flushed") },
        b"passed_time" => WhyReply::PassedTime {
            ago_secs: secs("ago")?,
            exptime: secs("exptime")?,
            year: secs("year")?,
            bytes: bytes()?,
        },
        word => WhyReply::Removed {
            cause: parse_all(word, cause)?,
            ago_secs: secs("ago")?,
            age_secs: number_or(fields.get("age")?, b"?")?,
            idle_secs: secs("idle")?,
            bytes: bytes()?,
        },
    })
}

/// A line of `lru_crawler metadump`; unknown fields are ignored.
pub fn item(line: &[u8]) -> Option<Item<'_>> {
    let fields = parse_all(line, fields)?;
    let encoded = fields.get("key")?;
    Some(Item {
        key: percent_decoded(encoded),
        encoded,
        expires: fields.get("exp").and_then(|text| number_or(text, b"-1")),
        used: fields.get("la").and_then(number),
        bytes: fields.get("size").and_then(number),
        flags: fields.get("flags").and_then(number).and_then(|flags| u32::try_from(flags).ok()),
    })
}

/// True for the error replies of a server.
pub fn is_refusal(line: &[u8]) -> bool {
    let word = alt((
        tag(&b"CLIENT_ERROR"[..]),
        tag(&b"SERVER_ERROR"[..]),
        tag(&b"ERROR"[..]),
        tag(&b"BUSY"[..]),
        tag(&b"BADCLASS"[..]),
    ));
    parse_all(line, (word, opt(preceded(char(' '), rest)))).is_some()
}

fn cause(input: &[u8]) -> Parsed<'_, Cause> {
    alt((
        value(Cause::Evicted, tag(&b"evicted"[..])),
        value(Cause::Expired, tag(&b"expired"[..])),
        value(Cause::Deleted, tag(&b"deleted"[..])),
        value(Cause::NoMemory, tag(&b"no_memory"[..])),
        value(Cause::TooLarge, tag(&b"too_large"[..])),
    ))
    .parse(input)
}

/// The `name=value` fields of a line.
struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| *value)
    }
}

fn fields(input: &[u8]) -> Parsed<'_, Fields<'_>> {
    let name = take_till1(|byte| byte == b'=' || byte == b' ');
    let field = separated_pair(name, char('='), take_till(|byte| byte == b' '));
    let (rest, fields) = many0(preceded(space0, field)).parse(input)?;
    let (rest, _) = space0(rest)?;
    Ok((rest, Fields(fields)))
}

fn token(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_till1(|byte| byte == b' ').parse(input)
}

/// Digits that fit into 64 bits.
pub fn number(text: &[u8]) -> Option<u64> {
    let digits = map_res(digit1, std::str::from_utf8);
    parse_all(text, map_opt(digits, |digits: &str| digits.parse().ok()))
}

/// A decimal number, with or without a fraction.
pub fn real(text: &[u8]) -> Option<f64> {
    let form = (opt(char('-')), digit1, opt((char('.'), digit1)));
    parse_all(text, map(form, |_| ()))?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number, or `Some(None)` for the word that means none.
fn number_or(text: &[u8], word: &[u8]) -> Option<Option<u64>> {
    if text == word { Some(None) } else { number(text).map(Some) }
}

fn parse_all<'a, T>(input: &'a [u8], parser: impl Parser<&'a [u8], Output = T, Error = ()>) -> Option<T> {
    all_consuming(parser).parse(input).ok().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_value_has_size_flags_and_time_left() {
        assert_eq!(value_header(b"VA 5 f16 t-1"), Some((5, 16, None)));
        assert_eq!(value_header(b"VA 0 f0 t300"), Some((0, 0, Some(300))));
        for line in
            ["VA 5", "VA 5 f1", "VA x f1 t1", "VA 5 f1 t1 s5", "EN", "VA 2000000000 f0 t-1", "VA 5 t1 f1"]
        {
            assert_eq!(value_header(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn stat_lines_may_have_spaces_or_nothing_in_their_value() {
        assert_eq!(stat(b"STAT version 1.6.45"), Some((&b"version"[..], &b"1.6.45"[..])));
        assert_eq!(stat(b"STAT inter a, b"), Some((&b"inter"[..], &b"a, b"[..])));
        assert_eq!(stat(b"STAT inter "), Some((&b"inter"[..], &b""[..])));
        assert_eq!(stat(b"STAT inter"), Some((&b"inter"[..], &b""[..])));
        for line in [&b""[..], b"END", b"STAT", b"STAT ", b"STATS a b", b"ERROR", b"VALUE a 0 1"] {
            assert_eq!(stat(line), None, "{line:?}");
        }
    }

    #[test]
    fn every_cause_is_parsed() {
        let present = WhyReply::Present { age_secs: Some(9), idle_secs: 1, left_secs: None, bytes: 7 };
        assert_eq!(why(b"WHY a%20b present age=9 idle=1 left=never size=7"), Some(present));
        let gone = |cause| {
            Some(WhyReply::Removed { cause, ago_secs: 5, age_secs: None, idle_secs: 2, bytes: u64::MAX })
        };
        for (word, cause) in [
            ("evicted", Cause::Evicted),
            ("expired", Cause::Expired),
            ("deleted", Cause::Deleted),
            ("no_memory", Cause::NoMemory),
            ("too_large", Cause::TooLarge),
        ] {
            let line = format!("WHY k {word} ago=5 age=? idle=2 size=18446744073709551615");
            assert_eq!(why(line.as_bytes()), gone(cause));
        }
        let unknown = |flushed_secs| Some(WhyReply::Unknown { reach_secs: 3, flushed_secs });
        assert_eq!(why(b"WHY k unknown reach=3"), unknown(None));
        let passed = WhyReply::PassedTime { ago_secs: 5, exptime: 2_592_001, year: 1970, bytes: 1 };
        assert_eq!(why(b"WHY k passed_time ago=5 exptime=2592001 year=1970 size=1"), Some(passed));
        assert_eq!(why(b"WHY k unknown reach=3 flushed=4"), unknown(Some(4)));
    }

    #[test]
    fn other_why_lines_are_refused() {
        for line in [
            &b"WHY k"[..],
            b"WHY k present",
            b"WHY k lost ago=5 age=? idle=2 size=1",
            b"WHY k evicted ago=5 age=? idle=2",
            b"WHY k evicted ago=-5 age=? idle=2 size=1",
            b"WHY k evicted ago=5 age=? idle=2 size=18446744073709551616",
            b"WHY k unknown",
            b"ERROR",
            b"",
        ] {
            assert_eq!(why(line), None, "{line:?}");
        }
    }

    #[test]
    fn items_are_parsed_with_and_without_flags() {
        let read = item(b"key=a%20b exp=-1 la=17 cas=2 fetch=no cls=1 size=67 flags=5 ").unwrap();
        assert_eq!((read.key.as_slice(), read.encoded), (&b"a b"[..], &b"a%20b"[..]));
        assert_eq!((read.expires, read.used), (Some(None), Some(17)));
        assert_eq!((read.bytes, read.flags), (Some(67), Some(5)));
        let read = item(b"key=k exp=99 la=17 cas=2 fetch=no cls=1 size=67").unwrap();
        assert_eq!((read.expires, read.flags), (Some(Some(99)), None));
        for line in [&b"END"[..], b"ERROR", b"BUSY currently processing crawler request", b"exp=1", b""] {
            assert_eq!(item(line), None, "{line:?}");
        }
    }

    #[test]
    fn error_replies_are_recognised() {
        for line in ["ERROR", "ERROR not allowed", "CLIENT_ERROR x", "SERVER_ERROR", "BUSY x", "BADCLASS x"] {
            assert!(is_refusal(line.as_bytes()), "{line}");
        }
        for line in ["", "END", "ERRORS", "STAT a b", "HTTP/1.1 400 Bad Request"] {
            assert!(!is_refusal(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn parsers_accept_or_refuse_random_lines() {
        let mut random = fastrand::Rng::with_seed(7);
        let words = ["STAT", "WHY", "key=", "%1", " ", "=", "evicted", "ago=", "size=", "-1", "?", "\u{ff}"];
        for _ in 0..20_000 {
            let line: String = (0..random.usize(..8)).map(|_| words[random.usize(..words.len())]).collect();
            let line = line.as_bytes();
            assert!(stat(line).is_none() || line.starts_with(b"STAT "));
            assert!(why(line).is_none() || line.starts_with(b"WHY "));
            assert!(item(line).is_none_or(|item| item.key.len() <= line.len()));
        }
    }

    #[test]
    fn numbers_have_digits_and_an_optional_fraction() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(real(b"91.25"), Some(91.25));
        assert_eq!(real(b"-3"), Some(-3.0));
        for text in ["", "x", "1x", "-", "1.", ".5", "inf", "nan", "1e9"] {
            assert_eq!(real(text.as_bytes()), None, "{text}");
        }
    }
}
