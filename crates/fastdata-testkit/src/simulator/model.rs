//! How long answers take: the network model `s3like-v1`.
//!
//! Times to the first byte are lognormal with a median of 25 ms (p90 59, p99 120, p99.9 200), and
//! one request in 2,000 is stuck for one to five seconds. A connection brings 90 MB/s, all together
//! at most the cap. Draws are a hash of seed, key, range and how often it was asked for, so that
//! every client meets the same ones, whatever its order.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A network between the simulator and its clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Chooses the draws.
    pub seed: u64,
    /// Median time to the first byte in milliseconds.
    pub first_byte_ms: f64,
    /// Spread of its logarithm.
    pub first_byte_sigma: f64,
    /// The share of requests that is stuck for one to five seconds.
    pub stuck: f64,
    /// Bytes a second that one connection brings.
    pub connection_bytes_per_second: f64,
    /// Bytes a second that all bring together; 0 for no cap.
    pub total_bytes_per_second: f64,
}

impl Model {
    /// `s3like-v1` with a cap in Gbit/s; 0 for none.
    pub fn s3like(seed: u64, cap_gbit: f64) -> Self {
        Self {
            seed,
            first_byte_ms: 25.0,
            first_byte_sigma: 0.674,
            stuck: 0.0005,
            connection_bytes_per_second: 90e6,
            total_bytes_per_second: cap_gbit * 1e9 / 8.0,
        }
    }

    /// The time to the first byte of the `attempt`-th request for a range.
    pub fn first_byte(&self, key: &str, start: u64, attempt: u64) -> Duration {
        let draw = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (self.seed, key, start, attempt, salt).hash(&mut hasher);
            // 53 bits make a number between 0 and 1, never quite either.
            ((hasher.finish() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        if draw(0) < self.stuck {
            return Duration::from_secs_f64(1.0 + 4.0 * draw(1));
        }
        // Box and Muller's way to a normal number.
        let normal = (-2.0 * draw(2).ln()).sqrt() * (std::f64::consts::TAU * draw(3)).cos();
        let ms = self.first_byte_ms * (self.first_byte_sigma * normal).exp();
        Duration::from_secs_f64(ms / 1000.0)
    }
}

/// The model at work: what was asked for how often, and when the line is free again.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) model: Model,
    asked: Mutex<HashMap<(String, u64), u64>>,
    free_at: Mutex<Instant>,
}

impl Network {
    pub(super) fn new(model: Model) -> Self {
        Self {
            model,
            asked: Mutex::default(),
            free_at: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn first_byte(&self, key: &str, start: u64) -> Duration {
        let mut asked = super::state::locked(&self.asked);
        let attempt = asked.entry((key.to_owned(), start)).or_default();
        *attempt += 1;
        self.model.first_byte(key, start, *attempt)
    }

    /// When `bytes` that are sent now have passed the shared line.
    pub(super) fn pass(&self, bytes: usize) -> Option<Instant> {
        if self.model.total_bytes_per_second <= 0.0 {
            return None;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / self.model.total_bytes_per_second);
        let mut free_at = super::state::locked(&self.free_at);
        let start = (*free_at).max(Instant::now());
        *free_at = start + takes;
        Some(*free_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_are_as_s3s_and_the_same_each_time() {
        let model = Model::s3like(7, 4.0);
        let mut draws: Vec<f64> = (0..20_000)
            .map(|start| model.first_byte("k", start, 1).as_secs_f64() * 1e3)
            .collect();
        assert_eq!(model.first_byte("k", 5, 1), model.first_byte("k", 5, 1));
        assert_ne!(model.first_byte("k", 5, 1), model.first_byte("k", 5, 2));
        draws.sort_by(f64::total_cmp);
        for (share, expected) in [(0.5, 25.0), (0.9, 59.0), (0.99, 120.0)] {
            let found = draws[(draws.len() as f64 * share) as usize];
            assert!((found / expected - 1.0).abs() < 0.12, "{share}: {found} ms");
        }
        let stuck = draws.iter().filter(|ms| **ms >= 1000.0).count();
        assert!((2..=30).contains(&stuck), "{stuck} of 20,000 are stuck");
    }
}
