//! What a person wants to know when S3 does not do what it should.

use std::time::{Duration, Instant, SystemTime};

use super::client::{Client, Request};
use super::date;
use crate::{Location, Result};

/// What was found out about a bucket and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Protocol, host and port.
    pub endpoint: String,
    /// Whether the connection is secure.
    pub is_tls: bool,
    /// The bucket's region, corrected if the configuration was wrong.
    pub region: String,
    /// The region of the configuration.
    pub region_configured: String,
    /// Key id that requests are signed with; `None` for unsigned ones.
    pub access_key_id: Option<String>,
    /// Times to the first byte of a few small requests, the connection made before.
    pub latencies: Vec<Duration>,
    /// How far the service's clock is ahead of this machine's, in seconds.
    pub clock_ahead_s: i64,
    /// Whether requests only succeeded with the service's time.
    pub clock_corrected: bool,
}

/// Small requests whose times are taken.
const PROBES: usize = 5;

pub(super) async fn diagnose(client: &Client, object: &Location) -> Result<Diagnosis> {
    let region_configured = client.region();
    let mut latencies = Vec::with_capacity(PROBES);
    let mut clock_ahead_s = 0;
    // The first request makes the connection, and finds region and clock.
    for probe in 0..=PROBES {
        let mut effort = client.effort();
        let request = Request {
            method: "GET",
            query: vec![
                ("list-type", "2".to_owned()),
                ("max-keys", "1".to_owned()),
                ("prefix", object.key().to_owned()),
            ],
            ..Request::default()
        };
        let started = Instant::now();
        let (head, _) = match client.document(&request, &mut effort).await {
            Ok(done) => done,
            Err(failure) => return Err(client.error(failure, "reach", object, &effort)),
        };
        if probe > 0 {
            latencies.push(started.elapsed());
        }
        if let Some(theirs) = head.header("date").and_then(date::parse_http) {
            clock_ahead_s = ahead(theirs, SystemTime::now());
        }
    }
    let endpoint = client.endpoint()?;
    let protocol = if endpoint.is_tls { "https" } else { "http" };
    Ok(Diagnosis {
        endpoint: format!("{protocol}://{}", endpoint.authority),
        is_tls: endpoint.is_tls,
        region: client.region(),
        region_configured,
        access_key_id: client.access_key_id().await,
        latencies,
        clock_ahead_s,
        clock_corrected: client.clock_ahead_s() != 0,
    })
}

fn ahead(theirs: SystemTime, ours: SystemTime) -> i64 {
    match theirs.duration_since(ours) {
        Ok(ahead) => i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX),
        Err(behind) => -i64::try_from(behind.duration().as_secs()).unwrap_or(i64::MAX),
    }
}
