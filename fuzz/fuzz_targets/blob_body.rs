//! libFuzzer's entry for `fastdata_fuzz::blob_body`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: fastdata_fuzz::prepare(), |data: &[u8]| {
    fastdata_fuzz::uncaught(|| fastdata_fuzz::blob_body(data))
});
