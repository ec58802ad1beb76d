//! One task's process: started in a group of its own, its output logged and shown, its end awaited.

use std::io::{IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fastdata_metaflow::LogWriter;
use rustix::process::{Pid, Signal};

use crate::error::{Error, Result};

/// How long output is awaited after the process is gone: what it left running may hold the pipes.
const DRAIN: Duration = Duration::from_secs(2);

type Pipe = Box<dyn Read + Send>;

/// Runs a process to its end. `started` is told the group before anything else happens.
pub(crate) fn run(
    command: &mut Command,
    logs: [LogWriter; 2],
    label: &str,
    started: impl FnOnce(Pid),
) -> Result<ExitStatus> {
    let program = command.get_program().display().to_string();
    let failed = |error| Error::storage(format!("cannot run {program}")).with_source(error);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let spawned = pipes.stderr(Stdio::piped()).process_group(0).spawn();
    let mut child = spawned.map_err(failed)?;
    let group = Pid::from_child(&child);
    started(group);
    // While this end is open the child knows that its scheduler lives.
    let alive = child.stdin.take();
    let (drained, awaited) = mpsc::channel();
    let stdout = child.stdout.take().map(|pipe| Box::new(pipe) as Pipe);
    let stderr = child.stderr.take().map(|pipe| Box::new(pipe) as Pipe);
    for (pipe, mut log) in [stdout, stderr].into_iter().zip(logs) {
        let label = format!("{label} (pid {})", group.as_raw_nonzero());
        let drained = drained.clone();
        std::thread::spawn(move || {
            let copied = pipe.map(|pipe| log.copy(pipe, |line| say(&label, line)));
            // Nobody listens when the drain was given up.
            let _ = drained.send(copied.unwrap_or(Ok(())));
        });
    }
    let status = child.wait().map_err(|error| {
        Error::storage(format!("cannot await process {}", group.as_raw_nonzero()))
            .with_source(error)
    })?;
    // What the task left running would keep its pipes open.
    signal(group, Signal::KILL);
    for _ in 0..2 {
        if let Ok(Err(error)) = awaited.recv_timeout(DRAIN) {
            say(
                label,
                &format!("its log is not complete: {}", crate::error::chain(&error)),
            );
        }
    }
    drop(alive);
    Ok(status)
}

/// Sends a signal to a group; one that is gone needs none.
pub(crate) fn signal(group: Pid, signal: Signal) {
    let _ = rustix::process::kill_process_group(group, signal);
}

/// In a task: ends it, and what it started, when the scheduler that holds the other end of stdin is
/// gone.
pub(crate) fn end_with_scheduler() {
    std::thread::spawn(|| {
        let mut byte = [0];
        while let Ok(1) = std::io::stdin().read(&mut byte) {}
        signal(rustix::process::getpgrp(), Signal::KILL);
        std::process::exit(1);
    });
}

/// One line on stderr, with the time and who says it; coloured by step where that is a terminal.
pub(crate) fn say(label: &str, text: &str) {
    let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.3f");
    let mut stderr = std::io::stderr().lock();
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // Whoever reads may be gone; the run goes on.
    let _ = match colour {
        true => {
            let step = label.split('/').nth(1).unwrap_or(label);
            let tint = 31 + step.bytes().map(u32::from).sum::<u32>() % 6;
            let label = format!("\x1b[{tint}m[{label}]\x1b[0m");
            writeln!(stderr, "\x1b[2m{now}\x1b[0m {label} {text}")
        }
        false => writeln!(stderr, "{now} [{label}] {text}"),
    };
}
