//! The way of the data: plan → fetch → decode → select, as one bounded pipeline.

mod columns;
mod context;
mod deletes;
mod evolution;
mod partition;
mod pipeline;
mod plan;
mod read;
mod runtime;
pub mod source;
pub mod cancel;
pub mod describe;
pub mod error;
pub mod explain;
pub mod expression;
pub mod request;
pub mod scan;
pub mod stats;

pub use cancel::CancelToken;
pub use describe::{Description, describe};
pub use error::{Error, ErrorKind, Result};
pub use explain::Explain;
pub use expression::parse_filter;
pub use request::{ScanRequest, Settings};
pub use scan::{Batches, Collected, Scan};
pub use stats::{Progress, ScanStats};
