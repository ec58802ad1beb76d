//! Decoders of flat columns: page bytes to Arrow arrays, one pass, into memory of the exact size.
//!
//! The building blocks are [`hybrid`] (runs and bit-packed groups), [`unpack`] (their bits),
//! [`validity`] and [`levels`] (definition levels to bitmaps) and [`delta`]; [`fixed`], [`bytes`] and [`boolean`]
//! are the decoders for the three shapes of values, [`leaf`] chooses among them, and [`pick`] is for
//! the rows that a filter left.

mod boolean;
mod bytes;
mod convert;
mod delta;
mod fixed;
mod gather;
mod hybrid;
mod leaf;
mod levels;
mod pick;
mod plain;
mod pod;
mod unpack;
mod validity;
mod views;

pub(crate) use convert::{big_endian_i256, int96};
pub(crate) use leaf::{Leaf, Window, read_leaf, read_leaf_rows, too_few_rows};
pub(crate) use pick::picked_pages;
pub(crate) use plain::for_each_value;
pub(crate) use validity::Validity;
