//! What a step sees: artifacts by name, its inputs, and where in the run it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use fastdata_frame::{DataFrame, Group};
use fastdata_metaflow::SavedArtifact;
use fastdata_metaflow::pickle::{self, Value};
use fastdata_metaflow::stored::{self, Artifacts};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::place::Place;

/// An artifact in a task: as an earlier task stored it, or new.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    Reference(SavedArtifact),
    New { pickle: Vec<u8>, type_text: String },
}

/// One task of a step while it runs.
///
/// Artifacts of the task before it are there under their names, and what it sets is there for the
/// tasks after it. They are read when they are asked for, and stored once, when the task ends.
#[derive(Debug, Clone)]
pub struct Task {
    pub(crate) place: Arc<Place>,
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) id: String,
    pub(crate) attempt: u32,
    pub(crate) held: BTreeMap<String, Held>,
    /// Names of parameters: they stay what they are for the whole run.
    pub(crate) constants: BTreeSet<String>,
    pub(crate) index: Vec<usize>,
    pub(crate) iteration: usize,
    /// The list of the innermost foreach.
    pub(crate) items: Option<SavedArtifact>,
}

/// What a join gets: one input for each task before it.
#[derive(Debug, Clone, Default)]
pub struct Inputs(pub(crate) Vec<Input>);

/// A task before a join, with its artifacts.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) place: Arc<Place>,
    pub(crate) step: String,
    pub(crate) artifacts: Artifacts,
}

impl Task {
    /// The name of the flow.
    pub fn flow(&self) -> &str {
        &self.place.flow
    }

    /// The id of the run.
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// The name of the step.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// The id of the task, which attempts share.
    pub fn task_id(&self) -> &str {
        &self.id
    }

    /// How many attempts were made before this one.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The place in each foreach around this task, outermost first.
    pub fn index(&self) -> &[usize] {
        &self.index
    }

    /// How often a step that repeats itself ran before.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// The names of all artifacts that can be read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.held.keys().map(String::as_str);
        names.filter(|name| !is_internal(name))
    }

    /// Whether there is an artifact or parameter of this name.
    pub fn has(&self, name: &str) -> bool {
        self.held.contains_key(name)
    }

    /// The artifact or parameter `name`.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), and [`InvalidArgument`](ErrorKind::InvalidArgument) when
    /// it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        typed(name, self.value(name)?)
    }

    /// The artifact `name`, which is bytes.
    ///
    /// # Errors
    /// As [`Task::get`].
    pub fn bytes(&self, name: &str) -> Result<Bytes> {
        as_bytes(name, self.value(name)?)
    }

    /// The artifact `name`, which is a frame.
    ///
    /// # Errors
    /// As [`Task::get`].
    pub fn frame(&self, name: &str) -> Result<DataFrame> {
        as_frame(name, &self.bytes(name)?)
    }

    /// The item of the innermost foreach that this task is for.
    ///
    /// # Errors
    /// As [`Task::get`]; [`NotFound`](ErrorKind::NotFound) outside of a foreach.
    pub fn item<T: DeserializeOwned>(&self) -> Result<T> {
        typed("of the foreach", self.item_value()?)
    }

    /// The group of a table that this task is for; see [`Task::set_groups`].
    ///
    /// # Errors
    /// As [`Task::item`].
    pub fn group(&self) -> Result<Group> {
        let json: String = self.item()?;
        Group::from_json(&json)
            .map_err(|error| Error::invalid("the item of the foreach").with_source(error))
    }

    /// Sets the artifact `name`. Python reads it as a plain value: structs become `dict`s.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a value that has no such form, and for
    /// the name of a parameter.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        let value = pickle::to_value(value)
            .map_err(|error| Error::invalid(format!("artifact {name}")).with_source(error))?;
        self.set_value(name, &value)
    }

    /// Sets the artifact `name` to bytes.
    ///
    /// # Errors
    /// As [`Task::set`].
    pub fn set_bytes(&mut self, name: &str, bytes: impl Into<Bytes>) -> Result<()> {
        self.set_value(name, &Value::Bytes(bytes.into()))
    }

    /// Sets the artifact `name` to a frame, as bytes of an Arrow stream, which Polars and pyarrow
    /// open.
    ///
    /// # Errors
    /// As [`Task::set`].
    pub fn set_frame(&mut self, name: &str, frame: &DataFrame) -> Result<()> {
        let bytes = frame
            .to_ipc()
            .map_err(|error| Error::invalid(format!("artifact {name}")).with_source(error))?;
        self.set_bytes(name, bytes)
    }

    /// Sets the artifact `name` to groups of a table, for a foreach whose tasks read one each.
    ///
    /// # Errors
    /// As [`Task::set`].
    pub fn set_groups(&mut self, name: &str, groups: &[Group]) -> Result<()> {
        let json: Result<Vec<String>, _> = groups.iter().map(Group::to_json).collect();
        let json =
            json.map_err(|error| Error::invalid(format!("artifact {name}")).with_source(error))?;
        self.set(name, &json)
    }

    /// Takes over every artifact that is the same in all inputs that have it, by reference. What
    /// this task has set already stays.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with the names that hold different values.
    pub fn merge(&mut self, inputs: &Inputs) -> Result<()> {
        self.merge_where(inputs, |_| true)
    }

    /// As [`Task::merge`], of the artifacts `names` only.
    ///
    /// # Errors
    /// As [`Task::merge`]; [`NotFound`](ErrorKind::NotFound) for a name that no input has.
    pub fn merge_only(&mut self, inputs: &Inputs, names: &[&str]) -> Result<()> {
        let has = |name: &&&str| !inputs.iter().any(|input| input.has(name));
        if let Some(name) = names.iter().find(has) {
            return Err(Error::missing(format!("no input has an artifact {name}")));
        }
        self.merge_where(inputs, |name| names.contains(&name))
    }

    /// As [`Task::merge`], of all artifacts but `names`.
    ///
    /// # Errors
    /// As [`Task::merge`].
    pub fn merge_except(&mut self, inputs: &Inputs, names: &[&str]) -> Result<()> {
        self.merge_where(inputs, |name| !names.contains(&name))
    }

    fn merge_where(&mut self, inputs: &Inputs, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let wanted = |name: &str| !self.held.contains_key(name) && wanted(name);
        let merged = stored::merge(inputs.iter().map(|input| &input.artifacts), wanted);
        let merged = merged.map_err(|names| {
            let context = format!(
                "step {} cannot merge {}: the inputs hold different values; set it before the \
                 merge, or leave it out with merge_except",
                self.step,
                names.join(", ")
            );
            Error::new(ErrorKind::Conflict, context)
        })?;
        for (name, record) in merged {
            let held = Held::Reference(record.clone());
            self.held.insert(name.to_owned(), held);
        }
        Ok(())
    }

    fn set_value(&mut self, name: &str, value: &Value) -> Result<()> {
        if is_internal(name) || self.constants.contains(name) {
            return Err(Error::invalid(format!(
                "artifact {name}: names of parameters and those that begin with _ are taken"
            )));
        }
        self.hold(name, value);
        Ok(())
    }

    /// Sets any artifact, those of the machinery too.
    pub(crate) fn hold(&mut self, name: &str, value: &Value) {
        let held = Held::New {
            pickle: pickle::write(value),
            type_text: value.type_text(),
        };
        self.held.insert(name.to_owned(), held);
    }

    pub(crate) fn value(&self, name: &str) -> Result<Value> {
        let missing = || {
            let context = format!("step {} has no artifact {name}", self.step);
            Error::missing(context)
        };
        match self.held.get(name).ok_or_else(missing)? {
            Held::Reference(record) => self.place.value(name, record),
            Held::New { pickle, .. } => Ok(pickle::read(pickle)?),
        }
    }

    pub(crate) fn item_value(&self) -> Result<Value> {
        let missing = || Error::missing(format!("step {} is in no foreach", self.step));
        let items = self.items.as_ref().ok_or_else(missing)?;
        let at = *self.index.last().ok_or_else(missing)?;
        let list = self.place.value("of the foreach", items)?;
        let item = list.as_items().and_then(|items| items.get(at)).cloned();
        item.ok_or_else(missing)
    }
}

