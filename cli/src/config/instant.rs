//! Points in time for `--as-of`.

/// Milliseconds since the epoch of `2026-01-15`, `2026-01-15 08:30`, `2026-01-15T08:30:00.5+02:00`
/// or a plain number of milliseconds. Without a zone it is UTC.
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time.trim_start()),
        None => (text, "00:00:00Z"),
    };
    let (clock, offset_ms) = split_zone(time)?;
    Some(days_since_epoch(date)? * 86_400_000 + clock_ms(clock)? - offset_ms)
}

/// The clock time and the zone's distance from UTC in milliseconds.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock.trim_end(), 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, zone) = time.split_at(at);
    let (sign, zone) = zone.split_at(1);
    let digits: String = zone.chars().filter(|char| *char != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 23)?, 0),
        4 => (number(digits.get(..2)?, 23)?, number(digits.get(2..)?, 59)?),
        _ => return None,
    };
    let offset_ms = (hours * 60 + minutes) * 60_000;
    Some((
        clock.trim_end(),
        if sign == "-" { -offset_ms } else { offset_ms },
    ))
}

fn clock_ms(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let hours = number(parts.next()?, 23)?;
    let minutes = number(parts.next()?, 59)?;
    let (seconds, fraction_ms) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (number(seconds, 59)?, 0),
            Some((seconds, fraction)) => (number(seconds, 59)?, thousandths(fraction)?),
        },
    };
    parts
        .next()
        .is_none()
        .then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction_ms)
}

fn thousandths(fraction: &str) -> Option<i64> {
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let padded = format!("{fraction:0<3}");
    digits.then(|| padded[..3].parse().ok()).flatten()
}

/// One or two digits up to `max`.
fn number(text: &str, max: i64) -> Option<i64> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| digits && *value <= max)
}

/// Days from 1970-01-01 to `YYYY-MM-DD`, by counting in years that begin in March, so that the leap
/// day is a year's last.
fn days_since_epoch(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year: i64 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month = number(parts.next()?, 12).filter(|month| *month >= 1)?;
    let day = number(parts.next()?, 31).filter(|day| *day >= 1)?;
    if parts.next().is_some() || day > days_in(year, month) {
        return None;
    }
    let march_year = if month <= 2 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
    let leap_days =
        march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    Some(march_year * 365 + leap_days + day_of_year - 719_468)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_instants() {
        for (text, expected) in [
            ("0", 0),
            ("-5", -5),
            ("1970-01-01", 0),
            ("1969-12-31", -86_400_000),
            ("2000-02-29", 951_782_400_000),
            ("2026-01-15", 1_768_435_200_000),
            ("2026-01-15T08:30:00Z", 1_768_465_800_000),
            ("2026-01-15 08:30", 1_768_465_800_000),
            ("2026-01-15T10:30:00.25+02:00", 1_768_465_800_250),
            ("2026-01-15T00:30:00-0800", 1_768_465_800_000),
        ] {
            assert_eq!(parse_ms(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "yesterday",
            "2026-02-29",
            "2026-13-01",
            "2026-01-15T25:00",
            "26-01-15",
            "2026-01-15T08:30:00+2",
            "2026-01-15T08:30:00+1é0",
        ] {
            assert_eq!(parse_ms(wrong), None, "{wrong}");
        }
    }
}
