//! From one data file to batches: footer and pruning, fetching, decoding, selecting.

mod file;
mod late;
mod row_group;
mod sections;
mod whole;
mod window;

pub(crate) use file::{DataFile, OpenFile, open_file, read_footer, settle_constants};
pub(crate) use late::Savings;
pub(crate) use row_group::{RowGroup, load_row_group, reserve_row_group};
pub(crate) use sections::sections;
pub(crate) use whole::read_whole;
pub(crate) use window::{mask_without, read_column, read_window, windows};
