//! Reading and skipping values in a block's bytes.

use super::schema::Node;
use crate::Error;

/// What is wrong with the bytes. Small, since the hot loop returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    Truncated,
    Varint,
    Branch,
    Length,
    Boolean,
    Utf8,
    Type,
    Absent,
}

impl From<Damage> for Error {
    #[cold]
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Truncated => Error::truncated("a value runs past the end of its block"),
            Damage::Varint => Error::corrupt("a number of more than 64 bits"),
            Damage::Branch => Error::corrupt("a union's branch that does not exist"),
            Damage::Length => Error::corrupt("a negative or impossible length"),
            Damage::Boolean => Error::corrupt("a boolean that is neither 0 nor 1"),
            Damage::Utf8 => Error::corrupt("a string that is not UTF-8"),
            Damage::Type => Error::corrupt("a value of another type than the format prescribes"),
            Damage::Absent => Error::corrupt("a required value is null"),
        }
    }
}

type Read<T> = std::result::Result<T, Damage>;

/// A position in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not yet read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The bytes between `start` and here; `start` is an earlier state of this cursor.
    pub(crate) fn since(&self, start: Cursor<'a>) -> &'a [u8] {
        let length = start.rest.len().saturating_sub(self.rest.len());
        start.rest.get(..length).unwrap_or_default()
    }

    /// An int or long.
    #[inline]
    pub(crate) fn varint(&mut self) -> Read<i64> {
        let (first, rest) = self.rest.split_first().ok_or(Damage::Truncated)?;
        if *first < 0x80 {
            self.rest = rest;
            let raw = u64::from(*first);
            return Ok(zigzag(raw));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Read<i64> {
        let mut raw = 0u64;
        for (index, byte) in self.rest.iter().enumerate() {
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if index > 9 || (index == 9 && bits > 1) {
                return Err(Damage::Varint);
            }
            raw |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(zigzag(raw));
            }
        }
        Err(Damage::Truncated)
    }

    /// The next `length` bytes.
    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Damage::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// `bytes` or `string`.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).map_err(|_| Damage::Length)?)
    }

    /// `bytes` that must be so many.
    pub(crate) fn bytes_of(&mut self, length: usize) -> Read<&'a [u8]> {
        let bytes = self.bytes()?;
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(Damage::Length)
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Damage::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn boolean(&mut self) -> Read<bool> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Damage::Boolean),
        }
    }

    /// Reads a union's branch, if `node` is a union, and says what follows.
    #[inline]
    pub(crate) fn enter<'n>(&mut self, node: &'n Node) -> Read<&'n Node> {
        match node {
            Node::Union(branches) => {
                let branch = usize::try_from(self.varint()?).map_err(|_| Damage::Branch)?;
                Ok(branches.get(branch).ok_or(Damage::Branch)?)
            }
            _ => Ok(node),
        }
    }

    /// A whole number, or null.
    pub(crate) fn optional_long(&mut self, node: &Node) -> Read<Option<i64>> {
        match self.enter(node)? {
            Node::Null => Ok(None),
            Node::Int | Node::Long => self.varint().map(Some),
            _ => Err(Damage::Type),
        }
    }

    /// Bytes or a string, or null.
    pub(crate) fn optional_bytes(&mut self, node: &Node) -> Read<Option<&'a [u8]>> {
        match self.enter(node)? {
            Node::Null => Ok(None),
            Node::Bytes | Node::String => self.bytes().map(Some),
            Node::Fixed(length) => self.take(*length).map(Some),
            Node::FixedWithLength(length) => self.bytes_of(*length).map(Some),
            _ => Err(Damage::Type),
        }
    }

    /// A string, or null.
    pub(crate) fn optional_str(&mut self, node: &Node) -> Read<Option<&'a str>> {
        let bytes = self.optional_bytes(node)?;
        bytes
            .map(|bytes| std::str::from_utf8(bytes).map_err(|_| Damage::Utf8))
            .transpose()
    }

    /// A boolean, or null.
    pub(crate) fn optional_boolean(&mut self, node: &Node) -> Read<Option<bool>> {
        match self.enter(node)? {
            Node::Null => Ok(None),
            Node::Boolean => self.boolean().map(Some),
            _ => Err(Damage::Type),
        }
    }

    /// The header of the next run of an array's or map's items: 0 ends it. A run may be preceded
    /// by its length in bytes, which nobody here needs.
    pub(crate) fn run(&mut self) -> Read<usize> {
        let count = self.varint()?;
        if count < 0 {
            self.varint()?;
        }
        let count = usize::try_from(count.unsigned_abs()).map_err(|_| Damage::Length)?;
        // An item of an empty record takes no byte; no manifest has such, so none is allowed.
        if count > self.rest.len() {
            return Err(Damage::Length);
        }
        Ok(count)
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, node: &Node) -> Read<()> {
        match node {
            Node::Null => {}
            Node::Boolean => drop(self.take(1)?),
            Node::Int | Node::Long | Node::Enum => self.skip_varints(1)?,
            Node::Float => drop(self.take(4)?),
            Node::Double => drop(self.take(8)?),
            Node::Bytes | Node::String => drop(self.bytes()?),
            Node::Fixed(length) => drop(self.take(*length)?),
            Node::FixedWithLength(length) => drop(self.bytes_of(*length)?),
            Node::Record(fields) => {
                for field in fields {
                    self.skip(&field.node)?;
                }
            }
            Node::Union(_) => {
                let branch = self.enter(node)?;
                self.skip(branch)?;
            }
            Node::Array(item) => self.skip_items(item)?,
            Node::Map(value) => loop {
                let count = self.run()?;
                if count == 0 {
                    break;
                }
                for _ in 0..count {
                    self.bytes()?;
                    self.skip(value)?;
                }
            },
        }
        Ok(())
    }

    fn skip_items(&mut self, item: &Node) -> Read<()> {
        loop {
            let count = self.varint()?;
            if count < 0 {
                // The run says how long it is.
                let length = usize::try_from(self.varint()?).map_err(|_| Damage::Length)?;
                self.take(length)?;
                continue;
            }
            let count = usize::try_from(count).map_err(|_| Damage::Length)?;
            if count > self.rest.len() {
                return Err(Damage::Length);
            }
            match (count, item.varint_count()) {
                (0, _) => return Ok(()),
                (_, Some(varints)) => self.skip_varints(count.saturating_mul(varints))?,
                (_, None) => {
                    for _ in 0..count {
                        self.skip(item)?;
                    }
                }
            }
        }
    }

    /// Passes over `count` varints, eight bytes at a time: each varint ends with the one byte
    /// whose high bit is clear.
    pub(crate) fn skip_varints(&mut self, mut count: usize) -> Read<()> {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        while count > 0 {
            let Some((head, rest)) = self.rest.split_first_chunk::<8>() else {
                return self.skip_last_varints(count);
            };
            let mut ends = !u64::from_le_bytes(*head) & HIGH;
            // The sum of the eight bits, gathered in the top byte.
            let in_head =
                usize::from(((ends >> 7).wrapping_mul(0x0101_0101_0101_0101) >> 56) as u8);
            if in_head < count {
                count -= in_head;
                self.rest = rest;
                continue;
            }
            for _ in 1..count {
                ends &= ends - 1;
            }
            let past = (ends.trailing_zeros() / 8 + 1) as usize;
            self.rest = self.rest.get(past..).unwrap_or_default();
            return Ok(());
        }
        Ok(())
    }

    fn skip_last_varints(&mut self, mut count: usize) -> Read<()> {
        for (index, byte) in self.rest.iter().enumerate() {
            count -= usize::from(byte & 0x80 == 0);
            if count == 0 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(());
            }
        }
        Err(Damage::Truncated)
    }
}

