//! The grammar of the classic text protocol: one complete line in, its meaning out.
//!
//! `text_decoder.rs` passes lines without their line end, never partial ones. The order of the checks, and whether a
//! refused line has its data block skipped, follow memcached 1.6.45. The manual lists the cases in which larder stays
//! in sync with the stream and memcached does not.

use super::limits::{KEY_MAX_BYTES, LINE_MIN_BYTES, SLAB_CLASSES_MAX, TOKENS_MAX, VALUE_LENGTH_MAX};
use super::meta;
use super::operator_commands;
use super::operator_request::{ShutdownMode, StatsTopic};
use super::parsed_line::{DataBlock, ParsedLine, ends_in_noreply, refused};
use super::refusal::Refusal;
use super::request::{Request, Retrieval, StorageHeader, StoreVerb};
use super::tokens::{
    Parsed, Tokens, checked_key, has_token, is_prefix_of, loose_exptime, loose_flags, strict_exptime,
    strict_i32, strict_u32, strict_u64, token,
};
use nom::Parser;

/// Parses one line. `line_end_len` is the length of its line end (1 or 2), which counts towards the shortest line.
pub fn parse_line(text: &[u8], line_end_len: usize) -> ParsedLine<'_> {
    if let Some(retrieval) = plain_retrieval(text, line_end_len) {
        return ParsedLine::Request(Request::Retrieval(retrieval));
    }
    match text {
        [b's', b'e', b't', b' ', arguments @ ..] => storage(StoreVerb::Set, arguments),
        [b'm', b'g', b' ', arguments @ ..] => meta::get(arguments),
        [b'm', b's', b' ', arguments @ ..] => meta::store(arguments),
        _ if text.len() + line_end_len < LINE_MIN_BYTES => refused(Refusal::BadLine, false),
        _ => parse_other(text, line_end_len),
    }
}

/// Parses a `get` or a `gets` with keys. `text_decoder.rs` calls this first, because these lines are the most frequent.
#[inline(always)]
pub(super) fn plain_retrieval(text: &[u8], line_end_len: usize) -> Option<Retrieval<'_>> {
    let (with_cas, keys) = match text {
        [b'g', b'e', b't', b' ', keys @ ..] => (false, keys),
        [b'g', b'e', b't', b's', b' ', keys @ ..] => (true, keys),
        _ => return None,
    };
    has_token(keys).then_some(Retrieval {
        with_cas,
        exptime: None,
        keys,
        first: true,
        last: true,
        line_end_len,
    })
}

/// Parses the less frequent commands, which must start the line. Administrative commands may follow spaces.
fn parse_other(text: &[u8], line_end_len: usize) -> ParsedLine<'_> {
    let (word, arguments) = text.split_at(memchr::memchr(b' ', text).unwrap_or(text.len()));
    match word {
        b"get" | b"gets" | b"set" | b"mg" | b"ms" => refused(Refusal::BadLine, false),
        b"gat" => get_and_touch(arguments, false, line_end_len),
        b"gats" => get_and_touch(arguments, true, line_end_len),
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
        b"mn" => ParsedLine::Request(Request::MetaNoop),
        b"version" => ParsedLine::Request(Request::Version),
        b"quit" => ParsedLine::Request(Request::Quit),
        b"stats" => stats(arguments),
        b"watch" => operator_commands::watch(arguments),
        b"why" => why(arguments),
        _ => parse_administrative(text),
    }
}

fn parse_administrative(text: &[u8]) -> ParsedLine<'_> {
    let Ok((arguments, word)) = token(text) else { return refused(Refusal::Unknown, false) };
    match word {
        b"flush_all" => flush_all(arguments),
        b"verbosity" => verbosity(arguments),
        b"cache_memlimit" => cache_memlimit(arguments),
        b"shutdown" => shutdown(arguments),
        b"refresh_certs" => ParsedLine::Request(Request::RefreshCertificates),
        b"lru_crawler" => operator_commands::crawler(arguments),
        b"slabs" => operator_commands::slabs(arguments),
        b"lru" => operator_commands::lru(arguments),
        b"debugtime" => operator_commands::debug_time(arguments),
        _ if Tokens(text).take(TOKENS_MAX).last().is_some_and(|last| last.starts_with(b"HTTP/")) => {
            ParsedLine::UnknownProtocol
        }
        _ => refused(
            Refusal::Unknown,
            word == b"noreply" && token(arguments).is_err() || ends_in_noreply(arguments),
        ),
    }
}

