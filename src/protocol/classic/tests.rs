//! Every line of the classic text protocol that is accepted, and the refused ones next to it.

use super::*;

fn request(text: &str) -> Request<'_> {
    match parse_line(text.as_bytes(), 2) {
        ParsedLine::Request(request) => request,
        other => panic!("{text}: {other:?}"),
    }
}

fn refusal(text: &str) -> Option<Refusal> {
    match parse_line(text.as_bytes(), 2) {
        ParsedLine::Refused { reply, .. } => reply,
        other => panic!("{text}: {other:?}"),
    }
}

fn header(text: &str) -> StorageHeader<'_> {
    match parse_line(text.as_bytes(), 2) {
        ParsedLine::Storage(header) => header,
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
            line_end_len: 2
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
            line_end_len: 2
        })
    );
    for text in ["get", "get ", "gets", "gat", "gat 10", "gat a", "gats 10 "] {
        assert_eq!(refusal(text), Some(Refusal::BadLine), "{text}");
    }
    assert_eq!(refusal("gat x a"), Some(Refusal::BadExptime));
}

#[test]
fn storage_lines_are_parsed_completely() {
    let plain = header("set k 5 -1 3");
    assert_eq!((plain.key, plain.flags, plain.exptime, plain.value_len), (&b"k"[..], 5, -1, 3));
    assert!(!plain.noreply);
    assert!(header("append  k 0 0 3  noreply ").noreply);
    assert!(!header("set k 0 0 3 noreply x").noreply);
    assert_eq!(header("set k 0 0 -").value_len, 0);
    assert_eq!(header("cas k 0 0 1 18446744073709551615").verb, StoreVerb::Cas(u64::MAX));
}

#[test]
fn refused_storage_lines_report_their_data_block() {
    for (text, silent, data_block) in [
        ("set k 0 0", false, DataBlock::None),
        ("set k 0 0 -1", false, DataBlock::UnknownLength),
        ("set k 0 0 x noreply", false, DataBlock::UnknownLength),
        ("set k 0 0 2147483646", false, DataBlock::UnknownLength),
        ("set k x 0 7", false, DataBlock::Bytes(7)),
        ("set k 0 x 7 noreply", true, DataBlock::Bytes(7)),
        ("cas k 0 0 1", false, DataBlock::Bytes(1)),
        ("cas k 0 0 1 noreply", true, DataBlock::Bytes(1)),
        ("cas k 0 0 1 -1", false, DataBlock::Bytes(1)),
    ] {
        let reply = (!silent).then_some(Refusal::BadLine);
        assert_eq!(parse_line(text.as_bytes(), 2), ParsedLine::Refused { reply, data_block }, "{text}");
    }
    let long = format!("add {} 0 0 4", "k".repeat(251));
    let expected = ParsedLine::Refused { reply: Some(Refusal::BadLine), data_block: DataBlock::Bytes(4) };
    assert_eq!(parse_line(long.as_bytes(), 2), expected);
    assert_eq!(header(&format!("add {} 0 0 4", "k".repeat(250))).value_len, 4);
}

#[test]
fn noreply_counts_only_as_the_last_recorded_token() {
    assert_eq!(refusal("foo noreply"), None);
    assert_eq!(refusal("noreply"), None);
    assert_eq!(refusal("noreply "), None);
    assert_eq!(refusal("foo noreply x"), Some(Refusal::Unknown));
    assert_eq!(request("delete noreply"), Request::Delete { key: b"noreply", noreply: true });
    let recorded = format!("foo{} noreply", " x".repeat(TOKENS_MAX - 2));
    assert_eq!(refusal(&recorded), None);
    assert_eq!(refusal(&format!("{recorded} x")), None);
    let beyond = format!("foo{} noreply", " x".repeat(TOKENS_MAX - 1));
    assert_eq!(refusal(&beyond), Some(Refusal::Unknown));
}

#[test]
fn delete_takes_a_key_an_obsolete_time_and_noreply() {
    for (text, silent) in [("delete k", false), ("delete k 0", false), ("delete k 5 noreply", true)] {
        assert_eq!(request(text), Request::Delete { key: b"k", noreply: silent }, "{text}");
    }
    for text in ["delete a b c", "delete a b c d e", "delete a 0 0", "delete a 0 noreply x"] {
        assert_eq!(refusal(text), Some(Refusal::BadLine), "{text}");
    }
    assert_eq!(refusal("delete a b c noreply"), None);
}

#[test]
fn only_administrative_commands_may_follow_spaces() {
    assert_eq!(refusal(" get a"), Some(Refusal::Unknown));
    assert_eq!(refusal(" version"), Some(Refusal::Unknown));
    assert_eq!(request(" flush_all"), Request::FlushAll { delay: 0, noreply: false });
}

#[test]
fn short_lines_are_refused() {
    assert_eq!(refusal(""), Some(Refusal::BadLine));
    assert_eq!(refusal("a"), Some(Refusal::BadLine));
    assert_eq!(refusal("ab"), Some(Refusal::Unknown));
    assert_eq!(parse_line(b"ab", 1), refused(Refusal::BadLine, false));
    assert_eq!(parse_line(b"abc", 1), refused(Refusal::Unknown, false));
}

#[test]
fn each_number_has_its_own_refusal() {
    assert_eq!(refusal("incr n +1"), Some(Refusal::BadDelta));
    assert_eq!(refusal("incr n"), Some(Refusal::BadLine));
    assert_eq!(refusal("touch k 100000000000"), Some(Refusal::BadExptime));
    assert_eq!(refusal("flush_all x"), Some(Refusal::BadExptime));
    assert_eq!(refusal("flush_all x noreply"), None);
    assert_eq!(refusal("verbosity"), Some(Refusal::BadLine));
    assert_eq!(refusal("verbosity noreply"), None);
    assert_eq!(refusal("cache_memlimit"), Some(Refusal::Unknown));
    assert_eq!(request("cache_memlimit 64 x"), Request::CacheMemlimit { mib: 64, noreply: false });
    assert_eq!(request("flush_all 1 2 3"), Request::FlushAll { delay: 1, noreply: false });
    assert_eq!(request("flush_all noreply"), Request::FlushAll { delay: 0, noreply: true });
}

#[test]
fn sub_commands_match_by_prefix() {
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
        assert_eq!(refusal(text), Some(Refusal::Unknown), "{text}");
    }
    for text in ["stats cachedump", "stats c", "stats ca 1"] {
        assert_eq!(refusal(text), Some(Refusal::BadDump), "{text}");
    }
    for text in ["stats cachedump x 1", "stats cachedump 1 -1", "stats cachedump 256 x"] {
        assert_eq!(refusal(text), Some(Refusal::BadLine), "{text}");
    }
    assert_eq!(refusal("stats cachedump 256 1"), Some(Refusal::BadSlabClass));
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
fn http_is_recognized_by_its_last_token() {
    assert_eq!(parse_line(b"GET / HTTP/1.1", 2), ParsedLine::UnknownProtocol);
    assert_eq!(parse_line(b"HTTP/1.1", 2), ParsedLine::UnknownProtocol);
    assert_eq!(parse_line(b"GET / HTTP/1.1 x", 2), refused(Refusal::Unknown, false));
    assert!(matches!(parse_line(b"get / HTTP/1.1", 2), ParsedLine::Request(Request::Retrieval(_))));
}