#[inline]
fn zigzag(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::write::put_varint;

    proptest! {
        #[test]
        fn varints_come_back_and_are_skipped_alike(values: Vec<i64>, small: Vec<i8>) {
            let all: Vec<i64> = values.into_iter().chain(small.into_iter().map(i64::from)).collect();
            let mut bytes = Vec::new();
            for value in &all {
                put_varint(&mut bytes, *value);
            }
            let mut cursor = Cursor::new(&bytes);
            for (index, value) in all.iter().enumerate() {
                let mut skipping = Cursor::new(&bytes);
                skipping.skip_varints(index).unwrap();
                prop_assert_eq!(skipping.rest(), cursor.rest());
                prop_assert_eq!(cursor.varint(), Ok(*value));
            }
            prop_assert!(cursor.rest().is_empty());
            prop_assert_eq!(cursor.skip_varints(1), Err(Damage::Truncated));
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_refused() {
        assert_eq!(Cursor::new(&[0xff; 11]).varint(), Err(Damage::Varint));
        assert_eq!(Cursor::new(&[0xff; 5]).varint(), Err(Damage::Truncated));
        let mut most = [0xff; 10];
        most[9] = 1;
        assert_eq!(Cursor::new(&most).varint(), Ok(i64::MIN));
    }
}
