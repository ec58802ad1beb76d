//! Datastores as their users see them.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod files;
mod s3;
mod sample;
mod service;
