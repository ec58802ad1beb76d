//! Downloads: objects of an S3 server into memory or into files, by our engine and by the
//! `object_store` crate.
//!
//! `benches/peers/transfer/run.py` does the same with other clients and describes the job. What is
//! timed begins with a client that has no connection yet and ends with all bytes in their place.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fastdata::StoreConfig;
use fastdata::store::{CopyOptions, Location, Transfers};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3Builder;
use serde::{Deserialize, Serialize};

use crate::{Result, usage};

/// What is to be brought, and where to.
#[derive(Debug, Deserialize)]
pub(crate) struct Job {
    engine: String,
    target: Target,
    bucket: String,
    /// Objects lie below this prefix.
    prefix: String,
    objects: Vec<Object>,
    /// The most that are open at one time; each client's own choice without it.
    connections: Option<usize>,
    /// An empty folder, for files.
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    Memory,
    File,
}

#[derive(Debug, Clone, Deserialize)]
struct Object {
    key: String,
    bytes: u64,
}

/// What one process measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    version: &'static str,
    wall_ns: u64,
    cpu_ns: u64,
    peak_rss_bytes: u64,
    /// CRC-32 of each object, as it lies in its place.
    crc32: Vec<u32>,
}

/// Requests that the `object_store` crate has in flight, and what each asks for: it has no parallel
/// reads of its own, and this is what its users write.
const PEER_REQUESTS: usize = 32;
const PEER_PART_BYTES: u64 = 8 << 20;

/// Does one job: once for nothing, so that it is not the machine's search for memory that is measured,
/// then, when `go` returns, in time.
pub(crate) fn measure(job: &Job, go: impl FnOnce() -> Result<()>) -> Result<Report> {
    drop(bring(job)?);
    for left in std::fs::read_dir(&job.folder).into_iter().flatten() {
        std::fs::remove_file(left?.path())?;
    }
    go()?;
    let (begin, cpu_begin_ns) = (Instant::now(), usage::cpu_ns());
    let brought = bring(job)?;
    let wall_ns = u64::try_from(begin.elapsed().as_nanos())?;
    let cpu_ns = usage::cpu_ns().saturating_sub(cpu_begin_ns);
    let peak_rss_bytes = usage::peak_rss_bytes();
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        wall_ns,
        cpu_ns,
        peak_rss_bytes,
        crc32: checksums(job, &brought)?,
    })
}

/// With a client that has no connection yet.
fn bring(job: &Job) -> Result<Vec<Vec<Bytes>>> {
    match (job.engine.as_str(), job.target) {
        ("fastdata", Target::Memory) => tokio::runtime::Runtime::new()?.block_on(ours(job)),
        ("fastdata", Target::File) => our_files(job),
        ("object-store", Target::Memory) => {
            tokio::runtime::Runtime::new()?.block_on(object_store(job))
        }
        (engine, target) => Err(format!("{engine} does not do {target:?}").into()),
    }
}

/// CRC-32 of what is in memory, or of the files.
fn checksums(job: &Job, brought: &[Vec<Bytes>]) -> Result<Vec<u32>> {
    let crc = |pieces: &[Bytes]| {
        let mut digest = flate2::Crc::new();
        pieces.iter().for_each(|piece| digest.update(piece));
        digest.sum()
    };
    match job.target {
        Target::Memory => Ok(brought.iter().map(|pieces| crc(pieces)).collect()),
        Target::File => {
            let paths = job
                .objects
                .iter()
                .map(|object| job.folder.join(&object.key));
            paths
                .map(|path| Ok(crc(&[std::fs::read(path)?.into()])))
                .collect()
        }
    }
}

fn config(job: &Job) -> StoreConfig {
    let mut config = StoreConfig::from_env();
    config.connections = job.connections.unwrap_or(config.connections);
    config
}

async fn ours(job: &Job) -> Result<Vec<Vec<Bytes>>> {
    let store = fastdata::store::open(config(job));
    let reads = job.objects.iter().map(|object| {
        let store = Arc::clone(&store);
        let address = format!("s3://{}/{}{}", job.bucket, job.prefix, object.key);
        async move {
            let object_at = Location::parse(&address)?;
            let whole = 0..object.bytes;
            store
                .read_ranges(&object_at, std::slice::from_ref(&whole))
                .await
        }
    });
    // All at once: the engine decides how many requests that makes.
    Ok(futures::future::try_join_all(reads).await?)
}

fn our_files(job: &Job) -> Result<Vec<Vec<Bytes>>> {
    let transfers = Transfers::new(config(job), || false)?;
    let source = format!("s3://{}/{}", job.bucket, job.prefix);
    for copied in transfers.get(&[source], &job.folder, &CopyOptions::default())? {
        copied.outcome?;
    }
    Ok(Vec::new())
}

async fn object_store(job: &Job) -> Result<Vec<Vec<Bytes>>> {
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(&job.bucket)
        .with_allow_http(true)
        .build()?;
    let parts = job.objects.iter().enumerate().flat_map(|(index, object)| {
        let starts = (0..object.bytes).step_by(PEER_PART_BYTES as usize);
        starts.map(move |start| (index, start..object.bytes.min(start + PEER_PART_BYTES)))
    });
    let reads = parts.map(|(index, range)| {
        let key = format!("{}{}", job.prefix, job.objects[index].key);
        let store = &store;
        async move {
            let read = store.get_range(&key.into(), range).await;
            read.map(|bytes| (index, bytes))
        }
    });
    let mut brought = vec![Vec::new(); job.objects.len()];
    let mut reads = stream::iter(reads).buffered(job.connections.unwrap_or(PEER_REQUESTS));
    while let Some((index, bytes)) = reads.try_next().await? {
        brought[index].push(bytes);
    }
    Ok(brought)
}
