//! How fast an object comes into memory, and what that costs: `read_speed URL [TIMES] [CONNECTIONS]`.
//!
//! Prints a line a run: megabytes a second, CPU seconds (user and system) for each gigabyte, and
//! the peak memory of the process in megabytes.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use fastdata_store::{Location, StoreConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let object = Location::parse(
        &args
            .next()
            .ok_or("usage: read_speed URL [TIMES] [CONNECTIONS]")?,
    )?;
    let times: u32 = args.next().map_or(Ok(5), |text| text.parse())?;
    let mut config = StoreConfig::from_env();
    if let Some(connections) = args.next() {
        config.connections = connections.parse()?;
    }
    let store = fastdata_store::open(config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut out = std::io::stdout();
    for _ in 0..times {
        let (started, cpu) = (Instant::now(), cpu_seconds()?);
        let size = runtime.block_on(store.size(&object))?;
        // In pieces of 256 MiB, as a program would that has no use for all of it at one time.
        let mut at = 0;
        while at < size {
            let end = size.min(at + (256 << 20));
            let read =
                runtime.block_on(store.read_ranges(&object, std::slice::from_ref(&(at..end))))?;
            at += read.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        }
        let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let gigabytes = size as f64 / 1e9;
        writeln!(
            out,
            "{:.0} MB/s, {:.3} CPU-s/GB, {} MB",
            gigabytes * 1e3 / seconds,
            cpu / gigabytes,
            fastdata_memory::peak_rss_bytes().unwrap_or(0) / 1_000_000
        )?;
    }
    Ok(())
}

/// User and system time of this process, in ticks of a hundredth of a second.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').ok_or("an odd /proc/self/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}
