//! Arrow's 16-byte string views over page bytes.

#![expect(
    unsafe_code,
    reason = "views are built valid; arrays of them are not checked again"
)]

use std::sync::Arc;

use arrow_array::types::{ByteArrayType, ByteViewType};
use arrow_array::{Array, ArrayRef, GenericByteArray, GenericByteViewArray};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::plain::ended;
use crate::{Error, Result};

/// Longest value that a view holds itself.
const INLINE_BYTES: usize = 12;

/// For each short length: what of a view belongs to a value of it, the length included.
static INLINE_MASKS: [u128; INLINE_BYTES + 1] = inline_masks();

const fn inline_masks() -> [u128; INLINE_BYTES + 1] {
    let mut masks = [u128::MAX; INLINE_BYTES + 1];
    let mut len = 0;
    while len < INLINE_BYTES {
        masks[len] = (1 << (32 + 8 * len)) - 1;
        len += 1;
    }
    masks
}

/// Writes views of the values in one buffer.
pub(crate) struct ViewWriter<'a> {
    bytes: &'a [u8],
    buffer: u32,
    utf8: bool,
    points: bool,
}

impl<'a> ViewWriter<'a> {
    /// Views point into `bytes` as buffer number `buffer`; with `utf8`, text is validated.
    pub(crate) fn new(bytes: &'a [u8], buffer: u32, utf8: bool) -> Self {
        Self {
            bytes,
            buffer,
            utf8,
            points: false,
        }
    }

    /// Whether a view written so far points into the buffer.
    pub(crate) fn points(&self) -> bool {
        self.points
    }

    /// Values of a PLAIN page: each behind its length.
    pub(crate) fn plain(&mut self, skip: usize, out: &mut [u128]) -> Result<()> {
        let mut at = 0;
        for _ in 0..skip {
            at += 4 + self.length(at)?;
        }
        // Validation runs over stretches of many values. A length below 128 in front of a value is
        // an ASCII byte and three zeros: a character cannot continue across it, so text and lengths
        // can be validated together. A longer value ends the stretch.
        let mut stretch = at;
        for slot in out.iter_mut() {
            let (len, view) = self.plain_view(at)?;
            let start = at + 4;
            if len >= 128 {
                self.validate(stretch, at)?;
                stretch = start;
            }
            *slot = view;
            at = start + len;
        }
        self.validate(stretch, at)
    }

