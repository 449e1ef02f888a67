//! The grammar of the classic text protocol: one complete line in, its meaning out.
//!
//! A line comes without its line end and is never partial. Which checks come before a data block is known, and
//! whether that block is then swallowed, follows memcached 1.6.45; the table of differences in the manual names the
//! places where larder keeps the stream in sync and memcached does not.

use super::controls;
use super::limits::{KEY_MAX_BYTES, LINE_MIN_BYTES, SLAB_CLASSES_MAX, TOKENS_MAX, VALUE_LENGTH_MAX};
use super::meta::{self, MetaHeader};
use super::refusal::Refusal;
use super::request::{Request, Retrieval, ShutdownMode, StatsTopic, StorageHeader, StoreVerb};
use super::tokens::{
    Parsed, Tokens, checked_key, has_token, is_prefix_of, loose_exptime, loose_flags, strict_i32, strict_u32,
    strict_u64, token,
};
use nom::Parser;

/// What one line means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line<'a> {
    /// A request that is complete with its line.
    Request(Request<'a>),
    /// A storage command; its data block follows.
    Block(StorageHeader<'a>),
    /// An `ms`; its data block follows.
    MetaBlock(MetaHeader<'a>),
    /// A mistake.
    Refused {
        /// The answer; `None` where `noreply` suppresses it.
        answer: Option<Refusal>,
        /// What follows the line and belongs to it.
        follows: Follows,
    },
    /// Not this protocol at all (an HTTP request line): close.
    Foreign,
}

/// What follows a refused line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follows {
    /// The next command.
    Command,
    /// A data block of this many bytes and its line end.
    Block(usize),
    /// A data block whose length could not be read.
    BlockOfUnknownLength,
}

pub(super) fn refused<'a>(refusal: Refusal, noreply: bool) -> Line<'a> {
    Line::Refused { answer: (!noreply).then_some(refusal), follows: Follows::Command }
}

/// Reads one line. `terminator_len` is the length of its line end (1 or 2), which counts towards the shortest line.
pub fn line(text: &[u8], terminator_len: usize) -> Line<'_> {
    if let Some(retrieval) = plain_retrieval(text, terminator_len) {
        return Line::Request(Request::Retrieval(retrieval));
    }
    match text {
        [b's', b'e', b't', b' ', arguments @ ..] => storage(StoreVerb::Set, arguments),
        [b'm', b'g', b' ', arguments @ ..] => meta::get(arguments),
        [b'm', b's', b' ', arguments @ ..] => meta::store(arguments),
        _ if text.len() + terminator_len < LINE_MIN_BYTES => refused(Refusal::BadLine, false),
        _ => other(text, terminator_len),
    }
}

/// Reads one line that is a `get` or a `gets` with keys: the line that comes most often is told apart first, and its
/// meaning goes without detour where it is wanted.
#[inline(always)]
pub(super) fn plain_retrieval(text: &[u8], tail: usize) -> Option<Retrieval<'_>> {
    let (with_cas, keys) = match text {
        [b'g', b'e', b't', b' ', keys @ ..] => (false, keys),
        [b'g', b'e', b't', b's', b' ', keys @ ..] => (true, keys),
        _ => return None,
    };
    has_token(keys).then_some(Retrieval { with_cas, exptime: None, keys, first: true, last: true, tail })
}

/// The commands beyond the hot ones. Those of the first group must start the line, the others may follow spaces.
fn other(text: &[u8], terminator_len: usize) -> Line<'_> {
    let (word, arguments) = text.split_at(memchr::memchr(b' ', text).unwrap_or(text.len()));
    match word {
        b"get" | b"gets" | b"set" | b"mg" | b"ms" => refused(Refusal::BadLine, false),
        b"gat" => get_and_touch(arguments, false, terminator_len),
        b"gats" => get_and_touch(arguments, true, terminator_len),
        b"add" => storage(StoreVerb::Add, arguments),
        b"replace" => storage(StoreVerb::Replace, arguments),
        b"append" => storage(StoreVerb::Append, arguments),
        b"prepend" => storage(StoreVerb::Prepend, arguments),
        b"cas" => storage(StoreVerb::Cas(0), arguments),
        b"delete" => delete(arguments),
        b"incr" => arithmetic(arguments, true),
        b"decr" => arithmetic(arguments, false),
        b"touch" => touch(arguments),
        b"md" => meta::delete(arguments),
        b"ma" => meta::arithmetic(arguments),
        b"me" => meta::describe(arguments),
        b"mn" => Line::Request(Request::MetaNoop),
        b"version" => Line::Request(Request::Version),
        b"quit" => Line::Request(Request::Quit),
        b"stats" => stats(arguments),
        b"watch" => controls::watch(arguments),
        b"why" => why(arguments),
        _ => administrative(text),
    }
}

