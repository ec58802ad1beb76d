//! Remembered results: where a step with this code and these inputs has run before.

use fastdata_cas::{HashAlgorithm, Key};
use fastdata_metaflow::pickle;

use crate::error::{Error, Result};
use crate::flow::{Memo, Step};
use crate::place::{Place, Stored};
use crate::task::{Held, Inputs, Task, is_internal};

/// What names the result of a memoised step: its code and everything that it can read.
pub(crate) fn code(
    place: &Place,
    step: &Step,
    task: &Task,
    inputs: &Inputs,
) -> Result<Option<String>> {
    let version = match &step.memo {
        None => return Ok(None),
        Some(Memo::Version(version)) => format!("version {version}"),
        Some(Memo::Program) => format!("program {}", program()?),
    };
    let mut text = format!("{}\n{}\n{version}\n", place.flow(), step.node.name);
    for (name, held) in &task.held {
        if let (Held::Reference(record), false) = (held, is_internal(name)) {
            text += &format!("{name} {}\n", record.key);
        }
    }
    if step.node.is_join {
        for input in inputs {
            text += &format!("input {}\n", input.step());
            let records = input.records.iter().filter(|(name, _)| !is_internal(name));
            for (name, record) in records {
                text += &format!("{name} {}\n", record.key);
            }
        }
    }
    if task.items.is_some() {
        // By the item alone: the same one in another list has the same result.
        let item = pickle::write(&task.item_value()?);
        text += &format!("item {}\n", Key::of(&item, HashAlgorithm::Blake3));
    }
    Ok(Some(
        Key::of(text.as_bytes(), HashAlgorithm::Blake3).to_string(),
    ))
}

/// The hash of the program that runs.
fn program() -> Result<Key> {
    let path = std::env::current_exe();
    let bytes = path.and_then(std::fs::read);
    let bytes =
        bytes.map_err(|error| Error::storage("cannot read this program").with_source(error))?;
    Ok(Key::of(&bytes, HashAlgorithm::Blake3))
}

fn file(place: &Place, code: &str) -> String {
    format!(
        "{}/_memo/{}/{code}",
        place.flow(),
        code.get(..2).unwrap_or_default()
    )
}

/// The task that ran with this code and these inputs, if its results are still there.
pub(crate) fn recall(place: &Place, code: &str) -> Result<Option<Stored>> {
    let Some(path) = place.datastore.try_read(&file(place, code))? else {
        return Ok(None);
    };
    // Runs can be removed: what is not there any more is made again.
    Ok(place.stored(&String::from_utf8_lossy(&path)).ok())
}

/// Notes that `task` is the result.
pub(crate) fn remember(place: &Place, code: &str, task: &Task) -> Result<()> {
    let path = format!("{}/{}/{}", task.run, task.step, task.id);
    Ok(place.datastore.write(&file(place, code), path)?)
}
