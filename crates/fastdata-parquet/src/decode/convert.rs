//! From a value as Parquet stores it to the value that Arrow holds.

use arrow_buffer::{IntervalMonthDayNano, i256};
use arrow_schema::TimeUnit;

use super::pod::{Pod, bytes_mut};
use crate::{Error, Result};

/// How stored bytes become values of one Arrow type.
pub(crate) trait Convert: Send + Sync + 'static {
    /// The Arrow value.
    type Out: Pod;

    /// Bytes of a stored value, or `None` when each has its own length.
    fn stored_bytes(&self) -> Option<usize>;

    /// Converts `out.len()` stored values that lie one behind the other. `stored` has exactly
    /// their length.
    fn all(&self, stored: &[u8], out: &mut [Self::Out]) -> Result<()>;

    /// Converts one stored value of any length.
    fn one(&self, stored: &[u8]) -> Result<Self::Out> {
        let mut out = [Self::Out::default()];
        if self
            .stored_bytes()
            .is_some_and(|bytes| bytes != stored.len())
        {
            return Err(Error::corrupt("a value of the wrong length"));
        }
        self.all(stored, &mut out)?;
        Ok(out[0])
    }

    /// Converts integers that a delta stream gave. `None` when the type is not stored as integers.
    fn integers(&self, values: &[i64], out: &mut [Self::Out]) -> Option<Result<()>> {
        let _ = (values, out);
        None
    }
}

/// Same bytes on both sides.
pub(crate) struct Same<T>(pub(crate) std::marker::PhantomData<T>);

macro_rules! same {
    ($($t:ty),*) => { $(
        impl Convert for Same<$t> {
            type Out = $t;

            fn stored_bytes(&self) -> Option<usize> {
                Some(size_of::<$t>())
            }

            fn all(&self, stored: &[u8], out: &mut [$t]) -> Result<()> {
                bytes_mut(out).copy_from_slice(stored);
                if cfg!(target_endian = "big") {
                    out.iter_mut().for_each(|value| *value = value.swap_bytes());
                }
                Ok(())
            }

            // Not `expect`: the macro's other width does not truncate.
            #[allow(clippy::cast_possible_truncation, reason = "INT32 deltas wrap at 32 bits")]
            #[allow(clippy::cast_lossless, reason = "one macro for all widths")]
            fn integers(&self, values: &[i64], out: &mut [$t]) -> Option<Result<()>> {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = value as $t;
                }
                Some(Ok(()))
            }
        }
    )* };
}
same!(i32, i64);

/// Float16: two bytes as they are.
pub(crate) struct TwoBytes;

impl Convert for TwoBytes {
    type Out = u16;

    fn stored_bytes(&self) -> Option<usize> {
        Some(2)
    }

    fn all(&self, stored: &[u8], out: &mut [u16]) -> Result<()> {
        for (out, bytes) in out.iter_mut().zip(stored.as_chunks::<2>().0) {
            *out = u16::from_le_bytes(*bytes);
        }
        Ok(())
    }
}

/// INT32 or INT64 to an integer of another width: narrow integers, decimals, dates in milliseconds.
pub(crate) struct FromInt<S, T> {
    convert: fn(S) -> Option<T>,
}

impl<S, T> FromInt<S, T> {
    /// `convert` gives `None` for what the target cannot hold.
    pub(crate) fn new(convert: fn(S) -> Option<T>) -> Self {
        Self { convert }
    }
}

macro_rules! from_int {
    ($($s:ty),*) => { $(
        impl<T: Pod> Convert for FromInt<$s, T> {
            type Out = T;

            fn stored_bytes(&self) -> Option<usize> {
                Some(size_of::<$s>())
            }

            fn all(&self, stored: &[u8], out: &mut [T]) -> Result<()> {
                for (out, bytes) in out.iter_mut().zip(stored.as_chunks::<{ size_of::<$s>() }>().0) {
                    *out = (self.convert)(<$s>::from_le_bytes(*bytes)).ok_or_else(outside)?;
                }
                Ok(())
            }

            // Not `expect`: the macro's other width does not truncate.
            #[allow(clippy::cast_possible_truncation, reason = "INT32 deltas wrap at 32 bits")]
            #[allow(clippy::unnecessary_cast, reason = "one macro for both widths")]
            fn integers(&self, values: &[i64], out: &mut [T]) -> Option<Result<()>> {
                for (out, &value) in out.iter_mut().zip(values) {
                    match (self.convert)(value as $s) {
                        Some(value) => *out = value,
                        None => return Some(Err(outside())),
                    }
                }
                Some(Ok(()))
            }
        }
    )* };
}
from_int!(i32, i64);

