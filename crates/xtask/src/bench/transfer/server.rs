//! The simulator as a server of its own process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::process::Result;
use crate::workspace;

/// What left a server.
#[derive(Deserialize)]
pub(super) struct Sent {
    pub(super) body_bytes: u64,
    pub(super) last_5_percent_ms: f64,
}

/// The server; it ends with its stdin.
pub(super) struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    env: Vec<(String, String)>,
}

impl Server {
    /// With objects of so many made-up bytes.
    pub(super) fn start(gbit: f64, objects: &[(String, u64)]) -> Result<Self> {
        let objects = objects.iter().map(|(key, bytes)| format!("{key}={bytes}"));
        Self::with(gbit, &objects.collect::<Vec<_>>())
    }

    /// With objects as the simulator's command line names them.
    pub(super) fn with(gbit: f64, objects: &[String]) -> Result<Self> {
        let program = workspace::target().join("release/examples/simulator");
        let model = if gbit > 0.0 {
            gbit.to_string()
        } else {
            "-".to_owned()
        };
        let mut child = Command::new(program)
            .args(["0", &model, "-"])
            .args(objects)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the simulator does not start: {error}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("the simulator has no stdout")?;
        let mut server = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            env: Vec::new(),
        };
        for _ in 0..4 {
            let told = server.told()?;
            let setting = told.trim().strip_prefix("export ").unwrap_or_default();
            let (name, value) = setting
                .split_once('=')
                .ok_or("the simulator says nothing")?;
            server.env.push((name.to_owned(), value.to_owned()));
        }
        Ok(server)
    }

    fn told(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line);
        read.map_err(|error| format!("the simulator is gone: {error}"))?;
        Ok(line)
    }

    /// What clients need of a server in their environment.
    pub(super) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    pub(super) fn setting(&self, name: &str) -> &str {
        let found = self.env.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// What it has sent since the last call.
    pub(super) fn sent(&mut self) -> Result<Sent> {
        let stdin = self.stdin.as_mut().ok_or("the simulator has no stdin")?;
        let asked = stdin.write_all(b"\n").and_then(|()| stdin.flush());
        asked.map_err(|error| format!("the simulator is gone: {error}"))?;
        serde_json::from_str(&self.told()?).map_err(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}
