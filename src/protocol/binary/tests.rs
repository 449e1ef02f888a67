//! Complete and split frames, and refused ones next to the valid ones.

use super::*;
use crate::protocol::ReplyBuffer;
use crate::protocol::StoreVerb;
use crate::protocol::limits::{BODY_MAX_BYTES, KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};
use std::sync::Arc;

const OPAQUE: u32 = 0xDEAD_BEEF;
const CAS: u64 = 0x0102_0304_0506_0708;

/// A frame with consistent lengths.
fn frame(opcode: u8, extras: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    let body_len = (extras.len() + key.len() + value.len()) as u32;
    let mut bytes = head(opcode, key.len() as u16, extras.len() as u8, body_len);
    bytes.extend([extras, key, value].concat());
    bytes
}

fn head(opcode: u8, key_len: u16, extras_len: u8, body_len: u32) -> Vec<u8> {
    let mut bytes = vec![MAGIC_REQUEST, opcode];
    bytes.extend(key_len.to_be_bytes());
    // Data type and vbucket are ignored.
    bytes.extend([extras_len, 7, 8, 9]);
    bytes.extend(body_len.to_be_bytes());
    bytes.extend(OPAQUE.to_be_bytes());
    bytes.extend(CAS.to_be_bytes());
    bytes
}

fn envelope(opcode: u8) -> Envelope {
    Envelope { opcode, opaque: OPAQUE, cas: CAS }
}

/// Numbers 1 and 2 as flags and exptime, or as the start of longer extras.
const EXTRAS: [u8; 20] = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4];

fn header(verb: StoreVerb, flags: u32, exptime: u32) -> BinaryStorageHeader<'static> {
    BinaryStorageHeader { verb, key: b"k", flags, exptime }
}

