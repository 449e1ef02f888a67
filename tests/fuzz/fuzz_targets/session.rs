//! libFuzzer's way to `bodies::fuzz_session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::fuzz_session(data));
