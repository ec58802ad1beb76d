//! The commands of a flow's program.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use fastdata_metaflow::layout::{PARAMETERS_STEP, PARAMETERS_TASK, TaskPath};
use fastdata_metaflow::pickle::{Value, to_value};
use fastdata_metaflow::{Origin, RunOptions, RunWriter, inputs};

use crate::args::{BoundsArgs, Cli, Command, InitArgs, ResumeArgs, StepArgs};
use crate::attempt::{self, Order};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::flow::Flow;
use crate::past;
use crate::place::Place;
use crate::process::{self, say};
use crate::schedule::{self, Run};

impl Flow {
    /// Does what the command line says; what `main` of a flow's program returns.
    pub fn main(self) -> ExitCode {
        let matches = match self.command().try_get_matches() {
            Ok(matches) => matches,
            Err(error) => {
                let code = u8::try_from(error.exit_code()).unwrap_or(2);
                // Nothing can be done about a terminal that is gone.
                let _ = error.print();
                return ExitCode::from(code);
            }
        };
        match self.dispatch(&matches) {
            Ok(code) => code,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "error: {}", chain(&error));
                ExitCode::from(error.exit_code())
            }
        }
    }

    /// The command line, with the parameters where a run begins.
    fn command(&self) -> clap::Command {
        let mut command = Cli::command().name(self.name().to_owned());
        if let Some(about) = &self.graph.about {
            command = command.about(about.clone());
        }
        for name in ["run", "init"] {
            command = command.mut_subcommand(name, |command| {
                command.args(self.params.iter().map(|param| param.arg()))
            });
        }
        command
    }

    fn dispatch(self, matches: &ArgMatches) -> Result<ExitCode> {
        let failed = |error: clap::Error| Error::invalid(error.to_string());
        let command = Cli::from_arg_matches(matches).map_err(failed)?.command;
        self.check()?;
        let none = ArgMatches::default();
        let values = matches.subcommand().map_or(&none, |(_, values)| values);
        match command {
            Command::Run(args) => self.run(&args, values)?,
            Command::Resume(args) => self.resume(&args)?,
            Command::Init(args) => self.init(&args, values)?,
            Command::Step(args) => return self.step_command(&args),
            Command::Check => print(&format!("flow {} is sound", self.name()))?,
            Command::Show { json } => self.show(json)?,
            Command::Spin(args) => past::spin(&self, &args)?,
            Command::Dump(args) => past::dump(self.name(), &args)?,
            Command::Logs(args) => past::logs(self.name(), &args)?,
            Command::Tag(args) => past::tag(self.name(), &args)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, json: bool) -> Result<()> {
        let joins = self.graph.check()?;
        match json {
            true => print(&self.graph.to_info(&joins, "").to_string()),
            false => print(self.graph.draw(&joins).trim_end()),
        }
    }

    fn run(self, args: &BoundsArgs, values: &ArgMatches) -> Result<()> {
        let place = Place::open(self.name(), &args.place)?;
        let parameters = self.parameters(values)?;
        let writer = self.begin(&place, RunOptions::default(), &args.tags)?;
        let parameters = self.write_parameters(&writer, &parameters)?;
        self.drive(place, writer, &parameters, None, args)
    }

    fn resume(self, args: &ResumeArgs) -> Result<()> {
        if let Some(from) = &args.from {
            attempt::find(&self, from)?;
        }
        let place = Place::open(self.name(), &args.bounds.place)?;
        let id = match &args.origin_run_id {
            Some(id) => id.clone(),
            None => place.latest_run()?,
        };
        let parameters = place.stored(&format!("{id}/{PARAMETERS_STEP}/{PARAMETERS_TASK}"));
        let parameters = parameters.map_err(|error| {
            let context = format!(
                "run {id} of {} has nothing to go on with; run it anew",
                self.name()
            );
            Error::missing(context).with_source(error)
        })?;
        let origin = Origin::of_run(
            &place.datastore,
            &place.metadata,
            (self.name(), &id),
            args.from.clone(),
        )?;
        let mut options = RunOptions::default();
        options.origin_run_id = Some(id);
        let writer = self.begin(&place, options, &args.bounds.tags)?;
        let parameters = writer.take_over(&parameters)?;
        self.drive(place, writer, &parameters, Some(origin), &args.bounds)
    }

    fn init(self, args: &InitArgs, values: &ArgMatches) -> Result<()> {
        let place = Place::open(self.name(), &args.place)?;
        let parameters = self.parameters(values)?;
        let mut options = RunOptions::default();
        options.run_id = args.run_id.clone();
        let writer = self.begin(&place, options, &args.tags)?;
        let path = self.write_parameters(&writer, &parameters)?;
        print(&path.below_flow())
    }

    fn begin(
        &self,
        place: &Arc<Place>,
        mut options: RunOptions,
        tags: &[String],
    ) -> Result<RunWriter> {
        options.tags = tags.to_vec();
        options.script = program()?
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let (datastore, metadata) = (Arc::clone(&place.datastore), Arc::clone(&place.metadata));
        Ok(RunWriter::begin(datastore, metadata, self.name(), options)?)
    }

    fn parameters(&self, values: &ArgMatches) -> Result<Vec<(&str, Value)>> {
        let params = self.params.iter();
        params
            .map(|param| Ok((param.name.as_str(), param.value(values)?)))
            .collect()
    }

    fn write_parameters(&self, run: &RunWriter, parameters: &[(&str, Value)]) -> Result<TaskPath> {
        let joins = self.graph.check()?;
        let file = program()?.to_string_lossy().into_owned();
        let info = to_value(&self.graph.to_info(&joins, &file))?;
        Ok(run.parameters(parameters, &info, ("start", "end"))?)
    }

    fn drive(
        self,
        place: Arc<Place>,
        writer: RunWriter,
        parameters: &TaskPath,
        origin: Option<Origin>,
        args: &BoundsArgs,
    ) -> Result<()> {
        let begun = Instant::now();
        let id = writer.id().to_owned();
        if let Some(file) = &args.run_id_file {
            let failed = |error| {
                Error::storage(format!("cannot write {}", file.display())).with_source(error)
            };
            std::fs::write(file, &id).map_err(failed)?;
        }
        let label = format!("{}/{id}", self.name());
        say(&label, &format!("begun in {}", place.datastore.root()));
        let run = Arc::new(Run {
            flow: self,
            place,
            writer,
            tags: args.tags.clone(),
            program: program()?,
        });
        let (tasks, cloned) = schedule::run(&run, parameters, args, origin)?;
        let seconds = begun.elapsed().as_secs_f64();
        let done = format!("done in {seconds:.2} s: {tasks} tasks ran, {cloned} were taken over");
        say(&label, &done);
        print(&label)
    }

    fn step_command(self, args: &StepArgs) -> Result<ExitCode> {
        if args.attached {
            process::end_with_scheduler();
        }
        let place = Place::open(self.name(), &args.place)?;
        let own = self.graph.find(&args.step).map_or(0, |step| step.retries);
        let order = Order {
            step: args.step.clone(),
            run: args.run_id.clone(),
            task: args.task_id.clone(),
            inputs: inputs::split(&args.input_paths)?,
            split_index: args.split_index,
            attempt: args.retry_count,
            retries: args.max_user_code_retries.unwrap_or(own),
            tags: args.tags.clone(),
            origin: args.origin_run_id.clone(),
            is_registered: args.attached,
        };
        match attempt::run(&self, &place, &order)? {
            None => Ok(ExitCode::SUCCESS),
            Some(failure) => Err(Error::new(
                ErrorKind::Step,
                format!("step {} failed: {failure}", order.step),
            )),
        }
    }
}

/// The program that runs, which is also the one that its tasks run.
fn program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Error::storage("cannot find this program").with_source(error))
}

/// A line on stdout; a reader that is gone has had enough.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::storage("cannot write to stdout").with_source(error))
        }
        _ => Ok(()),
    }
}
