//! The `fastdata` command.
//!
//! One direction: what was typed ([`args`]) → what it means ([`config`]) → one module per command
//! ([`cmd`]) → a writer per format ([`output`]). Everything that another front end would need as
//! well lives in the `fastdata` crate.

mod args;
mod cmd;
mod config;
mod failure;
mod interrupt;
mod output;
mod progress;
mod statistics;

use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;

use crate::args::{Args, Command};
use crate::failure::{Failure, FailureKind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => failure::exit_usage(&error),
    };
    let json = args.json_errors;
    // The hook has already said what broke by the time a panic arrives here.
    let outcome = catch_unwind(AssertUnwindSafe(|| run(args))).unwrap_or_else(|_| {
        Err(Failure::new(
            FailureKind::Other,
            "internal error: please report it",
        ))
    });
    // Leaves without freeing what the system frees faster; files were closed and renamed above.
    std::process::exit(match outcome {
        Ok(()) => 0,
        Err(failure) => failure.report(json),
    })
}

fn run(args: Args) -> Result<(), Failure> {
    let cancel = interrupt::install()?;
    match args.command {
        Command::Scan(args) => cmd::scan::run(config::ScanConfig::resolve(args)?, &cancel),
        Command::Schema(args) => cmd::schema::run(config::SchemaConfig::resolve(args)?, &cancel),
        Command::Describe(args) => {
            cmd::describe::run(config::DescribeConfig::resolve(args)?, &cancel)
        }
        Command::Demo(args) => cmd::demo::run(&config::DemoConfig::resolve(args), &cancel),
        Command::Completions { shell } => cmd::completions::run(shell),
        Command::Man { command } => cmd::man::run(command.as_deref()),
    }
}
