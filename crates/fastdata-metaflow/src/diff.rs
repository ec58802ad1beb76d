//! What differs between two runs: parameters, steps, artifacts by their keys, durations.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use crate::Result;
use crate::client::{Artifact, Run, State, Task};

/// What differs between two runs. Equal keys are equal contents, so no content is read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// The run that is compared with, as `Flow/run`.
    pub before: String,
    /// The run that is compared.
    pub after: String,
    /// Parameters and constants that differ.
    pub parameters: Vec<ArtifactChange>,
    /// Every step of either run, in the order of the later one.
    pub steps: Vec<StepChange>,
    /// Artifacts that differ, each where it differs first.
    pub artifacts: Vec<ArtifactChange>,
}

/// An artifact that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArtifactChange {
    /// The step.
    pub step: String,
    /// The artifact.
    pub name: String,
    /// Its key before; of the first task where it differs. `None`: it was not there.
    pub before: Option<String>,
    /// Its key after. `None`: it is not there.
    pub after: Option<String>,
    /// Its type, of the later run where it is there.
    pub python_type: String,
    /// In how many tasks of the step it differs.
    pub task_count: usize,
    /// Bytes before.
    pub before_bytes: Option<u64>,
    /// Bytes after.
    pub after_bytes: Option<u64>,
}

/// A step in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StepChange {
    /// The step.
    pub name: String,
    /// How many tasks it had and has.
    pub task_counts: (usize, usize),
    /// How far it came and has come; `None` where it has no tasks.
    pub states: (Option<&'static str>, Option<&'static str>),
    /// Milliseconds of its latest attempts together.
    pub duration_ms: (Option<i64>, Option<i64>),
}

impl Diff {
    /// Whether parameters, artifacts and the shape of the runs are the same, durations aside.
    pub fn is_empty(&self) -> bool {
        let is_same = |step: &StepChange| {
            step.task_counts.0 == step.task_counts.1 && step.states.0 == step.states.1
        };
        self.parameters.is_empty() && self.artifacts.is_empty() && self.steps.iter().all(is_same)
    }
}

/// Artifacts that differ in every two runs, or say where a task ran.
fn is_compared(artifact: &Artifact) -> bool {
    !artifact.is_internal()
}

/// Compares two runs, mostly of one flow.
///
/// # Errors
/// Those of reading both.
pub fn diff(before: &Run, after: &Run) -> Result<Diff> {
    let (steps_before, steps_after) = (tasks_by_step(before)?, tasks_by_step(after)?);
    let mut names: Vec<&str> = after.steps()?.iter().map(|step| step.name()).collect();
    let gone = before.steps()?.iter().map(|step| step.name());
    names.extend(gone.filter(|name| !steps_after.contains_key(name)));
    let mut steps = Vec::with_capacity(names.len());
    let mut artifacts = Vec::new();
    let mut seen = HashSet::new();
    for name in names {
        let of = |steps: &BTreeMap<&str, &'_ [Task]>| {
            steps.get(name).copied().unwrap_or_default().to_vec()
        };
        let (tasks_before, tasks_after) = (of(&steps_before), of(&steps_after));
        steps.push(StepChange {
            name: name.to_owned(),
            task_counts: (tasks_before.len(), tasks_after.len()),
            states: (state_of(&tasks_before)?, state_of(&tasks_after)?),
            duration_ms: (duration_of(&tasks_before)?, duration_of(&tasks_after)?),
        });
        for change in changes(name, &tasks_before, &tasks_after)? {
            // What is passed on differs in every step behind.
            if seen.insert((
                change.name.clone(),
                change.before.clone(),
                change.after.clone(),
            )) {
                artifacts.push(change);
            }
        }
    }
    let parameters = |run: &Run| {
        run.parameters_task()
            .map(|task| task.into_iter().collect::<Vec<_>>())
    };
    let parameters = changes(
        crate::layout::PARAMETERS_STEP,
        &parameters(before)?,
        &parameters(after)?,
    )?;
    let is_parameter =
        |change: &ArtifactChange| parameters.iter().any(|known| known.name == change.name);
    artifacts.retain(|change| !is_parameter(change));
    Ok(Diff {
        before: before.path(),
        after: after.path(),
        parameters,
        steps,
        artifacts,
    })
}

fn tasks_by_step(run: &Run) -> Result<BTreeMap<&str, &[Task]>> {
    Ok(run
        .steps()?
        .iter()
        .map(|step| (step.name(), step.tasks()))
        .collect())
}

fn state_of(tasks: &[Task]) -> Result<Option<&'static str>> {
    let mut all = None;
    for task in tasks {
        all = match (task.state()?, all) {
            (State::Failed, _) | (_, Some(State::Failed)) => Some(State::Failed),
            (State::Unfinished, _) | (_, Some(State::Unfinished)) => Some(State::Unfinished),
            (state, _) => Some(state),
        };
    }
    Ok(all.map(State::name))
}

fn duration_of(tasks: &[Task]) -> Result<Option<i64>> {
    let mut sum = None;
    for task in tasks {
        if let Some(duration) = task
            .latest_attempt()?
            .and_then(|attempt| attempt.duration_ms())
        {
            sum = Some(sum.unwrap_or(0) + duration);
        }
    }
    Ok(sum)
}

/// Artifacts that differ between tasks of a step, task by task in their order.
fn changes(step: &str, before: &[Task], after: &[Task]) -> Result<Vec<ArtifactChange>> {
    let mut changes: BTreeMap<String, ArtifactChange> = BTreeMap::new();
    for idx in 0..before.len().max(after.len()) {
        let of = |tasks: &[Task]| -> Result<BTreeMap<String, Artifact>> {
            let artifacts = tasks.get(idx).map(Task::artifacts).transpose()?;
            let artifacts = artifacts
                .unwrap_or_default()
                .into_iter()
                .filter(is_compared);
            Ok(artifacts
                .map(|artifact| (artifact.name().to_owned(), artifact))
                .collect())
        };
        let (old, new) = (of(before)?, of(after)?);
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (old, new) = (old.get(name), new.get(name));
            let key =
                |artifact: Option<&Artifact>| artifact.map(|artifact| artifact.key().to_owned());
            let bytes = |artifact: Option<&Artifact>| artifact.map(Artifact::size_bytes);
            if key(old) == key(new) {
                continue;
            }
            let change = changes
                .entry(name.clone())
                .or_insert_with(|| ArtifactChange {
                    step: step.to_owned(),
                    name: name.clone(),
                    before: key(old),
                    after: key(new),
                    python_type: new
                        .or(old)
                        .map(|artifact| artifact.python_type().to_owned())
                        .unwrap_or_default(),
                    task_count: 0,
                    before_bytes: bytes(old),
                    after_bytes: bytes(new),
                });
            change.task_count += 1;
        }
    }
    Ok(changes.into_values().collect())
}
