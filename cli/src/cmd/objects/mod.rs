//! The commands that move objects.

mod copies;
mod doctor;
mod listing;
mod remove;

pub(crate) use copies::{get, put, sync};
pub(crate) use doctor::doctor;
pub(crate) use listing::{cat, ls, stat};
pub(crate) use remove::rm;
