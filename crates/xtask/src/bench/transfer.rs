//! `cargo xtask bench transfer`: the same downloads by every client, in turns, with checked bytes.
//!
//! The server is the simulator, one process for all: as fast as it can, and behind lines of a known
//! width with S3's times to the first byte. It also tells when the last bytes left, so that the
//! tail is measured by one clock.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use super::machine::Machine;
use super::report::{self, median};
use super::{engine, environment};
use crate::process::{self, Result, print, say};
use crate::workspace;

/// Arguments of `cargo xtask bench transfer`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An eighth of the bytes, each client once: checks that all bring the same
    #[arg(long)]
    quick: bool,
    /// Turns; each client is asked once a turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these clients
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
    /// Only these lines, in Gbit/s; 0 is a server without one
    #[arg(long, value_delimiter = ',')]
    gbit: Vec<f64>,
    /// Write docs/benchmarks.md
    #[arg(long)]
    publish: bool,
}

/// Lines between server and client, in Gbit/s; 0 for none.
const LINES: [f64; 3] = [4.0, 8.0, 0.0];

/// What is brought: a name, how many objects, and how long each is.
const LOADS: [(&str, u64, u64); 3] = [
    ("one object of 1 GiB", 1, 1 << 30),
    ("64 objects of 16 MiB", 64, 16 << 20),
    ("500 objects of 64 KiB", 500, 64 << 10),
];

const OURS: &str = "fastdata";

/// Clients by where they put the bytes.
const TARGETS: [(&str, &[&str]); 2] = [
    (
        "memory",
        &[OURS, "object-store", "obstore", "boto3", "awscrt"],
    ),
    ("file", &[OURS, "boto3", "awscrt", "s5cmd", "metaflow"]),
];

/// One client on one load.
#[derive(Debug, Default)]
struct Measured {
    version: String,
    wall_ns: Vec<u64>,
    cpu_ns: Vec<u64>,
    tail_ns: Vec<u64>,
    peak_rss_bytes: u64,
    sent_bytes: u64,
    failed: Option<String>,
}

#[derive(Default, Deserialize)]
struct Report {
    #[serde(default)]
    version: String,
    #[serde(default)]
    wall_ns: u64,
    #[serde(default)]
    cpu_ns: u64,
    #[serde(default)]
    peak_rss_bytes: u64,
    #[serde(default)]
    crc32: Vec<u32>,
    failed: Option<String>,
}

#[derive(Deserialize)]
struct Sent {
    body_bytes: u64,
    last_5_percent_ms: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    prepare()?;
    let machine = Machine::look();
    let mut text = format!("{}; medians of {} turns.\n", machine.told(), args.rounds);
    let lines = if args.gbit.is_empty() {
        LINES.to_vec()
    } else {
        args.gbit.clone()
    };
    let mut wrong = Vec::new();
    for gbit in lines {
        for (load, count, bytes) in LOADS {
            let bytes = if args.quick { bytes / 8 } else { bytes };
            for (target, engines) in TARGETS {
                // They measure the cap again, or the file system.
                if target == "file" && (gbit == 8.0 || bytes < 1 << 20) {
                    continue;
                }
                let engines: Vec<_> = engines.iter().copied().filter(|e| args.wants(e)).collect();
                say(&format!("{load} to {target}, {}", line(gbit)));
                let found = measure(args, gbit, (count, bytes), target, &engines)?;
                for (engine, measured) in &found {
                    if let Some(failed) = &measured.failed {
                        wrong.push(format!("{engine}, {load} to {target}: {failed}"));
                    }
                }
                let rows = table(gbit, count * bytes, &found);
                let part = format!("\n#### {load} to {target}, {}\n\n{rows}", line(gbit));
                print(&part);
                text += &part;
            }
        }
    }
    if args.publish {
        report::section("transfer", &text)?;
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("clients that failed:\n{}", wrong.join("\n"))),
    }
}

impl Args {
    fn wants(&self, engine: &str) -> bool {
        self.engines.is_empty() || self.engines.iter().any(|wanted| wanted == engine)
    }
}

fn line(gbit: f64) -> String {
    match gbit > 0.0 {
        true => format!("a line of {gbit} Gbit/s"),
        false => "no limit".to_owned(),
    }
}

fn prepare() -> Result<()> {
    engine::prepare(&[OURS.to_owned()].into())?;
    environment::interpreter("transfer", "benches/peers/transfer/requirements.txt")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    process::run(Command::new(cargo).current_dir(workspace::root()).args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "fastdata-testkit",
        "--example",
        "simulator",
    ]))
}

/// The server; it ends with its stdin.
struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    env: Vec<(String, String)>,
}

