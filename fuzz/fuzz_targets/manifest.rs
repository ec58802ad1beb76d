//! libFuzzer's entry for `fastdata_fuzz::manifest`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fastdata_fuzz::manifest(data));
