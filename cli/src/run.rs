//! From arguments to an exit code.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::args::{Args, Command};
use crate::failure::{Failure, FailureKind};
use crate::{cmd, config, failure, interrupt, warnings};

/// Runs the command with `arguments`, the first of which is its own name, and returns its exit
/// code. From then on Ctrl-C in this process belongs to the command.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> i32 {
    let args = match Args::read(arguments) {
        Ok(args) => args,
        Err(error) => return failure::report_usage(&error),
    };
    let json = args.json_errors;
    // The hook has already said what broke by the time a panic arrives here.
    let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(args))).unwrap_or_else(|_| {
        Err(Failure::new(
            FailureKind::Other,
            "internal error: please report it",
        ))
    });
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            if matches!(failure.kind(), FailureKind::Interrupted) {
                interrupt::clean();
            }
            failure.report(json)
        }
    }
}

fn dispatch(args: Args) -> Result<(), Failure> {
    warnings::show();
    let cancel = interrupt::install()?;
    match args.command {
        Command::Scan(args) => cmd::scan::run(config::ScanConfig::resolve(args)?, &cancel),
        Command::Schema(args) => cmd::schema::run(config::SchemaConfig::resolve(args)?, &cancel),
        Command::Describe(args) => {
            cmd::describe::run(config::DescribeConfig::resolve(args)?, &cancel)
        }
        Command::Blob(args) => cmd::blob::run(config::BlobConfig::resolve(*args)),
        Command::Flow(args) => cmd::flow::run(config::FlowConfig::resolve(*args)?),
        Command::Get(args) => cmd::objects::get(args, &cancel),
        Command::Put(args) => cmd::objects::put(args, &cancel),
        Command::Cat(args) => cmd::objects::cat(args, &cancel),
        Command::Ls(args) => cmd::objects::ls(args, &cancel),
        Command::Stat(args) => cmd::objects::stat(args, &cancel),
        Command::Sync(args) => cmd::objects::sync(args, &cancel),
        Command::Rm(args) => cmd::objects::rm(args, &cancel),
        Command::Doctor(args) => cmd::objects::doctor(args, &cancel),
        Command::Demo(args) => cmd::demo::run(&config::DemoConfig::resolve(args), &cancel),
        Command::Completions { shell } => cmd::completions::run(shell),
        Command::Man { command } => cmd::man::run(command.as_deref()),
    }
}
