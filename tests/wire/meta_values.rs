//! Values of `ms` of every size are stored like those of `set`, and refused values do not desynchronize the stream.

use crate::conversation::conversation;
use crate::support::larder;

/// Values up to this length are received in the connection's buffer.
const INLINE_BYTES: usize = 16 * 1024;

/// The largest value for a key of one byte without client flags, with the default item size limit.
const LARGEST_BYTES: usize = 1048576 - 48 - 8 - 2 - 2;

#[track_caller]
fn check(daemon: &crate::support::Daemon, request: &str, reply: &str) {
    let received = conversation(daemon, request);
    if received != reply {
        let cut = |text: &str| text.chars().take(60).collect::<String>();
        panic!("{} bytes {:?}, not {} bytes {:?}", received.len(), cut(&received), reply.len(), cut(reply));
    }
}

#[test]
fn values_around_the_inline_limit_and_the_item_limit_are_stored_unchanged() {
    let daemon = larder("").start();
    for len in [INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 100_000, LARGEST_BYTES] {
        let value = "v".repeat(len);
        let request = format!("ms b {len} s k O1 T0\r\n{value}\r\nmg b s v\r\nmn\r\n");
        check(&daemon, &request, &format!("HD s{len} kb O1\r\nVA {len} s{len}\r\n{value}\r\nMN\r\n"));
    }
}

#[test]
fn a_long_value_keeps_mode_cas_unique_and_encoded_key() {
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
fn a_long_value_with_an_invalid_end_is_refused_even_if_quiet() {
    let daemon = larder("").start();
    let value = "v".repeat(20_000);
    let request = format!("ms b 1\r\n1\r\nms b 20000 q\r\n{value}xx\r\nmg b v\r\n");
    check(&daemon, &request, "HD\r\nCLIENT_ERROR bad data chunk\r\nVA 1\r\n1\r\n");
    let request = format!("ms b 20000 z q\r\n{value}\r\nmg b v\r\n");
    check(&daemon, &request, "CLIENT_ERROR invalid flag\r\nVA 1\r\n1\r\n");
}

#[test]
fn a_value_too_large_removes_the_old_value_in_every_mode() {
    let daemon = larder("").start();
    let value = "v".repeat(LARGEST_BYTES + 1);
    for flags in ["", " q", " ME", " MR C1", " MA"] {
        let request = format!("ms b 1\r\n1\r\nms b {}{flags}\r\n{value}\r\nmg b v\r\nmn\r\n", value.len());
        check(&daemon, &request, "HD\r\nSERVER_ERROR object too large for cache\r\nEN\r\nMN\r\n");
    }
}

#[test]
fn a_large_item_can_be_marked_stale_touched_and_emptied() {
    let daemon = larder("").start();
    let (len, value) = (100_000, "v".repeat(100_000));
    let store = format!("ms b {len} F3\r\n{value}\r\n");
    check(&daemon, &format!("{store}md b I T-1\r\nmg b v\r\n"), "HD\r\nHD\r\nEN\r\n");
    let request = format!("{store}md b I E5\r\nmg b c s f v\r\nmg b u\r\nget b\r\n");
    let shown =
        format!("VA {len} c5 s{len} f3 X W\r\n{value}\r\nHD Z X\r\nVALUE b 3 {len}\r\n{value}\r\nEND\r\n");
    check(&daemon, &request, &format!("HD\r\nHD\r\n{shown}"));
    check(
        &daemon,
        "mg b T0 s\r\nms b 2 MP s\r\nxy\r\nmd b x\r\nmg b v f\r\n",
        &format!("HD s{len} Z X\r\nHD s{}\r\nHD\r\nVA 0 f0\r\n\r\n", len + 2),
    );
}

#[test]
fn mn_flushes_pending_replies_and_loses_none() {
    let daemon = larder("").start();
    check(&daemon, &"mn\r\n".repeat(5000), &"MN\r\n".repeat(5000));
    let (request, reply) = ("mg no v q\r\nmn\r\nmg no v k\r\n".repeat(500), "MN\r\nEN kno\r\n".repeat(500));
    check(&daemon, &request, &reply);
}
