//! Dates, times and timestamps as text.
//!
//! Strict on purpose: what is not understood in full is refused, never half read.

use chrono::NaiveDate;

/// Nanoseconds of a day.
pub(super) const DAY_NS: i128 = 86_400_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// `2026-01-15`, `2026-01-15 08:30[:00[.123]]` with `T` or a space between, then nothing, `Z`,
/// ` UTC` or an offset such as `+02:00`: nanoseconds since 1970-01-01T00:00:00Z.
pub(super) fn timestamp(text: &str) -> Option<i128> {
    let text = text.trim();
    // The dash of a negative year is no separator.
    let date_end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date_text, rest) = text.split_at(date_end);
    let midnight = i128::from(date(date_text)?) * DAY_NS;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.get(1..)?;
    let zone_start = rest
        .find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.')
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_start);
    Some(midnight + i128::from(time(clock)?) - i128::from(offset_seconds(zone)? * SECOND_NS))
}

/// Days since 1970-01-01 of `2026-01-15`; years beyond four digits carry a sign.
fn date(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let mut parts = digits.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let signed = digits.len() != text.len();
    let year_fits = if signed {
        (4..=6).contains(&year.len())
    } else {
        year.len() == 4
    };
    if parts.next().is_some() || !year_fits || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let year = sign * i32::try_from(number(year)?).ok()?;
    let date = NaiveDate::from_ymd_opt(
        year,
        u32::try_from(number(month)?).ok()?,
        u32::try_from(number(day)?).ok()?,
    )?;
    Some(date.to_epoch_days())
}

/// Nanoseconds since midnight of `08:30`, `08:30:00` or `08:30:00.123456789`.
pub(super) fn time(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.trim().split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text.trim(), None),
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let second = match parts.next() {
        Some(second) => two_digits(second)?,
        None if fraction.is_some() => return None,
        None => 0,
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanoseconds = match fraction {
        None => 0,
        Some(fraction) => {
            let digits = fraction.trim_end_matches('0');
            if fraction.is_empty() || digits.len() > 9 {
                return None;
            }
            number(&format!("{digits:0<9}"))?
        }
    };
    Some(((hour * 60 + minute) * 60 + second) * SECOND_NS + nanoseconds)
}

fn offset_seconds(zone: &str) -> Option<i64> {
    let zone = zone.trim();
    if zone.is_empty()
        || ["z", "utc", "gmt"]
            .iter()
            .any(|name| zone.eq_ignore_ascii_case(name))
    {
        return Some(0);
    }
    let (sign, clock) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = match clock.split_once(':') {
        Some(parts) => parts,
        None if clock.len() == 4 && clock.is_ascii() => clock.split_at(2),
        None => (clock, "00"),
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60)
}

fn two_digits(text: &str) -> Option<i64> {
    if text.len() == 2 { number(text) } else { None }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}
