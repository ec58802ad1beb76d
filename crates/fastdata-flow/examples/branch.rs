//! Two steps side by side, and a join that takes over what both agree on.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Inputs, Outcome, Step, Task};

fn start(task: &mut Task) -> Outcome {
    task.set("data", &(1..=10).collect::<Vec<i64>>())?;
    Ok(())
}

fn sum(task: &mut Task) -> Outcome {
    let data: Vec<i64> = task.get("data")?;
    task.set("result", &data.iter().sum::<i64>())?;
    Ok(())
}

fn product(task: &mut Task) -> Outcome {
    let data: Vec<i64> = task.get("data")?;
    task.set("result", &data.iter().product::<i64>())?;
    Ok(())
}

fn join(task: &mut Task, inputs: &Inputs) -> Outcome {
    let sum: i64 = inputs.of("sum")?.get("result")?;
    let product: i64 = inputs.of("product")?.get("result")?;
    task.set("results", &(sum, product))?;
    // `data` is the same on both sides; `result` is not, and is left out.
    task.merge_except(inputs, &["result"])?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    let (sum, product): (i64, i64) = task.get("results")?;
    println!("sum {sum}, product {product}");
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Branch")
        .step(Step::new("start", start).branch(["sum", "product"]))
        .step(Step::new("sum", sum).next("join"))
        .step(Step::new("product", product).next("join"))
        .step(Step::join("join", join).next("end"))
        .step(Step::new("end", end))
        .main()
}
