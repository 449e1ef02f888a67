//! Complete, split and bad requests.

use super::*;
use crate::protocol::limits::VALUE_LENGTH_MAX;
use crate::protocol::request::Keys;

/// The result of decoding a stream.
#[derive(Default)]
struct Events {
    events: Vec<String>,
    closed: bool,
}

/// Decodes a stream that is received in the given pieces; receives long values like a connection.
fn feed(pieces: &[&[u8]]) -> Events {
    let mut result = Events::default();
    let mut decoder = TextDecoder::default();
    let mut pending: Vec<u8> = Vec::new();
    let mut to_receive = 0;
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            let taken = to_receive.min(pending.len());
            pending.drain(..taken);
            to_receive -= taken;
            if to_receive > 0 {
                break;
            }
            let consumed = match decoder.decode(&pending) {
                Decoded::NeedMore => break,
                Decoded::Close { reply } => {
                    result.events.push(format!("close {reply:?}"));
                    result.closed = true;
                    return result;
                }
                Decoded::Refused { reply, consumed } => {
                    if let Some(reply) = reply {
                        result.events.push(format!("{reply:?}"));
                    }
                    consumed
                }
                Decoded::Request { request, consumed } => {
                    result.events.push(describe(&request));
                    consumed
                }
                Decoded::ReceiveValue { header, consumed } => {
                    to_receive = header.value_len;
                    consumed
                }
                Decoded::ReceiveMetaValue { header, consumed } => {
                    to_receive = header.value_len;
                    result.events.push(format!("{header:?}"));
                    consumed
                }
                Decoded::ValueEnd { intact, consumed } => {
                    result.events.push(format!("received {intact}"));
                    consumed
                }
            };
            assert!(consumed > 0, "no progress");
            pending.drain(..consumed);
        }
    }
    result
}

fn describe(request: &Request<'_>) -> String {
    match request {
        Request::Retrieval(retrieval) => {
            let keys: Vec<_> = Keys::new(retrieval.keys)
                .map(|key| String::from_utf8_lossy(key.unwrap()).into_owned())
                .collect();
            format!("keys {} {}", keys.join(","), retrieval.last)
        }
        Request::Store { header, value } => {
            format!(
                "{:?} {} {}",
                header.verb,
                String::from_utf8_lossy(header.key),
                String::from_utf8_lossy(value)
            )
        }
        other => format!("{other:?}"),
    }
}

fn decode_at_once(stream: &[u8]) -> Vec<String> {
    feed(&[stream]).events
}

#[test]
fn requests_do_not_depend_on_the_split() {
    let long_value = "v".repeat(VALUE_INLINE_MAX_BYTES + 1);
    let long_keys = format!("get{}\r\nversion\r\n", " key".repeat(900));
    let streams = [
        "get a b\r\nset k 1 2 3\r\nabc\r\nversion\r\n".to_owned(),
        "set k 1 2 0\r\n\r\nget k\nquit\r\n".to_owned(),
        "set k 1 2 2\r\nabcdef\r\nversion\r\n".to_owned(),
        "set k 1 2 3\r\nab\nversion\r\n".to_owned(),
        "set k 1 2 3\r\nabc\nversion\r\n".to_owned(),
        "set k x 2 3\r\nabc\r\nversion\r\n".to_owned(),
        "set k 0 0 x\r\nabc\r\nversion\r\n".to_owned(),
        "mg k v q O1\r\nms k 3 T0 c\r\nabc\r\nmn\nma k N0 MD\nmd k x\r\nme k\r\nmn\r\n".to_owned(),
        "ms Zm9v 0 b\r\n\r\nmg Zm9v b\r\nmn\r\n".to_owned(),
        "ms k 2 q\r\nabcdef\r\nmn\r\n".to_owned(),
        "ms k 3\r\nabc\nmn\r\n".to_owned(),
        "ms k 3 !\r\nabc\r\nmn\r\n".to_owned(),
        "ms k 3 MQ\r\nmn\n\r\nmn\r\n".to_owned(),
        "ms k S3\r\nabc\r\nmn\r\n".to_owned(),
        format!("ms k {} c\r\n{long_value}\r\nmn\r\n", long_value.len()),
        format!("ms k {} z\r\n{long_value}\r\nmn\r\n", long_value.len()),
        format!("mg {}\r\nmn\r\n", "x".repeat(3000)),
        format!("set k 1 2 {}\r\n{long_value}\r\nversion\r\n", long_value.len()),
        long_keys,
        format!("delete {}\r\nversion\r\n", "x".repeat(3000)),
    ];
    for stream in streams {
        let expected = decode_at_once(stream.as_bytes());
        assert!(!expected.is_empty());
        for at in 0..stream.len() {
            let (head, line_end_len) = stream.as_bytes().split_at(at);
            assert_eq!(feed(&[head, line_end_len]).events, expected, "split at {at}");
        }
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(feed(&bytes).events, expected, "byte by byte");
    }
}

