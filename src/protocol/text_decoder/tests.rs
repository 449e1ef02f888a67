//! Frames: whole, torn at every byte, and broken.

use super::*;
use crate::protocol::limits::VALUE_LENGTH_MAX;
use crate::protocol::request::Keys;

/// What a connection would see of a stream: executed requests in words, answers, and whether it was closed.
#[derive(Default)]
struct Seen {
    events: Vec<String>,
    closed: bool,
}

/// Feeds `stream` in the given pieces as a connection would, receiving long values in place.
fn feed(pieces: &[&[u8]]) -> Seen {
    let mut seen = Seen::default();
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
                    seen.events.push(format!("close {reply:?}"));
                    seen.closed = true;
                    return seen;
                }
                Decoded::Refused { reply, consumed } => {
                    if let Some(reply) = reply {
                        seen.events.push(format!("{reply:?}"));
                    }
                    consumed
                }
                Decoded::Request { request, consumed } => {
                    seen.events.push(in_words(&request));
                    consumed
                }
                Decoded::ReceiveValue { header, consumed } => {
                    to_receive = header.value_len;
                    consumed
                }
                Decoded::ReceiveMetaValue { header, consumed } => {
                    to_receive = header.value_len;
                    seen.events.push(format!("{header:?}"));
                    consumed
                }
                Decoded::ValueEnd { intact, consumed } => {
                    seen.events.push(format!("received {intact}"));
                    consumed
                }
            };
            assert!(consumed > 0, "no progress");
            pending.drain(..consumed);
        }
    }
    seen
}

fn in_words(request: &Request<'_>) -> String {
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

fn whole(stream: &[u8]) -> Vec<String> {
    feed(&[stream]).events
}

#[test]
fn a_stream_torn_at_every_byte_gives_the_same_requests() {
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
        let expected = whole(stream.as_bytes());
        assert!(!expected.is_empty());
        for at in 0..stream.len() {
            let (head, line_end_len) = stream.as_bytes().split_at(at);
            assert_eq!(feed(&[head, line_end_len]).events, expected, "torn at {at}");
        }
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(feed(&bytes).events, expected, "byte by byte");
    }
}

#[test]
fn a_broken_block_costs_one_answer_and_no_command_behind_it() {
    assert_eq!(whole(b"set k 0 0 2\r\nabcdef\r\nversion\r\n"), ["BadDataChunk", "Version"]);
    assert_eq!(whole(b"set k 0 0 2\r\nab\nversion\r\n"), ["BadDataChunk", "Version"]);
    assert_eq!(whole(b"set k 0 0 2\r\nabc\nversion\r\n"), ["BadDataChunk", "Version"]);
    assert_eq!(whole(b"set k 0 0 2 noreply\r\nabcdef\r\nversion\r\n"), ["Version"]);
    let long = format!("set k 0 0 20000\r\n{}\r\nversion\r\n", "v".repeat(20_010));
    assert_eq!(whole(long.as_bytes()), ["received false", "Version"]);
}

#[test]
fn the_block_of_a_refused_line_is_dropped_before_the_answer() {
    assert_eq!(whole(b"set k x 0 3\r\n"), [""; 0], "not before the block has come");
    assert_eq!(whole(b"set k x 0 3\r\nget\r\nversion\r\n"), ["BadLine", "Version"]);
    assert_eq!(whole(b"set k x 0 3 noreply\r\nget\r\nversion\r\n"), ["Version"]);
}

#[test]
fn the_block_of_an_unreadable_length_is_never_executed() {
    assert_eq!(whole(b"set k 0 0 -1\r\nflush_all\r\nversion\r\n"), ["BadLine", "Version"]);
    assert_eq!(feed(&[b"set k 0 0 -1\r\n", b"data\r\nversion\r\n"]).events, ["BadLine", "Version"]);
    assert_eq!(feed(&[b"set k 0 0 -1\r\n", b"x\r\nversion\r\n"]).events, ["BadLine", "Version"]);
}

#[test]
fn a_command_sent_after_an_unreadable_length_was_refused_is_executed() {
    assert_eq!(feed(&[b"set k 0 0 -1\r\n", b"version\r\n"]).events, ["BadLine", "Version"]);
    assert_eq!(
        feed(&[b"set k 0 0 -1\r\n", b"set k 0 0 x\r\n", b"version\r\n"]).events,
        ["BadLine", "BadLine", "Version"]
    );
}

