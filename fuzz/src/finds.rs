//! Which panics are finds: those that nobody catches.
//!
//! libFuzzer's own hook ends the process at the first panic of any kind. But the `parquet` crate's
//! readers assert on some of what hostile pages claim, and the crate that drives them contains that
//! (`contained` in `crates/fastdata-parquet/src/error.rs`): to a user it is an error of the kind
//! "corrupt". A panic that gets past it is a find.

use std::backtrace::Backtrace;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

static LAST: Mutex<String> = Mutex::new(String::new());

/// To be called once, before the first input.
pub fn prepare() {
    crate::seeds::write_when_asked();
    set_hook(Box::new(|panic| {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = format!("{panic}");
        if std::env::var_os("FASTDATA_FUZZ_BACKTRACE").is_some() {
            *last += &format!("\n{}", Backtrace::force_capture());
        }
    }));
}

/// Runs `work`; a panic out of it ends the process, as libFuzzer wants it.
pub fn uncaught(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("a panic that nobody caught: {last}");
        std::process::abort();
    }
}
