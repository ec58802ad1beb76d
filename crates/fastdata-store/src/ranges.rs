//! Which reads serve a batch of ranges: neighbours together, in the order of the object.

use std::ops::Range;

use bytes::Bytes;

use crate::{Error, Location, Result};

/// One contiguous read and the ranges that it serves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) span: Range<u64>,
    /// Indexes into the caller's ranges.
    pub(crate) serves: Vec<usize>,
}

/// What is worth joining.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joining {
    /// Ranges with at most this much between them become one read.
    pub(crate) gap_bytes_max: u64,
    /// But a read of several ranges does not grow beyond this, because all of it stays in memory
    /// until the last of its ranges is dropped.
    pub(crate) joined_bytes_max: u64,
}

/// What is worth splitting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Splitting {
    /// A longer read becomes several requests.
    pub(crate) above_bytes: u64,
    /// About so long each.
    pub(crate) part_bytes: u64,
}

/// The requests that a read is made of.
pub(crate) fn parts(
    read: &Range<u64>,
    splitting: Splitting,
) -> impl Iterator<Item = Range<u64>> + use<> {
    let (start, end) = (read.start, read.end);
    let len = end - start;
    let parts = if len > splitting.above_bytes {
        len.div_ceil(splitting.part_bytes)
    } else {
        1
    };
    let part_bytes = len.div_ceil(parts);
    (0..parts)
        .map(move |part| start + part * part_bytes..(start + (part + 1) * part_bytes).min(end))
}

/// The reads that serve `ranges`, ordered by offset. Empty ranges need none.
///
/// Fails on a range whose start lies behind its end.
pub(crate) fn plan(
    object: &Location,
    ranges: &[Range<u64>],
    joining: Joining,
) -> Result<Vec<Read>> {
    let mut order: Vec<usize> = Vec::with_capacity(ranges.len());
    for (index, range) in ranges.iter().enumerate() {
        if range.start > range.end {
            return Err(Error::invalid(format!(
                "cannot read bytes {}..{} of {object}: the start lies behind the end",
                range.start, range.end
            )));
        }
        if range.start < range.end {
            order.push(index);
        }
    }
    order.sort_by_key(|&index| (ranges[index].start, ranges[index].end));
    let mut reads: Vec<Read> = Vec::new();
    for index in order {
        let range = &ranges[index];
        if let Some(last) = reads.last_mut() {
            let end = last.span.end.max(range.end);
            let inside = range.end <= last.span.end;
            let near = range.start <= last.span.end.saturating_add(joining.gap_bytes_max)
                && end - last.span.start <= joining.joined_bytes_max;
            if inside || near {
                last.span.end = end;
                last.serves.push(index);
                continue;
            }
        }
        reads.push(Read {
            span: range.clone(),
            serves: vec![index],
        });
    }
    Ok(reads)
}

/// The answers to `ranges`, cut out of what each read brought.
pub(crate) fn answers(ranges: &[Range<u64>], reads: &[Read], brought: &[Bytes]) -> Vec<Bytes> {
    let mut answers = vec![Bytes::new(); ranges.len()];
    for (read, bytes) in reads.iter().zip(brought) {
        for &index in &read.serves {
            let range = &ranges[index];
            // Inside the span by `plan`, and a span of bytes in memory fits `usize`.
            let start = (range.start - read.span.start) as usize;
            let end = (range.end - read.span.start) as usize;
            answers[index] = bytes.slice(start..end);
        }
    }
    answers
}

/// The error for a range that the object does not have.
pub(crate) fn past_end(object: &Location, range: &Range<u64>, size_bytes: u64) -> Error {
    Error::invalid(format!(
        "cannot read bytes {}..{} of {object}: it is {size_bytes} bytes long",
        range.start, range.end
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOINING: Joining = Joining {
        gap_bytes_max: 10,
        joined_bytes_max: 100,
    };

    fn object() -> Location {
        Location::parse("s3://b/k").unwrap()
    }

    #[track_caller]
    fn check(ranges: &[Range<u64>], expected: &[(Range<u64>, &[usize])]) {
        let reads = plan(&object(), ranges, JOINING).unwrap();
        let reads: Vec<_> = reads
            .iter()
            .map(|read| (read.span.clone(), read.serves.as_slice()))
            .collect();
        assert_eq!(reads, expected);
    }

    #[test]
    fn neighbours_are_joined_and_strangers_are_not() {
        check(&[], &[]);
        check(&[5..5, 9..9], &[]);
        check(&[20..30, 0..10], &[(0..30, &[1, 0])]);
        check(&[21..30, 0..10], &[(0..10, &[1]), (21..30, &[0])]);
        check(
            &[0..50, 50..100, 100..101],
            &[(0..100, &[0, 1]), (100..101, &[2])],
        );
        check(&[0..500, 100..200, 0..500], &[(0..500, &[0, 2, 1])]);
        check(&[0..60, 50..120], &[(0..60, &[0]), (50..120, &[1])]);
        check(
            &[u64::MAX - 1..u64::MAX, 0..1],
            &[(0..1, &[1]), (u64::MAX - 1..u64::MAX, &[0])],
        );
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "the wrong range is the point")]
    fn a_range_that_ends_before_it_starts_is_refused() {
        let error = plan(&object(), &[0..1, 9..3], JOINING).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument);
    }

    #[test]
    fn every_range_gets_its_own_bytes_back() {
        let content = Bytes::from((0..=255).collect::<Vec<u8>>());
        // A multiplicative walk: every start and length mix, overlaps, repeats and empty ranges.
        let ranges: Vec<Range<u64>> = (0..200_u64)
            .map(|step| {
                let start = step * 37 % 256;
                start..(start + step * 11 % 40).min(256)
            })
            .collect();
        let reads = plan(&object(), &ranges, JOINING).unwrap();
        let brought: Vec<Bytes> = reads
            .iter()
            .map(|read| content.slice(read.span.start as usize..read.span.end as usize))
            .collect();
        for (range, answer) in ranges.iter().zip(answers(&ranges, &reads, &brought)) {
            assert_eq!(
                answer,
                content.slice(range.start as usize..range.end as usize)
            );
        }
    }
}
