//! One attempt of one task, from its inputs to what it leaves in the datastore.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use fastdata_metaflow::graph::Next;
use fastdata_metaflow::inputs;
use fastdata_metaflow::layout::TaskPath;
use fastdata_metaflow::pickle::{Global, Object, Value};
use fastdata_metaflow::{TaskFacts, TaskWriter};

use crate::error::{Error, Result, chain};
use crate::flow::{Body, Flow, Step};
use crate::memo;
use crate::place::{Place, Records, Stored};
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
    let run = place.attach(&order.run, &order.tags);
    let (task, before) = prepare(flow, place, order)?;
    let path = match order.is_registered {
        true => TaskPath::new(place.flow(), &order.run, &order.step, &order.task)?,
        false => run.register_task(&order.step, &order.task)?,
    };
    let mut facts = TaskFacts::default();
    facts.foreach_path = place_in_foreachs(&task)?;
    let writer = run.task(&path, order.attempt, &facts)?;
    writer.fact("input-paths", "input-paths", &inputs::join(&order.inputs))?;
    let code = memo::code(place, step, &task, &before)?;
    let remembered = match &code {
        Some(code) => memo::recall(place, code)?,
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
        None => match decide(step, &task) {
            Ok(decided) => (Some(decided), None),
            Err(error) => (None, Some(chain(&error))),
        },
    };
    let caught = match &step.node.catch {
        Some(artifact) => catch(order, &mut task, artifact, failure.as_deref())?,
        None => false,
    };
    let decided = match caught {
        true => Some(decide(step, &task)?),
        false => decided,
    };
    let failure = failure.filter(|_| !caught);
    state(step, &mut task, decided, failure.as_deref(), caught);
    store(writer, &task, failure.is_none())?;
    if let (Some(code), None, false) = (code, &failure, is_remembered || caught) {
        memo::remember(place, &code, &task)?;
    }
    Ok(failure)
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
    let stored: Result<Vec<Stored>> = order.inputs.iter().map(|path| place.stored(path)).collect();
    let stored = stored?;
    let Some(first) = stored.first() else {
        return Err(Error::invalid(format!("step {} got no input", order.step)));
    };
    let mut stack = place.list(&first.records, "_foreach_stack")?;
    match (
        place.find(&first.records, "_foreach_var")?,
        order.split_index,
    ) {
        (Value::Str(list), Some(at)) => {
            let splits = place.find(&first.records, "_foreach_num_splits")?;
            stack.push(frame(&order.step, list, splits, at as i64));
        }
        (Value::Str(_), None) => {
            return Err(Error::invalid(format!(
                "step {} is one of several items: say which with --split-index",
                order.step
            )));
        }
        (_, _) if step.node.is_join && closes_foreach(flow, &order.step)? => drop(stack.pop()),
        (_, _) => {}
    }
    let index = stack.iter().filter_map(frame_index).collect();
    let iteration = match step.node.recurs() && first.step() == order.step {
        true => iteration(place, &first.records)? + 1,
        false => 0,
    };
    // The lists of the foreachs around a task stay in sight, also behind inner joins.
    let lists: Vec<String> = stack.iter().filter_map(frame_list).collect();
    let items = lists
        .last()
        .and_then(|list| first.records.get(list).cloned());
    let constants: BTreeSet<String> = flow.params.iter().map(|param| param.name.clone()).collect();
    // A join chooses what to take over; parameters and the graph are the same everywhere.
    let inherits = |name: &str| match step.node.is_join {
        true => constants.contains(name) || lists.iter().any(|list| list == name),
        false => !is_internal(name),
    };
    let held = first.records.iter();
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
        index,
        iteration,
        items,
    };
    task.hold("_foreach_stack", &Value::List(stack));
    let iterations = step.node.recurs().then_some(Value::Int(iteration as i64));
    task.hold(
        "_iteration_stack",
        &Value::List(iterations.into_iter().collect()),
    );
    let inputs = stored.into_iter().map(|stored| Input {
        place: Arc::clone(place),
        step: stored.step().to_owned(),
        records: stored.records,
    });
    Ok((task, Inputs(inputs.collect())))
}

/// The reader of the place in a foreach: Metaflow's frames are tuples with names.
pub(crate) fn frame_index(frame: &Value) -> Option<usize> {
    usize::try_from(frame_part(frame, 3)?.as_int()?).ok()
}

fn frame_list(frame: &Value) -> Option<String> {
    frame_part(frame, 1)?.as_str().map(str::to_owned)
}

fn frame_part(frame: &Value, at: usize) -> Option<&Value> {
    match frame {
        Value::Object(object) => object.args.get(at),
        other => other.as_items()?.get(at),
    }
}

fn frame(step: &str, list: String, splits: Value, index: i64) -> Value {
    let parts = vec![
        Value::from(step),
        Value::from(list),
        splits,
        Value::Int(index),
        Value::None,
    ];
    // Metaflow's client knows its own frames under this name.
    let class = Global::new("__main__", "ForeachFrame");
    Value::Object(Box::new(Object::new(class, parts)))
}

