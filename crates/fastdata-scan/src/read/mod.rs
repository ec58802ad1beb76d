//! From one data file to batches: footer and pruning, fetching, decoding, selecting.

mod file;
mod row_group;
mod whole;
mod window;

pub(crate) use file::{DataFile, OpenFile, open_file, read_footer, settle_constants};
pub(crate) use row_group::{RowGroup, load_row_group};
pub(crate) use whole::read_whole;
pub(crate) use window::{mask_without, read_window, windows};
