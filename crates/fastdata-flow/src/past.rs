//! Commands about runs that are there: one step again, artifacts, logs, tags.

use std::sync::Arc;
use std::time::Duration;

use fastdata_metaflow::client::Follower;
use fastdata_metaflow::layout::TaskPath;
use fastdata_metaflow::{Client, inputs, pickle};

use crate::args::{DumpArgs, LogsArgs, SpinArgs, TagArgs};
use crate::attempt::{self, Order};
use crate::command::print;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::Flow;
use crate::place::Place;
use crate::task::{Held, is_internal};

/// How often a followed log is looked at: whoever writes it may be another machine.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Values are cut where only a line is shown.
const PREVIEW_CHARS: usize = 100;

fn run_or_latest(place: &Place, run: Option<&String>) -> Result<String> {
    run.map_or_else(|| place.latest_run(), |run| Ok(run.clone()))
}

/// Runs a step in this process with the inputs of a past task.
pub(crate) fn spin(flow: &Flow, args: &SpinArgs) -> Result<()> {
    let step = attempt::find(flow, &args.step)?;
    let place = Place::open(flow.name(), &args.place)?;
    let run = run_or_latest(&place, args.run.as_ref())?;
    let task = match &args.task {
        Some(task) => task.clone(),
        None => first_task(&place, &run, &args.step)?,
    };
    let path = TaskPath::new(flow.name(), &run, &args.step, &task)?;
    let facts = place.metadata.metadata(&path)?;
    let before = facts.iter().rfind(|fact| fact.field_name == "input-paths");
    let no_inputs = || Error::missing(format!("{path} does not say what came before it"));
    let paths = inputs::split(&before.ok_or_else(no_inputs)?.text())?;
    // A task that is not done has no frames: the step is not in a foreach, or not to be spun.
    let frames = match place.datastore.stored_task(&path) {
        Ok(stored) => stored.frames(&place.datastore)?,
        Err(_) => Vec::new(),
    };
    let order = Order {
        step: args.step.clone(),
        run,
        task,
        inputs: paths,
        split_index: frames.last().map(|frame| frame.index),
        attempt: 0,
        retries: step.node.retries,
        tags: Vec::new(),
        origin: None,
        is_registered: true,
    };
    let spun = attempt::spin(flow, &place, &order)?;
    for (name, held) in spun.task.held.iter().filter(|(name, _)| !is_internal(name)) {
        if let Held::New { pickle, type_text } = held {
            let (size, shown) = (pickle.len(), preview(&pickle::read(pickle)?));
            print(&format!("{name}  {type_text}  {size} bytes  {shown}"))?;
        }
    }
    match spun.failure {
        None => Ok(()),
        Some(failure) => Err(Error::new(
            ErrorKind::Step,
            format!("step {} failed: {failure}", args.step),
        )),
    }
}

fn first_task(place: &Place, run: &str, step: &str) -> Result<String> {
    let first = place
        .metadata
        .task_paths(&place.flow, run, Some(step))?
        .into_iter()
        .next();
    let first =
        first.ok_or_else(|| Error::missing(format!("run {run} has no task of step {step}")));
    first.map(|path| path.task)
}

fn preview(value: &pickle::Value) -> String {
    value.to_string().chars().take(PREVIEW_CHARS).collect()
}

/// Prints the artifacts of a task, or one of them in full.
pub(crate) fn dump(flow: &str, args: &DumpArgs) -> Result<()> {
    let place = Place::open(flow, &args.place)?;
    let stored = place.stored(&args.task)?;
    if let Some(name) = &args.name {
        let missing = || Error::missing(format!("{} has no artifact {name}", args.task));
        let record = stored.artifacts.get(name).ok_or_else(missing)?;
        return print(&place.value(name, record)?.to_string());
    }
    for (name, record) in stored
        .artifacts
        .iter()
        .filter(|(name, _)| !is_internal(name))
    {
        let value = place.value(name, record)?;
        let (kind, size) = (&record.info.python_type, record.info.size);
        print(&format!(
            "{name}  {kind}  {size} bytes  {}  {}",
            record.key,
            preview(&value)
        ))?;
    }
    Ok(())
}

/// Prints what tasks printed, in the order of time, and with `--follow` goes on until the run ends.
pub(crate) fn logs(flow: &str, args: &LogsArgs) -> Result<()> {
    let place = Place::open(flow, &args.place)?;
    let path = run_or_latest(&place, args.path.as_ref())?;
    let mut parts = path.splitn(3, '/');
    let run = parts.next().unwrap_or_default().to_owned();
    let (step, task) = (parts.next(), parts.next());
    if place.metadata.run(flow, &run)?.is_none() {
        return Err(Error::missing(format!("flow {flow} has no run {run}")));
    }
    let client = Client::new(Arc::clone(&place.datastore), Arc::clone(&place.metadata));
    let mut follower = Follower::new(&client, flow, &run, step, task);
    loop {
        // Asked before the lines are read, so that none is missed.
        let is_over = !args.follow || follower.is_over()?;
        for (line, task) in follower.next_lines()? {
            let time = line
                .time
                .map(|time| time.format("%Y-%m-%d %H:%M:%S%.3f ").to_string());
            let (time, text) = (
                time.unwrap_or_default(),
                String::from_utf8_lossy(&line.text),
            );
            print(&format!("{time}[{}] {text}", task.below_flow()))?;
        }
        if is_over {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Changes the tags of a run, and prints them.
pub(crate) fn tag(flow: &str, args: &TagArgs) -> Result<()> {
    let place = Place::open(flow, &args.place)?;
    let run = run_or_latest(&place, args.run.as_ref())?;
    let tags = place
        .metadata
        .change_tags(flow, &run, &args.add, &args.remove)?;
    for tag in tags {
        print(&tag)?;
    }
    Ok(())
}