#[test]
fn a_bad_data_block_has_one_reply_and_affects_no_later_command() {
    assert_eq!(decode_at_once(b"set k 0 0 2\r\nabcdef\r\nversion\r\n"), ["BadDataChunk", "Version"]);
    assert_eq!(decode_at_once(b"set k 0 0 2\r\nab\nversion\r\n"), ["BadDataChunk", "Version"]);
    assert_eq!(decode_at_once(b"set k 0 0 2\r\nabc\nversion\r\n"), ["BadDataChunk", "Version"]);
    assert_eq!(decode_at_once(b"set k 0 0 2 noreply\r\nabcdef\r\nversion\r\n"), ["Version"]);
    let long = format!("set k 0 0 20000\r\n{}\r\nversion\r\n", "v".repeat(20_010));
    assert_eq!(decode_at_once(long.as_bytes()), ["received false", "Version"]);
}

#[test]
fn the_block_of_a_refused_line_is_discarded_before_the_reply() {
    assert_eq!(decode_at_once(b"set k x 0 3\r\n"), [""; 0], "block not received");
    assert_eq!(decode_at_once(b"set k x 0 3\r\nget\r\nversion\r\n"), ["BadLine", "Version"]);
    assert_eq!(decode_at_once(b"set k x 0 3 noreply\r\nget\r\nversion\r\n"), ["Version"]);
}

#[test]
fn the_block_of_an_invalid_length_is_never_executed() {
    assert_eq!(decode_at_once(b"set k 0 0 -1\r\nflush_all\r\nversion\r\n"), ["BadLine", "Version"]);
    assert_eq!(feed(&[b"set k 0 0 -1\r\n", b"data\r\nversion\r\n"]).events, ["BadLine", "Version"]);
    assert_eq!(feed(&[b"set k 0 0 -1\r\n", b"x\r\nversion\r\n"]).events, ["BadLine", "Version"]);
}

#[test]
fn a_command_sent_after_the_refusal_of_an_invalid_length_is_executed() {
    assert_eq!(feed(&[b"set k 0 0 -1\r\n", b"version\r\n"]).events, ["BadLine", "Version"]);
    assert_eq!(
        feed(&[b"set k 0 0 -1\r\n", b"set k 0 0 x\r\n", b"version\r\n"]).events,
        ["BadLine", "BadLine", "Version"]
    );
}

#[test]
fn overlong_lines_close_the_connection() {
    let fits = format!("delete {}{}\r\n", "k".repeat(10), " ".repeat(LINE_MAX_BYTES - 17));
    assert_eq!(fits.len(), LINE_MAX_BYTES + 2);
    // The CR may arrive without the LF.
    assert_eq!(TextDecoder::default().decode(&fits.as_bytes()[..LINE_MAX_BYTES + 1]), Decoded::NeedMore);
    assert_eq!(decode_at_once(fits.as_bytes()).len(), 1);
    assert!(!feed(&[fits.as_bytes()]).closed);
    for end in ["\r\n", "\n", ""] {
        let over = format!("delete {}{}{end}", "k".repeat(10), " ".repeat(LINE_MAX_BYTES - 16));
        let result = feed(&[over.as_bytes()]);
        assert_eq!(
            (result.events, result.closed),
            (vec!["close Some(LineTooLong)".to_owned()], true),
            "{end:?}"
        );
    }
    let exact = "x".repeat(LINE_MAX_BYTES);
    assert!(feed(&[exact.as_bytes()]).events.is_empty(), "incomplete line");
}

#[test]
fn long_key_lists_are_decoded_in_parts() {
    let count = 20_000;
    let line: String = (0..count).map(|n| format!(" k{n}")).collect();
    let result = feed(&[format!("gets{line}\r\nversion\r\n").as_bytes()]);
    let mut keys: Vec<String> = Vec::new();
    for event in &result.events[..result.events.len() - 1] {
        keys.extend(event.split(' ').nth(1).unwrap().split(',').map(str::to_owned));
    }
    assert_eq!(keys, (0..count).map(|n| format!("k{n}")).collect::<Vec<_>>());
    assert_eq!(result.events.last().unwrap(), "Version");
    let ends = result.events.iter().filter(|event| event.ends_with("true")).count();
    assert_eq!(ends, 1, "one last part");
}

