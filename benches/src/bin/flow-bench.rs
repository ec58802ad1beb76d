//! The flows of `cargo xtask bench flow`: which one, the environment says, as the tasks inherit it.

use std::process::ExitCode;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use fastdata::DataFrame;
use fastdata_flow::{Flow, Inputs, Outcome, Param, Step, Task};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn nothing(_: &mut Task) -> Outcome {
    Ok(())
}

/// Ten steps that do nothing.
fn row() -> Flow {
    let name = |at: u32| match at {
        0 => "start".to_owned(),
        9 => "end".to_owned(),
        at => format!("step_{at}"),
    };
    let steps = (0..9).map(|at| Step::new(name(at), nothing).next(name(at + 1)));
    let flow = steps.fold(Flow::new("BenchRow"), Flow::step);
    flow.step(Step::new("end", nothing))
}

fn list(task: &mut Task) -> Outcome {
    let width: i64 = task.get("width")?;
    Ok(task.set("items", &(0..width).collect::<Vec<_>>())?)
}

fn gather(task: &mut Task, inputs: &Inputs) -> Outcome {
    let items: Result<Vec<i64>, _> = inputs.iter().map(|input| input.get("item")).collect();
    let sum: i64 = items?.iter().sum();
    let width: i64 = task.get("width")?;
    match sum == width * (width - 1) / 2 {
        true => Ok(task.set("sum", &sum)?),
        false => Err(format!("{width} tasks make {sum}").into()),
    }
}

fn item(task: &mut Task) -> Outcome {
    let item: i64 = task.item()?;
    Ok(task.set("item", &item)?)
}

/// A foreach over many trivial tasks.
fn foreach() -> Flow {
    Flow::new("BenchForeach")
        .param(Param::new("width", 1000_i64))
        .step(Step::new("start", list).foreach("work", "items"))
        .step(Step::new("work", item).next("join"))
        .step(Step::join("join", gather).next("end"))
        .step(Step::new("end", nothing))
}

fn frame(values: Vec<f64>) -> Result<DataFrame, Box<dyn std::error::Error + Send + Sync>> {
    let values: ArrayRef = Arc::new(Float64Array::from(values));
    Ok(DataFrame::from(RecordBatch::try_from_iter([(
        "x", values,
    )])?))
}

/// A million numbers that do not pack: 8 MB.
fn numbers(task: &mut Task) -> Outcome {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let numbers: Vec<f64> = (0..1_000_000).map(|_| next()).collect();
    task.set("sum", &numbers.iter().sum::<f64>())?;
    Ok(task.set_frame("array", &frame(numbers)?)?)
}

fn plus_one(task: &Task) -> Result<Vec<f64>, Box<dyn std::error::Error + Send + Sync>> {
    let array = task.frame("array")?.column("x")?.to_array()?;
    let values = array.as_primitive::<Float64Type>().values().iter();
    Ok(values.map(|value| value + 1.0).collect())
}

fn add_one(task: &mut Task) -> Outcome {
    let changed = plus_one(task)?;
    Ok(task.set_frame("array", &frame(changed)?)?)
}

fn add_last(task: &mut Task) -> Outcome {
    let changed = plus_one(task)?;
    let (before, after): (f64, f64) = (task.get("sum")?, changed.iter().sum());
    task.set_frame("array", &frame(changed)?)?;
    match (after - before - 5e6).abs() < 1e-3 {
        true => Ok(()),
        false => Err(format!("{after} is not {before} and five million").into()),
    }
}

/// An array that each of five steps loads, changes and stores.
fn arrays() -> Flow {
    let names = ["start", "one", "two", "three", "four", "end"];
    let mut flow = Flow::new("BenchArrays").step(Step::new("start", numbers).next("one"));
    for pair in names.windows(2).skip(1) {
        flow = flow.step(Step::new(pair[0], add_one).next(pair[1]));
    }
    flow.step(Step::new("end", add_last))
}

fn main() -> ExitCode {
    let flow = match std::env::var("FASTDATA_BENCH_FLOW").as_deref() {
        Ok("foreach") => foreach(),
        Ok("arrays") => arrays(),
        _ => row(),
    };
    flow.main()
}
