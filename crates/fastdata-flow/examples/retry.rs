//! A step that fails twice, by an error and by a panic, and is tried again.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::Duration;

use fastdata_flow::{Flow, Outcome, Step, Task};

fn start(task: &mut Task) -> Outcome {
    match task.attempt() {
        0 => Err("no luck yet".into()),
        1 => panic!("no luck either"),
        attempt => {
            task.set("lucky_attempt", &attempt)?;
            Ok(())
        }
    }
}

fn end(task: &mut Task) -> Outcome {
    println!("attempt {}", task.get::<u32>("lucky_attempt")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Retry")
        .step(
            Step::new("start", start)
                .retry(3, Duration::from_millis(10))
                .next("end"),
        )
        .step(Step::new("end", end))
        .main()
}
