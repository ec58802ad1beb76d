//! The way of the data: plan → fetch → decode → select, as one bounded pipeline.

pub mod cancel;
pub mod describe;
pub mod error;
pub mod explain;
pub mod request;
pub mod scan;
pub mod stats;

pub use cancel::CancelToken;
pub use describe::{Description, describe};
pub use error::{Error, ErrorKind, Result};
pub use explain::Explain;
pub use request::{ScanRequest, Settings};
pub use scan::{Batches, Collected, Scan};
pub use stats::{Progress, ScanStats};