fn administrative(text: &[u8]) -> Line<'_> {
    let Ok((arguments, word)) = token(text) else { return refused(Refusal::Unknown, false) };
    match word {
        b"flush_all" => flush_all(arguments),
        b"verbosity" => verbosity(arguments),
        b"cache_memlimit" => cache_memlimit(arguments),
        b"shutdown" => shutdown(arguments),
        b"refresh_certs" => Line::Request(Request::RefreshCertificates),
        b"lru_crawler" => controls::crawler(arguments),
        b"slabs" => controls::slabs(arguments),
        b"lru" => controls::lru(arguments),
        b"debugtime" => controls::debug_time(arguments),
        _ if Tokens(text).take(TOKENS_MAX).last().is_some_and(|last| last.starts_with(b"HTTP/")) => {
            Line::Foreign
        }
        _ => refused(
            Refusal::Unknown,
            word == b"noreply" && token(arguments).is_err() || ends_in_noreply(arguments),
        ),
    }
}

/// True if `noreply` is the last token that memcached would record; `arguments` is what follows the command word.
pub(super) fn ends_in_noreply(arguments: &[u8]) -> bool {
    // Nearly every line without it is told apart by its last byte; one with tokens beyond those recorded is not short.
    (matches!(arguments, [.., b'y' | b' ']) || arguments.len() >= 2 * TOKENS_MAX)
        && Tokens(arguments).take(TOKENS_MAX - 1).last() == Some(b"noreply")
}

/// The key list of a line whose end has `tail` bytes.
#[inline]
fn retrieval(keys: &[u8], with_cas: bool, exptime: Option<i32>, tail: usize) -> Line<'_> {
    if !has_token(keys) {
        return refused(Refusal::BadLine, false);
    }
    Line::Request(Request::Retrieval(Retrieval { with_cas, exptime, keys, first: true, last: true, tail }))
}

/// True if this may be the front of a retrieval whose first key has not come yet, though many spaces have.
pub(super) fn awaits_keys(front: &[u8]) -> bool {
    let words_before_keys = match Tokens(front).next() {
        Some(b"get" | b"gets") => 1,
        Some(b"gat" | b"gats") => 2,
        _ => return false,
    };
    front.first() != Some(&b' ') && Tokens(front).count() <= words_before_keys
}

fn get_and_touch(arguments: &[u8], with_cas: bool, tail: usize) -> Line<'_> {
    let Ok((keys, exptime)) = token(arguments) else { return refused(Refusal::BadLine, false) };
    if token(keys).is_err() {
        return refused(Refusal::BadLine, false);
    }
    match strict_i32(exptime) {
        None => refused(Refusal::BadExptime, false),
        exptime => retrieval(keys, with_cas, exptime, tail),
    }
}

/// `<key> <flags> <exptime> <bytes> [<cas>] [noreply]`
fn storage(verb: StoreVerb, arguments: &[u8]) -> Line<'_> {
    let tokens: Parsed<'_, _> = (token, token, token, token).parse(arguments);
    let Ok((rest, (key, flags, exptime, bytes))) = tokens else { return refused(Refusal::BadLine, false) };
    let Some(value_len) = strict_i32(bytes).filter(|len| (0..=VALUE_LENGTH_MAX).contains(len)) else {
        return Line::Refused { answer: Some(Refusal::BadLine), follows: Follows::BlockOfUnknownLength };
    };
    let value_len = value_len as usize;
    let noreply = !rest.is_empty() && ends_in_noreply(arguments);
    let verb = match verb {
        StoreVerb::Cas(_) => token(rest).ok().and_then(|(_, unique)| strict_u64(unique)).map(StoreVerb::Cas),
        verb => Some(verb),
    };
    match (checked_key(key), verb, loose_flags(flags), loose_exptime(exptime)) {
        (Ok(key), Some(verb), Some(flags), Some(exptime)) => {
            Line::Block(StorageHeader { verb, key, flags, exptime, value_len, noreply })
        }
        _ => Line::Refused {
            answer: (!noreply).then_some(Refusal::BadLine),
            follows: Follows::Block(value_len),
        },
    }
}

