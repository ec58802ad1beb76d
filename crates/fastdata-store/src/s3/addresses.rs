//! Which of a host's addresses the next connection goes to: without a clock or a socket.

use std::net::SocketAddr;
use std::time::Duration;

/// An address that failed so often in a row is left alone for a while.
const FAILURES_MAX: u32 = 2;
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// An address that delivers less than this share of what the best one does is avoided.
const SLOW: f64 = 0.33;

/// Names that go on existing may lose addresses: those that were not seen for so long are dropped.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Address {
    at: SocketAddr,
    seen: Duration,
    connections: u32,
    failures: u32,
    shunned_until: Duration,
    /// Bytes a second, lately.
    rate: Option<f64>,
}

/// The addresses of one host.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: Vec<Address>,
    turns: u64,
}

impl Addresses {
    /// A lookup brought these. What is known about the others stays: services hand out a few of
    /// many addresses at a time.
    pub(super) fn resolved(&mut self, found: &[SocketAddr], now: Duration) {
        for &at in found {
            match self.known.iter_mut().find(|known| known.at == at) {
                Some(known) => known.seen = now,
                None => self.known.push(Address {
                    at,
                    seen: now,
                    connections: 0,
                    failures: 0,
                    shunned_until: Duration::ZERO,
                    rate: None,
                }),
            }
        }
        self.known.retain(|known| {
            known.connections > 0 || now.saturating_sub(known.seen) < FORGOTTEN_AFTER
        });
    }

    /// The address for a new connection: with the fewest, of those that work and are not slow.
    pub(super) fn choose(&mut self, now: Duration) -> Option<SocketAddr> {
        self.turns += 1;
        let best = self
            .known
            .iter()
            .filter_map(|known| known.rate)
            .fold(0.0, f64::max);
        // Now and then a slow one gets a chance: it may have recovered.
        let is_probe = self.turns.is_multiple_of(16);
        let cost = |known: &Address| {
            let is_shunned = known.shunned_until > now;
            let is_slow = !is_probe && known.rate.is_some_and(|rate| rate < best * SLOW);
            (is_shunned, is_slow, known.connections)
        };
        let start = self.turns as usize % self.known.len().max(1);
        let (behind, before) = self.known.split_at_mut(start);
        let chosen = before
            .iter_mut()
            .chain(behind)
            .min_by_key(|known| cost(known))?;
        chosen.connections += 1;
        Some(chosen.at)
    }

    /// Whether an address delivers much less than another one.
    pub(super) fn is_slow(&self, at: SocketAddr) -> bool {
        let rates = self.known.iter().filter_map(|known| known.rate);
        let best = rates.fold(0.0, f64::max);
        let known = self.known.iter().find(|known| known.at == at);
        known.is_some_and(|known| known.rate.is_some_and(|rate| rate < best * SLOW))
    }

    fn of(&mut self, at: SocketAddr) -> Option<&mut Address> {
        self.known.iter_mut().find(|known| known.at == at)
    }

    /// A connection to `at` has ended.
    pub(super) fn closed(&mut self, at: SocketAddr) {
        if let Some(known) = self.of(at) {
            known.connections = known.connections.saturating_sub(1);
        }
    }

    /// A connection could not be made, or broke.
    pub(super) fn failed(&mut self, at: SocketAddr, now: Duration) {
        if let Some(known) = self.of(at) {
            known.failures += 1;
            if known.failures >= FAILURES_MAX {
                known.shunned_until = now + LEFT_ALONE;
            }
        }
    }

    /// A body came from `at`.
    pub(super) fn delivered(&mut self, at: SocketAddr, bytes_per_second: f64) {
        if let Some(known) = self.of(at) {
            known.failures = 0;
            known.rate = Some(match known.rate {
                Some(rate) => rate * 0.8 + bytes_per_second * 0.2,
                None => bytes_per_second,
            });
        }
    }
}

#[cfg(test)]
mod tests;
