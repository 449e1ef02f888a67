//! Values of `ms` of every size: received in place like those of `set`, and refused with the stream in sync.

use crate::conversation::conversation;
use crate::support::larder;

/// Up to this many bytes a value is framed in the connection's buffer.
const INLINE_BYTES: usize = 16 * 1024;

/// Largest value for a key of one byte under the default item limit, without client flags.
const LARGEST_BYTES: usize = 1048576 - 48 - 8 - 2 - 2;

#[track_caller]
fn check(daemon: &crate::support::Daemon, request: &str, answer: &str) {
    let heard = conversation(daemon, request);
    if heard != answer {
        let cut = |text: &str| text.chars().take(60).collect::<String>();
        panic!("{} bytes {:?}, not {} bytes {:?}", heard.len(), cut(&heard), answer.len(), cut(answer));
    }
}

#[test]
fn values_around_the_inline_bound_and_the_item_limit_come_back_whole() {
    let daemon = larder("").start();
    for len in [INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 100_000, LARGEST_BYTES] {
        let value = "v".repeat(len);
        let request = format!("ms b {len} s k O1 T0\r\n{value}\r\nmg b s v\r\nmn\r\n");
        check(&daemon, &request, &format!("HD s{len} kb O1\r\nVA {len} s{len}\r\n{value}\r\nMN\r\n"));
    }
}

#[test]
fn a_long_value_keeps_mode_unique_and_encoded_key() {
    let daemon = larder("").start();
    let (len, value) = (20_000, "v".repeat(20_000));
    let request = format!(
        "ms Zm9v {len} ME b E9 F7 c k\r\n{value}\r\nms foo {len} ME\r\n{value}\r\nmg foo k f c s\r\n"
    );
    check(&daemon, &request, &format!("HD c9 kZm9v b\r\nNS\r\nHD kZm9v b f7 c9 s{len}\r\n"));
    let request =
        format!("ms foo {len} C8 k\r\n{value}\r\nms foo {len} C9 q\r\n{value}\r\nms foo 1 MA s\r\nx\r\n");
    check(&daemon, &request, &format!("EX kfoo\r\nHD s{}\r\n", len + 1));
}

#[test]
fn a_long_value_with_a_broken_end_is_refused_even_when_quiet() {
    let daemon = larder("").start();
    let value = "v".repeat(20_000);
    let request = format!("ms b 1\r\n1\r\nms b 20000 q\r\n{value}xx\r\nmg b v\r\n");
    check(&daemon, &request, "HD\r\nCLIENT_ERROR bad data chunk\r\nVA 1\r\n1\r\n");
    let request = format!("ms b 20000 z q\r\n{value}\r\nmg b v\r\n");
    check(&daemon, &request, "CLIENT_ERROR invalid flag\r\nVA 1\r\n1\r\n");
}

#[test]
fn a_value_too_large_removes_what_the_key_had_whatever_the_mode() {
    let daemon = larder("").start();
    let value = "v".repeat(LARGEST_BYTES + 1);
    for flags in ["", " q", " ME", " MR C1", " MA"] {
        let request = format!("ms b 1\r\n1\r\nms b {}{flags}\r\n{value}\r\nmg b v\r\nmn\r\n", value.len());
        check(&daemon, &request, "HD\r\nSERVER_ERROR object too large for cache\r\nEN\r\nMN\r\n");
    }
}

#[test]
fn mn_sends_what_has_gathered_and_loses_nothing() {
    let daemon = larder("").start();
    check(&daemon, &"mn\r\n".repeat(5000), &"MN\r\n".repeat(5000));
    let (request, answer) = ("mg no v q\r\nmn\r\nmg no v k\r\n".repeat(500), "MN\r\nEN kno\r\n".repeat(500));
    check(&daemon, &request, &answer);
}
