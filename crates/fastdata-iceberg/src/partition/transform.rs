//! Transforms: from a column's value to a partition's value, and the way back to a range.

use std::fmt;

use crate::schema::PrimitiveType;

/// What is done to a column's value to get the partition's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the table format's own")]
pub enum Transform {
    Identity,
    Year,
    Month,
    Day,
    Hour,
    /// Hash modulo this many buckets.
    Bucket(u32),
    /// Down to a multiple of this, or to a prefix of this length.
    Truncate(u32),
    /// Always null.
    Void,
    /// A transform that this version does not know, by its name. It says nothing about columns.
    Unknown(String),
}

impl Transform {
    /// The transform that `text` names.
    pub fn parse(text: &str) -> Self {
        let parameter = |name: &str| {
            let inner = text
                .strip_prefix(name)?
                .trim()
                .strip_prefix('[')?
                .strip_suffix(']')?;
            let width: u32 = inner.trim().parse().ok()?;
            (1..=i32::MAX.unsigned_abs())
                .contains(&width)
                .then_some(width)
        };
        match text {
            "identity" => Self::Identity,
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "void" => Self::Void,
            _ => match (parameter("bucket"), parameter("truncate")) {
                (Some(buckets), _) => Self::Bucket(buckets),
                (_, Some(width)) => Self::Truncate(width),
                _ => Self::Unknown(text.to_owned()),
            },
        }
    }

    /// The type of the partition's value for a column of type `source`; `None` where nothing is
    /// known about it.
    pub(crate) fn result(&self, source: &PrimitiveType) -> Option<PrimitiveType> {
        match self {
            Self::Identity | Self::Truncate(_) => Some(source.clone()),
            Self::Year | Self::Month | Self::Hour | Self::Bucket(_) => Some(PrimitiveType::Int),
            Self::Day => Some(PrimitiveType::Date),
            Self::Void | Self::Unknown(_) => None,
        }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Year => f.write_str("year"),
            Self::Month => f.write_str("month"),
            Self::Day => f.write_str("day"),
            Self::Hour => f.write_str("hour"),
            Self::Bucket(buckets) => write!(f, "bucket[{buckets}]"),
            Self::Truncate(width) => write!(f, "truncate[{width}]"),
            Self::Void => f.write_str("void"),
            Self::Unknown(name) => f.write_str(name),
        }
    }
}