/// Widening without loss, in a loop that vectorises: what decimals in INT32 and INT64 need.
pub(crate) struct Widen<S, T>(pub(crate) std::marker::PhantomData<(S, T)>);

macro_rules! widen {
    ($(($s:ty, $t:ty)),*) => { $(
        impl Convert for Widen<$s, $t> {
            type Out = $t;

            fn stored_bytes(&self) -> Option<usize> {
                Some(size_of::<$s>())
            }

            fn all(&self, stored: &[u8], out: &mut [$t]) -> Result<()> {
                for (out, bytes) in out.iter_mut().zip(stored.as_chunks::<{ size_of::<$s>() }>().0) {
                    *out = <$t>::from(<$s>::from_le_bytes(*bytes));
                }
                Ok(())
            }

            #[allow(clippy::unnecessary_cast, clippy::cast_possible_truncation, reason = "one macro")]
            fn integers(&self, values: &[i64], out: &mut [$t]) -> Option<Result<()>> {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = <$t>::from(value as $s);
                }
                Some(Ok(()))
            }
        }
    )* };
}
widen!((i32, i64), (i32, i128), (i64, i128));

/// Big-endian two's complement of `width` bytes (or any length, when that is `None`).
pub(crate) struct BigEndian<T> {
    width: Option<usize>,
    convert: fn(&[u8]) -> Option<T>,
}

impl<T> BigEndian<T> {
    pub(crate) fn new(width: Option<usize>, convert: fn(&[u8]) -> Option<T>) -> Self {
        Self { width, convert }
    }
}

impl<T: Pod> Convert for BigEndian<T> {
    type Out = T;

    fn stored_bytes(&self) -> Option<usize> {
        self.width
    }

    fn all(&self, stored: &[u8], out: &mut [T]) -> Result<()> {
        let width = self.width.unwrap_or(stored.len()).max(1);
        for (out, bytes) in out.iter_mut().zip(stored.chunks_exact(width)) {
            *out = (self.convert)(bytes).ok_or_else(outside)?;
        }
        Ok(())
    }

    fn one(&self, stored: &[u8]) -> Result<T> {
        (self.convert)(stored).ok_or_else(outside)
    }
}

/// Sign-extends big-endian bytes to `N`; `None` when they do not fit.
fn extended<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let sign = if bytes.first().is_some_and(|&first| first >= 0x80) {
        0xff
    } else {
        0
    };
    let mut value = [sign; N];
    match bytes.len().checked_sub(N) {
        None | Some(0) => value[N - bytes.len()..].copy_from_slice(bytes),
        Some(surplus) => {
            let (high, low) = bytes.split_at(surplus);
            let sign_kept = low
                .first()
                .is_some_and(|&first| (first >= 0x80) == (sign == 0xff));
            if high.iter().any(|&byte| byte != sign) || !sign_kept {
                return None;
            }
            value.copy_from_slice(low);
        }
    }
    Some(value)
}

pub(crate) fn big_endian_i32(bytes: &[u8]) -> Option<i32> {
    extended(bytes).map(i32::from_be_bytes)
}

pub(crate) fn big_endian_i64(bytes: &[u8]) -> Option<i64> {
    extended(bytes).map(i64::from_be_bytes)
}

pub(crate) fn big_endian_i128(bytes: &[u8]) -> Option<i128> {
    // The common widths (up to 16 bytes) without a loop over bytes.
    if let Some(last) = bytes.len().checked_sub(1).filter(|&last| last < 16) {
        let mut window = [0; 16];
        window[..=last].copy_from_slice(bytes);
        return Some(i128::from_be_bytes(window) >> (8 * (15 - last)));
    }
    extended(bytes).map(i128::from_be_bytes)
}

pub(crate) fn big_endian_i256(bytes: &[u8]) -> Option<i256> {
    extended(bytes).map(i256::from_be_bytes)
}

/// Twelve bytes: nanoseconds of the day, then the Julian day.
pub(crate) struct Int96(pub(crate) TimeUnit);

impl Convert for Int96 {
    type Out = i64;

