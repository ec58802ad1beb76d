//! A flow that goes wrong as its parameter says: for tests of what is left then.

#![allow(clippy::print_stdout)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use fastdata_flow::{Flow, Outcome, Param, Step, Task};

fn start(task: &mut Task) -> Outcome {
    task.set("before", &1)?;
    Ok(())
}

fn middle(task: &mut Task) -> Outcome {
    task.set("during", &2)?;
    match task.get::<String>("how")?.as_str() {
        "panic" => panic!("on purpose"),
        "hang" => std::thread::sleep(Duration::from_secs(3600)),
        "exit" => std::process::exit(0),
        "print" => {
            let line = [b'x'; 1023];
            let mut stdout = std::io::stdout().lock();
            for _ in 0..task.get::<i64>("kilobytes")? {
                stdout.write_all(&line)?;
                stdout.write_all(b"\n")?;
            }
        }
        "leave" => {
            // Holds the pipes of the task, in its group.
            std::process::Command::new("sleep").arg("3600").spawn()?;
        }
        "not_utf8" => std::io::stdout().write_all(b"\xff\xfe no text\nlast line without an end")?,
        "large" => {
            // Not to be packed away.
            let mut state = 1_u64;
            let noise = (0..1 << 20).map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            });
            task.set_bytes("large", noise.collect::<Vec<u8>>())?;
        }
        _ => {}
    }
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("end after {}", task.get::<i64>("during")?);
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Trouble")
        .param(Param::new("how", "not").help("What goes wrong"))
        .param(Param::new("kilobytes", 1_i64).help("How much is printed"))
        .step(Step::new("start", start).next("middle"))
        .step(
            Step::new("middle", middle)
                .timeout(Duration::from_secs(300))
                .next("end"),
        )
        .step(Step::new("end", end))
        .main()
}
