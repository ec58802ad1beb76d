//! `fastdata flow`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

/// Arguments of `fastdata flow`.
#[derive(Debug, Args)]
pub(crate) struct FlowArgs {
    #[command(subcommand)]
    pub(crate) action: FlowAction,
    /// Where the runs are: a folder or URL; else what Metaflow would use here
    #[arg(
        long,
        short = 'd',
        global = true,
        env = "FASTDATA_DATASTORE",
        value_name = "ROOT"
    )]
    pub(crate) datastore: Option<String>,
    /// Metaflow's metadata service, instead of the files beside the artifacts
    #[arg(long, global = true, env = "FASTDATA_SERVICE", value_name = "URL")]
    pub(crate) service: Option<String>,
    /// Print JSON
    #[arg(long, global = true, env = "FASTDATA_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
    /// URL of an S3-compatible service
    #[arg(long, global = true, env = "FASTDATA_ENDPOINT_URL", value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Region of the bucket
    #[arg(long, global = true, env = "FASTDATA_REGION")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true, env = "FASTDATA_PROFILE")]
    pub(crate) profile: Option<String>,
    /// Do not sign requests
    #[arg(long, global = true, env = "FASTDATA_ANONYMOUS", value_parser = BoolishValueParser::new())]
    pub(crate) anonymous: bool,
}

/// What to look at. A path is `Flow`, `Flow/run`, `Flow/run/step`, `Flow/run/step/task` or
/// `Flow/run/step/task/artifact`; without a run the newest one is meant.
#[derive(Debug, Subcommand)]
pub(crate) enum FlowAction {
    /// List flows, the runs of a flow, the steps of a run, or the tasks of a step
    Ls {
        /// Flow, Flow/run or Flow/run/step
        path: Option<String>,
        /// Most runs that are listed
        #[arg(long, env = "FASTDATA_LIMIT", default_value_t = 20)]
        limit: usize,
    },
    /// Show a run with its parameters and steps, or a task with its artifacts
    Show {
        /// Flow, Flow/run or Flow/run/step/task
        path: String,
    },
    /// Print what tasks printed, by time
    Logs {
        /// Flow, Flow/run, Flow/run/step or Flow/run/step/task
        path: String,
        /// Only what went to stdout
        #[arg(long, env = "FASTDATA_STDOUT", value_parser = BoolishValueParser::new(), conflicts_with = "stderr")]
        stdout: bool,
        /// Only what went to stderr
        #[arg(long, env = "FASTDATA_STDERR", value_parser = BoolishValueParser::new())]
        stderr: bool,
        /// Of this attempt instead of the latest one
        #[arg(long, env = "FASTDATA_ATTEMPT")]
        attempt: Option<u32>,
        /// Put time and task before each line
        #[arg(long, env = "FASTDATA_TIMES", value_parser = BoolishValueParser::new())]
        times: bool,
    },
    /// Print artifacts: of the last step of a run, of a task, or one
    Dump {
        /// Flow, Flow/run, Flow/run/step/task or Flow/run/step/task/artifact
        path: String,
        /// Metaflow's own artifacts too
        #[arg(long, env = "FASTDATA_ALL", value_parser = BoolishValueParser::new())]
        all: bool,
        /// Write the bytes of one artifact: its pickle
        #[arg(long, env = "FASTDATA_PICKLE", value_parser = BoolishValueParser::new(), conflicts_with = "bytes")]
        pickle: bool,
        /// Write the content of one artifact that is bytes, or of a NumPy array
        #[arg(long, env = "FASTDATA_BYTES", value_parser = BoolishValueParser::new())]
        bytes: bool,
        /// Into this file, which appears when it is whole, instead of stdout
        #[arg(short, long, env = "FASTDATA_OUTPUT")]
        output: Option<PathBuf>,
    },
    /// Show what differs between two runs
    Diff {
        /// Flow/run
        before: String,
        /// Flow/run; else the newest run of the flow
        after: Option<String>,
    },
    /// Write a page about a run: one HTML file without scripts
    Report {
        /// Flow or Flow/run
        path: String,
        /// The file; else named for the flow and the run
        #[arg(short, long, env = "FASTDATA_OUTPUT")]
        output: Option<PathBuf>,
        /// Compare with this run of the flow instead of the one before
        #[arg(long, env = "FASTDATA_AGAINST", value_name = "RUN")]
        against: Option<String>,
    },
}
