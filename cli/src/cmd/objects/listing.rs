//! `fastdata cat`, `ls` and `stat`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::SystemTime;

use fastdata::CancelToken;

use crate::args::{CatArgs, LsArgs, StatArgs};
use crate::cmd::{print, to_json};
use crate::config::{Destination, location, transfers};
use crate::failure::Failure;
use crate::output::{Flow, Sink};

#[derive(serde::Serialize)]
struct Record {
    schema: &'static str,
    location: String,
    bytes: u64,
    modified_ms: Option<u64>,
    etag: Option<String>,
}

#[derive(serde::Serialize)]
struct StatRecord {
    #[serde(flatten)]
    object: Record,
    content_type: Option<String>,
    checksum: Option<String>,
    metadata: BTreeMap<String, String>,
}

pub(crate) fn cat(args: CatArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let mut sink = Sink::open(&Destination::Stdout { terminal: false })?;
    let mut broken = None;
    for object in &args.objects {
        let mut goes_on = true;
        transfers.cat(&location(object)?, |bytes| {
            goes_on = match sink.put(bytes) {
                Ok(flow) => flow == Flow::More,
                Err(failure) => {
                    broken = Some(failure);
                    false
                }
            };
            Ok(goes_on)
        })?;
        if let Some(failure) = broken {
            return Err(failure);
        }
        if !goes_on {
            return Ok(());
        }
    }
    sink.commit()
}

pub(crate) fn ls(args: LsArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let folder = location(&args.folder)?;
    let key = folder.key().trim_end_matches('/');
    let below = if key.is_empty() { 0 } else { key.len() + 1 };
    let mut sink = Sink::open(&Destination::Stdout { terminal: false })?;
    let (mut broken, mut last) = (None, String::new());
    transfers.list(&folder, |meta| {
        let relative = meta.location.key().get(below..).unwrap_or_default();
        let folder_name = relative.split_once('/').map(|(name, _)| format!("{name}/"));
        let line = match folder_name.filter(|_| !args.recursive) {
            Some(name) if name == last => return Ok(true),
            Some(name) => {
                last.clone_from(&name);
                match args.json.json {
                    true => format!(
                        "{{\"schema\":\"fastdata.folder/1\",\"name\":{}}}\n",
                        quoted(&name)
                    ),
                    false => format!("{:>14}  {:20}  {name}\n", "", ""),
                }
            }
            None => {
                let record = Record {
                    schema: "fastdata.object/1",
                    location: meta.location.to_string(),
                    bytes: meta.size_bytes,
                    modified_ms: ms(meta.modified),
                    etag: meta.etag.clone(),
                };
                match args.json.json {
                    true => to_json(&record).unwrap_or_default(),
                    false => format!(
                        "{:>14}  {:20}  {relative}\n",
                        record.bytes,
                        time(meta.modified)
                    ),
                }
            }
        };
        Ok(match sink.write_all(line.as_bytes()) {
            Ok(()) => true,
            Err(error) => {
                broken = Some(error);
                false
            }
        })
    })?;
    if let Some(error) = broken {
        return sink.state().flow(Err(error.into())).map(|_| ());
    }
    sink.commit()
}

pub(crate) fn stat(args: StatArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let mut text = String::new();
    for object in &args.objects {
        let stat = transfers.stat(&location(object)?)?;
        let record = StatRecord {
            object: Record {
                schema: "fastdata.stat/1",
                location: stat.location.to_string(),
                bytes: stat.size_bytes,
                modified_ms: ms(stat.modified),
                etag: stat.etag,
            },
            content_type: stat.content_type,
            checksum: stat.checksum.map(|checksum| checksum.to_string()),
            metadata: stat.metadata,
        };
        if args.json.json {
            text.push_str(&to_json(&record)?);
            continue;
        }
        let mut row = |name: &str, value: &str| text.push_str(&format!("{name:14}{value}\n"));
        row("location", &record.object.location);
        row("bytes", &record.object.bytes.to_string());
        row("modified", &time(stat.modified));
        for (name, value) in [
            ("etag", record.object.etag),
            ("content type", record.content_type),
            ("checksum", record.checksum),
        ] {
            row(name, value.as_deref().unwrap_or("–"));
        }
        for (name, value) in &record.metadata {
            row("metadata", &format!("{name} = {value}"));
        }
    }
    print(&text)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn ms(time: Option<SystemTime>) -> Option<u64> {
    let since = time?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// `2026-01-15 10:15:30Z`; a dash when nobody knows.
fn time(time: Option<SystemTime>) -> String {
    let Some(ms) = ms(time) else {
        return "–".to_owned();
    };
    let seconds = arrow_array::temporal_conversions::timestamp_s_to_datetime((ms / 1000) as i64);
    seconds.map_or("–".to_owned(), |time| {
        time.format("%Y-%m-%d %H:%M:%SZ").to_string()
    })
}
