//! A flow of every kind of step that notes in a file when a task begins: for tests that kill it.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use fastdata_flow::{Flow, Inputs, Outcome, Param, Step, Task};

/// Notes that the task runs, and takes some time.
fn note(task: &Task) -> Outcome {
    let path: String = task.get("ledger")?;
    let line = format!(
        "{}/{}/{} {:?} {}\n",
        task.run_id(),
        task.step(),
        task.task_id(),
        task.index(),
        task.iteration()
    );
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(line.as_bytes())?;
    std::thread::sleep(Duration::from_millis(task.get("pause_ms")?));
    Ok(())
}

fn start(task: &mut Task) -> Outcome {
    note(task)?;
    task.set("seeds", &(0..task.get::<i64>("width")?).collect::<Vec<_>>())?;
    task.set("common", "the same everywhere")?;
    Ok(())
}

fn work(task: &mut Task) -> Outcome {
    note(task)?;
    let seed: i64 = task.item()?;
    // Longer than a block, and not to be packed away.
    let noise =
        (0..30_000_u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (seed % 32)) as u8);
    task.set_bytes("noise", noise.collect::<Vec<u8>>())?;
    task.set("value", &(seed * seed))?;
    Ok(())
}

fn left(task: &mut Task) -> Outcome {
    note(task)?;
    task.set("side", &(task.get::<i64>("value")? + 1))?;
    Ok(())
}

fn right(task: &mut Task) -> Outcome {
    note(task)?;
    task.set("side", &(task.get::<i64>("value")? * 2))?;
    Ok(())
}

fn join_sides(task: &mut Task, inputs: &Inputs) -> Outcome {
    note(task)?;
    let sides: Result<Vec<i64>, _> = inputs.iter().map(|input| input.get("side")).collect();
    task.set("sides", &sides?)?;
    task.merge_except(inputs, &["side"])?;
    Ok(())
}

fn join_all(task: &mut Task, inputs: &Inputs) -> Outcome {
    note(task)?;
    let sides: Result<Vec<Vec<i64>>, _> = inputs.iter().map(|input| input.get("sides")).collect();
    task.set("all_sides", &sides?)?;
    task.merge_only(inputs, &["common"])?;
    task.set("rounds", &0)?;
    Ok(())
}

fn repeat(task: &mut Task) -> Outcome {
    note(task)?;
    let rounds: i64 = task.get("rounds")?;
    task.set("rounds", &(rounds + 1))?;
    task.set("is_done", &(rounds == 2))?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    note(task)
}

fn main() -> ExitCode {
    Flow::new("Ledger")
        .param(Param::new("ledger", "ledger.txt").help("The file of notes"))
        .param(Param::new("width", 3_i64).help("How many items the foreach has"))
        .param(Param::new("pause_ms", 3_i64).help("How long each task takes"))
        .step(Step::new("start", start).foreach("work", "seeds"))
        .step(Step::new("work", work).branch(["left", "right"]))
        .step(Step::new("left", left).next("join_sides"))
        .step(Step::new("right", right).next("join_sides"))
        .step(Step::join("join_sides", join_sides).next("join_all"))
        .step(Step::join("join_all", join_all).next("repeat"))
        .step(Step::new("repeat", repeat).switch("is_done", [("false", "repeat"), ("true", "end")]))
        .step(Step::new("end", end))
        .main()
}
