//! The store as its users see it.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod contents;
mod crash;
mod forms;
mod s3;
mod together;
mod upkeep;
