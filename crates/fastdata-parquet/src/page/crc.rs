//! The checksum of a page.

use crate::{Error, Result};

/// Checks the stored bytes of a page against the CRC-32 of its header, where it has one.
pub(crate) fn check(stored: &[u8], expected: Option<u32>) -> Result<()> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let mut crc = libdeflater::Crc::new();
    crc.update(stored);
    if crc.sum() == expected {
        return Ok(());
    }
    Err(Error::corrupt(format!(
        "page checksum is {:08x} but its header says {expected:08x}",
        crc.sum()
    )))
}
