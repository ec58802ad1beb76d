//! Whether a failed request is sent again, and when: a state machine without a clock or a socket.

use std::time::Duration;

/// What came of an attempt, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service asks to slow down, perhaps for how long.
    Throttled(Option<Duration>),
    /// The service failed, or the connection broke.
    Broken,
    /// The body broke behind a good part of it: what came is kept.
    BrokenWithProgress,
    /// A connection that lay idle was closed by the other side before it answered.
    Stale,
    /// No connection came about.
    NoConnection,
    /// The answer was none that the protocol allows.
    Nonsense,
    /// The clock of this machine is wrong; its offset is now known.
    Skewed,
    /// The bucket is in another region, which is now known.
    OtherRegion,
    /// The credentials have expired.
    Expired,
    /// Sending it again changes nothing.
    Final,
}

/// How patient a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// Attempts behind the first one.
    pub(super) retries: u32,
    /// No attempt begins later than this behind the first one.
    pub(super) total: Duration,
}

/// The retries of one request.
#[derive(Debug)]
pub(super) struct Retry {
    patience: Patience,
    attempts: u32,
    connects: u32,
    stale: u32,
    nonsense: u32,
    corrected: [bool; 3],
    dice: Dice,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Again(Duration),
    GiveUp,
}

/// Without a connection more tries only hide a wrong address.
const CONNECTS_MAX: u32 = 3;

/// The pauses double from here to there.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
const PAUSE_WHEN_THROTTLED: (Duration, Duration) =
    (Duration::from_millis(400), Duration::from_secs(10));

impl Retry {
    pub(super) fn new(patience: Patience, seed: u64) -> Self {
        Self {
            patience,
            attempts: 1,
            connects: 0,
            stale: 0,
            nonsense: 0,
            corrected: [false; 3],
            dice: Dice(seed | 1),
        }
    }

    /// Attempts so far, the one that is under way included.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Decides `elapsed` after the first attempt began.
    pub(super) fn after(
        &mut self,
        outcome: Outcome,
        elapsed: Duration,
        budget: &mut Budget,
    ) -> Decision {
        let pause = match outcome {
            Outcome::Final => return Decision::GiveUp,
            Outcome::Skewed => return self.correct(0),
            Outcome::OtherRegion => return self.correct(1),
            Outcome::Expired => return self.correct(2),
            Outcome::Stale if self.stale < 4 => {
                self.stale += 1;
                return Decision::Again(Duration::ZERO);
            }
            Outcome::BrokenWithProgress => {
                self.attempts += 1;
                return self.in_time(Duration::ZERO, elapsed);
            }
            Outcome::NoConnection => {
                self.connects += 1;
                if self.connects >= CONNECTS_MAX {
                    return Decision::GiveUp;
                }
                self.pause(PAUSE)
            }
            Outcome::Nonsense => {
                self.nonsense += 1;
                if self.nonsense > 1 {
                    return Decision::GiveUp;
                }
                self.pause(PAUSE)
            }
            Outcome::Throttled(wanted) => {
                let pause = self.pause(PAUSE_WHEN_THROTTLED);
                wanted.map_or(pause, |wanted| wanted.max(pause))
            }
            Outcome::Broken | Outcome::Stale => self.pause(PAUSE),
        };
        if self.attempts > self.patience.retries || !budget.take() {
            return Decision::GiveUp;
        }
        self.attempts += 1;
        self.in_time(pause, elapsed)
    }

    fn in_time(&self, pause: Duration, elapsed: Duration) -> Decision {
        // A service may ask for a wait of any length.
        match elapsed.saturating_add(pause) > self.patience.total {
            true => Decision::GiveUp,
            false => Decision::Again(pause),
        }
    }

    /// What is set right once and still wrong is wrong for another reason.
    fn correct(&mut self, what: usize) -> Decision {
        if std::mem::replace(&mut self.corrected[what], true) {
            return Decision::GiveUp;
        }
        self.attempts += 1;
        Decision::Again(Duration::ZERO)
    }

    /// Anything up to the doubled pause, so that clients that failed together do not come back
    /// together.
    fn pause(&mut self, (least, most): (Duration, Duration)) -> Duration {
        let doubled = least.saturating_mul(1 << self.attempts.min(16)).min(most);
        doubled.mul_f64(self.dice.roll()).max(least / 4)
    }
}

/// Retries that all requests share: when a service is down, a thousand requests must not make it
/// ten thousand. Each retry takes one, ten that succeeded give one back.
#[derive(Debug)]
pub(super) struct Budget {
    tenths: u32,
}

const BUDGET_TENTHS_MAX: u32 = 5000;

impl Default for Budget {
    fn default() -> Self {
        Self {
            tenths: BUDGET_TENTHS_MAX,
        }
    }
}

impl Budget {
    fn take(&mut self) -> bool {
        match self.tenths.checked_sub(10) {
            Some(rest) => {
                self.tenths = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.tenths = (self.tenths + 1).min(BUDGET_TENTHS_MAX);
    }
}

/// Numbers that need not be unpredictable: SplitMix64.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// From 0 to below 1.
    pub(super) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        retries: 5,
        total: Duration::from_secs(60),
    };