    fn stored_bytes(&self) -> Option<usize> {
        Some(12)
    }

    fn all(&self, stored: &[u8], out: &mut [i64]) -> Result<()> {
        for (out, bytes) in out.iter_mut().zip(stored.as_chunks::<12>().0) {
            *out = int96(bytes, self.0)?;
        }
        Ok(())
    }
}

/// An INT96 instant in `unit`; what the unit cannot hold exactly is an error.
pub(crate) fn int96(bytes: &[u8; 12], unit: TimeUnit) -> Result<i64> {
    const EPOCH_JULIAN_DAY: i64 = 2_440_588;
    const DAY_NS: i128 = 86_400_000_000_000;
    let (mut nanos, mut day) = ([0; 8], [0; 4]);
    nanos.copy_from_slice(&bytes[..8]);
    day.copy_from_slice(&bytes[8..]);
    let days = i64::from(i32::from_le_bytes(day)) - EPOCH_JULIAN_DAY;
    let total = i128::from(days) * DAY_NS + i128::from(i64::from_le_bytes(nanos));
    let step = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    let value = i64::try_from(total / step)
        .ok()
        .filter(|_| total % step == 0);
    value.ok_or_else(|| {
        Error::unsupported(format!(
            "an INT96 timestamp of {total} ns since 1970 is not a 64-bit number of {unit:?}s; \
             choose another unit in ReadOptions::int96"
        ))
    })
}

/// Twelve bytes: months, days and milliseconds.
pub(crate) struct Interval;

impl Convert for Interval {
    type Out = IntervalMonthDayNano;

    fn stored_bytes(&self) -> Option<usize> {
        Some(12)
    }

    fn all(&self, stored: &[u8], out: &mut [IntervalMonthDayNano]) -> Result<()> {
        for (out, bytes) in out.iter_mut().zip(stored.as_chunks::<12>().0) {
            let part = |at: usize| {
                u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
            };
            let small = |value: u32| i32::try_from(value).map_err(|_| outside());
            *out = IntervalMonthDayNano {
                months: small(part(0))?,
                days: small(part(4))?,
                nanoseconds: i64::from(part(8)) * 1_000_000,
            };
        }
        Ok(())
    }
}

#[cold]
fn outside() -> Error {
    Error::corrupt("a value that its column's type cannot hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_of_every_length() {
        for value in [
            0_i128,
            1,
            -1,
            127,
            128,
            -128,
            -129,
            1 << 70,
            -(1 << 70),
            i128::MAX,
            i128::MIN,
        ] {
            let all = value.to_be_bytes();
            for len in 1..=16 {
                let fits = value
                    .checked_shr(8 * len - 1)
                    .is_none_or(|high| high == 0 || high == -1);
                if fits {
                    let bytes = &all[16 - len as usize..];
                    assert_eq!(big_endian_i128(bytes), Some(value), "{value} in {len}");
                    assert_eq!(big_endian_i256(bytes), Some(i256::from_i128(value)));
                    assert_eq!(big_endian_i64(bytes), i64::try_from(value).ok());
                }
            }
        }
        assert_eq!(big_endian_i128(&[0xff; 20]), Some(-1));
        assert_eq!(big_endian_i128(&[0x01; 20]), None);
        assert_eq!(big_endian_i32(&[0, 0, 0, 0, 7]), Some(7));
        assert_eq!(big_endian_i32(&[0, 0x80, 0, 0, 0]), None);
    }

    #[test]
    fn int96_is_exact_or_refused() {
        let stored = |nanos: i64, day: i32| {
            let mut bytes = [0; 12];
            bytes[..8].copy_from_slice(&nanos.to_le_bytes());
            bytes[8..].copy_from_slice(&day.to_le_bytes());
            bytes
        };
        assert_eq!(
            int96(&stored(5, 2_440_588), TimeUnit::Nanosecond).unwrap(),
            5
        );
        assert_eq!(
            int96(&stored(0, 2_440_587), TimeUnit::Microsecond).unwrap(),
            -86_400_000_000
        );
        let year_9999 = stored(0, 5_373_484);
        assert!(int96(&year_9999, TimeUnit::Nanosecond).is_err());
        assert!(int96(&year_9999, TimeUnit::Microsecond).is_ok());
        assert!(int96(&stored(5, 2_440_588), TimeUnit::Microsecond).is_err());
    }
}
