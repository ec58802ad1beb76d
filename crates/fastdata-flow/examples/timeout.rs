//! A step that hangs is ended, and tried again.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::Duration;

use fastdata_flow::{Flow, Outcome, Step, Task};

fn start(task: &mut Task) -> Outcome {
    if task.attempt() == 0 {
        std::thread::sleep(Duration::from_secs(3600));
    }
    task.set("attempt", &task.attempt())?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("attempt {}", task.get::<u32>("attempt")?);
    Ok(())
}

fn main() -> ExitCode {
    let start = Step::new("start", start)
        .timeout(Duration::from_millis(300))
        .retry(1, Duration::ZERO);
    Flow::new("Timeout")
        .step(start.next("end"))
        .step(Step::new("end", end))
        .main()
}
