//! Whether a body still comes: without a clock or a socket.

use std::time::Duration;

/// Less than this over [`CRAWL_WINDOW`] is as good as nothing.
const CRAWL_BYTES_PER_SECOND: f64 = 64.0 * 1024.0;
const CRAWL_WINDOW: Duration = Duration::from_secs(20);

/// A body is not called slow before this: it may have just begun.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// The progress of one body.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Duration,
    window_start: Duration,
    window_bytes: u64,
    bytes: u64,
}

/// What to do about a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// It will not come: ask elsewhere.
    Stalled,
    /// It comes slower than others do: asking elsewhere may pay.
    Slow,
}

impl Pace {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            begun: now,
            window_start: now,
            window_bytes: 0,
            bytes: 0,
        }
    }

    /// `bytes` more have come. `slow_below` is a rate in bytes a second, if one is known.
    pub(super) fn came(&mut self, now: Duration, bytes: u64, slow_below: Option<f64>) -> Verdict {
        self.window_bytes += bytes;
        self.bytes += bytes;
        let window = now.saturating_sub(self.window_start);
        if window >= CRAWL_WINDOW {
            let rate = self.window_bytes as f64 / window.as_secs_f64();
            if rate < CRAWL_BYTES_PER_SECOND {
                return Verdict::Stalled;
            }
            self.window_start = now;
            self.window_bytes = 0;
        }
        let elapsed = now.saturating_sub(self.begun);
        match slow_below {
            Some(least) if elapsed >= SLOW_AFTER && self.rate(now) < least => Verdict::Slow,
            _ => Verdict::Fine,
        }
    }

    /// Bytes a second so far.
    pub(super) fn rate(&self, now: Duration) -> f64 {
        let elapsed = now.saturating_sub(self.begun).as_secs_f64();
        self.bytes as f64 / elapsed.max(1e-6)
    }
}

#[cfg(test)]
mod tests {
    use super::super::retry::Dice;
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_crawl_is_a_stall_and_a_slow_line_is_not() {
        for (rate, expected) in [(1_000, Verdict::Stalled), (100_000, Verdict::Fine)] {
            let mut pace = Pace::new(seconds(5.0));
            let verdicts = (1..=60).map(|at| pace.came(seconds(5.0 + f64::from(at)), rate, None));
            let worst = verdicts.max_by_key(|verdict| *verdict == Verdict::Stalled);
            assert_eq!(worst, Some(expected), "{rate} bytes a second");
        }
    }

    /// A body, piece by piece, as dice bring it.
    struct Body {
        dice: Dice,
        now: Duration,
        pace: Pace,
    }

    impl Body {
        fn new(seed: u64) -> Self {
            let mut dice = Dice(seed);
            let now = seconds(dice.roll() * 1e4);
            Self {
                dice,
                now,
                pace: Pace::new(now),
            }
        }

        /// The next piece, after less than 10 s (then it would be a stall), at so many bytes a second.
        fn next(&mut self, bytes_per_second: f64, slow_below: Option<f64>) -> (u64, Verdict) {
            let span = seconds(0.001 + self.dice.roll().powi(3) * 9.9);
            self.now += span;
            let bytes = (bytes_per_second * span.as_secs_f64()).ceil() as u64;
            (bytes, self.pace.came(self.now, bytes, slow_below))
        }
    }

    #[test]
    fn ten_thousand_seeds_that_bring_enough_never_fail() {
        for seed in 0..10_000 {
            let mut body = Body::new(seed);
            let (begun, mut bytes) = (body.now, 0);
            let least = body.dice.roll() * 1e6;
            for _ in 0..60 {
                let rate = CRAWL_BYTES_PER_SECOND * (1.0 + body.dice.roll().powi(4) * 50.0);
                let (more, verdict) = body.next(rate, Some(least));
                bytes += more;
                let elapsed = body.now - begun;
                let is_slow =
                    elapsed >= SLOW_AFTER && (bytes as f64) < least * elapsed.as_secs_f64();
                let expected = match is_slow {
                    true => Verdict::Slow,
                    false => Verdict::Fine,
                };
                assert_eq!(verdict, expected, "seed {seed} after {elapsed:?}");
            }
        }
    }

    #[test]
    fn ten_thousand_seeds_that_crawl_end_in_time() {
        // What came before counts for the window in which the crawl begins; no piece takes 10 s.
        let limit = (CRAWL_WINDOW + seconds(10.0)) * 2;
        for seed in 0..10_000 {
            let mut body = Body::new(seed);
            for _ in 0..(body.dice.roll() * 40.0) as u32 {
                let (_, verdict) = body.next(CRAWL_BYTES_PER_SECOND * 10.0, None);
                assert_eq!(verdict, Verdict::Fine, "seed {seed}");
            }
            let begun = body.now;
            loop {
                let rate = CRAWL_BYTES_PER_SECOND * 0.99 * body.dice.roll();
                let (_, verdict) = body.next(rate, None);
                let elapsed = body.now - begun;
                if verdict == Verdict::Stalled {
                    break;
                }
                assert!(elapsed < limit, "seed {seed}: fine after {elapsed:?}");
            }
        }
    }

    #[test]
    fn slow_is_what_is_slower_than_others_for_a_while() {
        let mut pace = Pace::new(seconds(0.0));
        assert_eq!(pace.came(seconds(0.5), 1000, Some(1e6)), Verdict::Fine);
        assert_eq!(pace.came(seconds(1.5), 1000, None), Verdict::Fine);
        assert_eq!(pace.came(seconds(1.6), 1000, Some(1e6)), Verdict::Slow);
        assert_eq!(pace.came(seconds(1.7), 9_000_000, Some(1e6)), Verdict::Fine);
    }
}
