//! What was typed. Nothing is interpreted here: see [`crate::config`].

mod blob;
mod demo;
mod describe;
mod flow;
mod objects;
mod scan;
mod schema;
mod source;
mod store;

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use blob::{BlobAction, BlobArgs, DurabilityArg, FormArg};
pub(crate) use demo::DemoArgs;
pub(crate) use describe::DescribeArgs;
pub(crate) use flow::{FlowAction, FlowArgs};
pub(crate) use objects::{
    CatArgs, DoctorArgs, GetArgs, LsArgs, ProgressArgs, PutArgs, RemoteArgs, RmArgs, StatArgs,
    SyncArgs,
};
pub(crate) use scan::{FormatArg, ScanArgs};
pub(crate) use schema::SchemaArgs;
pub(crate) use source::SourceArgs;
pub(crate) use store::StoreArgs;

/// Data out of a lake into a process as fast as the machine allows
///
/// Reads Iceberg tables and Parquet files from disk and object stores, without a query engine.
#[derive(Debug, Parser)]
#[command(name = "fastdata", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Print errors as one JSON object
    #[arg(long, global = true, env = "FASTDATA_JSON_ERRORS", value_parser = BoolishValueParser::new())]
    pub(crate) json_errors: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// What `arguments` and the environment say.
    pub(crate) fn read(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let mut args = Self::from_arg_matches(&matches)?;
        let source = match &mut args.command {
            Command::Scan(args) => Some(&mut args.source),
            Command::Schema(args) => Some(&mut args.source),
            Command::Describe(args) => Some(&mut args.source),
            _ => None,
        };
        if let (Some(source), Some((_, matches))) = (source, matches.subcommand()) {
            source.settle_snapshot(matches).map_err(|[one, other]| {
                let message = format!("{one} cannot be used with {other}");
                Self::command().error(ErrorKind::ArgumentConflict, message)
            })?;
        }
        Ok(args)
    }
}

const AFTER_HELP: &str = "Exit codes: 0 ok · 1 other · 2 usage · 3 partial · 4 not found · \
5 permission · 6 corrupt data · 7 limit exceeded · 8 conflict · 9 unsupported · 130 interrupted\n\
Start with: fastdata demo";

/// One command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read rows of a table or of files
    Scan(Box<ScanArgs>),
    /// Show the columns and their types
    Schema(SchemaArgs),
    /// Show snapshots, partitions, sizes and delete files
    Describe(DescribeArgs),
    /// Store, load, check and tidy blobs, in our own stores and Metaflow's
    Blob(Box<BlobArgs>),
    /// Look at runs of flows, whoever wrote them
    Flow(Box<FlowArgs>),
    /// Download objects, folders or globs
    Get(GetArgs),
    /// Upload files or folders
    Put(PutArgs),
    /// Write objects to stdout
    Cat(CatArgs),
    /// List a folder
    Ls(LsArgs),
    /// Show what a store knows about objects
    Stat(StatArgs),
    /// Make one folder equal to another
    Sync(SyncArgs),
    /// Remove objects
    Rm(RmArgs),
    /// Find out what is between this machine and a bucket
    Doctor(DoctorArgs),
    /// Write a small table to play with and scan it
    Demo(DemoArgs),
    /// Print a script that completes commands in your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// Of this command instead of the whole
        command: Option<String>,
    },
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// One JSON object on one line
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_sound() {
        Args::command().debug_assert();
    }

    /// Each flag has its variable, and the variable bears the flag's name.
    #[test]
    fn every_flag_has_an_environment_variable() {
        let command = Args::command();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            for argument in command
                .get_arguments()
                .filter(|argument| !argument.is_positional())
            {
                let Some(flag) = argument
                    .get_long()
                    .filter(|flag| !["help", "version"].contains(flag))
                else {
                    continue;
                };
                let expected = format!("FASTDATA_{}", flag.to_uppercase().replace('-', "_"));
                let variable = argument.get_env().and_then(|variable| variable.to_str());
                assert_eq!(variable, Some(expected.as_str()), "--{flag}");
            }
        }
    }
}