    /// Length and view of the PLAIN value at `at`. What PLAIN stores of a short value, its length
    /// and its bytes, is the view already, but for what lies behind it.
    #[inline]
    fn plain_view(&mut self, at: usize) -> Result<(usize, u128)> {
        let window = self
            .bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<16>());
        let Some(window) = window else {
            let len = self.length(at)?;
            return Ok((len, self.view(at + 4, len)?));
        };
        let word = u128::from_le_bytes(*window);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low 32 bits are the length"
        )]
        let len = word as u32 as usize;
        // A window of 16 bytes lies within the page, so neither sum overflows.
        let start = at + 4;
        if len > self.bytes.len() - start {
            return Err(ended());
        }
        if let Some(mask) = INLINE_MASKS.get(len) {
            return Ok((len, word & mask));
        }
        self.points = true;
        Ok((len, self.pointing(word, start)))
    }

    /// Values of the given lengths that lie one behind the other from `at` on.
    pub(crate) fn by_lengths(
        &mut self,
        mut at: usize,
        lengths: &[usize],
        skip: usize,
        out: &mut [u128],
    ) -> Result<()> {
        let (skipped, lengths) = lengths.split_at_checked(skip).ok_or_else(ended)?;
        for &length in skipped {
            at = at.checked_add(length).ok_or_else(ended)?;
        }
        if lengths.len() != out.len() {
            return Err(ended());
        }
        for (slot, &len) in out.iter_mut().zip(lengths) {
            *slot = self.view(at, len)?;
            self.validate(at, at + len)?;
            at += len;
        }
        Ok(())
    }

    #[inline]
    fn length(&self, at: usize) -> Result<usize> {
        let bytes = self
            .bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<4>());
        Ok(u32::from_le_bytes(*bytes.ok_or_else(ended)?) as usize)
    }

    #[inline]
    fn view(&mut self, start: usize, len: usize) -> Result<u128> {
        let end = start.checked_add(len).ok_or_else(ended)?;
        if end > self.bytes.len() {
            return Err(ended());
        }
        let head = self.head(start, len);
        let word = len as u128 | head << 32;
        if len <= INLINE_BYTES {
            return Ok(word);
        }
        self.points = true;
        Ok(self.pointing(word, start))
    }

    /// The view of a long value: length and prefix from the low half of `word`, then where it is.
    #[inline]
    fn pointing(&self, word: u128, start: usize) -> u128 {
        // Pages are at most 256 MiB unless a limit was raised, and never beyond 2 GiB.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "page sizes are 31-bit numbers"
        )]
        let place = u64::from(self.buffer) | u64::from(start as u32) << 32;
        word & u128::from(u64::MAX) | u128::from(place) << 64
    }

    /// The first up to 12 bytes of a value, zeros behind its end.
    #[inline]
    fn head(&self, start: usize, len: usize) -> u128 {
        let len = len.min(INLINE_BYTES);
        match self
            .bytes
            .get(start..)
            .and_then(|rest| rest.first_chunk::<16>())
        {
            Some(window) => {
                let mask = (1_u128 << (8 * len)) - 1;
                u128::from_le_bytes(*window) & mask
            }
            None => {
                let mut window = [0; 16];
                window[..len].copy_from_slice(&self.bytes[start..start + len]);
                u128::from_le_bytes(window)
            }
        }
    }

    fn validate(&self, from: usize, to: usize) -> Result<()> {
        if !self.utf8 || simdutf8::basic::from_utf8(&self.bytes[from..to]).is_ok() {
            return Ok(());
        }
        Err(Error::corrupt("a string that is not UTF-8"))
    }
}

/// An array of views that a [`ViewWriter`] made.
pub(crate) fn view_array<V: ByteViewType>(
    views: ScalarBuffer<u128>,
    buffers: Vec<Buffer>,
    nulls: Option<NullBuffer>,
) -> GenericByteViewArray<V> {
    let buffers: Arc<[Buffer]> = buffers.into();
    // SAFETY: `ViewWriter` checks that each value lies in its buffer (`view`), writes the length,
    // prefix and zero padding that the layout asks for, and validates text (`validate`); null slots
    // are zero, the empty view. `Views::read` numbers the buffers as it adds them.
    unsafe { GenericByteViewArray::new_unchecked(views, buffers, nulls) }
}

/// Copies views into the layout with offsets, in two passes: lengths, then bytes.
pub(crate) fn offsets_array<V: ByteViewType, T: ByteArrayType>(
    array: &GenericByteViewArray<V>,
) -> Result<ArrayRef> {
    let mut offsets = Vec::with_capacity(array.len() + 1);
    let mut total = 0_usize;
    offsets.push(T::Offset::usize_as(0));
    for (index, &view) in array.views().iter().enumerate() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low 32 bits are the length"
        )]
        let len = view as u32;
        total += if array.is_null(index) {
            0
        } else {
            len as usize
        };
        let offset = T::Offset::from_usize(total).ok_or_else(|| {
            Error::limit("strings of more than 2 GiB in one array; use LargeOffsets or View")
        })?;
        offsets.push(offset);
    }
    let mut bytes = Vec::with_capacity(total);
    for index in (0..array.len()).filter(|&index| array.is_valid(index)) {
        let value: &[u8] = array.value(index).as_ref();
        bytes.extend_from_slice(value);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = array.nulls().cloned();
    // SAFETY: offsets start at 0, ascend and end at the length of `bytes` by construction; text
    // was validated when its views were made.
    let array =
        unsafe { GenericByteArray::<T>::new_unchecked(offsets, Buffer::from_vec(bytes), nulls) };
    Ok(Arc::new(array))
}
