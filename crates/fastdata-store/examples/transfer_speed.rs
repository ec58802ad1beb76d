//! How fast objects come, and what that costs: `transfer_speed FOLDER-URL memory|FOLDER [TIMES] [CONNECTIONS]`.
//!
//! Brings everything below the URL, all at once, into memory or into files. Prints a line a run: seconds,
//! megabytes a second, CPU seconds (user and system) for each gigabyte, and the peak memory of the process
//! in megabytes.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fastdata_store::{CopyOptions, Location, StoreConfig, Transfers};
use futures::TryStreamExt;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, target, rest @ ..] = &args[..] else {
        return Err("usage: transfer_speed FOLDER-URL memory|FOLDER [TIMES] [CONNECTIONS]".into());
    };
    let times: u32 = rest.first().map_or(Ok(5), |text| text.parse())?;
    let mut config = StoreConfig::from_env();
    if let Some(connections) = rest.get(1) {
        config.connections = connections.parse()?;
    }
    let mut out = std::io::stdout();
    for _ in 0..times {
        let (started, cpu) = (Instant::now(), cpu_seconds()?);
        let bytes = match target.as_str() {
            "memory" => into_memory(&config, url)?,
            folder => into_files(&config, url, Path::new(folder))?,
        };
        let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let gigabytes = bytes as f64 / 1e9;
        writeln!(
            out,
            "{seconds:.3} s, {:.0} MB/s, {:.3} CPU-s/GB, {} MB",
            gigabytes * 1e3 / seconds,
            cpu / gigabytes,
            fastdata_memory::peak_rss_bytes().unwrap_or(0) / 1_000_000
        )?;
    }
    Ok(())
}

fn into_memory(config: &StoreConfig, url: &str) -> Result<u64, Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let store = fastdata_store::open(config.clone());
    let brought = runtime.block_on(async {
        let objects: Vec<_> = store.list(&Location::parse(url)?).try_collect().await?;
        let reads = objects.iter().map(|object| {
            let store = Arc::clone(&store);
            let whole = 0..object.size_bytes;
            async move {
                let ranges = std::slice::from_ref(&whole);
                store.read_ranges(&object.location, ranges).await
            }
        });
        futures::future::try_join_all(reads).await
    })?;
    Ok(brought
        .iter()
        .flatten()
        .map(|bytes| bytes.len() as u64)
        .sum())
}

fn into_files(config: &StoreConfig, url: &str, folder: &Path) -> Result<u64, Box<dyn Error>> {
    let transfers = Transfers::new(config.clone(), || false)?;
    let mut bytes = 0;
    for copied in transfers.get(&[url.to_owned()], folder, &CopyOptions::default())? {
        copied.outcome?;
        bytes += copied.path.metadata()?.len();
        std::fs::remove_file(copied.path)?;
    }
    Ok(bytes)
}

/// User and system time of this process, in ticks of a hundredth of a second.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').ok_or("an odd /proc/self/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}
