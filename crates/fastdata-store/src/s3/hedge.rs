//! When a second request is sent for bytes that the first one does not bring: without a clock or a
//! socket.

use std::time::Duration;

/// How many of the last answers are remembered.
const REMEMBERED: usize = 256;

/// Fewer say nothing about a tail.
const SAMPLES_MIN: usize = 20;

/// Nothing is late before this.
const LATE_MIN: Duration = Duration::from_millis(200);

/// How often it is looked whether an answer is late, while nobody can tell or the purse is empty.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One hedge for so many requests.
const REQUESTS_PER_HEDGE: u32 = 20;

/// A body is slow at less than this share of the usual rate.
const SLOW: f64 = 0.25;

/// What answers usually take, and how many second requests are allowed.
#[derive(Debug, Default)]
pub(super) struct Hedging {
    first_bytes: Ring,
    rates: Ring,
    requests: u32,
    hedges: u64,
}

/// The last values, in no order.
#[derive(Debug, Default)]
struct Ring {
    values: Vec<f64>,
    next: usize,
}

impl Ring {
    fn add(&mut self, value: f64) {
        match self.values.get_mut(self.next) {
            Some(slot) => *slot = value,
            None => self.values.push(value),
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        if self.values.len() < SAMPLES_MIN {
            return None;
        }
        let mut sorted = self.values.clone();
        let at = ((sorted.len() - 1) as f64 * share) as usize;
        let (_, value, _) = sorted.select_nth_unstable_by(at, f64::total_cmp);
        Some(*value)
    }
}

impl Hedging {
    /// A request was sent.
    pub(super) fn sent(&mut self) {
        // A full purse of hedges is five: a burst of late answers is a service in trouble.
        self.requests = (self.requests + 1).min(5 * REQUESTS_PER_HEDGE);
    }

    /// Its answer began after `took`.
    pub(super) fn first_byte(&mut self, took: Duration) {
        self.first_bytes.add(took.as_secs_f64());
    }

    /// A body came at this many bytes a second.
    pub(super) fn rate(&mut self, bytes_per_second: f64) {
        self.rates.add(bytes_per_second);
    }

    /// After how long an answer that has not begun is late; `None` while nobody can tell.
    fn late_after(&self) -> Option<Duration> {
        let p95 = self.first_bytes.quantile(0.95)?;
        Some(Duration::from_secs_f64(p95 * 1.5).max(LATE_MIN))
    }

    /// How long to wait on for an answer that has not begun for `waited`; `None`: send a second
    /// request, which is taken from the purse.
    pub(super) fn wait(&mut self, waited: Duration) -> Option<Duration> {
        match self.late_after() {
            Some(late) if waited < late => Some(late - waited),
            Some(_) if self.take() => None,
            _ => Some(LOOK_EVERY),
        }
    }

    /// Below how many bytes a second a body is slow.
    pub(super) fn slow_below(&self) -> Option<f64> {
        Some(self.rates.quantile(0.5)? * SLOW)
    }

    /// Takes one hedge from the purse, if there is one.
    pub(super) fn take(&mut self) -> bool {
        match self.requests.checked_sub(REQUESTS_PER_HEDGE) {
            Some(rest) => {
                self.requests = rest;
                self.hedges += 1;
                true
            }
            None => false,
        }
    }

    /// Hedges so far.
    #[cfg(test)]
    fn hedges(&self) -> u64 {
        self.hedges
    }
}

#[cfg(test)]
mod tests {
    use super::super::retry::Dice;
    use super::*;

    /// However late answers are, hedges stay within five in a hundred.
    #[test]
    fn ten_thousand_seeds_hedge_at_most_five_percent() {
        for seed in 0..10_000 {
            let mut dice = Dice(seed);
            let mut hedging = Hedging::default();
            let trouble = dice.roll();
            let requests = 40 + (dice.roll() * 100.0) as u64;
            for _ in 0..requests {
                hedging.sent();
                let late = dice.roll() < trouble;
                let took = Duration::from_secs_f64(dice.roll() * if late { 5.0 } else { 0.05 });
                if hedging.late_after().is_some_and(|after| took > after) {
                    hedging.take();
                }
                hedging.first_byte(took);
            }
            assert!(hedging.hedges() * 20 <= requests, "seed {seed}");
        }
    }

    /// One of the first is hedged as soon as the others have shown what is usual, and so is one that
    /// came to an empty purse.
    #[test]
    fn nobody_waits_for_ever() {
        let mut hedging = Hedging::default();
        let waited = Duration::from_secs(1);
        for _ in 0..SAMPLES_MIN {
            assert_eq!(hedging.wait(waited), Some(LOOK_EVERY));
            hedging.first_byte(Duration::from_millis(10));
        }
        assert_eq!(hedging.wait(waited), Some(LOOK_EVERY), "an empty purse");
        for _ in 0..REQUESTS_PER_HEDGE {
            hedging.sent();
        }
        let soon = Duration::from_millis(150);
        assert_eq!(hedging.wait(soon), Some(LATE_MIN - soon));
        assert_eq!(hedging.wait(waited), None);
        assert_eq!(hedging.wait(waited), Some(LOOK_EVERY), "empty again");
    }

    #[test]
    fn late_is_what_hardly_ever_happens() {
        let mut hedging = Hedging::default();
        assert_eq!(hedging.late_after(), None);
        assert_eq!(hedging.slow_below(), None);
        for ms in 1..=100 {
            hedging.first_byte(Duration::from_millis(10 * ms));
            hedging.rate(ms as f64);
        }
        let late = hedging.late_after().unwrap();
        assert!((1400..1440).contains(&late.as_millis()), "{late:?}");
        assert!((hedging.slow_below().unwrap() - 12.5).abs() < 0.6);
        for _ in 0..REMEMBERED {
            hedging.first_byte(Duration::from_millis(1));
        }
        assert_eq!(hedging.late_after(), Some(LATE_MIN));
    }
}
