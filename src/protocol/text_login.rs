//! The login of the text protocol (`-Y`): what may be said before it, which is little.
//!
//! A login has the shape of a `set` whose value is `user password`; all but the length on its line is overlooked. Any
//! other line is refused, `quit` ends the connection. Stateless: it looks at all that has come and was not consumed,
//! which is bounded by one line and one token. Nothing here knows who may come in.

use super::limits::{LINE_MAX_BYTES, LOGIN_TOKEN_MAX_BYTES};
use super::refusal::Refusal;
use super::tokens::{Tokens, exceeds_line, strict_u32};
use memchr::memchr;

/// What was found at the front of the bytes; `consumed` of them belong to it.
#[derive(PartialEq, Eq, Debug)]
pub enum Pull<'a> {
    /// A login.
    Login {
        /// Up to the first space.
        user: &'a [u8],
        /// Behind it.
        password: &'a [u8],
        /// Bytes to drop.
        consumed: usize,
    },
    /// Anything else.
    Refused {
        /// The answer.
        answer: Refusal,
        /// Bytes to drop.
        consumed: usize,
    },
    /// Close without a word.
    Close,
    /// Nothing complete yet.
    NeedMore,
}

/// Looks at everything received and not yet consumed.
pub fn pull(bytes: &[u8]) -> Pull<'_> {
    // Two bytes more than a line may hold: its line end.
    let Some(end) = memchr(b'\n', &bytes[..bytes.len().min(LINE_MAX_BYTES + 2)]) else {
        return if exceeds_line(bytes) { Pull::Close } else { Pull::NeedMore };
    };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    if line == b"quit" || line.len() > LINE_MAX_BYTES {
        return Pull::Close;
    }
    let consumed = end + 1;
    match token_len(line) {
        None => Pull::Refused { answer: Refusal::Unauthenticated, consumed },
        Some(len) if len > LOGIN_TOKEN_MAX_BYTES => {
            Pull::Refused { answer: Refusal::LoginTokenTooLong, consumed }
        }
        Some(len) => pull_token(bytes, consumed, len),
    }
}

/// The length that a line announces, if it has the shape of a `set`.
fn token_len(line: &[u8]) -> Option<usize> {
    let len = Tokens(line).nth(4).filter(|_| line.starts_with(b"set"))?;
    usize::try_from(strict_u32(len)?).ok()
}

fn pull_token(bytes: &[u8], line_len: usize, len: usize) -> Pull<'_> {
    let end = line_len + len;
    let consumed = end + 2;
    let Some(terminator) = bytes.get(end..consumed) else { return Pull::NeedMore };
    if terminator != b"\r\n" {
        return Pull::Refused { answer: Refusal::BadLoginEnd, consumed };
    }
    let token = &bytes[line_len..end];
    match memchr(b' ', token) {
        Some(space) => Pull::Login { user: &token[..space], password: &token[space + 1..], consumed },
        None => Pull::Refused { answer: Refusal::BadLoginToken, consumed },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> (Refusal, usize) {
        match pull(text.as_bytes()) {
            Pull::Refused { answer, consumed } => (answer, consumed),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn a_login_is_a_set_of_which_the_length_alone_counts() {
        for line in ["set auth 0 0 7", "setx k a b 7", "set k 0 0 7 noreply", "set  k  0  0  00007 "] {
            let text = format!("{line}\r\nann 123\r\nget a\r\n");
            let consumed = line.len() + 2 + 9;
            let expected = Pull::Login { user: b"ann", password: b"123", consumed };
            assert_eq!(pull(text.as_bytes()), expected, "{line}");
        }
        let long = format!("set {} 0 0 3\nu  \r\n", "k".repeat(1000));
        assert!(matches!(pull(long.as_bytes()), Pull::Login { user: b"u", password: b" ", .. }));
    }

    #[test]
    fn a_login_torn_at_any_byte_is_waited_for() {
        let text = b"set auth 0 0 7\r\nann 123\r\n";
        for end in 0..text.len() {
            assert_eq!(pull(&text[..end]), Pull::NeedMore, "the first {end} bytes");
        }
    }

    #[test]
    fn any_other_line_is_refused_alone() {
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
            assert_eq!(answer(&text), (Refusal::Unauthenticated, line.len() + 2), "{line:?}");
        }
    }

    #[test]
    fn quit_and_a_line_without_an_end_close() {
        assert_eq!(pull(b"quit\r\n"), Pull::Close);
        assert_eq!(pull(&[b'x'; LINE_MAX_BYTES]), Pull::NeedMore);
        assert_eq!(pull(&[b'x'; LINE_MAX_BYTES + 1]), Pull::Close);
        // The same, whether the line end has come already or not.
        let line = |len: usize, end: &str| "x".repeat(len) + end;
        assert_eq!(pull(line(LINE_MAX_BYTES, "\r").as_bytes()), Pull::NeedMore);
        assert_eq!(answer(&line(LINE_MAX_BYTES, "\r\n")).0, Refusal::Unauthenticated);
        for end in ["", "\n", "\r\n"] {
            assert_eq!(pull(line(LINE_MAX_BYTES + 1, end).as_bytes()), Pull::Close);
        }
    }

    #[test]
    fn tokens_that_are_none_are_refused() {
        assert_eq!(answer("set a 0 0 3\r\nabc\r\n"), (Refusal::BadLoginToken, 18));
        assert_eq!(answer("set a 0 0 0\r\n\r\n"), (Refusal::BadLoginToken, 15));
        assert_eq!(answer("set a 0 0 3\r\na bcd\r\n"), (Refusal::BadLoginEnd, 18));
        assert_eq!(answer("set a 0 0 3\r\na b\n\n"), (Refusal::BadLoginEnd, 18));
        let line = "set a 0 0 16385\r\n";
        assert_eq!(answer(line), (Refusal::LoginTokenTooLong, line.len()));
        assert_eq!(answer("set a 0 0 4294967295\r\n").0, Refusal::LoginTokenTooLong);
        let most = format!("set a 0 0 16384\r\n{}\r\n", " ".repeat(16_384));
        assert!(matches!(pull(most.as_bytes()), Pull::Login { password, .. } if password.len() == 16_383));
    }
}
