//! Values for a whole run: typed options, a config file, an included file.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::process::ExitCode;

use fastdata_flow::{Flow, Kind, Outcome, Param, Step, Task};

fn start(task: &mut Task) -> Outcome {
    let settings: BTreeMap<String, i64> = task.get("settings")?;
    let text: String = task.get("text")?;
    let rounds: i64 = task.get("rounds")?;
    let words = text.split_whitespace().count() as i64;
    task.set("score", &(words * rounds + settings["offset"]))?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    let (score, scale): (i64, f64) = (task.get("score")?, task.get("scale")?);
    let style: String = task.get("style")?;
    match task.get("loud")? {
        true => println!("{style}: {} !", score as f64 * scale),
        false => println!("{style}: {}", score as f64 * scale),
    }
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Parameters")
        .param(Param::new("rounds", 3_i64).help("How often"))
        .param(Param::new("scale", 1.0).help("By how much"))
        .param(Param::new("loud", false).help("With an exclamation mark"))
        .param(
            Param::new("style", "plain")
                .choices(["plain", "fancy"])
                .help("How it is said"),
        )
        .param(Param::required("text", Kind::TextFile).help("What is counted"))
        .param(Param::file("settings", Kind::Config, "settings.toml").help("Constants"))
        .step(Step::new("start", start).next("end"))
        .step(Step::new("end", end))
        .main()
}
