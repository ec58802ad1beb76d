//! Scans of what lies behind a line, beside downloading and decoding alone.

use serde_json::json;

use super::super::dataset;
use super::super::engine::{self, Effort};
use super::super::report::{median, seconds};
use super::super::scan::checked;
use super::super::workload::{self, Workload};
use super::server::Server;
use super::{Args, Found, OURS, line, serve};
use crate::process::{Result, print, say};

const WORKLOAD: &str = "parquet-files-1-all";

/// The peer that scans the same objects.
const PEER: &str = "polars";

/// Where the bytes are, one file each.
struct Files {
    /// On the disk.
    paths: Vec<String>,
    /// In the bucket.
    urls: Vec<String>,
    /// As the server is told.
    objects: Vec<String>,
    /// As the client of downloads is told.
    keys: Vec<serde_json::Value>,
    bytes: u64,
}

/// Nanoseconds of each turn.
#[derive(Default)]
struct Times {
    download: Vec<u64>,
    decode: Vec<u64>,
    scan: Vec<u64>,
    /// The peer's scan.
    peer: Vec<u64>,
}

pub(super) fn run(args: &Args) -> Result<Found> {
    let scale = if args.quick { "0.1" } else { "5" };
    dataset::prepare(scale)?;
    engine::prepare(&[PEER.to_owned()].into())?;
    let workload = workload::load(&[WORKLOAD.to_owned()])?.remove(0);
    let files = Files::of(&workload, scale)?;
    let mut text = "| line | downloading | decoding | scan | over the slower of the two | bar | Polars' scan | over ours |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for gbit in args.lines() {
        say(&format!("scan, {}", line(gbit)));
        let times = measure(args.rounds(), gbit, &workload, scale, &files)?;
        text += &row(gbit, &times);
    }
    let title = format!("{}, {} MB", workload.title, files.bytes / 1_000_000);
    let text = format!("#### {title}\n\n{text}");
    print(&text);
    Ok(Found {
        text,
        wrong: Vec::new(),
    })
}

impl Files {
    fn of(workload: &Workload, scale: &str) -> Result<Self> {
        let mut files = Self {
            paths: workload.dataset.paths(scale)?,
            urls: Vec::new(),
            objects: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
        };
        for path in &files.paths {
            let name = path.rsplit('/').next().unwrap_or(path);
            let meta = std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?;
            files.urls.push(format!("s3://bench/load/{name}"));
            files.objects.push(format!("load/{name}=@{path}"));
            files.keys.push(json!({"key": name, "bytes": meta.len()}));
            files.bytes += meta.len();
        }
        Ok(files)
    }
}

/// One server for all turns: it reads the files into its memory first.
fn measure(
    rounds: usize,
    gbit: f64,
    workload: &Workload,
    scale: &str,
    files: &Files,
) -> Result<Times> {
    let mut server = Server::with(gbit, &files.objects)?;
    let mut times = Times::default();
    let download = json!({
        "engine": OURS,
        "target": "memory",
        "bucket": "bench",
        "prefix": "load/",
        "objects": files.keys,
        "folder": "",
    });
    for round in 0..rounds {
        let effort = Effort {
            timed_count: 1,
            check: round == 0,
        };
        let (downloaded, _) = serve(OURS, &mut server, &download)?;
        if let Some(failed) = downloaded.failed {
            return Err(format!("the download failed: {failed}"));
        }
        times.download.push(downloaded.wall_ns);
        for (engine, paths, into) in [
            (OURS, &files.paths, &mut times.decode),
            (OURS, &files.urls, &mut times.scan),
            (PEER, &files.urls, &mut times.peer),
        ] {
            let mut program = engine::program(engine)?;
            program.envs(server.env().iter().cloned());
            // Others speak to a server without TLS only when they are told to.
            program.env("AWS_ALLOW_HTTP", "true");
            let job = engine::job(workload, "stream", paths, effort);
            let report = checked(scale, workload, engine::ask(&mut program, &job)?);
            match report.failed {
                Some(failed) => return Err(format!("{engine}: {}: {failed}", paths.concat())),
                None => into.extend(report.wall_ns),
            }
        }
    }
    Ok(times)
}

fn row(gbit: f64, times: &Times) -> String {
    let all = [&times.download, &times.decode, &times.scan, &times.peer];
    let [download, decode, scan, peer] = all.map(|times| median(times));
    let ratio = scan as f64 / download.max(decode) as f64;
    let verdict = if ratio <= 1.15 { "" } else { " ✗" };
    format!(
        "| {} | {} | {} | {} | {ratio:.2}{verdict} | 1.15 | {} | {:.2} |\n",
        line(gbit),
        seconds(download),
        seconds(decode),
        seconds(scan),
        seconds(peer),
        peer as f64 / scan as f64
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_the_two_counts() {
        let times = Times {
            download: vec![2_000_000_000],
            decode: vec![1_000_000_000],
            scan: vec![2_200_000_000],
            peer: vec![4_400_000_000],
        };
        let row = row(4.0, &times);
        assert!(row.contains("| 1.10 | 1.15 | 4.40 s | 2.00 |"), "{row}");
    }
}
