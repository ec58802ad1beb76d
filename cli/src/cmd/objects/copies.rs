//! `fastdata get`, `put` and `sync`.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use fastdata::CancelToken;
use fastdata::store::{
    Copied, CopyOptions, Downloaded, Outcome, PutCondition, PutOptions, SyncStep, Transfers,
    Verification,
};

use crate::args::{GetArgs, ProgressArgs, PutArgs, SyncArgs};
use crate::cmd::{print, to_json};
use crate::config::{location, metadata, transfers};
use crate::failure::{Failure, FailureKind};
use crate::progress::Progress;

#[derive(serde::Serialize)]
struct Record {
    schema: &'static str,
    object: String,
    path: String,
    done: &'static str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_resumed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn get(args: GetArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let (sources, destination) = split(&args.paths)?;
    let options = CopyOptions {
        verify: args.verify,
        resume: args.resume,
        fsync: args.fsync,
        ..CopyOptions::default()
    };
    let destination = location(destination)?;
    let Some(path) = destination.local_path() else {
        return Err(Failure::usage(format!(
            "{destination}: get writes local files, put writes objects"
        )));
    };
    // Whether it is meant as a folder, only the text says.
    let path = match args.paths.last().is_some_and(|text| text.ends_with('/')) {
        true => path.join(""),
        false => path.to_path_buf(),
    };
    let started = Instant::now();
    let progress = bar(&transfers, &args.progress);
    let copied = transfers.get(sources, &path, &options)?;
    drop(progress);
    report(copied, started, args.json.json)
}

pub(crate) fn put(args: PutArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let (sources, destination) = split(&args.paths)?;
    let metadata = args.metadata.iter().map(|text| metadata(text));
    let put = PutOptions {
        condition: match args.if_absent {
            true => PutCondition::IfAbsent,
            false => PutCondition::Always,
        },
        metadata: metadata.collect::<Result<_, _>>()?,
        ..PutOptions::default()
    };
    let options = CopyOptions {
        put,
        ..CopyOptions::default()
    };
    let started = Instant::now();
    let destination = location(destination)?;
    let progress = bar(&transfers, &args.progress);
    let copied = transfers.put(sources, &destination, &options)?;
    drop(progress);
    report(copied, started, args.json.json)
}

pub(crate) fn sync(args: SyncArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let (source, destination) = (location(&args.source)?, location(&args.destination)?);
    let steps = transfers.sync_plan(&source, &destination, args.delete)?;
    if args.dry_run {
        let lines: Vec<String> = steps.iter().map(line).collect();
        return print(&lines.concat());
    }
    let options = CopyOptions {
        verify: args.verify,
        fsync: args.fsync,
        ..CopyOptions::default()
    };
    let started = Instant::now();
    let progress = bar(&transfers, &args.progress);
    let copied = transfers.sync_run(steps, &options)?;
    drop(progress);
    report(copied, started, args.json.json)
}

/// Gone when it is dropped: before anything is reported.
fn bar(transfers: &Transfers, args: &ProgressArgs) -> Progress {
    Progress::start(!args.no_progress, transfers.progress_handle())
}

fn line(step: &SyncStep) -> String {
    match step {
        SyncStep::Download(meta, path) => format!("get {} {}\n", meta.location, path.display()),
        SyncStep::Upload(path, object, _) => format!("put {} {object}\n", path.display()),
        SyncStep::Delete(object) => format!("rm {object}\n"),
        SyncStep::Refuse(_, why) => format!("refuse {why}\n"),
    }
}

fn split(paths: &[String]) -> Result<(&[String], &str), Failure> {
    match paths.split_last() {
        Some((destination, sources)) if !sources.is_empty() => Ok((sources, destination)),
        _ => Err(Failure::usage("a source and a destination are needed")),
    }
}

/// Says what was done; fails when something failed, with code 3 when something else succeeded.
fn report(copied: Vec<Copied>, started: Instant, json: bool) -> Result<(), Failure> {
    let (mut bytes, mut done, mut unverified, mut lines) = (0, 0, 0, String::new());
    let mut failed: Vec<Failure> = Vec::new();
    for copied in copied {
        if json {
            lines.push_str(&to_json(&record(&copied))?);
        }
        match copied.outcome {
            Ok(outcome) => {
                done += 1;
                bytes += size(&outcome);
                unverified += usize::from(is_unverified(&outcome));
            }
            Err(error) => failed.push(error.into()),
        }
    }
    print(&lines)?;
    let seconds = started.elapsed().as_secs_f64();
    let rate = bytes as f64 / 1e6 / seconds.max(1e-9);
    let without = match unverified {
        0 => String::new(),
        count => format!(", {count} not verified"),
    };
    let files = if done == 1 { "file" } else { "files" };
    // A closed stderr is no reason to fail.
    let _ = writeln!(
        std::io::stderr(),
        "{done} {files}, {bytes} bytes in {seconds:.2} s ({rate:.0} MB/s){without}"
    );
    let count = failed.len();
    match failed.pop() {
        None => Ok(()),
        Some(last) if done == 0 && count == 1 => Err(last),
        Some(last) => {
            for failure in failed {
                let _ = writeln!(std::io::stderr(), "fastdata: {}", failure.line());
            }
            let what = format!(
                "{count} of {} failed, the last: {}",
                done + count,
                last.line()
            );
            let kind = if done > 0 {
                FailureKind::Partial
            } else {
                last.kind()
            };
            Err(Failure::new(kind, what))
        }
    }
}

fn is_unverified(outcome: &Outcome) -> bool {
    let Outcome::Downloaded(downloaded) = outcome else {
        return false;
    };
    !matches!(downloaded.verification, Verification::Verified(_))
}

fn size(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Downloaded(Downloaded { bytes, .. }) | Outcome::Uploaded(bytes) => *bytes,
        Outcome::Folder => 0,
    }
}

fn record(copied: &Copied) -> Record {
    let path: &Path = &copied.path;
    let mut record = Record {
        schema: "fastdata.copy/1",
        object: copied.object.to_string(),
        path: path.display().to_string(),
        done: "failed",
        bytes: 0,
        bytes_resumed: None,
        checksum: None,
        error: None,
    };
    match &copied.outcome {
        Ok(outcome) => {
            record.bytes = size(outcome);
            record.done = match outcome {
                Outcome::Downloaded(_) => "downloaded",
                Outcome::Uploaded(_) => "uploaded",
                Outcome::Folder => "folder",
            };
            if let Outcome::Downloaded(downloaded) = outcome {
                record.bytes_resumed = Some(downloaded.bytes_resumed);
                record.checksum = match &downloaded.verification {
                    Verification::Verified(checksum) => Some(checksum.to_string()),
                    Verification::NotVerifiable | Verification::NotAsked => None,
                };
            }
        }
        Err(error) => record.error = Some(error.to_string()),
    }
    record
}
