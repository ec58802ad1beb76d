//! Writing runs as Metaflow does, so that its client reads them.
//!
//! A task is written in an order in which it can be cut off anywhere: that an attempt is begun, its
//! artifacts, what is known of them, and last that it is done. An attempt that is not done is not
//! there for anybody who reads.

mod log;
mod run;
mod task;

pub use log::LogWriter;
pub use run::{RunOptions, RunWriter};
pub use task::{SavedArtifact, TaskFacts, TaskWriter};
