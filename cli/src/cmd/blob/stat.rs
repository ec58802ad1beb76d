//! What is there, and how it is stored.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use fastdata::blobs::{BlobStat, Blobs, BlobsOptions, Key, Mode, roots_below};

use crate::cmd::{print, to_json};
use crate::config::blob;
use crate::failure::{Failure, FailureKind};
use crate::output::{Grid, terminal_columns};

#[derive(serde::Serialize)]
struct List {
    schema: &'static str,
    blobs: Vec<ListedBlob>,
}

#[derive(serde::Serialize)]
struct ListedBlob {
    key: String,
    stored_bytes: u64,
    modified_unix_s: Option<u64>,
}

pub(super) fn list(blobs: &Blobs, json: bool) -> Result<(), Failure> {
    let unix = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let listed = blobs.list()?.into_iter().map(|listed| ListedBlob {
        key: listed.key.to_string(),
        stored_bytes: listed.stored_bytes,
        modified_unix_s: listed.modified.and_then(unix).map(|since| since.as_secs()),
    });
    let record = List {
        schema: "fastdata.blob.ls/1",
        blobs: listed.collect(),
    };
    if json {
        return print(&to_json(&record)?);
    }
    let line = |blob: &ListedBlob| format!("{}\t{}\n", blob.key, blob.stored_bytes);
    print(&record.blobs.iter().map(line).collect::<String>())
}

#[derive(serde::Serialize)]
struct Stats {
    schema: &'static str,
    blobs: Vec<Stat>,
}

#[derive(serde::Serialize)]
struct Stat {
    key: String,
    form: &'static str,
    stored_bytes: u64,
    content_bytes: Option<u64>,
    blocks: BTreeMap<&'static str, usize>,
}

pub(super) fn blobs(blobs: &Blobs, keys: &[String], json: bool) -> Result<(), Failure> {
    let mut record = Stats {
        schema: "fastdata.blob.stat/1",
        blobs: Vec::with_capacity(keys.len()),
    };
    for key in keys {
        let stat = blobs.stat(&blob::key(key)?)?;
        record.blobs.push(Stat {
            key: stat.key.to_string(),
            form: stat.form.name(),
            stored_bytes: stat.stored_bytes,
            content_bytes: stat.content_bytes,
            blocks: stat
                .codecs
                .iter()
                .map(|(codec, count)| (codec.name(), *count))
                .collect(),
        });
    }
    if json {
        return print(&to_json(&record)?);
    }
    let headers = [
        ("key", false),
        ("form", false),
        ("stored", true),
        ("content", true),
        ("blocks", false),
    ];
    let mut grid = grid(&headers);
    for stat in record.blobs {
        let blocks = stat
            .blocks
            .iter()
            .map(|(codec, count)| format!("{count} {codec}"));
        grid.add(vec![
            stat.key,
            stat.form.to_owned(),
            stat.stored_bytes.to_string(),
            stat.content_bytes
                .map_or("?".to_owned(), |bytes| bytes.to_string()),
            blocks.collect::<Vec<_>>().join(", "),
        ]);
    }
    print(&grid.render(terminal_columns()).0)
}

fn grid(headers: &[(&str, bool)]) -> Grid {
    Grid::new(
        headers
            .iter()
            .map(|(name, right)| ((*name).to_owned(), *right))
            .collect(),
    )
}

#[derive(serde::Serialize)]
struct Survey {
    schema: &'static str,
    stores: Vec<String>,
    blob_count: usize,
    stored_bytes: u64,
    forms: BTreeMap<&'static str, Share>,
    /// Blobs that lie in several stores, counted once for each time too many.
    duplicate_count: usize,
    duplicate_bytes: u64,
    unreadable: Vec<String>,
    sampled_count: usize,
    sampled_bytes: u64,
    /// What the sample would take as version 3.
    sampled_as_fast_bytes: u64,
    sampled_as_compact_bytes: u64,
}

#[derive(serde::Serialize, Default)]
struct Share {
    blob_count: usize,
    stored_bytes: u64,
}

pub(super) fn stores(
    root: &str,
    options: &BlobsOptions,
    sample: usize,
    json: bool,
) -> Result<(), Failure> {
    let stores = roots_below(root, &options.store)?;
    if stores.is_empty() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("no blobs in {root}"),
        ));
    }
    let mut record = Survey {
        schema: "fastdata.blob.survey/1",
        stores: stores.clone(),
        blob_count: 0,
        stored_bytes: 0,
        forms: BTreeMap::new(),
        duplicate_count: 0,
        duplicate_bytes: 0,
        unreadable: Vec::new(),
        sampled_count: 0,
        sampled_bytes: 0,
        sampled_as_fast_bytes: 0,
        sampled_as_compact_bytes: 0,
    };
    let mut seen: HashMap<Key, u64> = HashMap::new();
    for store in &stores {
        let blobs = Blobs::open(store, options.clone())?;
        let listed = blobs.list()?;
        // Every so many of the listing, which is in the order of hashes: a fair sample.
        let step = (listed.len() * stores.len()).div_ceil(sample.max(1)).max(1);
        for (idx, blob) in listed.iter().enumerate() {
            if seen.insert(blob.key, blob.stored_bytes).is_some() {
                record.duplicate_count += 1;
                record.duplicate_bytes += blob.stored_bytes;
            }
            match blobs.stat(&blob.key) {
                Ok(stat) => record.count(&stat),
                Err(error) => {
                    let error = Failure::of(FailureKind::Other, &error).line();
                    record.unreadable.push(format!("{}: {error}", blob.key));
                    continue;
                }
            }
            if sample > 0 && idx % step == 0 {
                record.sample(&blobs, &blob.key, blob.stored_bytes)?;
            }
        }
    }
    match json {
        true => print(&to_json(&record)?),
        false => print(&record.as_text()),
    }
}

impl Survey {
    fn count(&mut self, stat: &BlobStat) {
        self.blob_count += 1;
        self.stored_bytes += stat.stored_bytes;
        let share = self.forms.entry(stat.form.name()).or_default();
        share.blob_count += 1;
        share.stored_bytes += stat.stored_bytes;
    }

    fn sample(&mut self, blobs: &Blobs, key: &Key, stored_bytes: u64) -> Result<(), Failure> {
        self.sampled_as_fast_bytes += blobs.would_take(key, Mode::Fast)?;
        self.sampled_as_compact_bytes += blobs.would_take(key, Mode::Compact)?;
        self.sampled_count += 1;
        self.sampled_bytes += stored_bytes;
        Ok(())
    }

    fn as_text(&self) -> String {
        let mut grid = grid(&[("form", false), ("blobs", true), ("bytes", true)]);
        for (form, share) in &self.forms {
            grid.add(vec![
                (*form).to_owned(),
                share.blob_count.to_string(),
                share.stored_bytes.to_string(),
            ]);
        }
        let mut text = grid.render(terminal_columns()).0;
        text += &format!(
            "{} blobs of {} bytes in {} stores; {} of them ({} bytes) are in another store too\n",
            self.blob_count,
            self.stored_bytes,
            self.stores.len(),
            self.duplicate_count,
            self.duplicate_bytes
        );
        text += &format!(
            "a sample of {} blobs takes {} bytes, as version 3 {} fast or {} compact\n",
            self.sampled_count,
            self.sampled_bytes,
            self.sampled_as_fast_bytes,
            self.sampled_as_compact_bytes
        );
        for line in &self.unreadable {
            text += &format!("cannot be read: {line}\n");
        }
        text
    }
}
