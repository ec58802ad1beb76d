//! Stores against the conformance suite and against what only they can get wrong.

#![expect(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "tests panic on what they did not expect; a batch of one range is one range"
)]

mod checksums;
mod faults;
mod listing;
mod local;
mod login;
mod refusals;
mod s3;
mod slow;
mod tls;

/// What a test runs its requests on.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
