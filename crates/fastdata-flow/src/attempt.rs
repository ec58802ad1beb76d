//! One attempt of one task, from its inputs to what it leaves in the datastore.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use fastdata_cas::{HashAlgorithm, Key};
use fastdata_metaflow::graph::Next;
use fastdata_metaflow::layout::TaskPath;
use fastdata_metaflow::memo;
use fastdata_metaflow::pickle::Value;
use fastdata_metaflow::stored::{Artifacts, Frame};
use fastdata_metaflow::{StoredTask, TaskFacts, TaskWriter, inputs};

use crate::error::{Error, Result, chain};
use crate::flow::{Body, Flow, Memo, Step};
use crate::place::Place;
use crate::task::{Held, Input, Inputs, Task, is_internal};

/// Which attempt to make: the arguments of the `step` command, whoever calls it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) step: String,
    pub(crate) run: String,
    pub(crate) task: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) split_index: Option<usize>,
    pub(crate) attempt: u32,
    /// How often the step's own code may fail before what catches it comes.
    pub(crate) retries: u32,
    pub(crate) tags: Vec<String>,
    pub(crate) origin: Option<String>,
    /// Whether the scheduler has registered the task.
    pub(crate) is_registered: bool,
}

/// What an attempt came to: the task with all that it set, and why it failed.
pub(crate) struct Attempted {
    pub(crate) task: Task,
    pub(crate) failure: Option<String>,
}

/// Makes the attempt and stores what came of it. Gives what went wrong in the step.
pub(crate) fn run(flow: &Flow, place: &Arc<Place>, order: &Order) -> Result<Option<String>> {
    let step = find(flow, &order.step)?;
    let run = place.attach(&order.run, &order.tags, order.origin.clone());
    let (task, before) = prepare(flow, place, order)?;
    let path = match order.is_registered {
        true => TaskPath::new(&place.flow, &order.run, &order.step, &order.task)?,
        false => run.register_task(&order.step, &order.task)?,
    };
    let mut facts = TaskFacts::default();
    let frames = task.value("_foreach_stack")?;
    let frames = frames
        .as_items()
        .unwrap_or_default()
        .iter()
        .filter_map(Frame::of_value);
    facts.foreach_path = frames
        .map(|frame| format!("{}:{}", frame.step, frame.index))
        .collect();
    let writer = run.task(&path, order.attempt, &facts)?;
    writer.fact("input-paths", "input-paths", &inputs::join(&order.inputs))?;
    let code = memo_code(step, &task, &before)?;
    let remembered = match &code {
        Some(code) => place.datastore.recall(&place.flow, code)?,
        None => None,
    };
    let is_remembered = remembered.is_some();
    let attempted = match remembered {
        Some(stored) => reuse(task, stored),
        None if order.attempt > order.retries => Attempted {
            task,
            failure: Some("the process died in each attempt".to_owned()),
        },
        None => execute(step, task, before),
    };
    let Attempted { mut task, failure } = attempted;
    let (decided, failure) = match failure {
        Some(failure) => (None, Some(failure)),
        None => match step.node.decide(|name| task.value(name)) {
            Ok(decided) => (Some(decided), None),
            Err(error) => (None, Some(chain(&error))),
        },
    };
    let caught = match &step.node.catch {
        Some(artifact) => catch(order, &mut task, artifact, failure.as_deref())?,
        None => false,
    };
    let decided = match caught {
        true => Some(step.node.decide(|name| task.value(name))?),
        false => decided,
    };
    let failure = failure.filter(|_| !caught);
    if !task.has("name") {
        task.hold("name", &Value::from(place.flow.as_str()));
    }
    for (name, value) in step
        .node
        .state(decided.as_ref(), failure.as_deref(), caught)
    {
        task.hold(name, &value);
    }
    store(writer, &task, failure.is_none())?;
    if let (Some(code), None, false) = (code, &failure, is_remembered || caught) {
        place.datastore.remember(&code, &path)?;
    }
    Ok(failure)
}

