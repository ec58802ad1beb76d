//! Footers that leave out what the format requires and other readers do without.

use crate::thrift::{Compact, WireType};
use crate::{Error, Result};

const LIST: WireType = 9;
const STRUCT: WireType = 12;

/// A field of a struct: its id, type, and the bytes of the value that stands in for it.
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
    wire: 5,
    value: 0,
};

/// Of a row group; nothing here reads it.
const TOTAL_BYTE_SIZE: Field = Field {
    id: 2,
    wire: 6,
    value: 0,
};

/// The footer with the fields that it lacks, or `None` when it lacks none of those known here.
pub(crate) fn repair(footer: &[u8]) -> Result<Option<Vec<u8>>> {
    // Where a field's header is, and what replaces that byte.
    let mut patches: Vec<(usize, [u8; 3])> = Vec::new();
    Compact::new(footer).structure(|thrift, id, wire| {
        let missing = match (id, wire) {
            (2, LIST) => REPETITION,
            (4, LIST) => TOTAL_BYTE_SIZE,
            _ => return Ok(false),
        };
        let (element, len) = thrift.list()?;
        if element != STRUCT {
            return Err(Error::corrupt("thrift: a list of something else"));
        }
        for _ in 0..len {
            find(footer, thrift, missing, &mut patches)?;
        }
        Ok(true)
    })?;
    if patches.is_empty() {
        return Ok(None);
    }
    let mut repaired = Vec::with_capacity(footer.len() + 2 * patches.len());
    let mut at = 0;
    for (place, patch) in patches {
        repaired.extend_from_slice(&footer[at..place]);
        repaired.extend_from_slice(&patch);
        at = place + 1;
    }
    repaired.extend_from_slice(&footer[at..]);
    Ok(Some(repaired))
}

/// Reads a struct; where `missing` should be between two fields and is not, adds a patch.
fn find(
    footer: &[u8],
    thrift: &mut Compact<'_>,
    missing: Field,
    patches: &mut Vec<(usize, [u8; 3])>,
) -> Result<()> {
    let mut previous = 0;
    thrift.structure(|thrift, id, wire| {
        let header = |delta: i16, wire: WireType| {
            u8::try_from(delta)
                .ok()
                .filter(|&delta| (1..16).contains(&delta))
                .map(|delta| delta << 4 | wire)
        };
        let place = thrift.position() - 1;
        if previous < missing.id
            && id > missing.id
            // Headers in the long form stay as they are; nobody writes them for ids so small.
            && header(id - previous, wire) == footer.get(place).copied()
            && let Some(first) = header(missing.id - previous, missing.wire)
            && let Some(second) = header(id - missing.id, wire)
        {
            patches.push((place, [first, missing.value, second]));
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
    fn cut_footers_are_errors() {
        let lacking = footer(&[0x15, 12, 0x38, 1, b'a', 0], &[0x19, 0x0c, 0x26, 8, 0]);
        for len in 0..lacking.len() {
            assert!(repair(&lacking[..len]).is_err());
        }
    }
}