#[test]
fn a_partial_retrieval_is_resumed() {
    let stream = b"get aa bb cc\r\nversion\r\n";
    let mut decoder = TextDecoder::default();
    let Decoded::Request { request: Request::Retrieval(retrieval), consumed } = decoder.decode(stream) else {
        panic!()
    };
    let mut keys = Keys::new(retrieval.keys);
    assert_eq!(keys.next(), Some(Ok(&b"aa"[..])));
    let stays = decoder.resume_keys(&retrieval, keys.remaining_bytes());
    let rest = &stream[consumed - stays..];
    assert_eq!(rest, b" bb cc\r\nversion\r\n");
    let Decoded::Request { request: Request::Retrieval(retrieval), consumed } = decoder.decode(rest) else {
        panic!()
    };
    assert_eq!((retrieval.keys, retrieval.last), (&b" bb cc"[..], true));
    let version = Decoded::Request { request: Request::Version, consumed: 9 };
    assert_eq!(decoder.decode(&rest[consumed..]), version);
}

#[test]
fn a_refused_key_list_is_discarded_to_its_line_end() {
    let stream = format!("get {}\r\nversion\r\n", "x".repeat(40_000));
    let mut decoder = TextDecoder::default();
    let mut bytes = stream.as_bytes();
    let mut refused = 0;
    let mut requests = Vec::new();
    loop {
        match decoder.decode(bytes) {
            Decoded::Request { request: Request::Retrieval(retrieval), consumed } => {
                assert_eq!(Keys::new(retrieval.keys).next(), Some(Err(Refusal::BadLine)));
                decoder.discard_keys(&retrieval);
                refused += 1;
                bytes = &bytes[consumed..];
            }
            Decoded::Request { request, consumed } => {
                requests.push(request);
                bytes = &bytes[consumed..];
            }
            Decoded::Refused { reply: None, consumed } => bytes = &bytes[consumed..],
            Decoded::NeedMore => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((refused, requests), (1, vec![Request::Version]));
}

#[test]
fn overlong_input_behind_a_bad_data_block_closes_the_connection() {
    let mut stream = b"set k 0 0 2\r\n".to_vec();
    stream.extend(std::iter::repeat_n(b'x', RESYNC_MAX_BYTES + 10));
    let result = feed(&[&stream]);
    assert_eq!((result.events.len(), result.closed), (2, true));
}

#[test]
fn lengths_over_the_limit_are_refused() {
    let mut decoder = TextDecoder::default();
    let line = format!("set k 0 0 {VALUE_LENGTH_MAX}\r\n");
    assert!(matches!(decoder.decode(line.as_bytes()), Decoded::ReceiveValue { .. }));
    decoder.discard_value(VALUE_LENGTH_MAX as usize, Some(Refusal::TooLarge));
    assert!(!decoder.is_between_requests());
    assert_eq!(decoder.decode(b"some"), Decoded::Refused { reply: None, consumed: 4 });
    assert_eq!(
        decode_at_once(format!("set k 0 0 {}\r\n", i64::from(VALUE_LENGTH_MAX) + 1).as_bytes()),
        ["BadLine"]
    );
}

#[test]
fn a_get_with_many_spaces_before_its_first_key_does_not_depend_on_the_split() {
    for start in ["get", "gets", "gat 5", "gats 5"] {
        let front = format!("{start} {}", " ".repeat(LINE_MAX_BYTES));
        let result = feed(&[front.as_bytes(), b"key\r\n"]);
        assert_eq!((result.closed, &result.events), (false, &vec!["keys key true".to_owned()]), "{start}");
        assert_eq!(decode_at_once(format!("{front}key\r\n").as_bytes()), result.events, "{start}");
        let endless = format!("{start} {}", " ".repeat(KEYS_PART_BYTES));
        assert_eq!(decode_at_once(endless.as_bytes()), ["close Some(LineTooLong)"], "{start}");
    }
    let result = feed(&[" ".repeat(LINE_MAX_BYTES + 1).as_bytes(), b"get key\r\n"]);
    assert!(result.closed, "spaces only");
}
