//! libFuzzer's way to `bodies::fuzz_binary`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::fuzz_binary(data));
