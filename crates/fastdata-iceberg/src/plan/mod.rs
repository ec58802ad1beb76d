//! Planning: from a view of a table and a condition to the files to read and their deletes.

mod audit;
mod data_files;
mod delete_file;
mod delete_files;
mod delete_index;
mod metrics;
mod partition_cache;
mod planner;
mod sequence;
mod split;

pub use audit::{LiveFiles, PlanAudit};
pub use delete_file::{DeleteFile, DeleteKind};
pub use delete_index::DeleteIndex;
pub use planner::{ManifestSource, Manifests, Planner};
pub use split::{ManifestPlan, SkipReason, Skipped, Split};
