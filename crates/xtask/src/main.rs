//! Project automation: `cargo xtask --help` lists the commands.

mod bench;
mod ci;
mod demo_data;
mod fuzz;
mod gateway;
mod package;
mod process;
mod python;
mod test;
mod tidy;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project automation", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Test everything: Rust tests, doctests, and the Python oracles over the release binary
    Test(test::Args),
    /// Everything that continuous integration checks
    Ci(ci::Args),
    /// Check the shape of the tree: crate arrows, module heads, lengths, unsafe, leftovers
    Tidy(tidy::Args),
    /// Build the fuzz targets and run each for a while
    Fuzz(fuzz::Args),
    /// Measure against other programs
    Bench(bench::Args),
    /// Build the Python wheel into target/wheels and check it
    Wheel(wheel::Args),
    /// Write the demonstration table to target/demo-data
    DemoData,
}

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Ci(args) => ci::run(&args),
        Command::Tidy(args) => tidy::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Wheel(args) => wheel::run(&args),
        Command::DemoData => demo_data::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            process::say(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}