/// `<key> [<time>] [noreply]`; old clients send the time, it means nothing.
///
/// Decision [`d08`](crate::decisions::d08_delete_takes_one_key).
fn delete(arguments: &[u8]) -> Line<'_> {
    let Ok((rest, key)) = token(arguments) else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    let surplus =
        Tokens(rest).nth(1).is_some_and(|second| second != b"noreply") || Tokens(rest).nth(2).is_some();
    match checked_key(key) {
        Ok(key) if !surplus => Line::Request(Request::Delete { key, noreply }),
        _ => refused(Refusal::BadLine, noreply),
    }
}

fn arithmetic(arguments: &[u8], up: bool) -> Line<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((_, (key, delta))) = tokens else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    match (checked_key(key), strict_u64(delta)) {
        (Ok(key), Some(delta)) => Line::Request(Request::Arithmetic { key, up, delta, noreply }),
        (Ok(_), None) => refused(Refusal::BadDelta, noreply),
        (Err(refusal), _) => refused(refusal, noreply),
    }
}

fn touch(arguments: &[u8]) -> Line<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((_, (key, exptime))) = tokens else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    match (checked_key(key), strict_i32(exptime)) {
        (Ok(key), Some(exptime)) => Line::Request(Request::Touch { key, exptime, noreply }),
        (Ok(_), None) => refused(Refusal::BadExptime, noreply),
        (Err(refusal), _) => refused(refusal, noreply),
    }
}

fn flush_all(arguments: &[u8]) -> Line<'_> {
    let noreply = ends_in_noreply(arguments);
    let delay = match token(arguments) {
        Err(_) => Some(0),
        Ok((rest, b"noreply")) if token(rest).is_err() => Some(0),
        Ok((_, delay)) => strict_i32(delay),
    };
    match delay {
        Some(delay) => Line::Request(Request::FlushAll { delay, noreply }),
        None => refused(Refusal::BadExptime, noreply),
    }
}

fn verbosity(arguments: &[u8]) -> Line<'_> {
    let Ok((_, level)) = token(arguments) else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    match strict_u32(level) {
        Some(level) => Line::Request(Request::Verbosity { level, noreply }),
        None => refused(Refusal::BadLine, noreply),
    }
}

fn cache_memlimit(arguments: &[u8]) -> Line<'_> {
    let noreply = ends_in_noreply(arguments);
    match token(arguments).ok().and_then(|(_, mib)| strict_u32(mib)) {
        Some(mib) => Line::Request(Request::CacheMemlimit { mib, noreply }),
        None => refused(Refusal::Unknown, noreply),
    }
}

fn shutdown(arguments: &[u8]) -> Line<'_> {
    let noreply = ends_in_noreply(arguments);
    let words = Tokens(arguments).filter(|word| *word != b"noreply").take(2);
    let mut mode = Some(ShutdownMode::Plain);
    for (position, word) in words.enumerate() {
        mode = (position == 0 && is_prefix_of(word, b"graceful")).then_some(ShutdownMode::Graceful);
    }
    Line::Request(Request::Shutdown { mode, noreply })
}

/// `<key>`
fn why(arguments: &[u8]) -> Line<'_> {
    match token(arguments) {
        Ok((rest, key)) if key.len() <= KEY_MAX_BYTES && token(rest).is_err() => {
            Line::Request(Request::Why { key })
        }
        _ => refused(Refusal::BadLine, false),
    }
}

/// Sub-commands match by any beginning, first match in this order; `items`, `slabs`, `sizes` and those of larder alone
/// need the whole word.
fn stats(arguments: &[u8]) -> Line<'_> {
    let Ok((rest, word)) = token(arguments) else {
        return Line::Request(Request::Stats(StatsTopic::General));
    };
    let topic = match word {
        b"items" => StatsTopic::Items,
        b"slabs" => StatsTopic::Slabs,
        b"sizes" => StatsTopic::Sizes,
        b"advisor" => StatsTopic::Advisor,
        b"hotkeys" => StatsTopic::HotKeys,
        b"families" => StatsTopic::Families,
        b"memory" => StatsTopic::Memory,
        b"latency" => StatsTopic::Latency,
        _ if is_prefix_of(word, b"reset") => StatsTopic::Reset,
        _ if is_prefix_of(word, b"detail") => StatsTopic::Detail(controls::detail(rest)),
        _ if is_prefix_of(word, b"settings") => StatsTopic::Settings,
        _ if is_prefix_of(word, b"cachedump") => return cache_dump(rest),
        _ if is_prefix_of(word, b"conns") => StatsTopic::Conns,
        _ => return refused(Refusal::Unknown, false),
    };
    Line::Request(Request::Stats(topic))
}

