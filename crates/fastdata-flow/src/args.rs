//! The command line of a flow.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the flow; parameters are options of this command
    Run(BoundsArgs),
    /// Go on with a run that failed or was killed: what is complete there is taken over
    Resume(ResumeArgs),
    /// Begin a run for another scheduler, which then calls `step`; parameters are options
    Init(InitArgs),
    /// Run one task
    Step(StepArgs),
    /// Say whether the flow can run
    Check,
    /// Draw the graph
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a step again with the inputs of a past task, and store nothing
    Spin(SpinArgs),
    /// Print the artifacts of a task
    Dump(DumpArgs),
    /// Print what tasks of a run printed
    Logs(LogsArgs),
    /// Change the tags of a run, or print them
    Tag(TagArgs),
}

/// Where runs lie.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceArgs {
    /// The folder or bucket of the datastore; without it what Metaflow would use here
    #[arg(long, value_name = "ROOT", env = "FASTDATA_FLOW_DATASTORE")]
    pub(crate) datastore: Option<String>,
    /// `local` for files beside the artifacts, or the address of Metaflow's metadata service
    #[arg(long, value_name = "URL", env = "METAFLOW_SERVICE_URL")]
    pub(crate) metadata: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BoundsArgs {
    /// How many tasks run at the same time; one for each processor by default
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_workers: Option<usize>,
    /// How many tasks a foreach may have
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub(crate) max_num_splits: usize,
    /// A tag of the run; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Write the id of the run into a file as soon as it is known
    #[arg(long, value_name = "FILE")]
    pub(crate) run_id_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Run this step and all after it again, also where they are complete
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<String>,
    /// The run to go on with; the newest by default
    #[arg(long, value_name = "RUN")]
    pub(crate) origin_run_id: Option<String>,
    #[command(flatten)]
    pub(crate) bounds: BoundsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The id that the scheduler has for the run
    #[arg(long, value_name = "RUN")]
    pub(crate) run_id: Option<String>,
    /// A tag of the run; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    /// The step
    pub(crate) step: String,
    #[arg(long, value_name = "RUN")]
    pub(crate) run_id: String,
    #[arg(long, value_name = "TASK")]
    pub(crate) task_id: String,
    /// The tasks before, as RUN/STEP/TASK, separated by commas, or RUN/STEP/:TASK,TASK
    #[arg(long, value_name = "PATHS")]
    pub(crate) input_paths: String,
    /// The place in the list of a foreach, for the first step in it
    #[arg(long, value_name = "INDEX")]
    pub(crate) split_index: Option<usize>,
    /// How many attempts were made before
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) retry_count: u32,
    /// How often the step's own code may be tried again; as the flow says by default
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_user_code_retries: Option<u32>,
    /// A tag of the run; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// The run that this one goes on with
    #[arg(long, value_name = "RUN")]
    pub(crate) origin_run_id: Option<String>,
    /// Ends when stdin does: whoever started it is gone
    #[arg(long, hide = true)]
    pub(crate) attached: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SpinArgs {
    /// The step
    pub(crate) step: String,
    /// The run whose task it is; the newest by default
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// The task; the first of the step by default
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// RUN/STEP/TASK
    pub(crate) task: String,
    /// Only this artifact, in full
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// RUN, RUN/STEP or RUN/STEP/TASK; the newest run by default
    pub(crate) path: Option<String>,
    /// Go on until the run ends
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The run; the newest by default
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Tags to add
    #[arg(long, value_name = "TAG")]
    pub(crate) add: Vec<String>,
    /// Tags to remove
    #[arg(long, value_name = "TAG")]
    pub(crate) remove: Vec<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}
