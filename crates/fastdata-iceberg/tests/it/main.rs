//! Planning whole tables: ones we write, ones that other programs wrote, and damaged ones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "the helpers of tests may do what tests may"
)]

mod corpus;
mod hostile;
mod plan;
mod table;
mod traps;