impl Inputs {
    /// How many tasks came before.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which no join sees.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The inputs in the order of the branches or items.
    pub fn iter(&self) -> std::slice::Iter<'_, Input> {
        self.0.iter()
    }

    /// The input that the step `step` ended.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when none did.
    pub fn of(&self, step: &str) -> Result<&Input> {
        let found = self.0.iter().find(|input| input.step == step);
        found.ok_or_else(|| Error::missing(format!("no input is of step {step}")))
    }
}

impl<'a> IntoIterator for &'a Inputs {
    type Item = &'a Input;
    type IntoIter = std::slice::Iter<'a, Input>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Input {
    /// The step of the task.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Whether it has an artifact of this name.
    pub fn has(&self, name: &str) -> bool {
        self.artifacts.contains_key(name)
    }

    /// Its artifact `name`.
    ///
    /// # Errors
    /// As [`Task::get`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        typed(name, self.value(name)?)
    }

    /// Its artifact `name`, which is bytes.
    ///
    /// # Errors
    /// As [`Task::get`].
    pub fn bytes(&self, name: &str) -> Result<Bytes> {
        as_bytes(name, self.value(name)?)
    }

    /// Its artifact `name`, which is a frame.
    ///
    /// # Errors
    /// As [`Task::get`].
    pub fn frame(&self, name: &str) -> Result<DataFrame> {
        as_frame(name, &self.bytes(name)?)
    }

    fn value(&self, name: &str) -> Result<Value> {
        let missing = || Error::missing(format!("step {} set no artifact {name}", self.step));
        let record = self.artifacts.get(name).ok_or_else(missing)?;
        self.place.value(name, record)
    }
}

/// Whether an artifact is the machinery's.
pub(crate) fn is_internal(name: &str) -> bool {
    name.starts_with('_')
}

fn typed<T: DeserializeOwned>(name: &str, value: Value) -> Result<T> {
    let found = value.type_name();
    pickle::from_value(value).map_err(|error| {
        Error::invalid(format!("artifact {name} is a Python {found}")).with_source(error)
    })
}

fn as_bytes(name: &str, value: Value) -> Result<Bytes> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(Error::invalid(format!(
            "artifact {name} is a Python {}, not bytes",
            other.type_name()
        ))),
    }
}

fn as_frame(name: &str, bytes: &[u8]) -> Result<DataFrame> {
    DataFrame::from_ipc(bytes)
        .map_err(|error| Error::invalid(format!("artifact {name} is no frame")).with_source(error))
}
