//! Scans of files and tables made here, compared with what went in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed test is a panic"
)]

mod bounded;
mod contiguous;
mod files;
mod late;
mod stale;
mod stores;
