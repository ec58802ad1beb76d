//! The built command, as its users see it.

mod command;
mod demo;
mod exit_codes;
mod formats;
mod interrupt;
mod streams;
