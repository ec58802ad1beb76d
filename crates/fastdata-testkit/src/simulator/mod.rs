//! An S3 server of our own, for what no real server does on demand: it fails as planned, and takes
//! its time as a model says.
//!
//! Signatures are checked; objects can be read whole, by range and under conditions, written whole
//! or in parts with checksums, listed and removed. Keys are any text. There are no versions of an
//! object but the last, no access rights but those of one key pair, and no other operations.
//! What it does is checked against Versity S3 Gateway by running the same tests over both.

mod answer;
mod checksum;
mod content;
mod faults;
mod listing;
mod model;
mod operations;
mod request;
mod server;
mod signature;
mod state;
mod traffic;

pub use faults::{Action, Fault, Operation};
pub use model::Model;
pub use server::Simulator;
pub use traffic::Sent;
