//! Footers that leave out what the format requires, or use a number for something of their own, and
//! that other readers do with.

use std::ops::Range;

use crate::thrift::{Compact, WireType};
use crate::{Error, Result};

const INT32: WireType = 5;
const INT64: WireType = 6;
const LIST: WireType = 9;
const STRUCT: WireType = 12;

/// A field of a struct, with the byte of the value that stands in for it.
#[derive(Clone, Copy)]
struct Field {
    id: i16,
    wire: WireType,
    value: u8,
}

/// Of a schema element. Thrift's default for a missing enum is its first value, REQUIRED, and that
/// is what pages of such columns look like.
const REPETITION: Field = Field {
    id: 3,
    wire: INT32,
    value: 0,
};

/// Of a row group; nothing here reads it.
const TOTAL_BYTE_SIZE: Field = Field {
    id: 2,
    wire: INT64,
    value: 0,
};

/// Of a column's metadata; a number that an old writer used for page headers before it was given
/// away. Without an offset of the filter nobody asks for it.
const BLOOM_FILTER_LENGTH: Field = Field {
    id: 15,
    wire: INT32,
    value: 0,
};

/// Bytes of a footer and what replaces them, in order.
type Patches = Vec<(Range<usize>, Vec<u8>)>;

/// The footer as the format wants it, or `None` when nothing known here is wrong with it.
pub(crate) fn repair(footer: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut patches = Patches::new();
    Compact::new(footer).structure(|thrift, id, wire| {
        match (id, wire) {
            (2, LIST) => each(thrift, |thrift| {
                insert(footer, thrift, REPETITION, &mut patches, |_, _, _, _| {
                    Ok(false)
                })
            })?,
            (4, LIST) => each(thrift, |thrift| {
                insert(footer, thrift, TOTAL_BYTE_SIZE, &mut patches, columns)
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if patches.is_empty() {
        return Ok(None);
    }
    let mut repaired = Vec::with_capacity(footer.len() + 2 * patches.len());
    let mut at = 0;
    for (place, patch) in patches {
        repaired.extend_from_slice(&footer[at..place.start]);
        repaired.extend_from_slice(&patch);
        at = place.end;
    }
    repaired.extend_from_slice(&footer[at..]);
    Ok(Some(repaired))
}

/// Visits the structs of a list.
fn each(
    thrift: &mut Compact<'_>,
    mut visit: impl FnMut(&mut Compact<'_>) -> Result<()>,
) -> Result<()> {
    let (element, len) = thrift.list()?;
    if element != STRUCT {
        return Err(Error::corrupt("thrift: a list of something else"));
    }
    (0..len).try_for_each(|_| visit(thrift))
}

/// Reads a struct; where `missing` should be between two fields and is not, adds a patch. `field`
/// may read a field's value.
fn insert(
    footer: &[u8],
    thrift: &mut Compact<'_>,
    missing: Field,
    patches: &mut Patches,
    field: impl Fn(&mut Compact<'_>, i16, WireType, &mut Patches) -> Result<bool>,
) -> Result<()> {
    let mut previous = 0;
    thrift.structure(|thrift, id, wire| {
        let place = thrift.position() - 1;
        if previous < missing.id
            && id > missing.id
            // Headers in the long form stay as they are; nobody writes them for ids so small.
            && header(id - previous, wire) == footer.get(place).copied()
            && let Some(first) = header(missing.id - previous, missing.wire)
            && let Some(second) = header(id - missing.id, wire)
        {
            patches.push((place..place + 1, vec![first, missing.value, second]));
        }
        previous = id;
        field(thrift, id, wire, patches)
    })
}

/// A field's header in its short form.
fn header(delta: i16, wire: WireType) -> Option<u8> {
    let delta = u8::try_from(delta).ok();
    delta
        .filter(|delta| (1..16).contains(delta))
        .map(|delta| (delta << 4) | wire)
}

/// Reads a row group's columns, and replaces fields of their metadata that are something else.
fn columns(
    thrift: &mut Compact<'_>,
    id: i16,
    wire: WireType,
    patches: &mut Patches,
) -> Result<bool> {
    if (id, wire) != (1, LIST) {
        return Ok(false);
    }
    each(thrift, |thrift| {
        thrift.structure(|thrift, id, wire| {
            let is_metadata = (id, wire) == (3, STRUCT);
            if is_metadata {
                column_metadata(thrift, patches)?;
            }
            Ok(is_metadata)
        })
    })?;
    Ok(true)
}

fn column_metadata(thrift: &mut Compact<'_>, patches: &mut Patches) -> Result<()> {
    let right = BLOOM_FILTER_LENGTH;
    let mut previous = 0;
    thrift.structure(|thrift, id, wire| {
        let place = thrift.position() - 1;
        let replaced = id == right.id && wire != right.wire;
        if replaced && let Some(first) = header(id - previous, right.wire) {
            thrift.skip(wire, 0)?;
            patches.push((place..thrift.position(), vec![first, right.value]));
            return Ok(true);
        }
        previous = id;
        Ok(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer of one schema element and one row group, given as their bytes.
    fn footer(element: &[u8], row_group: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x15, 2, 0x19, 0x1c];
        bytes.extend_from_slice(element);
        bytes.extend_from_slice(&[0x16, 2, 0x19, 0x1c]);
        bytes.extend_from_slice(row_group);
        bytes.push(0);
        bytes
    }

    #[test]
    fn missing_fields_are_put_where_they_belong() {
        let lacking = footer(&[0x15, 12, 0x38, 1, b'a', 0], &[0x19, 0x0c, 0x26, 8, 0]);
        let whole = footer(
            &[0x15, 12, 0x25, 0, 0x18, 1, b'a', 0],
            &[0x19, 0x0c, 0x16, 0, 0x16, 8, 0],
        );
        assert_eq!(repair(&lacking).unwrap().as_deref(), Some(&whole[..]));
        assert_eq!(repair(&whole).unwrap(), None);
    }

    #[test]
    fn a_list_in_place_of_a_length_is_no_length() {
        let group = |metadata: &[u8]| {
            let mut group = vec![0x19, 0x1c, 0x26, 8, 0x1c];
            group.extend_from_slice(metadata);
            group.extend_from_slice(&[0, 0, 0x16, 0, 0x16, 8, 0]);
            footer(&[0x15, 12, 0x25, 0, 0x18, 1, b'a', 0], &group)
        };
        let wrong = group(&[0xb6, 2, 0x49, 0x26, 4, 6]);
        let right = group(&[0xb6, 2, 0x45, 0]);
        assert_eq!(repair(&wrong).unwrap().as_deref(), Some(&right[..]));
        assert_eq!(repair(&right).unwrap(), None);
    }

    #[test]
    fn cut_footers_are_errors() {
        let lacking = footer(&[0x15, 12, 0x38, 1, b'a', 0], &[0x19, 0x0c, 0x26, 8, 0]);
        for len in 0..lacking.len() {
            assert!(repair(&lacking[..len]).is_err());
        }
    }
}
