//! Django's keys: `prefix:version:key` (`django.core.cache.backends.base.default_key_func`).

use nom::bytes::complete::take_until;
use nom::character::complete::{char, u32};
use nom::combinator::rest;
use nom::sequence::terminated;
use nom::{IResult, Parser};

/// The parts of a Django key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DjangoKey<'a> {
    /// KEY_PREFIX, often empty.
    pub prefix: &'a [u8],
    /// VERSION.
    pub version: u32,
    /// The key as the site names it.
    pub key: &'a [u8],
}

impl DjangoKey<'_> {
    /// The parts, if the key has this form and the prefix contains no colon.
    pub fn of(key: &[u8]) -> Option<DjangoKey<'_>> {
        let prefix = terminated(take_until(&b":"[..]), char(':'));
        let parsed: IResult<&[u8], _, ()> = (prefix, terminated(u32, char(':')), rest).parse(key);
        let (_, (prefix, version, key)) = parsed.ok()?;
        Some(DjangoKey { prefix, version, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_this_form_are_split() {
        let of = |key: &'static str| DjangoKey::of(key.as_bytes());
        assert_eq!(of(":1:news"), Some(DjangoKey { prefix: b"", version: 1, key: b"news" }));
        assert_eq!(of("site:12:a:b"), Some(DjangoKey { prefix: b"site", version: 12, key: b"a:b" }));
        for key in ["", "news", "a:b", "a:b:c", ":1", "a:-1:c", "a:99999999999:c", "a::1:c"] {
            assert_eq!(of(key), None, "{key}");
        }
    }
}
