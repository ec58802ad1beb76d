//! One of two ways, by an artifact.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Outcome, Param, Step, Task};

fn start(task: &mut Task) -> Outcome {
    let amount: i64 = task.get("amount")?;
    task.set("size", if amount < 100 { "small" } else { "large" })?;
    Ok(())
}

fn by_hand(task: &mut Task) -> Outcome {
    task.set("how", "by hand")?;
    Ok(())
}

fn by_machine(task: &mut Task) -> Outcome {
    task.set("how", "by machine")?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("done {}", task.get::<String>("how")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Switch")
        .param(Param::new("amount", 7_i64).help("How much there is to do"))
        .step(
            Step::new("start", start)
                .switch("size", [("small", "by_hand"), ("large", "by_machine")]),
        )
        .step(Step::new("by_hand", by_hand).next("end"))
        .step(Step::new("by_machine", by_machine).next("end"))
        .step(Step::new("end", end))
        .main()
}
