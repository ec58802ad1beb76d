//! `fastdata cat`, `ls` and `stat`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::SystemTime;

use fastdata::CancelToken;
use fastdata::store::{Entry, OpenUpload};

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
struct FolderRecord<'a> {
    schema: &'static str,
    name: &'a str,
}

#[derive(serde::Serialize)]
struct UploadRecord<'a> {
    schema: &'static str,
    location: String,
    id: &'a str,
    begun_ms: Option<u64>,
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
    if args.uploads {
        return uploads(&transfers.open_uploads(&folder)?, args.json.json);
    }
    let below = match folder.key().trim_end_matches('/') {
        "" => folder.key().len().min(1),
        key => key.len() + 1,
    };
    let mut sink = Sink::open(&Destination::Stdout { terminal: false })?;
    let mut written = Ok(Flow::More);
    let mut each = |entry: Entry| {
        written = put_line(&mut sink, &entry, below, args.json.json);
        Ok(matches!(written, Ok(Flow::More)))
    };
    match args.recursive {
        true => transfers.list(&folder, |object| each(Entry::Object(object)))?,
        false => transfers.entries(&folder, each)?,
    }
    match written? {
        Flow::More => sink.commit(),
        Flow::Stop => Ok(()),
    }
}

/// Keys are whole: what they are left by may be anywhere.
fn uploads(found: &[OpenUpload], json: bool) -> Result<(), Failure> {
    let line = |upload: &OpenUpload| match json {
        true => to_json(&UploadRecord {
            schema: "fastdata.upload/1",
            location: upload.location.to_string(),
            id: &upload.id,
            begun_ms: ms(upload.begun),
        }),
        false => {
            let (begun, key) = (time(upload.begun), upload.location.key());
            Ok(format!("{begun:20}  {}  {key}\n", upload.id))
        }
    };
    let lines: Vec<String> = found.iter().map(line).collect::<Result<_, _>>()?;
    print(&lines.concat())
}

fn put_line(sink: &mut Sink, entry: &Entry, below: usize, json: bool) -> Result<Flow, Failure> {
    let line = line(entry, below, json)?;
    let written = sink.write_all(line.as_bytes());
    sink.state().flow(written.map_err(Into::into))
}

/// `below`: where the names begin in the keys.
fn line(entry: &Entry, below: usize, json: bool) -> Result<String, Failure> {
    let relative = entry.key().get(below..).unwrap_or_default();
    let object = match entry {
        Entry::Folder(_) if json => {
            return to_json(&FolderRecord {
                schema: "fastdata.folder/1",
                name: relative,
            });
        }
        Entry::Folder(_) => return Ok(format!("{:>14}  {:20}  {relative}\n", "", "")),
        Entry::Object(object) => object,
    };
    if json {
        return to_json(&Record {
            schema: "fastdata.object/1",
            location: object.location.to_string(),
            bytes: object.size_bytes,
            modified_ms: ms(object.modified),
            etag: object.etag.clone(),
        });
    }
    let (bytes, time) = (object.size_bytes, time(object.modified));
    Ok(format!("{bytes:>14}  {time:20}  {relative}\n"))
}

pub(crate) fn stat(args: StatArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let mut text = String::new();
    for object in &args.objects {
        let stat = transfers.stat(&location(object)?)?;
        let of_parts = stat.parts.map(|parts| parts.checksum);
        let checksum = stat.checksum.or(of_parts);
        let record = StatRecord {
            object: Record {
                schema: "fastdata.stat/1",
                location: stat.location.to_string(),
                bytes: stat.size_bytes,
                modified_ms: ms(stat.modified),
                etag: stat.etag,
            },
            content_type: stat.content_type,
            checksum: checksum.map(|checksum| checksum.to_string()),
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