/// What names the result of a memoised step: its code and everything that it can read.
fn memo_code(step: &Step, task: &Task, before: &Inputs) -> Result<Option<String>> {
    let version = match &step.memo {
        None => return Ok(None),
        Some(Memo::Version(version)) => format!("version {version}"),
        Some(Memo::Program) => format!("program {}", program_hash()?),
    };
    let seen = task.held.iter().filter_map(|(name, held)| match held {
        Held::Reference(record) => Some((name.clone(), record.clone())),
        Held::New { .. } => None,
    });
    let seen: Artifacts = seen.collect();
    let mut artifacts = vec![("itself", &seen)];
    if step.node.is_join {
        artifacts.extend(before.iter().map(|input| (input.step(), &input.artifacts)));
    }
    let item = task.items.as_ref().map(|_| task.item_value()).transpose()?;
    let inputs = memo::Inputs {
        step: (task.flow(), &step.node.name),
        version: &version,
        artifacts,
        item: item.as_ref(),
    };
    Ok(Some(inputs.code()))
}

/// The hash of the program that runs.
fn program_hash() -> Result<Key> {
    let bytes = std::env::current_exe().and_then(std::fs::read);
    let bytes =
        bytes.map_err(|error| Error::storage("cannot read this program").with_source(error))?;
    Ok(Key::of(&bytes, HashAlgorithm::Blake3))
}

fn store(mut writer: TaskWriter<'_>, task: &Task, ok: bool) -> Result<()> {
    let mut new: Vec<(&str, &[u8], &str)> = Vec::new();
    for (name, held) in &task.held {
        match held {
            Held::Reference(record) => writer.reference(name, record.clone())?,
            Held::New { pickle, type_text } => new.push((name, pickle, type_text)),
        }
    }
    writer.save_many(&new)?;
    Ok(writer.done(ok)?)
}

/// The step again with the inputs of a past task, and nothing stored.
pub(crate) fn spin(flow: &Flow, place: &Arc<Place>, order: &Order) -> Result<Attempted> {
    let step = find(flow, &order.step)?;
    let (task, inputs) = prepare(flow, place, order)?;
    Ok(execute(step, task, inputs))
}

pub(crate) fn find<'a>(flow: &'a Flow, name: &str) -> Result<&'a Step> {
    let missing = || Error::invalid(format!("flow {} has no step {name}", flow.name()));
    flow.find(name).ok_or_else(missing)
}

/// The task before its code runs: what it inherits, and where it is in foreachs and repetitions.
fn prepare(flow: &Flow, place: &Arc<Place>, order: &Order) -> Result<(Task, Inputs)> {
    let step = find(flow, &order.step)?;
    let stored: Result<Vec<StoredTask>> =
        order.inputs.iter().map(|path| place.stored(path)).collect();
    let stored = stored?;
    let Some(first) = stored.first() else {
        return Err(Error::invalid(format!("step {} got no input", order.step)));
    };
    let datastore = &place.datastore;
    let frames = frames(flow, place, order, first)?;
    let iteration = match step.node.recurs() && first.path.step == order.step {
        true => first.iteration(datastore)? + 1,
        false => 0,
    };
    let items = frames
        .last()
        .and_then(|frame| first.artifacts.get(&frame.list))
        .cloned();
    let constants: BTreeSet<String> = flow.params.iter().map(|param| param.name.clone()).collect();
    // A join chooses what to take over; parameters and the graph are the same everywhere.
    let inherits = |name: &str| match step.node.is_join {
        // The lists of the foreachs around it stay in sight.
        true => constants.contains(name) || frames.iter().any(|frame| frame.list == name),
        false => !is_internal(name),
    };
    let held = first.artifacts.iter();
    let held = held.filter(|(name, _)| *name == "_graph_info" || inherits(name));
    let held: BTreeMap<String, Held> = held
        .map(|(name, record)| (name.clone(), Held::Reference(record.clone())))
        .collect();
    let mut task = Task {
        place: Arc::clone(place),
        run: order.run.clone(),
        step: order.step.clone(),
        id: order.task.clone(),
        attempt: order.attempt,
        held,
        constants,
        index: frames.iter().map(|frame| frame.index).collect(),
        iteration,
        items,
    };
    let stack = frames.iter().map(Frame::to_value).collect();
    task.hold("_foreach_stack", &Value::List(stack));
    let iterations = step.node.recurs().then_some(Value::Int(iteration as i64));
    task.hold(
        "_iteration_stack",
        &Value::List(iterations.into_iter().collect()),
    );
    let inputs = stored.into_iter().map(|stored| Input {
        place: Arc::clone(place),
        step: stored.path.step.clone(),
        artifacts: stored.artifacts,
    });
    Ok((task, Inputs(inputs.collect())))
}