    /// Requests that fail in any order and at any speed end, in bounded time and attempts.
    #[test]
    fn ten_thousand_seeds_end_within_their_bounds() {
        for seed in 0..10_000 {
            let mut world = Dice(seed);
            let mut retry = Retry::new(PATIENCE, seed);
            let mut budget = Budget::default();
            let (mut elapsed, mut sent, mut progressed) = (Duration::ZERO, 0, 0);
            loop {
                sent += 1;
                elapsed += Duration::from_secs_f64(world.roll() * 2.0);
                let outcome = match (world.roll() * 9.0) as u32 {
                    0 => Outcome::Throttled(None),
                    1 => Outcome::Throttled(Some(Duration::from_secs(1))),
                    2 | 3 => Outcome::Broken,
                    4 if progressed < 20 => {
                        progressed += 1;
                        Outcome::BrokenWithProgress
                    }
                    5 => Outcome::Stale,
                    6 => Outcome::NoConnection,
                    7 => Outcome::Skewed,
                    _ => Outcome::Nonsense,
                };
                match retry.after(outcome, elapsed, &mut budget) {
                    Decision::GiveUp => break,
                    Decision::Again(pause) => {
                        assert!(pause <= Duration::from_secs(10), "{pause:?} at seed {seed}");
                        elapsed += pause;
                        assert!(elapsed <= PATIENCE.total, "{elapsed:?} at seed {seed}");
                    }
                }
            }
            assert!(
                sent <= 6 + progressed + 4 + 1,
                "{sent} attempts at seed {seed}"
            );
            assert!(retry.attempts() <= sent, "seed {seed}");
        }
    }

    #[test]
    fn what_cannot_help_is_not_tried() {
        let mut budget = Budget::default();
        let mut decide = |outcomes: &[Outcome]| {
            let mut retry = Retry::new(PATIENCE, 1);
            let decisions = outcomes
                .iter()
                .map(|outcome| retry.after(*outcome, Duration::ZERO, &mut budget));
            decisions
                .filter(|decision| *decision != Decision::GiveUp)
                .count()
        };
        assert_eq!(decide(&[Outcome::Final]), 0);
        assert_eq!(decide(&[Outcome::Skewed, Outcome::Skewed]), 1);
        assert_eq!(
            decide(&[Outcome::OtherRegion, Outcome::Skewed, Outcome::Expired]),
            3
        );
        assert_eq!(decide(&[Outcome::NoConnection; 10]), 2);
        assert_eq!(decide(&[Outcome::Nonsense; 10]), 1);
        assert_eq!(decide(&[Outcome::Broken; 10]), 5);
    }

    #[test]
    fn pauses_grow_and_scatter() {
        let mut pauses: Vec<Vec<Duration>> = vec![Vec::new(); 5];
        for seed in 0..1000 {
            let mut retry = Retry::new(PATIENCE, seed * 7919);
            for pause in &mut pauses {
                let outcome = Outcome::Throttled(None);
                match retry.after(outcome, Duration::ZERO, &mut Budget::default()) {
                    Decision::Again(after) => pause.push(after),
                    Decision::GiveUp => panic!("too early"),
                }
            }
        }
        let mean = |pauses: &[Duration]| pauses.iter().sum::<Duration>() / pauses.len() as u32;
        let means: Vec<_> = pauses.iter().map(|pauses| mean(pauses)).collect();
        assert!(means.is_sorted(), "{means:?}");
        let spread = pauses[0]
            .iter()
            .max()
            .unwrap()
            .saturating_sub(*pauses[0].iter().min().unwrap());
        assert!(spread > Duration::from_millis(500), "{spread:?}");
        let told = Outcome::Throttled(Some(Duration::from_secs(9)));
        let decision = Retry::new(PATIENCE, 1).after(told, Duration::ZERO, &mut Budget::default());
        assert_eq!(decision, Decision::Again(Duration::from_secs(9)));
        let told = Outcome::Throttled(Some(Duration::MAX));
        let elapsed = Duration::from_secs(1);
        let decision = Retry::new(PATIENCE, 1).after(told, elapsed, &mut Budget::default());
        assert_eq!(decision, Decision::GiveUp, "longer than anybody waits");
    }

    #[test]
    fn a_service_that_is_down_is_not_flooded() {
        let mut budget = Budget::default();
        let mut retries = 0;
        for seed in 0..10_000 {
            let mut retry = Retry::new(PATIENCE, seed);
            while retry.after(Outcome::Broken, Duration::ZERO, &mut budget) != Decision::GiveUp {
                retries += 1;
            }
        }
        assert_eq!(retries, 500, "ten thousand requests share one budget");
        for _ in 0..10 {
            budget.succeeded();
        }
        let mut retry = Retry::new(PATIENCE, 1);
        let decision = retry.after(Outcome::Broken, Duration::ZERO, &mut budget);
        assert_ne!(decision, Decision::GiveUp);
    }
}
