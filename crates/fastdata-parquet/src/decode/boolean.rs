//! Boolean columns: bits on both sides.

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use parquet::basic::Encoding;

use super::hybrid::{Hybrid, Packed, Run};
use super::leaf::{LeafDecoder, Window};
use super::plain::{cut, ended};
use super::validity::Validity;
use crate::page::{Chunk, Lifetime};
use crate::{Error, Result};

/// Decodes booleans.
pub(crate) struct Booleans;

impl LeafDecoder for Booleans {
    fn read(&self, chunk: &Chunk, window: &Window) -> Result<ArrayRef> {
        let rows = window.rows.len();
        let mut validity = Validity::with_capacity(rows);
        let mut out = BooleanBufferBuilder::new(rows);
        for part in window.pages(chunk) {
            let (visit, skip) = part?;
            let take = visit.rows;
            chunk.with_page(visit, Lifetime::Call, |bytes| {
                let present = validity.append_page_or_all(window.optional, bytes, skip, take)?;
                if present.within == take {
                    return values(bytes.encoding, bytes.values, present.before, take, &mut out);
                }
                let mut stored = BooleanBufferBuilder::new(present.within);
                let within = present.within;
                values(
                    bytes.encoding,
                    bytes.values,
                    present.before,
                    within,
                    &mut stored,
                )?;
                let (stored, valid) = (stored.finish(), validity.last(take));
                let mut next = 0;
                for at in 0..take {
                    let bit = valid(at) && {
                        next += 1;
                        stored.value(next - 1)
                    };
                    out.append(bit);
                }
                Ok(())
            })?;
        }
        let values: BooleanBuffer = out.finish();
        Ok(std::sync::Arc::new(BooleanArray::new(
            values,
            validity.finish(),
        )))
    }
}

fn values(
    encoding: Encoding,
    mut bytes: &[u8],
    skip: usize,
    take: usize,
    out: &mut BooleanBufferBuilder,
) -> Result<()> {
    if take == 0 {
        return Ok(());
    }
    match encoding {
        Encoding::PLAIN => {
            if (skip + take).div_ceil(8) > bytes.len() {
                return Err(ended());
            }
            out.append_packed_range(skip..skip + take, bytes);
            Ok(())
        }
        Encoding::RLE => {
            let len = cut(&mut bytes, 4)?;
            let len = len
                .iter()
                .rev()
                .fold(0, |low, &byte| low << 8 | usize::from(byte));
            let mut runs = Hybrid::new(bytes.get(..len).unwrap_or(bytes), 1)?;
            runs.skip(skip)?;
            let mut left = take;
            while left > 0 {
                let run = runs.next(left)?;
                left -= run.len();
                match run {
                    Run::Repeat(value, count) => out.append_n(count, value & 1 == 1),
                    Run::Packed(Packed {
                        bytes,
                        first_bit,
                        count,
                        ..
                    }) => {
                        out.append_packed_range(first_bit..first_bit + count, bytes);
                    }
                }
            }
            Ok(())
        }
        other => Err(Error::unsupported(format!("encoding {other} of booleans"))),
    }
}
