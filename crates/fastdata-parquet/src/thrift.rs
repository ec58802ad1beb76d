//! Thrift's compact protocol, as far as Parquet's headers and indexes need it.
//!
//! Everything is read from a slice with bounds checked; a list's claimed length is only ever a loop
//! count that runs into the end of the slice, never an allocation.

use crate::{Error, Result};

/// Deepest nesting that [`Compact::skip`] follows.
const DEPTH_MAX: u32 = 32;

/// Type of a field or list element.
pub(crate) type WireType = u8;

pub(crate) const TRUE: WireType = 1;
pub(crate) const FALSE: WireType = 2;
pub(crate) const BINARY: WireType = 8;

/// A cursor over bytes in the compact protocol.
#[derive(Debug, Clone)]
pub(crate) struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Compact<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or_else(ended)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt("thrift: an integer of more than 64 bits"))
    }

    /// A zigzag integer of up to 64 bits.
    pub(crate) fn int(&mut self) -> Result<i64> {
        let raw = self.varint()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// A zigzag integer that has to fit 32 bits.
    pub(crate) fn int32(&mut self) -> Result<i32> {
        i32::try_from(self.int()?)
            .map_err(|_| Error::corrupt("thrift: an i32 of more than 32 bits"))
    }

    /// A length-prefixed byte string.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8]> {
        let len = usize::try_from(self.varint()?).map_err(|_| ended())?;
        let end = self.at.checked_add(len).ok_or_else(ended)?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(ended)?;
        self.at = end;
        Ok(bytes)
    }

    /// Element type and claimed length of a list.
    pub(crate) fn list(&mut self) -> Result<(WireType, usize)> {
        let head = self.byte()?;
        let len = match head >> 4 {
            15 => usize::try_from(self.varint()?).map_err(|_| ended())?,
            short => usize::from(short),
        };
        Ok((head & 15, len))
    }

    /// A boolean as a list element.
    pub(crate) fn bool_element(&mut self) -> Result<bool> {
        Ok(self.byte()? == TRUE)
    }

    /// Reads a struct: `field` is called with each field's id and type and says whether it read
    /// the value; what it did not read is skipped.
    pub(crate) fn structure(
        &mut self,
        mut field: impl FnMut(&mut Self, i16, WireType) -> Result<bool>,
    ) -> Result<()> {
        let mut id = 0_i16;
        while let Some((next, wire)) = self.field(id)? {
            id = next;
            if !field(self, id, wire)? {
                self.skip(wire, 0)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, previous: i16) -> Result<Option<(i16, WireType)>> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.int()?).ok(),
            delta => previous.checked_add(i16::from(delta)),
        };
        let id = id.ok_or_else(|| Error::corrupt("thrift: a field id of more than 16 bits"))?;
        Ok(Some((id, head & 15)))
    }

    /// Passes over a value that lies `depth` levels deep.
    pub(crate) fn skip(&mut self, wire: WireType, depth: u32) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(Error::corrupt("thrift: nested too deeply"));
        }
        match wire {
            TRUE | FALSE => {}
            3 => {
                self.byte()?;
            }
            4..=6 => {
                self.varint()?;
            }
            7 => {
                for _ in 0..8 {
                    self.byte()?;
                }
            }
            BINARY => {
                self.binary()?;
            }
            9 | 10 => {
                let (element, len) = self.list()?;
                for _ in 0..len {
                    match element {
                        TRUE | FALSE => {
                            self.byte()?;
                        }
                        other => self.skip(other, depth + 1)?,
                    }
                }
            }
            12 => {
                let mut id = 0;
                while let Some((next, wire)) = self.field(id)? {
                    id = next;
                    self.skip(wire, depth + 1)?;
                }
            }
            _ => return Err(Error::corrupt("thrift: an unknown type of field")),
        }
        Ok(())
    }
}

#[cold]
fn ended() -> Error {
    Error::truncated("thrift: the bytes end inside a value")
}
