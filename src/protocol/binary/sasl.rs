//! The messages of SASL mechanism PLAIN (RFC 4616).

use nom::Parser;
use nom::bytes::complete::{tag, take_till};
use nom::combinator::{all_consuming, rest};

/// The parts of a PLAIN message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlainMessage<'a> {
    /// The authorization identity; empty for the user.
    pub authorization: &'a [u8],
    /// The user.
    pub user: &'a [u8],
    /// The password.
    pub password: &'a [u8],
}

/// Parses a PLAIN message: three parts separated by NUL, without further NULs.
pub fn parse_plain(message: &[u8]) -> Option<PlainMessage<'_>> {
    let nul = |byte| byte == 0;
    let parts = (take_till(nul), tag(&[0][..]), take_till(nul), tag(&[0][..]), rest);
    let (authorization, _, user, _, password) = all_consuming::<_, (), _>(parts).parse(message).ok()?.1;
    (!password.contains(&0)).then_some(PlainMessage { authorization, user, password })
}
