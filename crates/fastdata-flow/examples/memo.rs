//! A step that remembers: with the same inputs it does not run again.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Inputs, Outcome, Param, Step, Task};

fn start(task: &mut Task) -> Outcome {
    let upto: i64 = task.get("upto")?;
    task.set("numbers", &(1..=upto).collect::<Vec<_>>())?;
    Ok(())
}

fn work(task: &mut Task) -> Outcome {
    let number: i64 = task.item()?;
    println!("worked on {number}");
    task.set("square", &(number * number))?;
    Ok(())
}

fn join(task: &mut Task, inputs: &Inputs) -> Outcome {
    let sum: Result<i64, _> = inputs.iter().map(|input| input.get::<i64>("square")).sum();
    task.set("sum", &sum?)?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("sum {}", task.get::<i64>("sum")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Memo")
        .param(Param::new("upto", 3_i64))
        .step(Step::new("start", start).foreach("work", "numbers"))
        .step(Step::new("work", work).memoize_as("squares 1").next("join"))
        .step(Step::join("join", join).next("end"))
        .step(Step::new("end", end))
        .main()
}
