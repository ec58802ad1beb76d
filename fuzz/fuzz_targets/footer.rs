//! libFuzzer's entry for `fastdata_fuzz::footer`.

#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fastdata_fuzz::write_when_asked(),
    |data: &[u8]| fastdata_fuzz::footer(data)
);
