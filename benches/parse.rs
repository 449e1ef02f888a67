//! Measures the text protocol parser alone: requests and bytes per second, by kind of request.
//!
//! Run `cargo bench --bench parse`; `-- --test` runs each load once. The columns are those of divan: time per iteration
//! of 100 requests (10 for gets of a hundred keys), with items (requests) and bytes per second.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use larder::protocol::{Decoded, Keys, Request, TextDecoder};

fn main() {
    divan::main();
}

/// Parses every request of a stream as a connection does; returns their number.
fn requests(stream: &[u8]) -> usize {
    let mut decoder = TextDecoder::default();
    let (mut at, mut count) = (0, 0);
    while let Decoded::Request { request, consumed } = decoder.decode(&stream[at..]) {
        if let Request::Retrieval(retrieval) = request {
            Keys::new(retrieval.keys).for_each(|key| assert!(black_box(key).is_ok()));
        }
        at += consumed;
        count += 1;
    }
    count
}

fn load(bencher: Bencher<'_, '_>, stream: String, count: usize) {
    assert_eq!(requests(stream.as_bytes()), count);
    bencher
        .counter(ItemsCount::new(count))
        .counter(BytesCount::new(stream.len()))
        .bench(|| requests(black_box(stream.as_bytes())));
}

#[divan::bench]
fn get_of_a_short_key(bencher: Bencher<'_, '_>) {
    load(bencher, "get user:1000042\r\n".repeat(100), 100);
}

#[divan::bench]
fn get_of_the_longest_key(bencher: Bencher<'_, '_>) {
    load(bencher, format!("get {}\r\n", "k".repeat(250)).repeat(100), 100);
}

#[divan::bench]
fn get_of_a_hundred_keys(bencher: Bencher<'_, '_>) {
    let keys: String = (0..100).map(|number| format!(" user:{}", 1_000_000 + number)).collect();
    load(bencher, format!("get{keys}\r\n").repeat(10), 10);
}

#[divan::bench]
fn mg_of_a_short_key(bencher: Bencher<'_, '_>) {
    load(bencher, "mg user:1000042 v\r\n".repeat(100), 100);
}

#[divan::bench]
fn mg_with_four_flags(bencher: Bencher<'_, '_>) {
    load(bencher, "mg user:1000042 v t k O4711\r\n".repeat(100), 100);
}

#[divan::bench]
fn ms_of_a_hundred_bytes(bencher: Bencher<'_, '_>) {
    load(bencher, format!("ms user:1000042 100 T300\r\n{}\r\n", "v".repeat(100)).repeat(100), 100);
}

#[divan::bench]
fn set_of_a_hundred_bytes(bencher: Bencher<'_, '_>) {
    load(bencher, format!("set user:1000042 0 300 100\r\n{}\r\n", "v".repeat(100)).repeat(100), 100);
}
