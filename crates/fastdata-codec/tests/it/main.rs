//! The blob formats as their users see them.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod contents;
mod golden;
mod hostile;
mod ranges;
mod round_trip;