/// A retrieval of the keys in a list.
#[inline]
fn retrieval(keys: &[u8], with_cas: bool, exptime: Option<i64>, line_end_len: usize) -> ParsedLine<'_> {
    if !has_token(keys) {
        return refused(Refusal::BadLine, false);
    }
    ParsedLine::Request(Request::Retrieval(Retrieval {
        with_cas,
        exptime,
        keys,
        first: true,
        last: true,
        line_end_len,
    }))
}

/// True if `front` can be the beginning of a retrieval of which only spaces and no key were received.
pub(super) fn awaits_keys(front: &[u8]) -> bool {
    let words_before_keys = match Tokens(front).next() {
        Some(b"get" | b"gets") => 1,
        Some(b"gat" | b"gats") => 2,
        _ => return false,
    };
    front.first() != Some(&b' ') && Tokens(front).count() <= words_before_keys
}

fn get_and_touch(arguments: &[u8], with_cas: bool, line_end_len: usize) -> ParsedLine<'_> {
    let Ok((keys, exptime)) = token(arguments) else { return refused(Refusal::BadLine, false) };
    if token(keys).is_err() {
        return refused(Refusal::BadLine, false);
    }
    match strict_exptime(exptime) {
        None => refused(Refusal::BadExptime, false),
        exptime => retrieval(keys, with_cas, exptime, line_end_len),
    }
}

/// `<key> <flags> <exptime> <bytes> [<cas>] [noreply]`
fn storage(verb: StoreVerb, arguments: &[u8]) -> ParsedLine<'_> {
    let tokens: Parsed<'_, _> = (token, token, token, token).parse(arguments);
    let Ok((rest, (key, flags, exptime, bytes))) = tokens else { return refused(Refusal::BadLine, false) };
    let Some(value_len) = strict_i32(bytes).filter(|len| (0..=VALUE_LENGTH_MAX).contains(len)) else {
        return ParsedLine::Refused { reply: Some(Refusal::BadLine), data_block: DataBlock::UnknownLength };
    };
    let value_len = value_len as usize;
    let noreply = !rest.is_empty() && ends_in_noreply(arguments);
    let verb = match verb {
        StoreVerb::Cas(_) => token(rest).ok().and_then(|(_, unique)| strict_u64(unique)).map(StoreVerb::Cas),
        verb => Some(verb),
    };
    match (checked_key(key), verb, loose_flags(flags), loose_exptime(exptime)) {
        (Ok(key), Some(verb), Some(flags), Some(exptime)) => {
            ParsedLine::Storage(StorageHeader { verb, key, flags, exptime, value_len, noreply })
        }
        _ => ParsedLine::Refused {
            reply: (!noreply).then_some(Refusal::BadLine),
            data_block: DataBlock::Bytes(value_len),
        },
    }
}

/// `<key> [<time>] [noreply]`; old clients send the time, which has no effect.
///
/// Decision [`d08`](crate::decisions::d08_delete_takes_one_key).
fn delete(arguments: &[u8]) -> ParsedLine<'_> {
    let Ok((rest, key)) = token(arguments) else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    let surplus =
        Tokens(rest).nth(1).is_some_and(|second| second != b"noreply") || Tokens(rest).nth(2).is_some();
    match checked_key(key) {
        Ok(key) if !surplus => ParsedLine::Request(Request::Delete { key, noreply }),
        _ => refused(Refusal::BadLine, noreply),
    }
}

fn arithmetic(arguments: &[u8], up: bool) -> ParsedLine<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((_, (key, delta))) = tokens else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    match (checked_key(key), strict_u64(delta)) {
        (Ok(key), Some(delta)) => ParsedLine::Request(Request::Arithmetic { key, up, delta, noreply }),
        (Ok(_), None) => refused(Refusal::BadDelta, noreply),
        (Err(refusal), _) => refused(refusal, noreply),
    }
}

