//! One task for each item of a list.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Inputs, Outcome, Param, Step, Task};

fn start(task: &mut Task) -> Outcome {
    let count: i64 = task.get("count")?;
    task.set(
        "words",
        &(0..count).map(|n| format!("word {n}")).collect::<Vec<_>>(),
    )?;
    Ok(())
}

fn measure(task: &mut Task) -> Outcome {
    let word: String = task.item()?;
    task.set("length", &word.len())?;
    Ok(())
}

fn join(task: &mut Task, inputs: &Inputs) -> Outcome {
    let lengths: Result<Vec<usize>, _> = inputs.iter().map(|input| input.get("length")).collect();
    task.set("lengths", &lengths?)?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    let lengths: Vec<usize> = task.get("lengths")?;
    println!(
        "{} words, {} letters",
        lengths.len(),
        lengths.iter().sum::<usize>()
    );
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Foreach")
        .param(Param::new("count", 4_i64).help("How many words"))
        .step(Step::new("start", start).foreach("measure", "words"))
        .step(Step::new("measure", measure).next("join"))
        .step(Step::join("join", join).next("end"))
        .step(Step::new("end", end))
        .main()
}
