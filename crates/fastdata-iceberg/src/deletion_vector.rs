//! Deletion vectors: the bitmap of deleted positions inside a Puffin file.

use roaring::RoaringTreemap;

use crate::{Error, Result};

/// Every Puffin file begins with these bytes.
pub const PUFFIN_MAGIC: [u8; 4] = *b"PFA1";

const VECTOR_MAGIC: [u8; 4] = [0xd1, 0xd3, 0x39, 0x64];

/// Decodes a deletion vector: the bytes from `content_offset`, `content_size_bytes` long.
///
/// ```text
/// 4 B big-endian   length of magic + bitmap
/// 4 B              magic D1 D3 39 64
/// n B              bitmap: u64 count, then (u32 key, 32-bit roaring bitmap) each, little-endian
/// 4 B big-endian   CRC-32 of magic + bitmap
/// ```
///
/// Length, magic and checksum must hold, and the number of positions must be
/// `expected_cardinality`, the record count of its manifest entry.
pub fn decode_deletion_vector(blob: &[u8], expected_cardinality: u64) -> Result<RoaringTreemap> {
    let corrupt = |what: String| Error::corrupt(format!("deletion vector: {what}"));
    let (Some((length, rest)), Some((_, crc))) =
        (blob.split_first_chunk::<4>(), blob.split_last_chunk::<4>())
    else {
        return Err(Error::truncated(format!(
            "deletion vector of {} bytes",
            blob.len()
        )));
    };
    let Some(body) = rest
        .len()
        .checked_sub(4)
        .and_then(|length| rest.get(..length))
    else {
        return Err(Error::truncated(format!(
            "deletion vector of {} bytes",
            blob.len()
        )));
    };
    let claimed = be_u32(*length);
    if u32::try_from(body.len()) != Ok(claimed) {
        return Err(corrupt(format!(
            "claims {claimed} bytes, has {}",
            body.len()
        )));
    }
    let Some(mut bitmap) = body.strip_prefix(&VECTOR_MAGIC) else {
        return Err(corrupt("its magic is missing".into()));
    };
    let (claimed, actual) = (be_u32(*crc), libdeflater::crc32(body));
    if claimed != actual {
        return Err(corrupt(format!(
            "checksum {actual:08x} is not the recorded {claimed:08x}"
        )));
    }
    let positions = RoaringTreemap::deserialize_from(&mut bitmap)
        .map_err(|error| corrupt("its bitmap".into()).with_source(error))?;
    if !bitmap.is_empty() {
        return Err(corrupt(format!("{} bytes follow its bitmap", bitmap.len())));
    }
    if positions.len() != expected_cardinality {
        return Err(corrupt(format!(
            "holds {} positions, the manifest says {expected_cardinality}",
            positions.len()
        )));
    }
    Ok(positions)
}

/// Refuses a file that is not Puffin by its first bytes: some writers once stored bare bitmaps.
pub fn check_puffin_head(head: &[u8]) -> Result<()> {
    if head.starts_with(&PUFFIN_MAGIC) {
        return Ok(());
    }
    Err(Error::corrupt(
        "a deletion vector's file does not begin with Puffin's magic PFA1",
    ))
}

/// The bytes of a deletion vector of these positions, as a Puffin file stores it.
pub fn encode_deletion_vector(positions: &RoaringTreemap) -> Result<Vec<u8>> {
    let mut body = VECTOR_MAGIC.to_vec();
    positions
        .serialize_into(&mut body)
        .map_err(|error| Error::corrupt("deletion vector: encoding").with_source(error))?;
    let length = u32::try_from(body.len())
        .map_err(|_| Error::limit("a deletion vector of more than 4 GiB"))?;
    let crc = libdeflater::crc32(&body);
    Ok([&to_be(length)[..], &body, &to_be(crc)].concat())
}

fn be_u32(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}

fn to_be(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_noticed() {
        let mut positions = RoaringTreemap::from_iter([1, 5, 1 << 33]);
        positions.insert_range(1000..9000);
        let blob = encode_deletion_vector(&positions).unwrap();
        let count = positions.len();
        assert_eq!(decode_deletion_vector(&blob, count).unwrap(), positions);
        assert!(decode_deletion_vector(&blob, count + 1).is_err());
        for length in 0..blob.len() {
            assert!(
                decode_deletion_vector(&blob[..length], count).is_err(),
                "{length}"
            );
        }
        for bit in 0..blob.len() * 8 {
            let mut flipped = blob.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_deletion_vector(&flipped, count).is_err(), "{bit}");
        }
    }

    /// A right checksum over a wrong bitmap must not panic or allocate much either.
    #[test]
    fn a_hostile_bitmap_is_an_error_or_data() {
        let positions: RoaringTreemap = (0..3000).map(|index| index * 7).collect();
        let blob = encode_deletion_vector(&positions).unwrap();
        for bit in 0..blob.len() * 8 {
            let mut body = blob[4..blob.len() - 4].to_vec();
            if let Some(byte) = body.get_mut(4 + bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            let length = to_be(u32::try_from(body.len()).unwrap());
            let crc = to_be(libdeflater::crc32(&body));
            let hostile = [&length[..], &body, &crc].concat();
            let _ = decode_deletion_vector(&hostile, positions.len());
        }
    }

    #[test]
    fn a_bare_blob_is_not_puffin() {
        assert!(check_puffin_head(b"PFA1....").is_ok());
        assert!(check_puffin_head(b"PFA").is_err());
        assert!(check_puffin_head(&[0, 0, 0, 34, 0xd1, 0xd3, 0x39, 0x64]).is_err());
    }
}
