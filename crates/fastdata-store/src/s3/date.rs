//! The two ways in which S3 writes a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Thu, 15 Jan 2026 10:15:30 GMT`, as in headers.
pub(super) fn parse_http(text: &str) -> Option<SystemTime> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let day = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year = words.next()?.parse().ok()?;
    at(year, month, day, words.next()?)
}

/// `2026-01-15T10:15:30.000Z`, as in documents.
pub(super) fn parse_iso(text: &str) -> Option<SystemTime> {
    let (date, time) = text.trim_end_matches('Z').split_once('T')?;
    let mut parts = date.split('-').map(|part| part.parse().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    at(year, month, day, time)
}

/// A time as documents have it, to the second.
pub(super) fn iso(time: SystemTime) -> String {
    let stamp = super::sign::stamp(time);
    let (date, clock) = stamp.split_at(8);
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[1..3],
        &clock[3..5],
        &clock[5..7]
    )
}

/// Dates to days after Howard Hinnant's `days_from_civil`.
fn at(year: u64, month: u64, day: u64, time: &str) -> Option<SystemTime> {
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    let mut parts = time.split(':');
    let hour: u64 = parts.next()?.parse().ok()?;
    let minute: u64 = parts.next()?.parse().ok()?;
    let second = parts.next()?;
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let moment = moment(days, hour, minute, second.parse().ok()?)?;
    Some(moment + Duration::from_millis(millis))
}

fn moment(days: u64, hour: u64, minute: u64, second: u64) -> Option<SystemTime> {
    let is_time = hour < 24 && minute < 60 && second < 61;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    is_time.then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let expected = UNIX_EPOCH + Duration::from_secs(1_768_472_130);
        assert_eq!(parse_http("Thu, 15 Jan 2026 10:15:30 GMT"), Some(expected));
        assert_eq!(parse_iso("2026-01-15T10:15:30Z"), Some(expected));
        assert_eq!(iso(expected), "2026-01-15T10:15:30Z");
        let later = expected + Duration::from_millis(250);
        assert_eq!(parse_iso("2026-01-15T10:15:30.25Z"), Some(later));
        let leap = UNIX_EPOCH + Duration::from_secs(951_782_400);
        assert_eq!(parse_iso("2000-02-29T00:00:00.000Z"), Some(leap));
        for text in [
            "",
            "x",
            "2026-13-01T00:00:00Z",
            "Thu, 1 Foo 2026 1:1:1 GMT",
            "2026-01-15T",
        ] {
            assert_eq!((parse_http(text), parse_iso(text)), (None, None), "{text}");
        }
    }
}
