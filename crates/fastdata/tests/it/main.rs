//! Tests of the facade: tables that other programs wrote, read as a Rust program would.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod canonical;
mod tables;
