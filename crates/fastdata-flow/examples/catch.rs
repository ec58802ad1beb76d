//! A failure that the flow goes on with: by an error, and by a process that dies.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Inputs, Outcome, Step, Task};

fn start(task: &mut Task) -> Outcome {
    task.set("divisors", &[2, 0, 7])?;
    Ok(())
}

fn divide(task: &mut Task) -> Outcome {
    match task.item::<i64>()? {
        0 => Err("division by zero".into()),
        // Nothing of this process is left that could report it.
        7 => std::process::abort(),
        divisor => {
            task.set("quotient", &(100 / divisor))?;
            Ok(())
        }
    }
}

fn join(task: &mut Task, inputs: &Inputs) -> Outcome {
    let failures: Result<Vec<Option<String>>, _> =
        inputs.iter().map(|input| input.get("failure")).collect();
    task.set("failures", &failures?)?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    for failure in task.get::<Vec<Option<String>>>("failures")? {
        println!("{}", failure.unwrap_or_else(|| "fine".to_owned()));
    }
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Catch")
        .step(Step::new("start", start).foreach("divide", "divisors"))
        .step(Step::new("divide", divide).catch("failure").next("join"))
        .step(Step::join("join", join).next("end"))
        .step(Step::new("end", end))
        .main()
}
