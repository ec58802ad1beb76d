//! Log lines with their time and source, as Metaflow keeps what tasks print:
//! `[MFLOG|0|2026-11-21T16:05:03.554281Z|runtime|<id>]text`.

use std::fmt::Write as _;

use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was printed; nobody knows it of lines without a head.
    pub time: Option<DateTime<Utc>>,
    /// Who stamped it: `task` or `runtime`.
    pub source: String,
    /// What tells it from all others.
    pub id: String,
    /// What was printed, without the line break.
    pub text: Bytes,
}

const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6f";

/// Ids of lines: a random beginning, and the number of the line.
#[derive(Debug)]
pub struct LineIds {
    next: u128,
}

impl Default for LineIds {
    fn default() -> Self {
        Self {
            next: uuid::Uuid::new_v4().as_u128(),
        }
    }
}

impl LineIds {
    /// An id that no other line has.
    pub fn next_id(&mut self) -> uuid::Uuid {
        let id = uuid::Uuid::from_u128(self.next);
        // Counts where no version and no variant of an id stands.
        self.next =
            self.next & !0xffff_ffff_ffff | ((self.next & 0xffff_ffff_ffff) + 1) & 0xffff_ffff_ffff;
        id
    }
}

/// The head of a line that was printed at `time`; the text and a line break follow.
///
/// ```
/// use fastdata_metaflow::log::{LineIds, head, parse};
///
/// let mut line = head("task", chrono::Utc::now(), &mut LineIds::default()).into_bytes();
/// line.extend(b"loss 0.1");
/// let parsed = parse(&line.into());
/// assert_eq!((parsed.source.as_str(), &parsed.text[..]), ("task", &b"loss 0.1"[..]));
/// ```
pub fn head(source: &str, time: DateTime<Utc>, ids: &mut LineIds) -> String {
    let mut head = String::with_capacity(96);
    // Writing into a string cannot fail.
    let _ = write!(
        head,
        "[MFLOG|0|{}Z|{source}|{}]",
        time.format(TIME),
        ids.next_id()
    );
    head
}

/// Whether a line that a task printed is stamped already.
pub fn is_stamped(line: &[u8]) -> bool {
    line.starts_with(b"[MFLOG|") || line.starts_with(b"[![MFLOG|")
}

/// Takes a line apart, without its line break. What has no head is all text.
pub fn parse(line: &Bytes) -> Line {
    parse_head(line).unwrap_or_else(|| Line {
        time: None,
        source: String::new(),
        id: String::new(),
        text: line.clone(),
    })
}

fn parse_head(line: &Bytes) -> Option<Line> {
    let start = if line.starts_with(b"[!") { 2 } else { 0 };
    let rest = line.get(start..)?.strip_prefix(b"[MFLOG|0|")?;
    // Heads are short; a long one is text that only begins like one.
    let head_end = rest.iter().take(512).position(|byte| *byte == b']')?;
    let head = str::from_utf8(rest.get(..head_end)?).ok()?;
    let (time, rest) = head.split_once("Z|")?;
    let (source, id) = rest.split_once('|')?;
    let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    let text_start = start + b"[MFLOG|0|".len() + head_end + 1;
    Some(Line {
        time: Some(time.and_utc()),
        source: source.to_owned(),
        id: id.to_owned(),
        text: line.slice(text_start..),
    })
}

/// The lines of a log.
pub fn lines(log: &Bytes) -> impl Iterator<Item = Line> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = log.get(at..).filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|byte| *byte == b'\n');
        let end = at + len.unwrap_or(rest.len());
        let line = parse(&log.slice(at..end));
        at = end + 1;
        Some(line)
    })
}

/// The lines of several logs in the order of their times; those without one come last, in their
/// order.
pub fn merge(logs: &[Bytes]) -> Vec<Line> {
    let mut merged: Vec<Line> = logs.iter().flat_map(lines).collect();
    merged.sort_by_key(|line| line.time.unwrap_or(DateTime::<Utc>::MAX_UTC));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_metaflow_writes() {
        let log = "[MFLOG|0|2026-11-21T16:05:03.554281Z|runtime|1305c947-17af-485a-ab41-c8fac646bfe7]in work 2\n";
        let line = lines(&log.into()).next().unwrap();
        assert_eq!(line.time.unwrap().timestamp_micros() % 1_000_000, 554_281);
        assert_eq!(
            (line.source.as_str(), &line.text[..]),
            ("runtime", &b"in work 2"[..])
        );
        let kept = parse(&"[![MFLOG|0|2026-11-21T16:05:03.5Z|task|x]]a]".into());
        assert_eq!(&kept.text[..], b"]a]");
        for broken in [
            "",
            "plain",
            "[MFLOG|0|yesterdayZ|task|x]a",
            "[MFLOG|1|2026-11-21T16:05:03Z|a|b]",
            "[MFLOG|0|",
        ] {
            assert_eq!(&parse(&broken.into()).text[..], broken.as_bytes());
        }
    }

    #[test]
    fn merged_by_time() {
        let early = "[MFLOG|0|2026-01-01T00:00:00.000001Z|task|a]first\nno head\n";
        let late = "[MFLOG|0|2026-01-01T00:00:00.000000Z|task|a]zeroth\n[MFLOG|0|2026-01-01T00:00:00.000002Z|task|b]second";
        let texts: Vec<Bytes> = merge(&[early.into(), late.into()])
            .into_iter()
            .map(|line| line.text)
            .collect();
        assert_eq!(texts, ["zeroth", "first", "second", "no head"]);
    }

    #[test]
    fn ids_differ() {
        let mut ids = LineIds::default();
        let (one, two) = (ids.next_id(), ids.next_id());
        assert_ne!(one, two);
        assert_eq!((two.get_version_num(), two.to_string().len()), (4, 36));
    }
}
