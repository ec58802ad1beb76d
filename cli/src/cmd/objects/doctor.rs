//! `fastdata doctor`: what stands between this machine and a bucket.

use std::time::{Duration, Instant};

use fastdata::CancelToken;
use fastdata::store::{Diagnosis, Transfers};

use crate::args::DoctorArgs;
use crate::cmd::{print, to_json};
use crate::config::{location, transfers};
use crate::failure::Failure;

/// How much is read to measure the speed.
const SAMPLE_BYTES: u64 = 256 << 20;

/// Clocks that are further apart are worth a word; S3 refuses requests at 900 s.
const SKEW_WORTH_A_WORD_S: i64 = 60;

/// A round trip that is longer means another continent.
const FAR: Duration = Duration::from_millis(150);

#[derive(serde::Serialize)]
struct Record {
    schema: &'static str,
    endpoint: String,
    tls: bool,
    region: String,
    access_key_id: Option<String>,
    latency_ms_median: f64,
    clock_ahead_s: i64,
    bytes_per_second: Option<f64>,
    advice: Vec<String>,
}

pub(crate) fn doctor(args: DoctorArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let location = location(&args.url)?;
    let diagnosis = transfers.diagnose(&location)?;
    let is_object = !location.key().is_empty() && transfers.stat(&location).is_ok();
    let speed = match is_object {
        true => Some(speed(&transfers, &location)?),
        false => None,
    };
    let record = Record {
        schema: "fastdata.diagnosis/1",
        latency_ms_median: median(&diagnosis.latencies).as_secs_f64() * 1e3,
        advice: advice(&diagnosis, is_object),
        endpoint: diagnosis.endpoint,
        tls: diagnosis.is_tls,
        region: diagnosis.region,
        access_key_id: diagnosis.access_key_id,
        clock_ahead_s: diagnosis.clock_ahead_s,
        bytes_per_second: speed,
    };
    match args.json.json {
        true => print(&to_json(&record)?),
        false => print(&text(&record)),
    }
}

fn speed(transfers: &Transfers, object: &fastdata::store::Location) -> Result<f64, Failure> {
    let (started, mut bytes) = (Instant::now(), 0);
    transfers.cat(object, |part| {
        bytes += part.len() as u64;
        Ok(bytes < SAMPLE_BYTES)
    })?;
    Ok(bytes as f64 / started.elapsed().as_secs_f64().max(1e-9))
}

fn median(latencies: &[Duration]) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn advice(diagnosis: &Diagnosis, is_object: bool) -> Vec<String> {
    let mut advice = Vec::new();
    if diagnosis.region != diagnosis.region_configured {
        advice.push(format!(
            "set AWS_REGION={}: each start costs a request that is refused ({} is configured)",
            diagnosis.region, diagnosis.region_configured
        ));
    }
    if diagnosis.clock_ahead_s.abs() > SKEW_WORTH_A_WORD_S || diagnosis.clock_corrected {
        advice.push(format!(
            "set the clock of this machine: the service is {} s ahead",
            diagnosis.clock_ahead_s
        ));
    }
    if !diagnosis.is_tls {
        advice.push("the connection is not secure: right for a server of your own only".to_owned());
    }
    if median(&diagnosis.latencies) > FAR {
        advice.push("the bucket is far away: run where it is".to_owned());
    }
    if !is_object {
        advice.push("name an object of 100 MB or more to measure the speed".to_owned());
    }
    advice
}

fn text(record: &Record) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| text.push_str(&format!("{name:12}{value}\n"));
    row("endpoint", record.endpoint.clone());
    row("region", record.region.clone());
    row(
        "identity",
        match &record.access_key_id {
            Some(id) => format!("access key {id}"),
            None => "anonymous".to_owned(),
        },
    );
    row("TLS", if record.tls { "yes" } else { "no" }.to_owned());
    row("latency", format!("{:.1} ms", record.latency_ms_median));
    row("clock", format!("{} s apart", record.clock_ahead_s));
    if let Some(speed) = record.bytes_per_second {
        row("speed", format!("{:.0} MB/s", speed / 1e6));
    }
    for advice in &record.advice {
        row("to fix", advice.clone());
    }
    text
}
