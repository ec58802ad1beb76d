//! `cargo xtask bench NAME`: hands over to the workload of that name.

use crate::process::Result;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which benchmark
    name: String,
    /// Passed on to it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let _ = &args.rest;
    Err(format!("no benchmark is called {}", args.name))
}
