//! What tests share: foreign corpora, seeded bytes, stores that are slow-witted or flaky, a suite
//! that every store has to pass, and a real S3 server. Only ever a dev-dependency.
//!
//! What a machine lacks (the corpora, a Go toolchain) makes a test skip itself, never fail; each
//! function then says `SKIPPED` on stderr, past the capture of the test harness.
//!
//! ```
//! use fastdata_store::{Location, Store, StoreConfig};
//! use fastdata_testkit::{OneByteStore, seeded_bytes};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("x"), seeded_bytes(1, 100))?;
//! let store = OneByteStore::new(fastdata_store::open(StoreConfig::default()));
//! let object = Location::parse(folder.path().to_str().ok_or("not UTF-8")?)?.join("x");
//! let answers = futures::executor::block_on(store.read_ranges(&object, &[3..50]))?;
//! assert_eq!(answers[0], seeded_bytes(1, 100)[3..50]);
//! # Ok(())
//! # }
//! ```
//!
//! - [`corpora()`], [`seeded_bytes`]: data
//! - [`OneByteStore`], [`FlakyStore`], [`CountingStore`]: wrappers around any store
//! - [`conformance`]: what every store promises
//! - [`Simulator`]: an S3 server of our own, with [`Fault`]s and a network [`Model`]
//! - [`Door`]: another way in to a server, through TLS or at another address
//! - [`S3Server`], [`ensure_versitygw`]: Versity S3 Gateway over a folder
//! - [`foreign_client`]: a client of either that is not ours

pub mod conformance;
mod corpora;
mod counting;
mod door;
mod flaky;
mod foreign;
mod one_byte;
mod s3_server;
mod seeded;
mod simulator;
mod skipped;

pub use corpora::{corpora, workspace_root};
pub use counting::CountingStore;
pub use door::Door;
pub use flaky::FlakyStore;
pub use foreign::foreign_client;
pub use one_byte::OneByteStore;
pub use s3_server::{S3Server, ensure_versitygw};
pub use seeded::seeded_bytes;
pub use simulator::{Action, Fault, Model, Operation, Sent, Simulator};
pub use skipped::skipped;
