//! The grammar of the meta commands: one complete line in, its meaning out (protocol.txt, "Meta Commands").
//!
//! Key and flags are read by `meta_request.rs`; `commands/meta.rs` knows which flags matter to a command.
//!
//! The data block of a refused `ms` line with a valid length is discarded. memcached executes the block of a line with
//! a malformed flag or an invalid length as commands; larder skips both, as after `set`.

use super::base64_key::KeyBuffer;
use super::limits::{KEY_MAX_BYTES, VALUE_LENGTH_MAX};
use super::meta_request::{FlagError, MetaArguments, MetaFlags, MetaMode, MetaStorageHeader, bit, is_flag};
use super::parsed_line::{DataBlock, ParsedLine};
use super::refusal::Refusal;
use super::request::Request;
use super::tokens::{Parsed, Tokens, strict_i32, token};
use nom::Parser;

fn refused<'a>(refusal: Refusal) -> ParsedLine<'a> {
    ParsedLine::Refused { reply: Some(refusal), data_block: DataBlock::None }
}

/// `<key> <flags>*`
fn read(arguments: &[u8]) -> Result<MetaArguments<'_>, FlagError> {
    let Ok((words, key)) = token(arguments) else { return Err(FlagError::Malformed) };
    let flags = MetaFlags::read(key, words, 2)?;
    Ok(MetaArguments { key, words, flags })
}

fn request_with_key<'a>(
    arguments: &'a [u8],
    request: impl FnOnce(MetaArguments<'a>) -> Request<'a>,
) -> ParsedLine<'a> {
    let meta = read(arguments).and_then(|meta| meta.flags.check_opaque(meta.words).map(|()| meta));
    match meta {
        Ok(meta) => ParsedLine::Request(request(meta)),
        Err(error) => refused(error.refusal()),
    }
}

/// `mg`
pub(super) fn get(arguments: &[u8]) -> ParsedLine<'_> {
    request_with_key(arguments, |meta| Request::MetaGet { meta })
}

/// `md`
pub(super) fn delete(arguments: &[u8]) -> ParsedLine<'_> {
    request_with_key(arguments, |meta| Request::MetaDelete { meta })
}

/// `ma`: one refusal for all errors of key and flags, except the mode and the opaque token.
pub(super) fn arithmetic(arguments: &[u8]) -> ParsedLine<'_> {
    let meta = match read(arguments) {
        Ok(meta) => meta,
        Err(FlagError::Malformed) => return refused(Refusal::BadLine),
        Err(FlagError::Invalid(_)) => return refused(Refusal::UnknownOrDuplicateFlag),
    };
    let up = match meta.flags.mode {
        _ if !meta.has(b'M') => true,
        b'I' | b'+' => true,
        b'D' | b'-' => false,
        _ => return refused(Refusal::BadArithmeticMode),
    };
    match meta.flags.check_opaque(meta.words) {
        Ok(()) => ParsedLine::Request(Request::MetaArithmetic { meta, up }),
        Err(error) => refused(error.refusal()),
    }
}

/// `ms <key> <datalen> <flags>*`
pub(super) fn store(arguments: &[u8]) -> ParsedLine<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((words, (key, len))) = tokens else { return refused(Refusal::BadLine) };
    let Some(value_len) = strict_i32(len).filter(|len| (0..=VALUE_LENGTH_MAX).contains(len)) else {
        return ParsedLine::Refused { reply: Some(Refusal::BadLine), data_block: DataBlock::UnknownLength };
    };
    let value_len = value_len as usize;
    let header = MetaFlags::read(key, words, 3).and_then(|flags| {
        let mode = store_mode(&flags).ok_or(FlagError::Invalid(Refusal::BadStoreMode))?;
        flags.check_opaque(words)?;
        Ok(MetaStorageHeader { meta: MetaArguments { key, words, flags }, mode, value_len })
    });
    match header {
        Ok(header) => ParsedLine::MetaStorage(header),
        Err(error) => {
            ParsedLine::Refused { reply: Some(error.refusal()), data_block: DataBlock::Bytes(value_len) }
        }
    }
}

fn store_mode(flags: &MetaFlags) -> Option<MetaMode> {
    Some(match flags.mode {
        _ if !flags.has(b'M') => MetaMode::Set,
        b'S' => MetaMode::Set,
        b'E' => MetaMode::Add,
        b'R' => MetaMode::Replace,
        b'A' => MetaMode::Append,
        b'P' => MetaMode::Prepend,
        _ => return None,
    })
}

/// `me <key> [b]`; all other flags are ignored.
pub(super) fn describe(arguments: &[u8]) -> ParsedLine<'_> {
    let Ok((words, key)) = token(arguments) else { return refused(Refusal::BadLine) };
    let mut flags = MetaFlags::default();
    for word in Tokens(words) {
        if !is_flag(word) {
            return refused(Refusal::BadLine);
        }
        flags.letters |= bit(word[0]) & bit(b'b');
    }
    let undecodable = flags.has(b'b') && KeyBuffer::default().decode(key).is_none();
    if key.len() > KEY_MAX_BYTES || undecodable {
        return refused(Refusal::BadLine);
    }
    ParsedLine::Request(Request::MetaDescribe { meta: MetaArguments { key, words: b"", flags } })
}

#[cfg(test)]
mod tests;
