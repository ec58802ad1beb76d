//! Metaflow's datastore as data: what runs wrote, and what a run has to write so that Metaflow reads
//! it.
//!
//! - [`pickle`]: Python's pickles, without Python
//! - [`layout`], [`records`], [`log`]: the names of things, their JSON, and what tasks printed
//! - [`graph`], [`inputs`]: what leads where, and what follows a task
//! - [`Datastore`], [`DatastoreOptions`]: where runs lie
//! - [`Metadata`], [`ServiceConfig`]: who knows which runs there are
//! - [`RunWriter`], [`TaskWriter`]: writing a run as Metaflow does
//! - [`StoredTask`], [`Origin`], [`memo`]: what is done, for tasks that come after
//! - [`Client`], [`client`]: reading runs, whoever wrote them
//! - [`diff()`](diff::diff), [`report()`](report::report): two runs compared, one run as a page
//! - [`Error`], [`ErrorKind`]: what went wrong and what a caller can do about it

pub mod client;
mod datastore;
pub mod diff;
mod error;
pub mod graph;
pub mod inputs;
pub mod layout;
pub mod log;
pub mod memo;
mod metadata;
pub mod pickle;
pub mod records;
pub mod report;
pub mod stored;
mod write;

pub use client::Client;
pub use datastore::{Datastore, DatastoreOptions, Entry, FileStat};
pub use error::{Error, ErrorKind, Result};
pub use fastdata_cas::{Durability, Key, WriteAs};
pub use metadata::{Metadata, Registration, ServiceConfig, StepEntry, TaskEntry};
pub use stored::{Origin, StoredTask};
pub use write::{LogWriter, RunOptions, RunWriter, SavedArtifact, TaskFacts, TaskWriter};
