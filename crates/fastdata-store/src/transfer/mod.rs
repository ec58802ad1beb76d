//! Moving whole objects between stores and local files, for programs that have no runtime.
//!
//! A file that is downloaded is absent, old or complete, never partial; no key leads out of the
//! folder that it is downloaded into.

mod copies;
mod download;
mod errands;
mod fetching;
mod names;
mod plan;
mod runner;
mod unfinished;
mod upload;

pub use copies::{Copied, CopyOptions, Outcome, SyncStep};
pub use download::{Downloaded, Verification};
pub use runner::{Progressed, Transfers};
pub use unfinished::remove_unfinished;
