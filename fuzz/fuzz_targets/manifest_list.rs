//! libFuzzer's entry for `fastdata_fuzz::manifest_list`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fastdata_fuzz::manifest_list(data));
