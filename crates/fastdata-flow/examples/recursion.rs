//! A step that repeats itself until it is content: Newton's square root.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Outcome, Param, Step, Task};

fn start(task: &mut Task) -> Outcome {
    task.set("guess", &1.0)?;
    Ok(())
}

fn improve(task: &mut Task) -> Outcome {
    let (number, guess): (f64, f64) = (task.get("number")?, task.get("guess")?);
    let better = (guess + number / guess) / 2.0;
    task.set("guess", &better)?;
    task.set("is_close", &((better * better - number).abs() < 1e-9))?;
    println!("try {}: {better}", task.iteration());
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("{:.6}", task.get::<f64>("guess")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Recursion")
        .param(Param::new("number", 2.0).help("Whose root is wanted"))
        .step(Step::new("start", start).next("improve"))
        .step(
            Step::new("improve", improve)
                .switch("is_close", [("false", "improve"), ("true", "end")]),
        )
        .step(Step::new("end", end))
        .main()
}
