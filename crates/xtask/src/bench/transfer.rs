//! `cargo xtask bench transfer`: the same downloads by every client, in turns, with checked bytes.
//!
//! The server is the simulator, one process for all: as fast as it can, and behind lines of a known
//! width with S3's times to the first byte. It also tells when the last bytes left, so that the
//! tail is measured by one clock.

mod curve;
mod scan;
mod server;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use self::server::{Sent, Server};
use super::machine::Machine;
use super::report::{self, median};
use super::{engine, environment};
use crate::process::{Result, print, say};
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
    /// Only this part: all clients, a curve over connections, or scans of what is behind a line
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Write docs/benchmarks.md
    #[arg(long)]
    publish: bool,
}

/// What `--only` names.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Clients,
    Connections,
    Scan,
}

/// Lines between server and client, in Gbit/s; 0 for none.
const LINES: [f64; 3] = [4.0, 8.0, 0.0];

const LARGE_BYTES: u64 = 1 << 30;

/// What is brought: a name, how many objects, and how long each is.
const LOADS: [(&str, u64, u64); 3] = [
    ("one object of 1 GiB", 1, LARGE_BYTES),
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

pub(crate) fn run(args: &Args) -> Result<()> {
    prepare()?;
    let parts = [
        (Part::Clients, "clients"),
        (Part::Connections, "connections"),
        (Part::Scan, "scan"),
    ];
    let mut wrong = Vec::new();
    for (part, name) in parts {
        if args.only.is_some_and(|only| only != part) {
            continue;
        }
        let machine = Machine::look();
        let found = match part {
            Part::Clients => clients(args)?,
            Part::Connections => curve::run(args)?,
            Part::Scan => scan::run(args)?,
        };
        if args.publish {
            let (told, rounds) = (machine.told(), args.rounds);
            let text = format!("{told}; medians of {rounds} turns.\n\n{}", found.text);
            report::section(&format!("transfer --only {name}"), &text)?;
        }
        wrong.extend(found.wrong);
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("clients that failed:\n{}", wrong.join("\n"))),
    }
}

/// What a part has for the page, and who failed in it.
#[derive(Default)]
struct Found {
    text: String,
    wrong: Vec<String>,
}

impl Found {
    fn note_failures(&mut self, what: &str, measured: &[(&str, Measured)]) {
        for (engine, measured) in measured {
            if let Some(failed) = &measured.failed {
                self.wrong.push(format!("{engine}, {what}: {failed}"));
            }
        }
    }
}

/// Every client on every load.
fn clients(args: &Args) -> Result<Found> {
    let mut found = Found::default();
    for gbit in args.lines() {
        for (load, count, bytes) in LOADS {
            // A fast line has brought a gigabyte before it is measured.
            let (load, bytes) = match (gbit, bytes) {
                (8.0, LARGE_BYTES) => ("one object of 4 GiB", 4 * bytes),
                _ => (load, bytes),
            };
            let bytes = args.bytes(bytes);
            for (target, engines) in TARGETS {
                // It would measure the disk.
                if target == "file" && bytes > LARGE_BYTES {
                    continue;
                }
                let engines: Vec<_> = engines.iter().copied().filter(|e| args.wants(e)).collect();
                let what = format!("{load} to {target}, {}", line(gbit));
                say(&what);
                let load = Load {
                    gbit,
                    count,
                    bytes,
                    target,
                    connections: None,
                };
                let measured = measure(args.rounds(), &load, &engines)?;
                found.note_failures(&what, &measured);
                let part = format!("#### {what}\n\n{}\n", table(&load, &measured));
                print(&part);
                found.text += &part;
            }
        }
    }
    Ok(found)
}

impl Args {
    fn lines(&self) -> Vec<f64> {
        match self.gbit.is_empty() {
            true => LINES.to_vec(),
            false => self.gbit.clone(),
        }
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn bytes(&self, bytes: u64) -> u64 {
        if self.quick { bytes / 8 } else { bytes }
    }

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
    workspace::build_release(&["--package", "fastdata-testkit", "--example", "simulator"])
}

/// How much of a line a rate in GB/s is.
fn share(gbit: f64, rate: f64) -> String {
    match gbit > 0.0 {
        true => format!("{:.0} %", rate / (gbit / 8.0) * 100.0),
        false => String::new(),
    }
}

/// One kind of download.
struct Load {
    gbit: f64,
    count: u64,
    bytes: u64,
    target: &'static str,
    /// The most connections; each client's own choice without.
    connections: Option<usize>,
}

fn measure(
    rounds: usize,
    load: &Load,
    engines: &[&'static str],
) -> Result<Vec<(&'static str, Measured)>> {
    let key = |index: u64| format!("{index:04}.bin");
    let objects: Vec<_> = (0..load.count)
        .map(|index| (format!("load/{}", key(index)), load.bytes))
        .collect();
    let folder = workspace::target().join("bench-transfer");
    let mut found: Vec<_> = engines.iter().map(|e| (*e, Measured::default())).collect();
    let mut expected: Option<Vec<u32>> = None;
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
            let mut server = Server::start(load.gbit, &objects)?;
            let job = json!({
                "engine": engine,
                "target": load.target,
                "bucket": "bench",
                "prefix": "load/",
                "objects": (0..load.count).map(|index| json!({"key": key(index), "bytes": load.bytes})).collect::<Vec<_>>(),
                "connections": load.connections,
                "folder": folder,
                "gbit": (load.gbit > 0.0).then_some(load.gbit),
            });
            let (report, sent) = serve(engine, &mut server, &job)?;
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

/// One client's download, and what the server sent for it.
fn serve(engine: &str, server: &mut Server, job: &serde_json::Value) -> Result<(Report, Sent)> {
    let is_rust = [OURS, "object-store"].contains(&engine);
    let mut command = match is_rust {
        true => engine::our_program(),
        false => {
            let python =
                environment::interpreter("transfer", "benches/peers/transfer/requirements.txt")?;
            let mut command = Command::new(python);
            command.arg(workspace::root().join("benches/peers/transfer/run.py"));
            command
        }
    };
    command
        .envs(server.env().iter().cloned())
        .env("AWS_DEFAULT_REGION", server.setting("AWS_REGION"))
        .env(
            "METAFLOW_S3_ENDPOINT_URL",
            server.setting("AWS_ENDPOINT_URL"),
        )
        .env("METAFLOW_USER", "bench");
    // One that dies is reported with the others.
    let report = ask(&mut command, server, job).unwrap_or_else(|failed| Report {
        failed: Some(failed),
        ..Report::default()
    });
    Ok((report, server.sent()?))
}

/// Hands a client its job, and says go when it has brought everything once.
fn ask(command: &mut Command, server: &mut Server, job: &serde_json::Value) -> Result<Report> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start: {error}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err("no pipes".to_owned());
    };
    let gone = |error: std::io::Error| format!("the client is gone: {error}");
    writeln!(stdin, "{job}").map_err(gone)?;
    let mut last = String::new();
    for line in BufReader::new(stdout).lines() {
        last = line.map_err(gone)?;
        if last == "warm" {
            server.sent()?;
            writeln!(stdin).map_err(gone)?;
        }
    }
    let status = child.wait().map_err(gone)?;
    serde_json::from_str(&last).map_err(|_| format!("ended with {status} and no report: {last}"))
}

fn table(load: &Load, found: &[(&str, Measured)]) -> String {
    let (gbit, bytes) = (load.gbit, load.count * load.bytes);
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
        let share = share(gbit, rate);
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
