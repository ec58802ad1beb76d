//! The built command, as its users see it.

#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod blob;
mod command;
mod copies;
mod demo;
mod exit_codes;
mod formats;
mod interrupt;
mod memory;
mod objects;
mod streams;
