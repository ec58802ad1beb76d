//! From the columns that a data file has to the columns that the table has.
//!
//! A table's schema moves on while its files stay: columns are renamed, reordered, added, dropped
//! and widened, at every nesting level. Columns meet by field id alone; name and position decide
//! only where a table says so ([`file::FileField`]). [`plan_field`] decides once a file how a
//! column comes to be, [`FieldPlan::adapt`] does it for every batch.

mod adapt;
mod convert;
mod file;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use adapt::extract_child;
pub(crate) use file::{
    FileField, MatchBy, any_id, apply_mapping, apply_positions, field_id, file_fields,
};
pub(crate) use plan::{FieldPlan, Missing, leaf_keeps_statistics, plan_field, prune_to_path};
