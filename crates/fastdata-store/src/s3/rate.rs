//! A limit in bytes a second, for people who share their line; both ways count as one.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::engine::locked;

/// How far the line may run ahead of the limit: it does not hurt, and spares many short waits.
const AHEAD: Duration = Duration::from_millis(100);

/// What may go over the line, all requests together.
#[derive(Debug)]
pub(super) struct RateLimit {
    /// Bytes a second; `None` is no limit.
    limit: Option<f64>,
    free_at: Mutex<Instant>,
}

impl RateLimit {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            limit: bytes_per_second.map(|limit| limit.max(1) as f64),
            free_at: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn none() -> Self {
        Self::new(None)
    }

    /// Waits as long as `bytes` that came or went were too fast.
    pub(super) async fn keep(&self, bytes: usize) {
        let Some(limit) = self.limit else { return };
        let until = {
            let mut free_at = locked(&self.free_at);
            let takes = Duration::from_secs_f64(bytes as f64 / limit);
            *free_at = (*free_at).max(Instant::now()) + takes;
            *free_at
        };
        if until > Instant::now() + AHEAD {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    /// The most that is moved at one time, so that the limit is kept smoothly.
    pub(super) fn piece_bytes_max(&self) -> usize {
        match self.limit {
            Some(limit) => (limit / 10.0).clamp(4096.0, 1e6) as usize,
            None => usize::MAX,
        }
    }
}
