//! Tests of one column, 64 rows to a word.

use std::hash::Hash;

use ahash::AHashSet;
use arrow_array::types::ByteArrayType;
use arrow_array::types::ByteViewType;
use arrow_array::{FixedSizeBinaryArray, GenericByteArray, GenericByteViewArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, ScalarBuffer, i256};
use half::f16;

use super::CompareOp;
use super::datum::Datum;
use crate::bits::{BitSlice, WORD};
use crate::compare::{Lane, compare_with};

/// A test of the rows of one batch.
///
/// # Contract
///
/// Implemented by the tests of this module, called by the evaluation for a chunk of rows at a time.
/// `first_row` is a multiple of 64; bit `i` of word `w` is row `first_row + 64 w + i`. Bits of
/// `live` are rows whose answer is wanted; rows past the batch are not among them. What is written
/// for other rows means nothing.
pub(super) trait RowTest: Send + Sync {
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]);
}

/// Asks `holds` for each live row. A full word is the common case and worth its own loop.
#[inline(always)]
fn for_live_rows(
    first_row: usize,
    live: &[u64],
    out: &mut [u64],
    mut holds: impl FnMut(usize) -> bool,
) {
    for (at, (live, out)) in live.iter().zip(out).enumerate() {
        let base = first_row + at * WORD;
        let mut word = 0;
        if *live == u64::MAX {
            for bit in 0..WORD {
                word |= u64::from(holds(base + bit)) << bit;
            }
        } else {
            let mut left = *live;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                word |= u64::from(holds(base + bit)) << bit;
                left &= left - 1;
            }
        }
        *out = word;
    }
}

/// A bitmap that is known already.
pub(super) struct Known {
    pub(super) bits: BooleanBuffer,
    pub(super) negated: bool,
}

impl RowTest for Known {
    fn fill(&self, first_row: usize, _live: &[u64], out: &mut [u64]) {
        let bits = BitSlice::new(&self.bits);
        let flip = if self.negated { u64::MAX } else { 0 };
        for (at, out) in out.iter_mut().enumerate() {
            *out = bits.bits_from(first_row + at * WORD) ^ flip;
        }
    }
}

/// A native value of a fixed-width column.
///
/// # Contract
///
/// Implemented here for the native types that [`super::lower::lower`] produces, called by the
/// compile step. Equal values have equal keys.
pub(super) trait Native: Lane + Send + Sync {
    type Key: Hash + Eq + Send + Sync;
    /// The value as the array holds it; `None` for a datum of another kind.
    fn from_datum(datum: &Datum) -> Option<Self>;
    fn key(self) -> Self::Key;
}

macro_rules! native_int {
    ($($native:ty),*) => {$(
        impl Native for $native {
            type Key = Self;
            fn from_datum(datum: &Datum) -> Option<Self> {
                match datum {
                    Datum::Int(value) => Self::try_from(*value).ok(),
                    _ => None,
                }
            }
            fn key(self) -> Self {
                self
            }
        }
    )*};
}

native_int!(i8, i16, i32, i64, u8, u16, u32, u64, i128);

impl Native for i256 {
    type Key = Self;
    fn from_datum(datum: &Datum) -> Option<Self> {
        match datum {
            Datum::Decimal(value) => Some(*value),
            _ => None,
        }
    }
    fn key(self) -> Self {
        self
    }
}

macro_rules! native_float {
    ($($native:ty, $to_f64:expr, $from_f64:expr);*) => {$(
        impl Native for $native {
            type Key = u64;
            fn from_datum(datum: &Datum) -> Option<Self> {
                match datum {
                    Datum::Float(value) => Some($from_f64(*value)),
                    _ => None,
                }
            }
            fn key(self) -> u64 {
                let value: f64 = $to_f64(self);
                // One NaN and one zero.
                if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
            }
        }
    )*};
}

native_float!(
    f64, |value| value, |value| value;
    f32, f64::from, |value| value as f32;
    f16, f16::to_f64, f16::from_f64
);

/// `values op rhs`; `rhs` is a number.
pub(super) struct Compare<T: ArrowNativeType> {
    pub(super) values: ScalarBuffer<T>,
    pub(super) op: CompareOp,
    pub(super) rhs: T,
}

impl<T: Native> RowTest for Compare<T> {
    fn fill(&self, first_row: usize, _live: &[u64], out: &mut [u64]) {
        let end = self.values.len().min(first_row + out.len() * WORD);
        compare_with(&self.values[first_row..end], self.op, self.rhs, out);
    }
}

/// `values in (few)`: one comparison for each, none of them NaN.
pub(super) struct InFew<T: ArrowNativeType> {
    pub(super) values: ScalarBuffer<T>,
    pub(super) listed: Vec<T>,
    pub(super) negated: bool,
}

impl<T: Native> RowTest for InFew<T> {
    fn fill(&self, first_row: usize, _live: &[u64], out: &mut [u64]) {
        let end = self.values.len().min(first_row + out.len() * WORD);
        let values = &self.values[first_row..end];
        let flip = if self.negated { u64::MAX } else { 0 };
        out.fill(flip);
        // In pieces, so that the values are read from memory once and not once a comparison.
        for (values, out) in values.chunks(16 * WORD).zip(out.chunks_mut(16)) {
            let mut found = [0; 16];
            let found = &mut found[..out.len()];
            for listed in &self.listed {
                compare_with(values, CompareOp::Eq, *listed, found);
                out.iter_mut().zip(&*found).for_each(|(out, found)| {
                    *out = if self.negated {
                        *out & !found
                    } else {
                        *out | found
                    };
                });
            }
        }
    }
}

