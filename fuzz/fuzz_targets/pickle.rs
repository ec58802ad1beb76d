//! libFuzzer's entry for `fastdata_fuzz::pickle`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fastdata_fuzz::prepare(), |data: &[u8]| {
    fastdata_fuzz::uncaught(|| fastdata_fuzz::pickle(data))
});