impl Server {
    fn start(gbit: f64, objects: &[(String, u64)]) -> Result<Self> {
        let program = workspace::target().join("release/examples/simulator");
        let model = if gbit > 0.0 {
            gbit.to_string()
        } else {
            "-".to_owned()
        };
        let mut child = Command::new(program)
            .args(["0", &model, "-"])
            .args(objects.iter().map(|(key, bytes)| format!("{key}={bytes}")))
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

    /// What it has sent since the last call.
    fn sent(&mut self) -> Result<Sent> {
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

fn measure(
    args: &Args,
    gbit: f64,
    (count, bytes): (u64, u64),
    target: &str,
    engines: &[&'static str],
) -> Result<Vec<(&'static str, Measured)>> {
    let key = |index: u64| format!("{index:04}.bin");
    let objects: Vec<_> = (0..count)
        .map(|index| (format!("load/{}", key(index)), bytes))
        .collect();
    let folder = workspace::target().join("bench-transfer");
    let mut found: Vec<_> = engines.iter().map(|e| (*e, Measured::default())).collect();
    let mut expected: Option<Vec<u32>> = None;
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    for round in 0..rounds {
        for turn in 0..found.len() {
            let turn = (turn + round) % found.len();
            let (engine, measured) = &mut found[turn];
            if measured.failed.is_some() {
                continue;
            }
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            // A server for each, so that all meet the same draws.
            let mut server = Server::start(gbit, &objects)?;
            let job = json!({
                "engine": engine,
                "target": target,
                "bucket": "bench",
                "prefix": "load/",
                "objects": (0..count).map(|index| json!({"key": key(index), "bytes": bytes})).collect::<Vec<_>>(),
                "folder": folder,
                "gbit": (gbit > 0.0).then_some(gbit),
            });
            let report = serve(engine, &server, &job)?;
            let sent = server.sent()?;
            measured.add(report, &sent, &mut expected);
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(found)
}

impl Measured {
    fn add(&mut self, report: Report, sent: &Sent, expected: &mut Option<Vec<u32>>) {
        self.version = report.version;
        self.failed = report.failed;
        if self.failed.is_none() && *expected.get_or_insert(report.crc32.clone()) != report.crc32 {
            self.failed = Some("brought other bytes than the first client".to_owned());
        }
        self.wall_ns.push(report.wall_ns);
        self.cpu_ns.push(report.cpu_ns);
        self.tail_ns.push((sent.last_5_percent_ms * 1e6) as u64);
        self.peak_rss_bytes = self.peak_rss_bytes.max(report.peak_rss_bytes);
        self.sent_bytes = self.sent_bytes.max(sent.body_bytes);
    }
}

fn serve(engine: &str, server: &Server, job: &serde_json::Value) -> Result<Report> {
    let is_rust = [OURS, "object-store"].contains(&engine);
    let mut command = match is_rust {
        true => Command::new(workspace::target().join("release").join("fastdata-bench")),
        false => {
            let python =
                environment::interpreter("transfer", "benches/peers/transfer/requirements.txt")?;
            let mut command = Command::new(python);
            command.arg(workspace::root().join("benches/peers/transfer/run.py"));
            command
        }
    };
    command
        .envs(server.env.iter().cloned())
        .env("AWS_DEFAULT_REGION", server.setting("AWS_REGION"))
        .env(
            "METAFLOW_S3_ENDPOINT_URL",
            server.setting("AWS_ENDPOINT_URL"),
        )
        .env("METAFLOW_USER", "bench");
    // One that dies is reported with the others.
    Ok(
        engine::ask(&mut command, job).unwrap_or_else(|failed| Report {
            failed: Some(failed),
            ..Report::default()
        }),
    )
}

impl Server {
    fn setting(&self, name: &str) -> &str {
        let found = self.env.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

fn table(gbit: f64, bytes: u64, found: &[(&str, Measured)]) -> String {
    let mut text = "| client | time | MB/s | of the line | processor, s per GB | peak memory | \
                    last 5 % of the bytes | sent over wanted |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (engine, measured) in found {
        let name = match *engine {
            OURS => format!("**{OURS}**"),
            other => format!("{other} {}", measured.version),
        };
        if let Some(failed) = &measured.failed {
            text += &format!("| {name} | {failed} | | | | | | |\n");
            continue;
        }
        let gigabytes = bytes as f64 / 1e9;
        let rate = gigabytes / (median(&measured.wall_ns) as f64 / 1e9);
        let share = match gbit > 0.0 {
            true => format!("{:.0} %", rate / (gbit / 8.0) * 100.0),
            false => String::new(),
        };
        text += &format!(
            "| {name} | {} | {:.0} | {share} | {:.2} | {} MB | {} | {:.3} |\n",
            report::seconds(median(&measured.wall_ns)),
            rate * 1e3,
            median(&measured.cpu_ns) as f64 / 1e9 / gigabytes,
            measured.peak_rss_bytes / 1_000_000,
            report::seconds(median(&measured.tail_ns)),
            measured.sent_bytes as f64 / bytes as f64,
        );
    }
    text
}