/// `values in (many)`.
pub(super) struct InMany<T: Native> {
    pub(super) values: ScalarBuffer<T>,
    pub(super) listed: AHashSet<T::Key>,
    pub(super) negated: bool,
}

impl<T: Native> RowTest for InMany<T> {
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        for_live_rows(first_row, live, out, |row| {
            self.listed.contains(&self.values[row].key()) != self.negated
        });
    }
}

/// Column of byte strings, whatever its layout.
///
/// # Contract
///
/// Implemented here for Arrow's string and binary arrays, called by [`BytesTest`] with rows below
/// the array's length.
pub(super) trait ByteRows: Send + Sync {
    fn bytes(&self, row: usize) -> &[u8];
}

impl<T: ByteArrayType> ByteRows for GenericByteArray<T> {
    #[inline(always)]
    fn bytes(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl<T: ByteViewType + ?Sized> ByteRows for GenericByteViewArray<T> {
    #[inline(always)]
    fn bytes(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl ByteRows for FixedSizeBinaryArray {
    #[inline(always)]
    fn bytes(&self, row: usize) -> &[u8] {
        self.value(row)
    }
}

/// A condition on byte strings; made anew for each chunk so that it may own scratch memory.
pub(super) struct BytesTest<R, F> {
    pub(super) rows: R,
    pub(super) condition: F,
}

impl<R, F, C> RowTest for BytesTest<R, F>
where
    R: ByteRows,
    F: Fn() -> C + Send + Sync,
    C: FnMut(&[u8]) -> bool,
{
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        let mut condition = (self.condition)();
        for_live_rows(first_row, live, out, |row| condition(self.rows.bytes(row)));
    }
}

/// `views op text` where the first four bytes, which a view holds, decide most rows.
pub(super) struct CompareViews<T: ByteViewType + ?Sized> {
    pub(super) rows: GenericByteViewArray<T>,
    pub(super) op: CompareOp,
    pub(super) text: Vec<u8>,
}

impl<T: ByteViewType + ?Sized> RowTest for CompareViews<T> {
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        let views = self.rows.views();
        let mut head = [0; 16];
        let inlined = self.text.len().min(12);
        let len = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        head[..4].copy_from_slice(&len.to_le_bytes());
        head[4..4 + inlined].copy_from_slice(&self.text[..inlined]);
        let head = u128::from_le_bytes(head);
        let flip = match self.op {
            CompareOp::Eq => 0,
            CompareOp::NotEq => u64::MAX,
            _ => return self.fill_order(first_row, live, out, prefix(head)),
        };
        if self.text.len() <= 12 {
            for_live_rows(first_row, live, out, |row| views[row] == head);
        } else {
            // Length and prefix are the low half of a view.
            for_live_rows(first_row, live, out, |row| {
                views[row] as u64 == head as u64 && self.rows.bytes(row) == self.text
            });
        }
        out.iter_mut().for_each(|out| *out ^= flip);
    }
}

impl<T: ByteViewType + ?Sized> CompareViews<T> {
    fn fill_order(&self, first_row: usize, live: &[u64], out: &mut [u64], text_prefix: u32) {
        let views = self.rows.views();
        for_live_rows(first_row, live, out, |row| {
            let order = prefix(views[row]).cmp(&text_prefix);
            self.op
                .holds(order.then_with(|| self.rows.bytes(row).cmp(&self.text)))
        });
    }
}

/// The first four bytes of a view's string, zero behind its end, in the order of bytes. Where two
/// differ, so do the strings, in the same direction.
fn prefix(view: u128) -> u32 {
    ((view >> 32) as u32).swap_bytes()
}

/// The answer for each value of a dictionary, by key; `false` for keys outside, which only null
/// rows may have.
pub(super) struct ByKey<K: ArrowNativeType> {
    pub(super) keys: ScalarBuffer<K>,
    pub(super) answers: Vec<bool>,
}

impl<K: ArrowNativeType> RowTest for ByKey<K> {
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        for_live_rows(first_row, live, out, |row| {
            self.answers
                .get(self.keys[row].as_usize())
                .copied()
                .unwrap_or(false)
        });
    }
}

/// Two columns of one native type.
pub(super) struct CompareNatives<T: Native> {
    pub(super) left: ScalarBuffer<T>,
    pub(super) right: ScalarBuffer<T>,
    pub(super) op: CompareOp,
}

impl<T: Native> RowTest for CompareNatives<T> {
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        let (left, right) = (&self.left, &self.right);
        // Null and NaN order: a value that is not equal to itself is a NaN.
        let is_nan = |value: T| value.partial_cmp(&value).is_none();
        for_live_rows(first_row, live, out, |row| {
            let (a, b) = (left[row], right[row]);
            let order = a
                .partial_cmp(&b)
                .unwrap_or_else(|| is_nan(a).cmp(&is_nan(b)));
            self.op.holds(order)
        });
    }
}

/// Any two columns, by a function that knows them.
pub(super) struct CompareRows<F> {
    pub(super) op: CompareOp,
    pub(super) order: F,
}

impl<F: Fn(usize) -> std::cmp::Ordering + Send + Sync> RowTest for CompareRows<F> {
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        for_live_rows(first_row, live, out, |row| self.op.holds((self.order)(row)));
    }
}
