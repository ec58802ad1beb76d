//! One module per command: takes its resolved config and runs to the end.

pub(crate) mod blob;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod flow;
pub(crate) mod man;
pub(crate) mod objects;
pub(crate) mod scan;
pub(crate) mod schema;

use crate::config::Destination;
use crate::failure::Failure;
use crate::output::Sink;

/// Prints `text` to stdout; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut sink = Sink::open(&Destination::Stdout { terminal: false })?;
    sink.put(text.as_bytes())?;
    sink.commit()
}

/// `record` as one line of JSON.
fn to_json(record: &impl serde::Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(record).map_err(|error| {
        Failure::because(
            crate::failure::FailureKind::Other,
            "cannot write JSON",
            &error,
        )
    })?;
    Ok(json + "\n")
}
