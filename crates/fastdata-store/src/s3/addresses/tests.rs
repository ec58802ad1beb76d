//! The choice of addresses, in virtual time.

use std::collections::BTreeMap;

use super::super::retry::Dice;
use super::*;

fn addresses(count: u8) -> (Addresses, Vec<SocketAddr>) {
    let all: Vec<_> = (1..=count)
        .map(|last| SocketAddr::from(([127, 0, 1, last], 80)))
        .collect();
    let mut addresses = Addresses::default();
    addresses.resolved(&all, Duration::ZERO);
    (addresses, all)
}

fn count(addresses: &mut Addresses, turns: usize, at: SocketAddr, now: Duration) -> usize {
    let chosen = (0..turns).filter_map(|_| addresses.choose(now));
    chosen.filter(|chosen| *chosen == at).count()
}

#[test]
fn connections_spread_evenly() {
    let (mut addresses, all) = addresses(8);
    for _ in 0..80 {
        addresses.choose(Duration::ZERO);
    }
    assert!(addresses.known.iter().all(|known| known.connections == 10));
    addresses.closed(all[3]);
    assert_eq!(addresses.choose(Duration::ZERO), Some(all[3]));
    assert_eq!(Addresses::default().choose(Duration::ZERO), None);
}

#[test]
fn a_broken_address_is_left_alone_for_a_while() {
    let (mut addresses, all) = addresses(8);
    addresses.failed(all[0], Duration::ZERO);
    addresses.failed(all[0], Duration::ZERO);
    assert_eq!(
        count(&mut addresses, 70, all[0], Duration::from_secs(29)),
        0
    );
    assert!(count(&mut addresses, 70, all[0], Duration::from_secs(31)) > 0);
    let (mut one, all) = self::addresses(1);
    one.failed(all[0], Duration::ZERO);
    one.failed(all[0], Duration::ZERO);
    assert_eq!(
        one.choose(Duration::ZERO),
        Some(all[0]),
        "there is no other"
    );
}

#[test]
fn a_slow_address_gets_a_chance_now_and_then() {
    let (mut addresses, all) = addresses(8);
    for (index, at) in all.iter().enumerate() {
        addresses.delivered(*at, if index == 2 { 20e6 } else { 90e6 });
    }
    let chosen = count(&mut addresses, 160, all[2], Duration::ZERO);
    assert!((1..=10).contains(&chosen), "{chosen} of 160");
}

/// Of twelve addresses, the first few bring little.
const SLOW_ONES: u8 = 3;

fn is_slow_one(at: SocketAddr) -> bool {
    matches!(at.ip(), std::net::IpAddr::V4(ip) if ip.octets()[3] < SLOW_ONES)
}

/// A host as it is seen from outside, beside what is remembered of it.
struct World {
    seed: u64,
    dice: Dice,
    now: Duration,
    turns: u64,
    addresses: Addresses,
    seen: BTreeMap<SocketAddr, Seen>,
}

#[derive(Default)]
struct Seen {
    looked_up: Duration,
    open: u32,
    failures_in_a_row: u32,
    left_alone_until: Duration,
    has_delivered: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            seed,
            dice: Dice(seed),
            now: Duration::ZERO,
            turns: 0,
            addresses: Addresses::default(),
            seen: BTreeMap::new(),
        };
        world.look_up();
        world
    }

    fn roll(&mut self, below: usize) -> usize {
        (self.dice.roll() * below as f64) as usize
    }

    /// One of those that are known.
    fn any(&mut self) -> SocketAddr {
        let number = self.roll(self.seen.len());
        *self.seen.keys().nth(number).unwrap()
    }

    fn change(&mut self, at: SocketAddr, change: impl FnOnce(&mut Seen)) {
        change(self.seen.entry(at).or_default());
    }

    /// Brings a few addresses; those that nobody has named for five minutes are forgotten.
    fn look_up(&mut self) {
        let found: Vec<_> = (0..=self.roll(5))
            .map(|_| SocketAddr::from(([127, 0, 1, self.roll(12) as u8], 80)))
            .collect();
        let now = self.now;
        for at in &found {
            self.change(*at, |seen| seen.looked_up = now);
        }
        self.seen
            .retain(|_, seen| seen.open > 0 || now - seen.looked_up < FORGOTTEN_AFTER);
        self.addresses.resolved(&found, now);
        let mut known: Vec<_> = self.addresses.known.iter().map(|known| known.at).collect();
        known.sort_unstable();
        assert!(known.iter().eq(self.seen.keys()), "seed {}", self.seed);
    }

    /// What speaks against an address: that it is left alone, that it is slow, that it is in use.
    fn against(&self, at: SocketAddr) -> (bool, bool, u32) {
        let seen = &self.seen[&at];
        let is_measured = seen.has_delivered
            && self
                .seen
                .iter()
                .any(|(other, seen)| seen.has_delivered && !is_slow_one(*other));
        let is_slow = is_measured && is_slow_one(at);
        assert_eq!(self.addresses.is_slow(at), is_slow, "seed {}", self.seed);
        let is_probe = self.turns.is_multiple_of(16);
        (
            seen.left_alone_until > self.now,
            is_slow && !is_probe,
            seen.open,
        )
    }

    /// Some address is offered, and none with less against it is passed over.
    fn choose(&mut self) {
        self.turns += 1;
        let best = self.seen.keys().map(|at| self.against(*at)).min();
        let Some(chosen) = self.addresses.choose(self.now) else {
            panic!("seed {}: no address", self.seed)
        };
        assert_eq!(Some(self.against(chosen)), best, "seed {}", self.seed);
        self.change(chosen, |seen| seen.open += 1);
    }

    fn fail(&mut self) {
        let (at, now) = (self.any(), self.now);
        self.addresses.failed(at, now);
        self.change(at, |seen| {
            seen.failures_in_a_row += 1;
            if seen.failures_in_a_row > 1 {
                seen.left_alone_until = now + Duration::from_secs(30);
            }
        });
    }

    fn deliver(&mut self) {
        let at = self.any();
        let share = if is_slow_one(at) { 0.2 } else { 1.0 };
        let rate = share * (80e6 + self.dice.roll() * 20e6);
        self.addresses.delivered(at, rate);
        self.change(at, |seen| {
            seen.failures_in_a_row = 0;
            seen.has_delivered = true;
        });
    }

    fn close(&mut self) {
        let at = self.any();
        if self.seen[&at].open > 0 {
            self.addresses.closed(at);
            self.change(at, |seen| seen.open -= 1);
        }
    }

    fn step(&mut self) {
        match self.roll(12) {
            0..4 => self.choose(),
            4..7 => self.close(),
            7 | 8 => self.fail(),
            9 => self.deliver(),
            10 => self.look_up(),
            // Most often moments, now and then minutes.
            _ => self.now += Duration::from_secs_f64(self.dice.roll().powi(3) * 200.0),
        }
    }
}

#[test]
fn ten_thousand_seeds_offer_the_best_address_there_is() {
    for seed in 0..10_000 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.step();
        }
    }
}