/// How often a step that repeats itself ran before the task of these artifacts.
pub(crate) fn iteration(place: &Place, records: &Records) -> Result<usize> {
    let stack = place.list(records, "_iteration_stack")?;
    let last = stack.last().and_then(Value::as_int);
    Ok(last
        .and_then(|last| usize::try_from(last).ok())
        .unwrap_or(0))
}

/// The foreachs around a task, as Metaflow's client finds the tasks before and after one.
fn place_in_foreachs(task: &Task) -> Result<Vec<String>> {
    let stack = task.value("_foreach_stack")?;
    let step = |frame: &Value| {
        frame_part(frame, 0)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let steps = stack.as_items().unwrap_or_default().iter().filter_map(step);
    let places = steps.zip(&task.index);
    Ok(places.map(|(step, at)| format!("{step}:{at}")).collect())
}

fn closes_foreach(flow: &Flow, join: &str) -> Result<bool> {
    let joins = flow.graph.check()?;
    let mut splits = joins.iter().filter(|(_, name)| *name == join);
    let is_foreach = |name: &String| {
        let split = flow.find(name);
        split.is_some_and(|split| matches!(split.node.next, Next::Foreach { .. }))
    };
    Ok(splits.any(|(split, _)| is_foreach(split)))
}

/// The outputs of an earlier task instead of a run of the step.
fn reuse(mut task: Task, stored: Stored) -> Attempted {
    say(&format!("as {} did it, by its inputs", stored.path));
    let outputs = stored.records.into_iter();
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

/// What comes next: the steps, and the list and length of a foreach.
struct Decided {
    next: Vec<Value>,
    list: Option<(String, i64)>,
}

fn decide(step: &Step, task: &Task) -> Result<Decided> {
    let mut decided = Decided {
        next: step
            .node
            .next
            .targets()
            .into_iter()
            .map(Value::from)
            .collect(),
        list: None,
    };
    match &step.node.next {
        Next::Nothing | Next::Steps(_) => {}
        Next::Foreach { items, .. } => {
            let value = task.value(items)?;
            let count = match &value {
                Value::List(list) | Value::Tuple(list) => list.len(),
                other => {
                    return Err(Error::invalid(format!(
                        "step {}: the artifact {items} is a Python {}; a foreach goes over a list",
                        step.node.name,
                        other.type_name()
                    )));
                }
            };
            if count == 0 {
                return Err(Error::invalid(format!(
                    "step {}: the list {items} is empty; go round the foreach by a switch",
                    step.node.name
                )));
            }
            decided.list = Some((items.clone(), count as i64));
        }
        Next::Switch { on, cases } => {
            let case = match task.value(on)? {
                Value::Str(text) => text,
                Value::Bool(bool) => bool.to_string(),
                other => other.to_string(),
            };
            let chosen = cases.iter().find(|(name, _)| *name == case);
            let Some((_, chosen)) = chosen else {
                let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
                return Err(Error::invalid(format!(
                    "step {}: {on} is {case:?}, and the switch has only {}",
                    step.node.name,
                    names.join(", ")
                )));
            };
            decided.next = vec![Value::from(chosen.as_str())];
        }
    }
    Ok(decided)
}

/// Sets what the scheduler and Metaflow's client read: how it went and what comes next.
fn state(
    step: &Step,
    task: &mut Task,
    decided: Option<Decided>,
    failure: Option<&str>,
    caught: bool,
) {
    let ok = failure.is_none();
    let text = |text: Option<&str>| text.map_or(Value::None, Value::from);
    let list = decided.as_ref().and_then(|decided| decided.list.clone());
    let transition = match decided {
        Some(decided) if ok && !decided.next.is_empty() => Value::Tuple(vec![
            Value::List(decided.next),
            text(list.as_ref().map(|(name, _)| name.as_str())),
        ]),
        _ => Value::None,
    };
    if !task.has("name") {
        let name = Value::from(task.flow());
        task.hold("name", &name);
    }
    let splits = list
        .as_ref()
        .map_or(Value::None, |(_, count)| Value::Int(*count));
    task.hold(
        "_foreach_var",
        &text(list.as_ref().map(|(name, _)| name.as_str())),
    );
    task.hold("_foreach_num_splits", &splits);
    task.hold("_foreach_values", &Value::None);
    task.hold("_transition", &transition);
    task.hold("_current_step", &Value::from(step.node.name.as_str()));
    task.hold("_task_ok", &Value::Bool(ok));
    task.hold("_success", &Value::Bool(ok && !caught));
    task.hold("_exception", &text(failure));
}

/// A line in the task's log.
fn say(text: &str) {
    // A log that cannot be written must not fail the task.
    let _ = writeln!(std::io::stderr(), "{text}");
}
