//! Contents in and out.

use std::io::Read;
use std::path::{Path, PathBuf};

use fastdata::blobs::{Blobs, BlobsOptions};

use super::meter::Meter;
use crate::cmd::{print, to_json};
use crate::config::{Destination, blob};
use crate::failure::Failure;
use crate::output::{Flow, Sink};

#[derive(serde::Serialize)]
struct Put {
    schema: &'static str,
    blobs: Vec<PutBlob>,
}

#[derive(serde::Serialize)]
struct PutBlob {
    key: String,
    content_bytes: u64,
    is_new: bool,
}

pub(super) fn put(
    root: &str,
    options: BlobsOptions,
    files: &[PathBuf],
    json: bool,
    progress: bool,
) -> Result<(), Failure> {
    let blobs = Blobs::open(root, options)?;
    // Of stdin nobody knows how long it is.
    let lengths = files
        .iter()
        .map(|file| std::fs::metadata(file).map_or(0, |meta| meta.len()));
    let meter = Meter::new(progress, lengths.sum());
    let mut record = Put {
        schema: "fastdata.blob.put/1",
        blobs: Vec::with_capacity(files.len()),
    };
    for file in files {
        let content = read(file)?;
        let saved = blobs.save(&content)?;
        meter.add(content.len() as u64);
        record.blobs.push(PutBlob {
            key: saved.key.to_string(),
            content_bytes: content.len() as u64,
            is_new: saved.is_new,
        });
    }
    drop(meter);
    if json {
        return print(&to_json(&record)?);
    }
    print(
        &record
            .blobs
            .iter()
            .map(|blob| format!("{}\n", blob.key))
            .collect::<String>(),
    )
}

/// A file, or stdin for `-`.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = match file == Path::new("-") {
        true => {
            let mut content = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut content)
                .map(|_| content)
        }
        false => std::fs::read(file),
    };
    read.map_err(|error| Failure::io(&format!("cannot read {}", file.display()), &error))
}

pub(super) fn get(blobs: &Blobs, key: &str, output: PathBuf) -> Result<(), Failure> {
    let content = blobs.load(&blob::key(key)?)?;
    let mut sink = Sink::open(&Destination::File(output))?;
    sink.put(&content)?;
    sink.commit()
}

pub(super) fn cat(blobs: &Blobs, keys: &[String], range: Option<&str>) -> Result<(), Failure> {
    let range = range.map(blob::range).transpose()?;
    let mut sink = Sink::open(&Destination::Stdout { terminal: false })?;
    for key in keys {
        let key = blob::key(key)?;
        let content = match &range {
            Some(range) => blobs.open_range(&key, range.clone())?,
            None => blobs.load(&key)?,
        };
        if sink.put(&content)? == Flow::Stop {
            break;
        }
    }
    sink.commit()
}