/// Opcode, quiet opcode, length of extras, key, value, command.
type ValidFrame = (u8, Option<u8>, usize, &'static [u8], &'static [u8], Command<'static>);

/// All valid frames.
fn valid_frames() -> Vec<ValidFrame> {
    use StoreVerb::{Add, Append, Prepend, Replace, Set};
    let stored = |verb| Command::Store { header: header(verb, 1, 2), value: b"v" };
    let concatenated = |verb| Command::Store { header: header(verb, 0, 0), value: b"v" };
    let got = |with_key, exptime| Command::Retrieve { key: b"k", with_key, exptime };
    let arithmetic = |up| Command::Arithmetic { key: b"k", up, delta: (1 << 32) + 2, initial: 3, exptime: 4 };
    vec![
        (0x00, Some(0x09), 0, b"k", b"", got(false, None)),
        (0x0c, Some(0x0d), 0, b"k", b"", got(true, None)),
        (0x01, Some(0x11), 8, b"k", b"v", stored(Set)),
        (0x02, Some(0x12), 8, b"k", b"v", stored(Add)),
        (0x03, Some(0x13), 8, b"k", b"v", stored(Replace)),
        (0x01, Some(0x11), 8, b"k", b"", Command::Store { header: header(Set, 1, 2), value: b"" }),
        (0x04, Some(0x14), 0, b"k", b"", Command::Delete { key: b"k" }),
        (0x05, Some(0x15), 20, b"k", b"", arithmetic(true)),
        (0x06, Some(0x16), 20, b"k", b"", arithmetic(false)),
        (0x07, Some(0x17), 0, b"", b"", Command::Quit),
        (0x08, Some(0x18), 0, b"", b"", Command::Flush { exptime: 0 }),
        (0x08, Some(0x18), 4, b"", b"", Command::Flush { exptime: 1 }),
        (0x0a, None, 0, b"", b"", Command::Noop),
        (0x0b, None, 0, b"", b"", Command::Version),
        (0x0e, Some(0x19), 0, b"k", b"v", concatenated(Append)),
        (0x0f, Some(0x1a), 0, b"k", b"v", concatenated(Prepend)),
        (0x10, None, 0, b"", b"", Command::Stat { topic: b"" }),
        (0x10, None, 0, b"items", b"", Command::Stat { topic: b"items" }),
        (0x1b, None, 4, b"", b"", Command::Verbosity { level: 1 }),
        (0x1c, None, 4, b"k", b"", Command::Touch { key: b"k", exptime: 1 }),
        (0x1d, Some(0x1e), 4, b"k", b"", got(false, Some(1))),
        (0x23, Some(0x24), 4, b"k", b"", got(true, Some(1))),
        (0x20, None, 0, b"", b"", Command::SaslList),
        (0x21, None, 0, b"PLAIN", b"m", Command::SaslStart { mechanism: b"PLAIN", message: b"m" }),
        (0x22, None, 0, b"PLAIN", b"m", Command::SaslStep { message: b"m" }),
    ]
}

/// All valid frames with opcode and quiet flag.
fn all_opcodes() -> Vec<(u8, bool, ValidFrame)> {
    let with_quiet =
        |form: ValidFrame| [Some((form.0, false, form)), form.1.map(|quiet| (quiet, true, form))];
    valid_frames().into_iter().flat_map(with_quiet).flatten().collect()
}

#[test]
fn valid_frames_do_not_depend_on_the_split() {
    for (opcode, quiet, (_, _, extras_len, key, value, command)) in all_opcodes() {
        let bytes = frame(opcode, &EXTRAS[..extras_len], key, value);
        let mut decoder = BinaryDecoder::default();
        for split in 0..bytes.len() {
            assert_eq!(
                decoder.decode(&bytes[..split], Admission::All),
                Decoded::NeedMore,
                "0x{opcode:02x} at {split}"
            );
        }
        let expected = Frame { envelope: envelope(opcode), quiet, command };
        let decoded = Decoded::Request { frame: expected, consumed: bytes.len() };
        assert_eq!(decoder.decode(&bytes, Admission::All), decoded, "0x{opcode:02x}");
        // Bytes after the frame are not consumed.
        let followed = [&bytes[..], b"\x80more"].concat();
        assert_eq!(decoder.decode(&followed, Admission::All), decoded, "0x{opcode:02x}");
    }
}

#[test]
fn invalid_lengths_close_the_connection() {
    let accepted = |opcode: u8, extras_len: usize, keyed: bool, valued: bool| {
        all_opcodes().iter().any(|(of, _, form)| {
            let storage = matches!(form.5, Command::Store { .. });
            let message = matches!(form.5, Command::SaslStart { .. } | Command::SaslStep { .. });
            let value = storage || message || !valued;
            *of == opcode && form.2 == extras_len && form.3.is_empty() != keyed && value
        })
    };
    let mut refused = 0;
    for opcode in all_opcodes().into_iter().map(|(opcode, ..)| opcode) {
        for extras_len in [0, 3, 4, 5, 7, 8, 9, 12, 19, 20] {
            for (key, value) in [("", ""), ("k", ""), ("", "v"), ("k", "v")] {
                let bytes = frame(opcode, &EXTRAS[..extras_len], key.as_bytes(), value.as_bytes());
                let decoded = BinaryDecoder::default().decode(&bytes, Admission::All);
                if accepted(opcode, extras_len, !key.is_empty(), !value.is_empty()) {
                    assert!(
                        matches!(decoded, Decoded::Request { .. }),
                        "0x{opcode:02x} {extras_len} {key:?} {value:?}"
                    );
                    continue;
                }
                let reply = Some((envelope(opcode), Status::Invalid));
                assert_eq!(
                    decoded,
                    Decoded::Close { reply },
                    "0x{opcode:02x} {extras_len} {key:?} {value:?}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "{refused} shapes tried");
}

#[test]
fn inconsistent_headers_are_refused_at_once() {
    for (bytes, status) in [
        (head(0x00, 5, 0, 4), Status::Unknown),
        (head(0x01, 1, 8, 8), Status::Unknown),
        (head(0x77, 1, 0, 0), Status::Unknown),
        (head(0x01, 1, 8, BODY_MAX_BYTES as u32 + 1), Status::Invalid),
        (head(0x77, 0, 0, u32::MAX), Status::Invalid),
        (head(0x00, KEY_MAX_BYTES as u16 + 1, 0, KEY_MAX_BYTES as u32 + 1), Status::Invalid),
        (head(0x77, u16::MAX, 0, u32::from(u16::MAX)), Status::Invalid),
        (head(0x01, 1, 255, 300), Status::Invalid),
    ] {
        let reply = Some((envelope(bytes[1]), status));
        assert_eq!(
            BinaryDecoder::default().decode(&bytes, Admission::All),
            Decoded::Close { reply },
            "{bytes:?}"
        );
    }
    let longest_key = frame(0x00, b"", &[b'k'; KEY_MAX_BYTES], b"");
    assert!(matches!(BinaryDecoder::default().decode(&longest_key, Admission::All), Decoded::Request { .. }));
}

#[test]
fn a_wrong_magic_byte_closes_the_connection() {
    for bytes in [&b"get a\r\n"[..], b"\x81", b"\0"] {
        assert_eq!(
            BinaryDecoder::default().decode(bytes, Admission::All),
            Decoded::Close { reply: None },
            "{bytes:?}"
        );
    }
    assert_eq!(BinaryDecoder::default().decode(b"", Admission::All), Decoded::NeedMore);
}

#[test]
fn unknown_commands_are_discarded_completely() {
    let after = frame(0x0a, b"", b"", b"");
    for (extras, key, value) in [("", "", ""), ("ex", "", ""), ("ex", "key", ""), ("ex", "key", "value")] {
        let unknown = frame(0x30, extras.as_bytes(), key.as_bytes(), value.as_bytes());
        let stream = [&unknown[..], &after].concat();
        for split in 0..=unknown.len() {
            let mut decoder = BinaryDecoder::default();
            let mut at = 0;
            let mut replies = 0;
            for end in [split, stream.len()] {
                loop {
                    match decoder.decode(&stream[at..end], Admission::All) {
                        Decoded::NeedMore => break,
                        Decoded::Discarded { consumed } => at += consumed,
                        Decoded::Refused { envelope: to, status, consumed } => {
                            assert_eq!((to, status), (envelope(0x30), Status::Unknown));
                            assert_eq!(at + consumed, unknown.len());
                            at += consumed;
                            replies += 1;
                        }
                        Decoded::Request { frame, consumed } => {
                            assert_eq!((frame.command, at), (Command::Noop, unknown.len()));
                            at += consumed;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            assert_eq!((replies, at), (1, stream.len()), "split at {split}");
        }
    }
}

#[test]
fn long_values_are_received_and_long_messages_discarded() {
    let body_len = |len: usize| (8 + 1 + len) as u32;
    let mut longest = head(0x11, 1, 8, body_len(VALUE_INLINE_MAX_BYTES));
    longest.extend([&EXTRAS[..8], b"k", &[b'v'; VALUE_INLINE_MAX_BYTES]].concat());
    assert!(matches!(BinaryDecoder::default().decode(&longest, Admission::All), Decoded::Request { .. }));
    let value_len = VALUE_INLINE_MAX_BYTES + 1;
    let mut longer = head(0x11, 1, 8, body_len(value_len));
    longer.extend([&EXTRAS[..8], b"k"].concat());
    let mut decoder = BinaryDecoder::default();
    assert_eq!(decoder.decode(&longer[..longer.len() - 1], Admission::All), Decoded::NeedMore);
    let (consumed, header) = (longer.len(), header(StoreVerb::Set, 1, 2));
    let receive =
        Decoded::ReceiveValue { envelope: envelope(0x11), quiet: true, header, value_len, consumed };
    assert_eq!(decoder.decode(&longer, Admission::All), receive);
    decoder.discard_value(value_len, envelope(0x11), Status::TooLarge);
    assert!(!decoder.is_between_requests());
    let mut bytes = vec![b'v'; value_len];
    assert_eq!(decoder.decode(&bytes[..7], Admission::All), Decoded::Discarded { consumed: 7 });
    bytes.push(0x80);
    let refused =
        Decoded::Refused { envelope: envelope(0x11), status: Status::TooLarge, consumed: value_len - 7 };
    assert_eq!(decoder.decode(&bytes[7..], Admission::All), refused);
    assert!(decoder.is_between_requests());
    let message = head(0x21, 5, 0, (5 + value_len) as u32);
    assert_eq!(decoder.decode(&message, Admission::All), Decoded::Discarded { consumed: 24 });
    assert!(!decoder.is_between_requests());
}

#[test]
fn before_login_only_version_and_sasl_are_admitted() {
    for opcode in 0..=u8::MAX {
        let open = matches!(opcode, 0x0b | 0x20..=0x22);
        let (extras_len, key, value) = all_opcodes()
            .iter()
            .find(|(of, ..)| *of == opcode)
            .map_or((0, &b""[..], &b""[..]), |(_, _, form)| (form.2, form.3, form.4));
        let bytes = frame(opcode, &EXTRAS[..extras_len], key, value);
        let decoded = BinaryDecoder::default().decode(&bytes[..HEADER_BYTES], Admission::LoginOnly);
        let reply = Some((envelope(opcode), Status::AuthFailure));
        assert_eq!(decoded == Decoded::Close { reply }, !open, "0x{opcode:02x}");
        let decoded = BinaryDecoder::default().decode(&bytes, Admission::LoginOnly);
        assert_eq!(matches!(decoded, Decoded::Request { .. }), open, "0x{opcode:02x}");
    }
}

#[test]
fn a_plain_message_has_three_parts() {
    let parts = PlainMessage { authorization: b"", user: b"user", password: b"pass word" };
    assert_eq!(parse_plain(b"\0user\0pass word"), Some(parts));
    assert_eq!(parse_plain(b"me\0user\0pass word"), Some(PlainMessage { authorization: b"me", ..parts }));
    assert_eq!(parse_plain(b"\0\0"), Some(PlainMessage { authorization: b"", user: b"", password: b"" }));
    for bad in [&b""[..], b"\0", b"user", b"\0user", b"user\0pass", b"\0user\0pass\0", b"\0user\0pass\0word"]
    {
        assert_eq!(parse_plain(bad), None, "{bad:?}");
    }
}

fn written(write: impl FnOnce(&mut ReplyBuffer)) -> Vec<u8> {
    let mut out = ReplyBuffer::default();
    write(&mut out);
    out.pieces(0).flatten().copied().collect()
}

#[test]
fn replies_have_the_documented_layout() {
    let to = Envelope { opcode: 0x0c, opaque: OPAQUE, cas: 99 };
    let opaque = OPAQUE.to_be_bytes();
    let expected = |lengths: [u8; 4], status: u16, body_len: u32, cas: u64, body: &[u8]| {
        let start = [&[0x81, 0x0c][..], &lengths, &status.to_be_bytes(), &body_len.to_be_bytes()].concat();
        [&start[..], &opaque, &cas.to_be_bytes(), body].concat()
    };
    let whole = ReplyFields { flags: Some(0x0102_0304), key: b"key", value: b"value", cas: 5 };
    let body = b"\x01\x02\x03\x04keyvalue";
    assert_eq!(written(|out| out.push_frame(&to, &whole)), expected([0, 3, 4, 0], 0, 12, 5, body));
    assert_eq!(written(|out| out.push_frame(&to, &ReplyFields::default())), expected([0; 4], 0, 0, 0, b""));
    let parts = Arc::new(vec![b"large ".to_vec(), b"value".to_vec()]);
    let fields = ReplyFields { value: b"", ..whole };
    let large = written(|out| out.push_large_frame(&to, &fields, parts.clone(), 11));
    assert_eq!(large, expected([0, 3, 4, 0], 0, 18, 5, b"\x01\x02\x03\x04keylarge value"));
    let error = written(|out| out.push_status(&to, Status::NotFound));
    assert_eq!(error, expected([0; 4], 1, 9, 0, b"Not found"));
    let missing = written(|out| out.push_key_not_found(&to, b"key"));
    assert_eq!(missing, expected([0, 3, 0, 0], 1, 3, 0, b"key"));
    let more = written(|out| out.push_sasl_continue(&to));
    assert_eq!(more, expected([0; 4], 0x21, 0, 0, b""));
}