#[test]
fn lines_end_at_their_bound() {
    let fits = format!("delete {}{}\r\n", "k".repeat(10), " ".repeat(LINE_MAX_BYTES - 17));
    assert_eq!(fits.len(), LINE_MAX_BYTES + 2);
    // Its CR may come without its LF.
    assert_eq!(TextDecoder::default().decode(&fits.as_bytes()[..LINE_MAX_BYTES + 1]), Decoded::NeedMore);
    assert_eq!(whole(fits.as_bytes()).len(), 1);
    assert!(!feed(&[fits.as_bytes()]).closed);
    for end in ["\r\n", "\n", ""] {
        let over = format!("delete {}{}{end}", "k".repeat(10), " ".repeat(LINE_MAX_BYTES - 16));
        let seen = feed(&[over.as_bytes()]);
        assert_eq!((seen.events, seen.closed), (vec!["close Some(LineTooLong)".to_owned()], true), "{end:?}");
    }
    let exact = "x".repeat(LINE_MAX_BYTES);
    assert!(feed(&[exact.as_bytes()]).events.is_empty(), "may still end");
}

#[test]
fn key_lists_of_any_length_come_in_parts() {
    let count = 20_000;
    let line: String = (0..count).map(|n| format!(" k{n}")).collect();
    let seen = feed(&[format!("gets{line}\r\nversion\r\n").as_bytes()]);
    let mut keys: Vec<String> = Vec::new();
    for event in &seen.events[..seen.events.len() - 1] {
        keys.extend(event.split(' ').nth(1).unwrap().split(',').map(str::to_owned));
    }
    assert_eq!(keys, (0..count).map(|n| format!("k{n}")).collect::<Vec<_>>());
    assert_eq!(seen.events.last().unwrap(), "Version");
    let ends = seen.events.iter().filter(|event| event.ends_with("true")).count();
    assert_eq!(ends, 1, "one part is the last");
}

#[test]
fn a_retrieval_cut_short_resumes_where_it_stopped() {
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
fn a_refused_key_list_is_dropped_to_its_line_end() {
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
fn garbage_without_a_line_end_behind_a_broken_block_closes() {
    let mut stream = b"set k 0 0 2\r\n".to_vec();
    stream.extend(std::iter::repeat_n(b'x', RESYNC_MAX_BYTES + 10));
    let seen = feed(&[&stream]);
    assert_eq!((seen.events.len(), seen.closed), (2, true));
}

#[test]
fn the_largest_legal_length_is_received_and_one_more_is_not() {
    let mut decoder = TextDecoder::default();
    let line = format!("set k 0 0 {VALUE_LENGTH_MAX}\r\n");
    assert!(matches!(decoder.decode(line.as_bytes()), Decoded::ReceiveValue { .. }));
    decoder.discard_value(VALUE_LENGTH_MAX as usize, Some(Refusal::TooLarge));
    assert!(!decoder.is_between_requests());
    assert_eq!(decoder.decode(b"some"), Decoded::Refused { reply: None, consumed: 4 });
    assert_eq!(whole(format!("set k 0 0 {}\r\n", i64::from(VALUE_LENGTH_MAX) + 1).as_bytes()), ["BadLine"]);
}

#[test]
fn a_get_whose_first_key_comes_behind_many_spaces_is_the_same_however_it_is_torn() {
    for start in ["get", "gets", "gat 5", "gats 5"] {
        let front = format!("{start} {}", " ".repeat(LINE_MAX_BYTES));
        let seen = feed(&[front.as_bytes(), b"key\r\n"]);
        assert_eq!((seen.closed, &seen.events), (false, &vec!["keys key true".to_owned()]), "{start}");
        assert_eq!(whole(format!("{front}key\r\n").as_bytes()), seen.events, "{start}");
        let endless = format!("{start} {}", " ".repeat(KEYS_PART_BYTES));
        assert_eq!(whole(endless.as_bytes()), ["close Some(LineTooLong)"], "{start}");
    }
    let seen = feed(&[" ".repeat(LINE_MAX_BYTES + 1).as_bytes(), b"get key\r\n"]);
    assert!(seen.closed, "spaces alone are no retrieval");
}