/// `<class> <limit>`
fn cache_dump(arguments: &[u8]) -> Line<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((_, (class, limit))) = tokens else { return refused(Refusal::BadDump, false) };
    match (strict_u32(class), strict_u32(limit)) {
        (Some(class), Some(limit)) if class < SLAB_CLASSES_MAX => {
            Line::Request(Request::Stats(StatsTopic::CacheDump { class, limit }))
        }
        (Some(_), Some(_)) => refused(Refusal::BadSlabClass, false),
        _ => refused(Refusal::BadLine, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request<'_> {
        match line(text.as_bytes(), 2) {
            Line::Request(request) => request,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn answer(text: &str) -> Option<Refusal> {
        match line(text.as_bytes(), 2) {
            Line::Refused { answer, .. } => answer,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn header(text: &str) -> StorageHeader<'_> {
        match line(text.as_bytes(), 2) {
            Line::Block(header) => header,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn retrieval_lines_keep_their_keys() {
        assert_eq!(
            request("gets  a b"),
            Request::Retrieval(Retrieval {
                with_cas: true,
                exptime: None,
                keys: b" a b",
                first: true,
                last: true,
                tail: 2
            })
        );
        assert_eq!(
            request("gat -1 a"),
            Request::Retrieval(Retrieval {
                with_cas: false,
                exptime: Some(-1),
                keys: b" a",
                first: true,
                last: true,
                tail: 2
            })
        );
        for text in ["get", "get ", "gets", "gat", "gat 10", "gat a", "gats 10 "] {
            assert_eq!(answer(text), Some(Refusal::BadLine), "{text}");
        }
        assert_eq!(answer("gat x a"), Some(Refusal::BadExptime));
    }

    #[test]
    fn storage_lines_are_read_whole() {
        let plain = header("set k 5 -1 3");
        assert_eq!((plain.key, plain.flags, plain.exptime, plain.value_len), (&b"k"[..], 5, -1, 3));
        assert!(!plain.noreply);
        assert!(header("append  k 0 0 3  noreply ").noreply);
        assert!(!header("set k 0 0 3 noreply x").noreply);
        assert_eq!(header("set k 0 0 -").value_len, 0);
        assert_eq!(header("cas k 0 0 1 18446744073709551615").verb, StoreVerb::Cas(u64::MAX));
    }

    #[test]
    fn refused_storage_lines_say_what_follows_them() {
        for (text, silent, follows) in [
            ("set k 0 0", false, Follows::Command),
            ("set k 0 0 -1", false, Follows::BlockOfUnknownLength),
            ("set k 0 0 x noreply", false, Follows::BlockOfUnknownLength),
            ("set k 0 0 2147483646", false, Follows::BlockOfUnknownLength),
            ("set k x 0 7", false, Follows::Block(7)),
            ("set k 0 x 7 noreply", true, Follows::Block(7)),
            ("cas k 0 0 1", false, Follows::Block(1)),
            ("cas k 0 0 1 noreply", true, Follows::Block(1)),
            ("cas k 0 0 1 -1", false, Follows::Block(1)),
        ] {
            let answer = (!silent).then_some(Refusal::BadLine);
            assert_eq!(line(text.as_bytes(), 2), Line::Refused { answer, follows }, "{text}");
        }
        let long = format!("add {} 0 0 4", "k".repeat(251));
        let expected = Line::Refused { answer: Some(Refusal::BadLine), follows: Follows::Block(4) };
        assert_eq!(line(long.as_bytes(), 2), expected);
        assert_eq!(header(&format!("add {} 0 0 4", "k".repeat(250))).value_len, 4);
    }

    #[test]
    fn noreply_counts_only_as_the_last_recorded_token() {
        assert_eq!(answer("foo noreply"), None);
        assert_eq!(answer("noreply"), None);
        assert_eq!(answer("noreply "), None);
        assert_eq!(answer("foo noreply x"), Some(Refusal::Unknown));
        assert_eq!(request("delete noreply"), Request::Delete { key: b"noreply", noreply: true });
        let recorded = format!("foo{} noreply", " x".repeat(TOKENS_MAX - 2));
        assert_eq!(answer(&recorded), None);
        assert_eq!(answer(&format!("{recorded} x")), None);
        let beyond = format!("foo{} noreply", " x".repeat(TOKENS_MAX - 1));
        assert_eq!(answer(&beyond), Some(Refusal::Unknown));
    }

    #[test]
    fn delete_takes_one_key_an_old_time_and_noreply() {
        for (text, silent) in [("delete k", false), ("delete k 0", false), ("delete k 5 noreply", true)] {
            assert_eq!(request(text), Request::Delete { key: b"k", noreply: silent }, "{text}");
        }
        for text in ["delete a b c", "delete a b c d e", "delete a 0 0", "delete a 0 noreply x"] {
            assert_eq!(answer(text), Some(Refusal::BadLine), "{text}");
        }
        assert_eq!(answer("delete a b c noreply"), None);
    }

    #[test]
    fn leading_spaces_are_for_administrators_only() {
        assert_eq!(answer(" get a"), Some(Refusal::Unknown));
        assert_eq!(answer(" version"), Some(Refusal::Unknown));
        assert_eq!(request(" flush_all"), Request::FlushAll { delay: 0, noreply: false });
    }

    #[test]
    fn short_lines_are_refused_unseen() {
        assert_eq!(answer(""), Some(Refusal::BadLine));
        assert_eq!(answer("a"), Some(Refusal::BadLine));
        assert_eq!(answer("ab"), Some(Refusal::Unknown));
        assert_eq!(line(b"ab", 1), refused(Refusal::BadLine, false));
        assert_eq!(line(b"abc", 1), refused(Refusal::Unknown, false));
    }

    #[test]
    fn numbers_are_checked_by_their_own_rule() {
        assert_eq!(answer("incr n +1"), Some(Refusal::BadDelta));
        assert_eq!(answer("incr n"), Some(Refusal::BadLine));
        assert_eq!(answer("touch k 2147483648"), Some(Refusal::BadExptime));
        assert_eq!(answer("flush_all x"), Some(Refusal::BadExptime));
        assert_eq!(answer("flush_all x noreply"), None);
        assert_eq!(answer("verbosity"), Some(Refusal::BadLine));
        assert_eq!(answer("verbosity noreply"), None);
        assert_eq!(answer("cache_memlimit"), Some(Refusal::Unknown));
        assert_eq!(request("cache_memlimit 64 x"), Request::CacheMemlimit { mib: 64, noreply: false });
        assert_eq!(request("flush_all 1 2 3"), Request::FlushAll { delay: 1, noreply: false });
        assert_eq!(request("flush_all noreply"), Request::FlushAll { delay: 0, noreply: true });
    }

    #[test]
    fn sub_commands_match_by_their_beginning() {
        for (text, topic) in [
            ("stats", StatsTopic::General),
            ("stats ", StatsTopic::General),
            ("stats r", StatsTopic::Reset),
            ("stats se", StatsTopic::Settings),
            ("stats co", StatsTopic::Conns),
            ("stats c 0 0", StatsTopic::CacheDump { class: 0, limit: 0 }),
            ("stats cachedump 63 100 x", StatsTopic::CacheDump { class: 63, limit: 100 }),
            ("stats items foo", StatsTopic::Items),
        ] {
            assert_eq!(request(text), Request::Stats(topic), "{text}");
        }
        for text in ["stats item", "stats slab", "stats resetx", "stats foo"] {
            assert_eq!(answer(text), Some(Refusal::Unknown), "{text}");
        }
        for text in ["stats cachedump", "stats c", "stats ca 1"] {
            assert_eq!(answer(text), Some(Refusal::BadDump), "{text}");
        }
        for text in ["stats cachedump x 1", "stats cachedump 1 -1", "stats cachedump 256 x"] {
            assert_eq!(answer(text), Some(Refusal::BadLine), "{text}");
        }
        assert_eq!(answer("stats cachedump 256 1"), Some(Refusal::BadSlabClass));
        let mode = |text| match request(text) {
            Request::Shutdown { mode, .. } => mode,
            other => panic!("{other:?}"),
        };
        assert_eq!(mode("shutdown"), Some(ShutdownMode::Plain));
        assert_eq!(mode("shutdown g"), Some(ShutdownMode::Graceful));
        assert_eq!(mode("shutdown now"), None);
        assert_eq!(mode("shutdown graceful x"), None);
    }

    #[test]
    fn http_is_told_apart_by_its_last_token() {
        assert_eq!(line(b"GET / HTTP/1.1", 2), Line::Foreign);
        assert_eq!(line(b"HTTP/1.1", 2), Line::Foreign);
        assert_eq!(line(b"GET / HTTP/1.1 x", 2), refused(Refusal::Unknown, false));
        assert!(matches!(line(b"get / HTTP/1.1", 2), Line::Request(Request::Retrieval(_))));
    }
}