/// The foreachs around a task: those of its first input, with one more or one less.
fn frames(flow: &Flow, place: &Place, order: &Order, first: &StoredTask) -> Result<Vec<Frame>> {
    let datastore = &place.datastore;
    let mut frames = first.frames(datastore)?;
    let list = first.find(datastore, "_foreach_var")?;
    match (list.as_str(), order.split_index) {
        (Some(list), Some(index)) => {
            let splits = first.find(datastore, "_foreach_num_splits")?;
            frames.push(Frame {
                step: order.step.clone(),
                list: list.to_owned(),
                splits: splits.as_int().unwrap_or_default(),
                index,
            });
        }
        (Some(_), None) => {
            return Err(Error::invalid(format!(
                "step {} is one of several items: say which with --split-index",
                order.step
            )));
        }
        (None, _) if closes_foreach(flow, &order.step)? => drop(frames.pop()),
        (None, _) => {}
    }
    Ok(frames)
}

fn closes_foreach(flow: &Flow, join: &str) -> Result<bool> {
    let joins = flow.graph.check()?;
    let splits = joins.iter().filter(|(_, name)| *name == join);
    let mut splits = splits.filter_map(|(split, _)| flow.find(split));
    Ok(splits.any(|split| matches!(split.node.next, Next::Foreach { .. })))
}

/// The outputs of an earlier task instead of a run of the step.
fn reuse(mut task: Task, stored: StoredTask) -> Attempted {
    say(&format!("as {} did it, by its inputs", stored.path));
    let outputs = stored.artifacts.into_iter();
    for (name, record) in outputs.filter(|(name, _)| !is_internal(name)) {
        task.held.insert(name, Held::Reference(record));
    }
    Attempted {
        task,
        failure: None,
    }
}

/// Runs the step's code: a panic is a failure, and so is taking too long.
fn execute(step: &Step, task: Task, inputs: Inputs) -> Attempted {
    let body = step.body.clone();
    let call = move |mut task: Task| {
        let outcome = catch_unwind(AssertUnwindSafe(|| match &body {
            Body::Task(run) => run(&mut task),
            Body::Join(run) => run(&mut task, &inputs),
        }));
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(chain(error.as_ref())),
            Err(panic) => Some(format!("panicked: {}", panic_text(panic.as_ref()))),
        };
        Attempted { task, failure }
    };
    let Some(limit) = step.node.timeout else {
        return call(task);
    };
    let spare = task.clone();
    let (sender, receiver) = mpsc::channel();
    // When its time is over the thread is left behind: the process ends soon.
    std::thread::spawn(move || sender.send(call(task)).ok());
    receiver.recv_timeout(limit).unwrap_or_else(|_| Attempted {
        task: spare,
        failure: Some(format!("took longer than {} s", limit.as_secs_f64())),
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "with a value that is no text".to_owned())
}

/// Puts what went wrong into the artifact of a catch, once no attempt is left.
fn catch(order: &Order, task: &mut Task, artifact: &str, failure: Option<&str>) -> Result<bool> {
    let Some(failure) = failure else {
        task.hold(artifact, &Value::None);
        return Ok(false);
    };
    if order.attempt < order.retries {
        return Ok(false);
    }
    say(&format!("{failure}; caught in {artifact}"));
    task.hold(artifact, &Value::from(failure));
    Ok(true)
}

/// A line in the task's log.
fn say(text: &str) {
    // A log that cannot be written must not fail the task.
    let _ = writeln!(std::io::stderr(), "{text}");
}
