//! When bytes left the server: the same clock for every client, whatever it tells of itself.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::state::locked;

/// Pieces of bodies with the time at which each was handed to the socket.
#[derive(Debug, Default)]
pub(super) struct Traffic(Mutex<Vec<(Instant, usize)>>);

/// What left the server in a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sent {
    /// Bytes of bodies.
    pub body_bytes: u64,
    /// From the first of them to the last, in milliseconds.
    pub all_ms: f64,
    /// How long the last 5 % of the bytes took, in milliseconds: what stragglers cost.
    pub last_5_percent_ms: f64,
}

impl Traffic {
    pub(super) fn sent(&self, bytes: usize) {
        locked(&self.0).push((Instant::now(), bytes));
    }

    pub(super) fn take(&self) -> Sent {
        summed_up(&std::mem::take(&mut *locked(&self.0)))
    }
}

fn summed_up(pieces: &[(Instant, usize)]) -> Sent {
    let body_bytes: u64 = pieces.iter().map(|(_, bytes)| *bytes as u64).sum();
    let (Some((first, _)), Some((last, _))) = (pieces.first(), pieces.last()) else {
        return Sent::default();
    };
    let mut rest_bytes = body_bytes;
    let tail_begins = pieces.iter().find_map(|(at, bytes)| {
        rest_bytes -= *bytes as u64;
        (rest_bytes * 20 <= body_bytes).then_some(*at)
    });
    let ms = |span: Duration| span.as_secs_f64() * 1e3;
    Sent {
        body_bytes,
        all_ms: ms(*last - *first),
        last_5_percent_ms: ms(*last - tail_begins.unwrap_or(*last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_twentieth_is_timed_from_where_it_begins() {
        let begin = Instant::now();
        let mut pieces: Vec<_> = (0..99)
            .map(|piece| (begin + Duration::from_millis(piece), 1000))
            .collect();
        pieces.push((begin + Duration::from_millis(500), 1000));
        let sent = summed_up(&pieces);
        assert_eq!(sent.body_bytes, 100_000);
        assert_eq!(sent.all_ms, 500.0);
        assert_eq!(sent.last_5_percent_ms, 500.0 - 94.0);
    }

    #[test]
    fn what_was_taken_is_gone() {
        let traffic = Traffic::default();
        traffic.sent(5);
        assert_eq!(traffic.take().body_bytes, 5);
        assert_eq!(traffic.take(), Sent::default());
    }
}
