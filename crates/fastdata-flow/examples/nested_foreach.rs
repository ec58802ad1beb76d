//! A foreach within a foreach: the inner join gathers for each outer item.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use fastdata_flow::{Flow, Inputs, Outcome, Step, Task};

fn start(task: &mut Task) -> Outcome {
    task.set("rows", &[2, 3])?;
    Ok(())
}

fn row(task: &mut Task) -> Outcome {
    let width: i64 = task.item()?;
    task.set("columns", &(1..=width).collect::<Vec<_>>())?;
    Ok(())
}

fn cell(task: &mut Task) -> Outcome {
    let column: i64 = task.item()?;
    task.set("square", &(column * column))?;
    Ok(())
}

fn sum(inputs: &Inputs, name: &str) -> fastdata_flow::Result<i64> {
    inputs.iter().map(|input| input.get::<i64>(name)).sum()
}

fn join_row(task: &mut Task, inputs: &Inputs) -> Outcome {
    // Behind the inner join the item is that of the outer foreach again.
    let width: i64 = task.item()?;
    println!("row {:?} of width {width}", task.index());
    task.set("row_sum", &sum(inputs, "square")?)?;
    Ok(())
}

fn join_all(task: &mut Task, inputs: &Inputs) -> Outcome {
    task.set("total", &sum(inputs, "row_sum")?)?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("total {}", task.get::<i64>("total")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("NestedForeach")
        .step(Step::new("start", start).foreach("row", "rows"))
        .step(Step::new("row", row).foreach("cell", "columns"))
        .step(Step::new("cell", cell).next("join_row"))
        .step(Step::join("join_row", join_row).next("join_all"))
        .step(Step::join("join_all", join_all).next("end"))
        .step(Step::new("end", end))
        .main()
}
