//! The login of the text protocol (`-Y`): the grammar that applies until a client has logged in.
//!
//! A login has the form of a `set` with the value `user password`. Only the length in its line is read. Any other line
//! is refused; `quit` ends the connection. The decoder is stateless and needs at most one line and one value.

use super::limits::{LINE_MAX_BYTES, LOGIN_TOKEN_MAX_BYTES};
use super::refusal::Refusal;
use super::tokens::{Tokens, exceeds_line, strict_u32};
use memchr::memchr;

/// The first input of a client that has not logged in; `consumed` bytes belong to it.
#[derive(PartialEq, Eq, Debug)]
pub enum LoginInput<'a> {
    /// A login.
    Login {
        /// The value up to the first space.
        user: &'a [u8],
        /// The value after the first space.
        password: &'a [u8],
        /// Bytes to drop.
        consumed: usize,
    },
    /// Any other line.
    Refused {
        /// The reply.
        reply: Refusal,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Close the connection without a reply.
    Close,
    /// Nothing complete yet.
    NeedMore,
}

/// Decodes the input that is not consumed yet.
pub fn decode_login(bytes: &[u8]) -> LoginInput<'_> {
    // The limit excludes the line end of two bytes.
    let Some(end) = memchr(b'\n', &bytes[..bytes.len().min(LINE_MAX_BYTES + 2)]) else {
        return if exceeds_line(bytes) { LoginInput::Close } else { LoginInput::NeedMore };
    };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    if line == b"quit" || line.len() > LINE_MAX_BYTES {
        return LoginInput::Close;
    }
    let consumed = end + 1;
    match value_len(line) {
        None => LoginInput::Refused { reply: Refusal::Unauthenticated, consumed },
        Some(len) if len > LOGIN_TOKEN_MAX_BYTES => {
            LoginInput::Refused { reply: Refusal::LoginTokenTooLong, consumed }
        }
        Some(len) => decode_credentials(bytes, consumed, len),
    }
}

/// The length in a line that has the form of a `set`.
fn value_len(line: &[u8]) -> Option<usize> {
    let len = Tokens(line).nth(4).filter(|_| line.starts_with(b"set"))?;
    usize::try_from(strict_u32(len)?).ok()
}

fn decode_credentials(bytes: &[u8], line_len: usize, len: usize) -> LoginInput<'_> {
    let end = line_len + len;
    let consumed = end + 2;
    let Some(terminator) = bytes.get(end..consumed) else { return LoginInput::NeedMore };
    if terminator != b"\r\n" {
        return LoginInput::Refused { reply: Refusal::BadLoginEnd, consumed };
    }
    let token = &bytes[line_len..end];
    match memchr(b' ', token) {
        Some(space) => LoginInput::Login { user: &token[..space], password: &token[space + 1..], consumed },
        None => LoginInput::Refused { reply: Refusal::BadLoginToken, consumed },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (Refusal, usize) {
        match decode_login(text.as_bytes()) {
            LoginInput::Refused { reply, consumed } => (reply, consumed),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn only_the_length_of_a_login_line_is_read() {
        for line in ["set auth 0 0 7", "setx k a b 7", "set k 0 0 7 noreply", "set  k  0  0  00007 "] {
            let text = format!("{line}\r\nann 123\r\nget a\r\n");
            let consumed = line.len() + 2 + 9;
            let expected = LoginInput::Login { user: b"ann", password: b"123", consumed };
            assert_eq!(decode_login(text.as_bytes()), expected, "{line}");
        }
        let long = format!("set {} 0 0 3\nu  \r\n", "k".repeat(1000));
        assert!(matches!(
            decode_login(long.as_bytes()),
            LoginInput::Login { user: b"u", password: b" ", .. }
        ));
    }

    #[test]
    fn an_incomplete_login_needs_more_input() {
        let text = b"set auth 0 0 7\r\nann 123\r\n";
        for end in 0..text.len() {
            assert_eq!(decode_login(&text[..end]), LoginInput::NeedMore, "the first {end} bytes");
        }
    }

    #[test]
    fn any_other_line_is_refused_without_its_value() {
        for line in [
            "",
            "a",
            "mn",
            "get a",
            "gets a",
            "add auth 0 0 7",
            "set",
            "set a 0 0",
            "set a 0 0 x",
            "set a 0 0 -1",
            "set a 0 0 4294967296",
            " set a 0 0 7",
            "SET a 0 0 7",
            "mg a v",
            "version",
            "stats",
            "flush_all",
            "quit now",
            "ms auth 7",
        ] {
            let text = format!("{line}\r\nann 123\r\n");
            assert_eq!(refusal(&text), (Refusal::Unauthenticated, line.len() + 2), "{line:?}");
        }
    }

    #[test]
    fn quit_and_overlong_lines_close_the_connection() {
        assert_eq!(decode_login(b"quit\r\n"), LoginInput::Close);
        assert_eq!(decode_login(&[b'x'; LINE_MAX_BYTES]), LoginInput::NeedMore);
        assert_eq!(decode_login(&[b'x'; LINE_MAX_BYTES + 1]), LoginInput::Close);
        // The line end does not matter, whether received or not.
        let line = |len: usize, end: &str| "x".repeat(len) + end;
        assert_eq!(decode_login(line(LINE_MAX_BYTES, "\r").as_bytes()), LoginInput::NeedMore);
        assert_eq!(refusal(&line(LINE_MAX_BYTES, "\r\n")).0, Refusal::Unauthenticated);
        for end in ["", "\n", "\r\n"] {
            assert_eq!(decode_login(line(LINE_MAX_BYTES + 1, end).as_bytes()), LoginInput::Close);
        }
    }

    #[test]
    fn malformed_credentials_are_refused() {
        assert_eq!(refusal("set a 0 0 3\r\nabc\r\n"), (Refusal::BadLoginToken, 18));
        assert_eq!(refusal("set a 0 0 0\r\n\r\n"), (Refusal::BadLoginToken, 15));
        assert_eq!(refusal("set a 0 0 3\r\na bcd\r\n"), (Refusal::BadLoginEnd, 18));
        assert_eq!(refusal("set a 0 0 3\r\na b\n\n"), (Refusal::BadLoginEnd, 18));
        let line = "set a 0 0 16385\r\n";
        assert_eq!(refusal(line), (Refusal::LoginTokenTooLong, line.len()));
        assert_eq!(refusal("set a 0 0 4294967295\r\n").0, Refusal::LoginTokenTooLong);
        let most = format!("set a 0 0 16384\r\n{}\r\n", " ".repeat(16_384));
        assert!(
            matches!(decode_login(most.as_bytes()), LoginInput::Login { password, .. } if password.len() == 16_383)
        );
    }
}
