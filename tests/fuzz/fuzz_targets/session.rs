//! libFuzzer entry point of `fuzz_bodies::fuzz_session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::fuzz_session(data));
