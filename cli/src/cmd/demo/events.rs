//! The events of a small shop, the same on every machine.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, Date32Array, Int64Array, TimestampMicrosecondArray};

/// Days since the epoch of 2026-01-01.
pub(super) const FIRST_DAY: i32 = 20_454;
/// Up to 2026-03-31.
pub(super) const DAYS: i32 = 90;
/// From 2026-03-01 on, events know their device.
pub(super) const FIRST_DAY_WITH_DEVICE: i32 = FIRST_DAY + 59;

const COUNTRIES: [&str; 6] = ["DE", "FR", "GB", "JP", "US", "BR"];
const EVENT_TYPES: [&str; 4] = ["view", "cart", "purchase", "refund"];
const DEVICES: [&str; 3] = ["phone", "desktop", "tablet"];
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A user who is none: the rows of this one are deleted on some days.
pub(super) const BOT: i64 = 666;

/// The events of one day, as columns.
pub(super) struct Day {
    /// In the order of the table's schema; the device comes last, where there is one.
    pub(super) columns: Vec<ArrayRef>,
    pub(super) rows: usize,
    pub(super) nulls_in_price: i64,
    /// Least and greatest, event ids and times.
    pub(super) ids: (i64, i64),
    pub(super) times_us: (i64, i64),
    /// Positions of the bot's events.
    pub(super) of_bot: Vec<i64>,
}

/// Makes the events of `day`. Weekends are busier, evenings too.
pub(super) fn day(day: i32) -> Day {
    let mut random = Random(u64::from(day.unsigned_abs()));
    // 1970-01-01 was a Thursday.
    let weekend = (day + 4).rem_euclid(7) % 6 == 0;
    let rows = 2_400 + random.below(400) as usize + if weekend { 900 } else { 0 };
    let mut times_us: Vec<i64> = (0..rows).map(|_| time_of_day_us(&mut random)).collect();
    times_us.sort_unstable();
    for time in &mut times_us {
        *time += i64::from(day) * MICROS_PER_DAY;
    }
    let first_id = i64::from(day - FIRST_DAY) * 10_000 + 1;
    let ids: Vec<i64> = (first_id..).take(rows).collect();
    let (users, of_bot) = users(rows, &mut random);
    let (types, prices, nulls_in_price) = purchases(rows, &mut random);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ids.clone())),
        Arc::new(Date32Array::from(vec![day; rows])),
        Arc::new(TimestampMicrosecondArray::from(times_us.clone()).with_timezone("UTC")),
        Arc::new(Int64Array::from(users)),
        Arc::new(words(rows, &COUNTRIES, &mut random)),
        types,
        prices,
    ];
    if day >= FIRST_DAY_WITH_DEVICE {
        columns.push(Arc::new(words(rows, &DEVICES, &mut random)));
    }
    let ends = |values: &[i64]| {
        (
            values.first().copied().unwrap_or(0),
            values.last().copied().unwrap_or(0),
        )
    };
    Day {
        columns,
        rows,
        nulls_in_price,
        ids: ends(&ids),
        times_us: ends(&times_us),
        of_bot,
    }
}

/// The later of two instants of the day, so that evenings are busier.
fn time_of_day_us(random: &mut Random) -> i64 {
    let (one, other) = (random.below(86_400_000), random.below(86_400_000));
    one.max(other) as i64 * 1000
}

/// Few users come often, most seldom; now and then comes the bot.
fn users(rows: usize, random: &mut Random) -> (Vec<i64>, Vec<i64>) {
    let mut of_bot = Vec::new();
    let users = (0..rows as i64).map(|row| {
        if random.below(20) == 0 {
            of_bot.push(row);
            return BOT;
        }
        let often = random.below(100) < 30;
        1000 + random.below(if often { 200 } else { 20_000 }) as i64
    });
    (users.collect(), of_bot)
}

/// Event types, and prices for those that have one.
fn purchases(rows: usize, random: &mut Random) -> (ArrayRef, ArrayRef, i64) {
    let mut types = StringBuilder::new();
    let mut prices = Float64Builder::new();
    let mut nulls = 0;
    for _ in 0..rows {
        let which = match random.below(100) {
            0..80 => 0,
            80..93 => 1,
            93..99 => 2,
            _ => 3,
        };
        types.append_value(EVENT_TYPES[which]);
        if which == 0 {
            prices.append_null();
            nulls += 1;
        } else {
            // The product of two draws: most things are cheap.
            let cents = (1 + random.below(225)) * (1 + random.below(225));
            prices.append_value(cents as f64 / 100.0);
        }
    }
    (Arc::new(types.finish()), Arc::new(prices.finish()), nulls)
}

fn words(rows: usize, choices: &[&str], random: &mut Random) -> arrow_array::StringArray {
    let mut words = StringBuilder::new();
    for _ in 0..rows {
        // The earlier of two draws: the first choices are the common ones.
        let draw = random
            .below(choices.len() as u64)
            .min(random.below(choices.len() as u64));
        words.append_value(choices[draw as usize]);
    }
    words.finish()
}

/// SplitMix64: ours, so that no release of a library changes the table.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not including `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_same_each_time() {
        let (one, other) = (day(FIRST_DAY), day(FIRST_DAY));
        assert_eq!(one.columns, other.columns);
        assert_eq!(one.columns.len(), 7);
        assert!(one.columns.iter().all(|column| column.len() == one.rows));
        assert_eq!(day(FIRST_DAY_WITH_DEVICE).columns.len(), 8);
        assert!(!one.of_bot.is_empty());
    }
}
