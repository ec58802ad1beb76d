//! A flow whose input is a run of another flow, be it Rust's or Python's.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Kind, Outcome, Param, Step, Task};
use fastdata_metaflow::pickle::Value;
use fastdata_metaflow::{Client, Datastore};
use fastdata_store::StoreConfig;

fn start(task: &mut Task) -> Outcome {
    let (source, artifact): (String, String) = (task.get("source")?, task.get("artifact")?);
    let client = Client::open(&Datastore::default_root()?, StoreConfig::from_env())?;
    let run = client.run(&source.parse()?)?;
    let value = run.result(&artifact)?.value()?;
    let numbers = match value.as_items() {
        Some(items) => items.to_vec(),
        None => vec![value],
    };
    let sum: i64 = numbers.iter().filter_map(Value::as_int).sum();
    task.set("sum", &sum)?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("sum {}", task.get::<i64>("sum")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("PastRun")
        .param(
            Param::required("source", Kind::Text)
                .help("Flow/run, in the datastore of this directory"),
        )
        .param(Param::required("artifact", Kind::Text).help("Numbers among its results"))
        .step(Step::new("start", start).next("end"))
        .step(Step::new("end", end))
        .main()
}