fn touch(arguments: &[u8]) -> ParsedLine<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((_, (key, exptime))) = tokens else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    match (checked_key(key), strict_exptime(exptime)) {
        (Ok(key), Some(exptime)) => ParsedLine::Request(Request::Touch { key, exptime, noreply }),
        (Ok(_), None) => refused(Refusal::BadExptime, noreply),
        (Err(refusal), _) => refused(refusal, noreply),
    }
}

fn flush_all(arguments: &[u8]) -> ParsedLine<'_> {
    let noreply = ends_in_noreply(arguments);
    let delay = match token(arguments) {
        Err(_) => Some(0),
        Ok((rest, b"noreply")) if token(rest).is_err() => Some(0),
        Ok((_, delay)) => strict_i32(delay),
    };
    match delay {
        Some(delay) => ParsedLine::Request(Request::FlushAll { delay, noreply }),
        None => refused(Refusal::BadExptime, noreply),
    }
}

fn verbosity(arguments: &[u8]) -> ParsedLine<'_> {
    let Ok((_, level)) = token(arguments) else { return refused(Refusal::BadLine, false) };
    let noreply = ends_in_noreply(arguments);
    match strict_u32(level) {
        Some(level) => ParsedLine::Request(Request::Verbosity { level, noreply }),
        None => refused(Refusal::BadLine, noreply),
    }
}

fn cache_memlimit(arguments: &[u8]) -> ParsedLine<'_> {
    let noreply = ends_in_noreply(arguments);
    match token(arguments).ok().and_then(|(_, mib)| strict_u32(mib)) {
        Some(mib) => ParsedLine::Request(Request::CacheMemlimit { mib, noreply }),
        None => refused(Refusal::Unknown, noreply),
    }
}

fn shutdown(arguments: &[u8]) -> ParsedLine<'_> {
    let noreply = ends_in_noreply(arguments);
    let words = Tokens(arguments).filter(|word| *word != b"noreply").take(2);
    let mut mode = Some(ShutdownMode::Plain);
    for (position, word) in words.enumerate() {
        mode = (position == 0 && is_prefix_of(word, b"graceful")).then_some(ShutdownMode::Graceful);
    }
    ParsedLine::Request(Request::Shutdown { mode, noreply })
}

/// `<key>`
fn why(arguments: &[u8]) -> ParsedLine<'_> {
    match token(arguments) {
        Ok((rest, key)) if key.len() <= KEY_MAX_BYTES && token(rest).is_err() => {
            ParsedLine::Request(Request::Why { key })
        }
        _ => refused(Refusal::BadLine, false),
    }
}

/// Topics match by prefix, in this order; `items`, `slabs`, `sizes` and larder's own topics must be complete.
fn stats(arguments: &[u8]) -> ParsedLine<'_> {
    let Ok((rest, word)) = token(arguments) else {
        return ParsedLine::Request(Request::Stats(StatsTopic::General));
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
        _ if is_prefix_of(word, b"detail") => StatsTopic::Detail(operator_commands::detail(rest)),
        _ if is_prefix_of(word, b"settings") => StatsTopic::Settings,
        _ if is_prefix_of(word, b"cachedump") => return cache_dump(rest),
        _ if is_prefix_of(word, b"conns") => StatsTopic::Conns,
        _ => return refused(Refusal::Unknown, false),
    };
    ParsedLine::Request(Request::Stats(topic))
}

/// `<class> <limit>`
fn cache_dump(arguments: &[u8]) -> ParsedLine<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((_, (class, limit))) = tokens else { return refused(Refusal::BadDump, false) };
    match (strict_u32(class), strict_u32(limit)) {
        (Some(class), Some(limit)) if class < SLAB_CLASSES_MAX => {
            ParsedLine::Request(Request::Stats(StatsTopic::CacheDump { class, limit }))
        }
        (Some(_), Some(_)) => refused(Refusal::BadSlabClass, false),
        _ => refused(Refusal::BadLine, false),
    }
}

#[cfg(test)]
mod tests;
