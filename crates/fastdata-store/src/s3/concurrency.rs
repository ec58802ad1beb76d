//! How many requests run at one time: found by climbing, without a clock or a socket.
//!
//! By Little's law a rate needs `rate × duration` requests in flight, which are those that there
//! are. The target takes a quarter more as long as more brings more, and falls to seven tenths when
//! the service asks to slow down.

use std::time::Duration;

/// A look at the rate takes as long as one request or two, within these bounds: small ones tell soon.
const WINDOW_MIN: Duration = Duration::from_millis(50);
const WINDOW_MAX: Duration = Duration::from_secs(1);

/// What a step up has to bring to be worth keeping.
const WORTH: f64 = 1.03;

/// Finds the number of requests in flight.
#[derive(Debug)]
pub(super) struct Controller {
    target: f64,
    least: f64,
    most: f64,
    window_start: Duration,
    window_bytes: u64,
    window_busy: Duration,
    window_done: u32,
    /// The best rate that was seen, and with which target; fades, because lines change.
    best_rate: f64,
    held: u32,
    slowed_at: Option<Duration>,
}

impl Controller {
    /// Starts with `start` requests and never has more than `most`.
    pub(super) fn new(start: usize, most: usize) -> Self {
        let most = most.max(1) as f64;
        Self {
            target: (start as f64).clamp(1.0, most),
            least: 4.0_f64.min(most),
            most,
            window_start: Duration::ZERO,
            window_bytes: 0,
            window_busy: Duration::ZERO,
            window_done: 0,
            best_rate: 0.0,
            held: 0,
            slowed_at: None,
        }
    }

    /// Requests that may run.
    pub(super) fn target(&self) -> usize {
        self.target as usize
    }

    /// A request ended at `now`, after `took`, with `bytes`. `saturated`: others were waiting.
    pub(super) fn done(&mut self, now: Duration, took: Duration, bytes: u64, saturated: bool) {
        if self.window_done == 0 {
            self.window_start = self.window_start.max(now.saturating_sub(took));
        }
        self.window_bytes += bytes;
        self.window_busy += took;
        self.window_done += 1;
        let length = now.saturating_sub(self.window_start);
        // While each step brings more there is time to lose: half as long is enough then.
        let requests = if self.held == 0 { 1 } else { 2 };
        let window = (self.window_busy * requests / self.window_done).clamp(WINDOW_MIN, WINDOW_MAX);
        // A window of fewer answers than requests in flight says little.
        if length < window || f64::from(self.window_done) < self.target / 2.0 {
            return;
        }
        let rate = self.window_bytes as f64 / length.as_secs_f64();
        self.window_start = now;
        self.window_bytes = 0;
        self.window_busy = Duration::ZERO;
        self.window_done = 0;
        if saturated {
            self.step(rate);
        }
    }

    fn step(&mut self, rate: f64) {
        if rate > self.best_rate * WORTH {
            self.best_rate = rate;
            self.held = 0;
            self.target = self.target * 1.25 + 1.0;
        } else {
            // More did not bring more: stay, and look again now and then.
            self.best_rate *= 0.995;
            self.held += 1;
            if self.held.is_multiple_of(8) {
                self.target += 1.0;
            } else if self.held.is_multiple_of(4) && rate < self.best_rate * 0.8 {
                self.target *= 0.9;
            }
        }
        self.target = self.target.clamp(self.least, self.most);
    }

    /// The service asked to slow down at `now`; what it says within one second is one word.
    pub(super) fn throttled(&mut self, now: Duration) {
        if self
            .slowed_at
            .is_some_and(|at| now.saturating_sub(at) < Duration::from_secs(1))
        {
            return;
        }
        self.slowed_at = Some(now);
        self.target = (self.target * 0.7).clamp(1.0, self.most);
        self.best_rate *= 0.7;
    }
}

#[cfg(test)]
mod tests {
    use super::super::retry::Dice;
    use super::*;

    /// A line of `cap` bytes a second over connections of 90 MB/s with 25 ms to the first byte;
    /// returns the mean share of the cap in the second half, and the last target.
    fn simulate(cap: f64, most: usize, seed: u64) -> (f64, usize) {
        const PART: f64 = 8e6;
        let mut dice = Dice(seed);
        let mut controller = Controller::new(16, most);
        let (mut now, mut moved, mut counted) = (0.0, 0.0, 0.0);
        // Requests in flight: seconds until the first byte, bytes left, when begun.
        let mut flying: Vec<(f64, f64, f64)> = Vec::new();
        let tick = 0.005;
        while now < 20.0 {
            while flying.len() < controller.target() {
                flying.push((0.015 + dice.roll() * 0.03, PART, now));
            }
            let active = flying
                .iter()
                .filter(|(wait, ..)| *wait <= 0.0)
                .count()
                .max(1);
            let rate = (cap / active as f64).min(90e6);
            now += tick;
            for (wait, left, _) in &mut flying {
                match *wait > 0.0 {
                    true => *wait -= tick,
                    false => {
                        *left -= rate * tick;
                        if now > 10.0 {
                            moved += rate * tick;
                        }
                    }
                }
            }
            if now > 10.0 {
                counted += tick;
            }
            let ended: Vec<_> = flying.extract_if(.., |(_, left, _)| *left <= 0.0).collect();
            for (_, _, begun) in ended {
                let at = Duration::from_secs_f64(now);
                let took = Duration::from_secs_f64(now - begun);
                controller.done(at, took, PART as u64, true);
            }
        }
        (moved / counted / cap, controller.target())
    }

    #[test]
    fn fills_lines_of_any_width() {
        for (gbit, seed) in [(0.1, 1), (1.0, 2), (4.0, 3), (8.0, 4), (25.0, 5), (50.0, 6)] {
            let (share, target) = simulate(gbit * 125e6, 512, seed);
            assert!(
                share > 0.93,
                "{gbit} Gbit/s: {share:.2} of the line with {target}"
            );
        }
    }

    /// Twice as many are under way before half a second is over.
    #[test]
    fn small_objects_are_soon_many() {
        let mut controller = Controller::new(18, 256);
        let took = Duration::from_millis(30);
        let mut now = Duration::ZERO;
        while now < Duration::from_millis(450) {
            now += took;
            for _ in 0..controller.target() {
                controller.done(now, took, 64 << 10, true);
            }
        }
        assert!(controller.target() >= 36, "{}", controller.target());
    }

    #[test]
    fn never_more_than_allowed_nor_less_than_one() {
        let mut dice = Dice(9);
        for seed in 0..10_000 {
            let most = 1 + seed % 64;
            let mut controller = Controller::new(16, most);
            let mut now = Duration::ZERO;
            for _ in 0..50 {
                now += Duration::from_secs_f64(dice.roll());
                match dice.roll() < 0.3 {
                    true => controller.throttled(now),
                    false => {
                        let took = Duration::from_secs_f64(dice.roll());
                        controller.done(now, took, (dice.roll() * 1e8) as u64, dice.roll() < 0.8);
                    }
                }
                assert!((1..=most).contains(&controller.target()), "seed {seed}");
            }
        }
    }

    #[test]
    fn slows_down_once_a_second() {
        let mut controller = Controller::new(100, 512);
        for ms in [0, 10, 999] {
            controller.throttled(Duration::from_millis(ms));
        }
        assert_eq!(controller.target(), 70);
        controller.throttled(Duration::from_millis(1001));
        assert_eq!(controller.target(), 49);
    }
}
