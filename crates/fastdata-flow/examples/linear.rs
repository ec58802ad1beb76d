//! Three steps in a row: what one sets, the next reads.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Outcome, Step, Task};

fn start(task: &mut Task) -> Outcome {
    task.set("greeting", "hello")?;
    task.set("numbers", &[1.5, 2.5, 3.0])?;
    Ok(())
}

fn middle(task: &mut Task) -> Outcome {
    let numbers: Vec<f64> = task.get("numbers")?;
    task.set("sum", &numbers.iter().sum::<f64>())?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    let (greeting, sum): (String, f64) = (task.get("greeting")?, task.get("sum")?);
    println!("{greeting}, the sum is {sum}");
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Linear")
        .about("Adds numbers")
        .step(Step::new("start", start).next("middle"))
        .step(Step::new("middle", middle).next("end"))
        .step(Step::new("end", end))
        .main()
}
